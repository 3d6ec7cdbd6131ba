# SPDX-License-Identifier: GPL-2.0-only
#
# The requirements on a kernel for both providers of crates. If one is not met, the build stops before it compiles anything.

this-kernel = kernel $(or $(KERNELRELEASE),$(KERNELVERSION))

# Each of these options must be set. A kernel in user mode has no probes: only the tests' module of described machines runs there.
$(foreach option,PCI_QUIRKS IOMMU_API $(if $(CONFIG_UML),,KPROBES KRETPROBES),$(if $(CONFIG_$(option)),, \
	$(error $(this-kernel) is configured without CONFIG_$(option)=y: use another kernel)))

# src/sys/pci.rs reads configuration space with preemption off; some host bridges take spin locks there, which sleep.
ifdef CONFIG_PREEMPT_RT
$(error $(this-kernel) is configured with CONFIG_PREEMPT_RT=y, where some host bridges sleep when their \
	configuration space is read: use a kernel without it)
endif

# The tests boot the series in the list. On any other series, only the self-test at load checks that the module fits.
series := $(subst $(empty) ,.,$(wordlist 1,2,$(subst ., ,$(KERNELVERSION))))
ifeq ($(shell sed -n 's/^\([0-9][0-9.]*\).*/\1/p' $(src)/scripts/supported-kernels | grep -xF $(series)),)
$(warning this module is not tested on kernel series $(series); it checks at load that it fits)
endif
