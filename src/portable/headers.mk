# SPDX-License-Identifier: GPL-2.0-only
#
# Builds Rust code for a kernel from its headers alone, with core from rust-src and the crate `kernel` of this folder.
# Link-time optimisation makes one object and removes code that the module does not use.
#
# Input: $(rust-roots), the objects to build, each from the .rs file of the same name.
# RUSTC=         the compiler
# RUST_LIB_SRC=  its library source, as for the kernel's own build

comma := ,

include $(src)/src/portable/toolchain.mk

##### Flags, by the kernel's configuration

# From Makefile in Linux 7.3. Code does not unwind; a panic stops the thread only.
rust-flags := --sysroot=/dev/null -Zunstable-options -Cpanic=abort -Ccodegen-units=1 -Copt-level=2 \
	-Csymbol-mangling-version=v0 -Crelocation-model=static -Zfunction-sections=n -Cdebuginfo=0 \
	-Cdebug-assertions=n -Coverflow-checks=y $(if $(findstring e,$(KBUILD_EXTRA_WARN)),-Dwarnings)

ifdef CONFIG_X86_64
# The first name of each option is from 6.9, the second is the name before.
retpoline := $(or $(CONFIG_MITIGATION_RETPOLINE),$(CONFIG_RETPOLINE))
rethunk := $(or $(CONFIG_MITIGATION_RETHUNK),$(CONFIG_RETHUNK))
sls := $(or $(CONFIG_MITIGATION_SLS),$(CONFIG_SLS))

# From scripts/generate_rust_target.rs in Linux 7.3.
features := -mmx,+soft-float
ifneq ($(retpoline),)
features := $(features),+retpoline-external-thunk,+retpoline-indirect-branches,+retpoline-indirect-calls
endif
ifneq ($(sls),)
features := $(features),+harden-sls-ijmp,+harden-sls-ret
endif
abi := $(if $(call rustc-from,98),softfloat,$(if $(call rustc-from,86),x86-softfloat))
target-json := {"arch":"x86_64","llvm-target":"x86_64-linux-gnu",$(if $(abi),"rustc-abi":"$(abi)"$(comma))\
"data-layout":"e-m:e-p270:32:32-p271:32:32-p272:64:64-i64:64-i128:128-f80:128-n8:16:32:64-S128",\
"features":"$(features)","target-pointer-width":$(if $(call rustc-from,91),64,"64"),\
"emit-debug-gdb-scripts":false,"frame-pointer":"may-omit","stack-probes":{"kind":"none"}\
$(if $(CONFIG_KASAN)$(CONFIG_KCSAN),$(comma)"supported-sanitizers":["kernel-address"$(comma)"thread"])}
rust-target = $(obj)/$(out)/target.json

# From arch/x86/Makefile and arch/x86/Makefile.um in Linux 7.3.
rust-flags += -Cforce-unwind-tables=n -Ctarget-feature=-sse,-sse2,-sse3,-ssse3,-sse4.1,-sse4.2,-avx,-avx2 \
	-Ctarget-cpu=x86-64 -Ztune-cpu=generic -Cno-redzone=y -Ccode-model=$(if $(CONFIG_UML),large,kernel) \
	$(if $(CONFIG_X86_KERNEL_IBT),-Zcf-protection=branch) \
	$(if $(CONFIG_X86_KERNEL_IBT)$(retpoline),$(if $(call rustc-from,93),-Cjump-tables=n,-Zno-jump-tables)) \
	$(if $(rethunk),-Zfunction-return=thunk-extern) \
	$(if $(CONFIG_CALL_PADDING),-Zpatchable-function-entry=$(CONFIG_FUNCTION_PADDING_BYTES)$(comma)$(CONFIG_FUNCTION_PADDING_BYTES)) \
	$(if $(CONFIG_FRAME_POINTER),-Cforce-frame-pointers=y)

# From scripts/Makefile.kasan in Linux 7.3.
ifdef CONFIG_KASAN_GENERIC
rust-flags += -Zsanitizer=kernel-address -Zsanitizer-recover=kernel-address $(addprefix -Cllvm-args=-asan-,\
	mapping-offset=$(CONFIG_KASAN_SHADOW_OFFSET) instrumentation-with-call-threshold=$(if $(CONFIG_KASAN_INLINE),10000,0) \
	stack=$(if $(CONFIG_KASAN_STACK),1,0) globals=1 kernel-mem-intrinsic-prefix=1)
endif

# KCSAN takes the calls of the thread sanitizer. The options are those of scripts/Makefile.kcsan in Linux 7.3.
ifdef CONFIG_KCSAN
rust-flags += -Zsanitizer=thread $(addprefix -Cllvm-args=-tsan-,distinguish-volatile=1 compound-read-before-write=1 \
	$(if $(CONFIG_KCSAN_WEAK_MEMORY),,instrument-func-entry-exit=0))
