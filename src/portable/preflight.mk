# SPDX-License-Identifier: GPL-2.0-only
#
# Says in one sentence why the module cannot be built for a kernel, and fails; else succeeds. Builds nothing. For dkms:
#
# make -s -f src/portable/preflight.mk KDIR=<headers> KERNELRELEASE=<release>

src := $(patsubst %/src/portable/preflight.mk,%,$(abspath $(lastword $(MAKEFILE_LIST))))
KERNELVERSION := $(firstword $(subst -, ,$(KERNELRELEASE)))

ifeq ($(wildcard $(KDIR)/include/config/auto.conf),)
$(error $(KDIR) has no configuration of a kernel: install the kernel headers)
endif
include $(KDIR)/include/config/auto.conf
include $(src)/src/portable/requirements.mk
include $(src)/src/portable/toolchain.mk

.PHONY: preflight
preflight:
	@:
