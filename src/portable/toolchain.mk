# SPDX-License-Identifier: GPL-2.0-only
#
# What a build from headers requires of the compiler, of its library source and of the kernel's configuration. If it is not
# there, the build stops before it compiles anything.

RUSTC ?= rustc

# With MAKEFLAGS set, rustc would look for a jobserver that it cannot reach.
rustc-minor := $(shell MAKEFLAGS= $(RUSTC) --version 2>/dev/null | sed -nE 's/^rustc 1\.([0-9]+)\..*/\1/p')
rustc-from = $(shell [ $(rustc-minor) -ge $(1) ] && echo y)
RUST_LIB_SRC ?= $(shell MAKEFLAGS= $(RUSTC) --print sysroot 2>/dev/null)/lib/rustlib/src/rust/library

ifdef CONFIG_MODULES # set when kbuild builds, not when it cleans
packages := install rustc and rust-src, version 1.85 or later (Debian 12: rustc-web and rust-web-src)
ifeq ($(rustc-minor),)
$(error there is no $(RUSTC): $(packages), or set RUSTC=)
endif
ifeq ($(call rustc-from,85),)
$(error $(shell $(RUSTC) --version) is too old: $(packages), or set RUSTC=)
endif
ifeq ($(wildcard $(RUST_LIB_SRC)/core/src/lib.rs),)
$(error there is no source of Rust's core library in $(RUST_LIB_SRC): $(packages), or set RUST_LIB_SRC=)
endif
$(foreach option,CFI CFI_CLANG LTO_CLANG,$(if $(CONFIG_$(option)), \
	$(error $(this-kernel) is built with CONFIG_$(option)=y, which a module from headers does not support: \
	use a kernel without it, or a tree with Rust metadata and PROVIDER=rust-for-linux)))
endif