endif
else ifdef CONFIG_ARM64
# From arch/arm64/Makefile in Linux 7.3.
rust-target := aarch64-unknown-none-softfloat
rust-flags += -Cforce-frame-pointers=y \
	$(if $(CONFIG_UNWIND_TABLES),-Cforce-unwind-tables=y -Zuse-sync-unwind=n,-Cforce-unwind-tables=n) \
	$(if $(CONFIG_ARM64_BTI_KERNEL),-Zbranch-protection=bti$(comma)pac-ret,$(if $(CONFIG_ARM64_PTR_AUTH_KERNEL),-Zbranch-protection=pac-ret)) \
	$(if $(CONFIG_SHADOW_CALL_STACK),-Zfixed-x18)
else ifdef CONFIG_MODULES
$(error the module is for x86-64 and arm64, and $(this-kernel) is for neither)
endif

##### Rules

# The folder of the built libraries, and the path of this folder.
out := src/portable/out
portable := $(src)/src/portable

rust = RUSTC_BOOTSTRAP=1 $(RUSTC) --target $(rust-target) $(rust-flags)
# The libraries contain bitcode. The compiler generates machine code once, and only for the code that the module uses.
as-bitcode := -Clinker-plugin-lto -Cembed-bitcode=yes

quiet_cmd_rust_target = TARGET  $@
      cmd_rust_target = mkdir -p $(dir $@); printf '%s\n' '$(target-json)' >$@
$(obj)/$(out)/target.json: FORCE
	+$(call if_changed,rust_target)

quiet_cmd_rust_core = RUSTC L $@
      cmd_rust_core = mkdir -p $(dir $@); $(rust) $(as-bitcode) --edition=$(if $(call rustc-from,87),2024,2021) \
	--cap-lints allow --crate-name core --crate-type rlib --cfg no_fp_fmt_parse -o $@ $(RUST_LIB_SRC)/core/src/lib.rs
$(obj)/$(out)/libcore.rlib: $(if $(CONFIG_X86_64),$(obj)/$(out)/target.json) FORCE
	+$(call if_changed,rust_core)

quiet_cmd_rust_builtins = RUSTC L $@
      cmd_rust_builtins = $(rust) -Cembed-bitcode=no --edition=2021 --crate-name compiler_builtins --crate-type rlib \
	-L $(obj)/$(out) -o $@ $<
$(obj)/$(out)/libcompiler_builtins.rlib: $(portable)/compiler_builtins.rs $(obj)/$(out)/libcore.rlib FORCE
	+$(call if_changed,rust_builtins)

# As scripts/Makefile.kcov in Linux 7.3.
coverage := $(if $(filter y,$(ACS_QUIRKS_COVERAGE)),-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=3 \
	-Cllvm-args=-sanitizer-coverage-trace-pc -Cdebuginfo=1)

quiet_cmd_rust_kernel = RUSTC L $@
      cmd_rust_kernel = $(rust) $(as-bitcode) $(coverage) --edition=2021 --crate-name kernel --crate-type rlib -L $(obj)/$(out) -o $@ $<
$(obj)/$(out)/libkernel.rlib: $(portable)/kernel/lib.rs $(shell find $(portable)/kernel -name '*.rs') \
		$(obj)/$(out)/libcompiler_builtins.rlib FORCE
	+$(call if_changed,rust_kernel)

# rustc writes a library with one object of Rust code. `--cfg headers` leaves out code that is for Rust-for-Linux's crates.
# Kbuild's command for objtool begins with a semicolon from 5.19 on, and ends with one in Enterprise Linux 8, where it would
# read a temporary file of the C compiler.
quiet_cmd_rust_module = RUSTC [M] $@
      cmd_rust_module = $(rust) $(coverage) -Clto=fat --edition=2021 --cfg headers \
	-Zcrate-attr=no_std -Zcrate-attr='feature(used_with_arg)' \
	--crate-type staticlib -L $(obj)/$(out) --extern kernel=$(obj)/$(out)/libkernel.rlib -o $@.a $<; \
	$(AR) p $@.a $$($(AR) t $@.a | grep -v compiler_builtins) >$@; rm $@.a \
	$(if $(strip $(cmd_objtool)),; $(patsubst ;%,%,$(patsubst %;,%,$(cmd_objtool))))
$(addprefix $(obj)/,$(rust-roots)): objtool_o = $@
$(addprefix $(obj)/,$(rust-roots)): $(obj)/%.o: $(src)/%.rs $(obj)/$(out)/libkernel.rlib \
		$(shell find $(src)/src $(wildcard $(src)/tests/kernel $(src)/tools/grouping/src/model) -name '*.rs') FORCE
	+$(call if_changed,rust_module)

targets += $(rust-roots) $(addprefix $(out)/,target.json libcore.rlib libcompiler_builtins.rlib libkernel.rlib)
clean-files += $(addprefix $(out)/,target.json libcore.rlib libcompiler_builtins.rlib libkernel.rlib)
