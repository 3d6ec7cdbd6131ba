# SPDX-License-Identifier: GPL-2.0-only
#
# Builds with the crates of a kernel tree that has Rust metadata. kbuild has the rules; this file checks the requirements.

ifdef CONFIG_MODULES # set when kbuild builds, not when it cleans
ifndef CONFIG_RUST
$(error $(this-kernel) is configured without CONFIG_RUST=y: leave PROVIDER out, which builds from headers)
endif
$(foreach file,libcore.rmeta libkernel.rmeta libbindings.rmeta libpin_init.rmeta libmacros.so, \
	$(if $(wildcard $(objtree)/rust/$(file)),, \
	$(error $(objtree) has no Rust metadata (rust/$(file)): leave PROVIDER out, which builds from headers)))
metadata-of := $(CONFIG_RUSTC_VERSION_TEXT)
ifneq ($(shell MAKEFLAGS= $(RUSTC) --version 2>/dev/null),$(patsubst "%",%,$(metadata-of)))
$(error the Rust metadata of $(objtree) is from $(metadata-of), but $(RUSTC) is another compiler: set RUSTC= to the compiler of the metadata)
endif
endif
