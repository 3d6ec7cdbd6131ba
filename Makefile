# SPDX-License-Identifier: GPL-2.0-only
#
# The entry point. scripts/ (build root, kernels, modules) and the Cargo packages do the work.
# kbuild reads Kbuild, not this file.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-builtin-rules
.DEFAULT_GOAL := help

# Which kernel make demo boots: a series (7.2), a release (7.3.4) or newest.
KERNEL ?= newest
# Which kernels make test boots: a stock kernel of each series with modules from its headers, and the newest again with
# modules from Rust-for-Linux's crates.
SERIES := $(shell awk '!/^\#/ { print $$1 }' scripts/supported-kernels)
KERNELS ?= $(filter-out $(lastword $(SERIES)),$(SERIES)) $(addprefix $(lastword $(SERIES)),@rust-for-linux) $(lastword $(SERIES))
# The stock kernel whose source makes the kernels for make lacking and make acs-late. It is older than the mainline releases
# that added the quirks which the first lacks.
LACKING ?= 6.1
# In which Debian releases make fresh-build builds the module.
SUITES ?= bookworm trixie sid
# Which installed kernel make modules and make install build for.
KVER ?= $(shell uname -r)
# The architecture of kernels and guests, by Debian's name: amd64, or arm64, which is emulated. The kernel's build system
# reads the variable too, and has other names for amd64.
DEB_ARCH := $(if $(filter x86 x86_64 i386,$(ARCH)),amd64,$(or $(ARCH),amd64))
export ACS_QUIRKS_ARCH := $(DEB_ARCH)

ifneq ($(words $(KERNEL)),1)
$(error KERNEL must name one kernel: a series like 7.3, a release like 7.3.4, or newest)
endif
ifeq ($(strip $(KERNELS)),)
$(error KERNELS must name at least one kernel)
endif

ifneq ($(shell id -u),0)
SUDO = $(if $(shell command -v sudo),sudo -E,$(error this needs root: there is no sudo, so become root with "su -"))
endif
IN_ROOT = $(SUDO) scripts/in-root.sh --
# Debian 13's cargo has the lowest Rust version that the tools support.
CARGO = $(IN_ROOT) cargo
# Where it puts the programs of the bench.
BENCH := /cache/target/x86_64-unknown-linux-gnu/debug

.PHONY: help
help: ## this list
	@echo 'usage: make TARGET [VARIABLE=VALUE ...]'
	@echo
	@sed -nE 's/^([a-z_-]+):[^#]*## (.*)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20
	@echo
	@echo 'ARCH=arm64 builds and boots for arm64 in boot-test, modules, kernel and acsctl; guests are emulated.'
	@echo
	@echo 'In the environment:'
	@echo '  ACS_QUIRKS_CACHE  the folder for build results and downloads (default: ~/.cache/acs-quirks)'
	@echo '  ACS_QUIRKS_MIRROR the Debian mirror (default: the mirror of this machine)'
	@echo '  ACS_QUIRKS_UPDATE set to 1 to rebuild the build root and look for newer kernels'

##### All at once

.PHONY: demo
demo: ## boot a stock kernel (KERNEL=) with a six-function adapter, and start two VMs that ask for one function each; WITHDRAWN=1: without the entry
# The modules and the programs are built side by side: the first uses one processor most of the time.
demo: need-amd64 crates
	@$(MAKE) --no-print-directory guest-programs & programs=$$!; \
		$(MAKE) --no-print-directory modules-$(KERNEL) || { kill $$programs; wait $$programs; exit 1; }; \
		wait $$programs
	@ACS_QUIRKS_KERNELS=$(KERNEL) ACS_QUIRKS_WITHDRAWN='$(WITHDRAWN)' $(IN_ROOT) \
		$(BENCH)/demo

.PHONY: test
test: export BUILD_ROOT := 1
test: export ACS_QUIRKS_CORE := $(if $(ALL_TESTS),,1)
test: ## all checks: lints, host tests, boot tests on the newest of KERNELS=, core boot tests on the others, the KUnit suite
# What boots is prepared beside the lints and host tests, which leave a part of the processors idle. It says nothing: the boot
# tests prepare again what is missing then, and show why. The KUnit suite, one guest on one processor, then runs beside the
# others.
test: crates
	@beside=$$(mktemp -d); set -m; \
		{ $(MAKE) --no-print-directory prepared >/dev/null 2>&1 || :; touch "$$beside/prepared"; \
			$(MAKE) --no-print-directory kunit >"$$beside/kunit" 2>&1; } </dev/null & suite=$$!; set +m; \
		trap 'kill -- -$$suite 2>/dev/null || :; rm -rf "$$beside"' EXIT; \
		$(MAKE) --no-print-directory lint host-test; \
		until [ -e "$$beside/prepared" ]; do sleep 1; done; \
		echo '== boot tests; the output of the KUnit suite, which runs beside them, follows'; \
		status=0; $(MAKE) --no-print-directory boot-test lacking || status=$$?; \
		wait $$suite || status=$$?; cat "$$beside/kunit"; exit $$status

.PHONY: prepared
prepared: $(foreach kernel,$(KERNELS) lacking $(LACKING) kunit@rust-for-linux,modules-$(kernel))

.PHONY: test-all
test-all: ## make test, and the long tests: every boot test on each kernel, 100,000 random machines, races of two minutes, boot tests for arm64, patches for Linux, fresh builds, packages
test-all: export ACS_QUIRKS_RACE := 120
test-all: export ACS_QUIRKS_CHAOS := 500
test-all:
	@$(MAKE) --no-print-directory test ALL_TESTS=1
	@$(MAKE) --no-print-directory boot-test ARCH=arm64 KERNELS=$(lastword $(KERNELS))
	@$(MAKE) --no-print-directory machines acs-late secure-boot-test debug-test race-test upstream-test fresh-build deb package-test

##### Parts of the tests

# After a test program: how to repeat a test that it lists as failed. $(1) is the target.
or_repeat = || { echo 'To repeat a failed test alone: make $(1) ARGS=NAME, with its name from the list of failures.' >&2; exit 1; }

# The scenarios on the kernel $(1), for the target $(2).
scenarios_on = ACS_QUIRKS_KERNELS='$(1)' $(CARGO) boot-test --test scenarios \
	-- $(if $(findstring --test-threads,$(ARGS)),,--test-threads 2) $(ARGS) $(call or_repeat,$(2))

# The KUnit suite on the kernel $(1), for the target $(2).
suite_on = ACS_QUIRKS_KERNELS='$(1)@rust-for-linux' $(CARGO) boot-test --test kunit-suite \
	-- $(ARGS) $(call or_repeat,$(2))

# The root files of the kernel modules, in the Rust edition that the kernel uses. rustfmt also formats their submodules.
KERNEL_ROOTS := $(addsuffix /main.rs,src src/candidates $(addprefix tests/kernel/,module absent oracle kunit faults))

.PHONY: lint
lint: crates ## formatting, clippy on the tools, shellcheck; warnings are errors
	@echo '== formatting'
	@$(CARGO) fmt --all --check
	@$(IN_ROOT) rustfmt --check --edition 2021 $(KERNEL_ROOTS)
	@echo '== clippy'
	@$(CARGO) clippy --quiet --locked --offline --workspace --all-targets --features boot/guests,fuzz/libfuzzer -- \
		--deny warnings
	@echo '== scripts are executable'
	@list=$$(find scripts .ci -type f ! -perm -u=x -exec awk 'FNR == 1 && /^#!/ { print FILENAME }' {} +); \
		[ -z "$$list" ] || { echo "no permission to execute: $$list; run: chmod +x" $$list >&2; exit 1; }
	@echo '== shellcheck'
	@$(IN_ROOT) shellcheck --external-sources $(wildcard scripts/*.sh) .ci/run $(wildcard tests/boot/guest/*) \
		$(wildcard packaging/boot/*-boot packaging/initramfs-tools/* packaging/dracut/*)

.PHONY: model-test
model-test: crates ## compare the model of the grouping with the kernel's code on CASES= random topologies (a million), from SEED= on
	@ACS_QUIRKS_CASES='$(or $(CASES),1000000)' ACS_QUIRKS_SEED='$(SEED)' $(CARGO) test --quiet --locked --offline --release \
		--package random-topologies --test model --test functions --test range -- --nocapture

# The test of the patches for mainline runs for amd64 only: once is enough. The oracle's module is for x86 only.
TESTS_OF_BUILDS := build $(if $(filter amd64,$(DEB_ARCH)),export-on-kernels)
TESTS_OF_BOOTS := scenarios $(if $(filter amd64,$(DEB_ARCH)),oracle)

.PHONY: boot-test
boot-test: ## boot tests on KERNELS=; ARGS= is passed to the test programs (a filter, --list, ...)
boot-test: $(foreach kernel,$(KERNELS),modules-$(kernel)) guest-programs
	@$(CARGO) boot-test --test generated
	@case '$(ARGS)' in *--list*) ;; *) \
		list=$$(ACS_QUIRKS_KERNELS='$(KERNELS)' $(CARGO) boot-test \
			$(TESTS_OF_BUILDS:%=--test %) $(TESTS_OF_BOOTS:%=--test %) -- --list $(ARGS)) || exit 1; \
		printf '%s\n' "$$list" | grep -q ': test$$' || { \
			echo "no boot test matches ARGS='$(ARGS)'; make boot-test ARGS=--list shows all tests" >&2; exit 1; };; \
	esac
	@ACS_QUIRKS_KERNELS='$(KERNELS)' $(CARGO) boot-test $(TESTS_OF_BUILDS:%=--test %) \
		-- $(ARGS) $(call or_repeat,boot-test)
	@ACS_QUIRKS_KERNELS='$(KERNELS)' $(CARGO) boot-test $(TESTS_OF_BOOTS:%=--test %) \
		-- $(if $(findstring --test-threads,$(ARGS)),,--test-threads 2) $(ARGS) $(call or_repeat,boot-test)

.PHONY: oracle
oracle: ## let the kernels KERNELS= group the topologies in TOPOLOGIES=, and compare with the model; REPORT= for JSON
oracle: need-amd64 need-topologies $(foreach kernel,$(KERNELS),modules-$(kernel)) crates
	@$(CARGO) build-bench --bin oracle
	@ACS_QUIRKS_KERNELS='$(KERNELS)' $(SUDO) scripts/oracle.sh '$(REPORT)' $(TOPOLOGIES)

.PHONY: machines
machines: ## compare the model with the groups that KERNEL=, built as a program of the host, makes of CASES= random machines (100,000), from SEED= on
machines: need-amd64 modules-$(KERNEL)-user-mode guest-programs
	@ACS_QUIRKS_KERNELS='$(KERNEL)-user-mode' ACS_QUIRKS_RANDOM='$(or $(CASES),100000)' ACS_QUIRKS_SEED='$(SEED)' \
		$(CARGO) boot-test --test oracle -- --nocapture \
		|| { echo 'To repeat a machine that differs: make machines KERNEL=$(KERNEL) CASES=1 SEED=, with its seed.' >&2; exit 1; }

.PHONY: speed
speed: ## measure how long the kernel (KERNEL=) and the model take to group, and what acsctl regroup adds to a rescan
speed: need-amd64 modules-$(KERNEL) guest-programs
	@$(MAKE) --no-print-directory acsctl BUILD_ROOT=1
	@ACS_QUIRKS_KERNELS=$(KERNEL) $(CARGO) run --quiet --locked --offline --release --package boot --bin regroup-cost
	@ACS_QUIRKS_KERNELS=$(KERNEL) $(CARGO) run --quiet --locked --offline --release --package boot --bin speed

.PHONY: fresh-build
fresh-build: ## make modules in a new minimal Debian of each of SUITES=, with only the packages that README.md names, and boot it
fresh-build: need-amd64 guest-programs
	@$(SUDO) scripts/fresh-build.sh $(SUITES)

.PHONY: package-test
package-test: need-amd64 crates ## install the packages of make deb in a new Debian of each of SUITES=, and boot its stock kernel
	@$(SUDO) scripts/package-test.sh $(SUITES)

.PHONY: need-amd64
need-amd64:
	@: $(if $(filter-out amd64,$(DEB_ARCH)),$(error this target is for amd64 only: leave ARCH=$(ARCH) out))

.PHONY: need-topologies
need-topologies:
	@: $(or $(TOPOLOGIES),$(error TOPOLOGIES must name a topology file or a folder, as in make oracle TOPOLOGIES=tests/topologies))

.PHONY: mutants
mutants: crates ## change the isolation logic in one place at a time, and check that a test fails (MUTANTS= a regular expression)
	@$(IN_ROOT) scripts/mutants.sh '$(MUTANTS)'

.PHONY: kunit
kunit: ## the KUnit suite, on a kernel built for it; ARGS= is passed to the test program
kunit: need-amd64 modules-kunit@rust-for-linux guest-programs
	@$(call suite_on,kunit,kunit)

.PHONY: lacking
lacking: need-amd64 modules-lacking modules-$(LACKING) guest-programs ## test validated entries on a kernel that lacks their quirks, and on the stock kernel of its series
	@ACS_QUIRKS_KERNELS='lacking $(LACKING)' $(CARGO) boot-test --test patched -- $(ARGS) $(call or_repeat,lacking)

.PHONY: acs-late
acs-late: need-amd64 modules-acs-late modules-$(LACKING) guest-programs ## test acsctl on a kernel that switches ACS on after it has made the groups, and on the stock kernel of its series
	@ACS_QUIRKS_KERNELS='acs-late $(LACKING)' $(CARGO) boot-test --test patched -- $(ARGS) $(call or_repeat,acs-late)

.PHONY: secure-boot-test
secure-boot-test: need-amd64 modules-$(KERNEL) guest-programs ## boot KERNEL= with Secure Boot on: the module loads when it is signed, and only then
	@$(SUDO) scripts/prepare-secure-boot.sh
	@ACS_QUIRKS_KERNELS='$(KERNEL)' $(CARGO) boot-test --test secure-boot -- $(ARGS) $(call or_repeat,secure-boot-test)

# The last of SERIES, because the patches are for the newest kernel. Its tree with Rust is the source that they apply to.
UPSTREAM := $(lastword $(SERIES)) upstream-control upstream upstream-user-mode
.PHONY: upstream-test
upstream-test: need-amd64 $(UPSTREAM:%=modules-%) guest-programs ## test the patches for Linux in upstream/, on a kernel with them and on one without
	@ACS_QUIRKS_KERNELS='$(UPSTREAM)' $(CARGO) boot-test \
		--test upstream -- $(if $(findstring --test-threads,$(ARGS)),,--test-threads 1) $(ARGS) $(call or_repeat,upstream-test)

.PHONY: soak
soak: ## repeat the tests that depend on chance on KERNELS= with new seeds, for HOURS= (default 2)
soak: need-amd64 $(foreach kernel,$(KERNELS),modules-$(kernel)) guest-programs
	@$(IN_ROOT) scripts/soak.sh '$(or $(HOURS),2)' $(KERNELS)

.PHONY: debug-test
debug-test: need-amd64 modules-debug modules-debug@rust-for-linux guest-programs ## the KUnit suite and the scenarios on a kernel with KASAN
	@$(if $(ARGS),,$(call suite_on,debug,debug-test))
	@$(call scenarios_on,debug,debug-test)

.PHONY: race-test
race-test: need-amd64 modules-kcsan guest-programs ## the scenarios on a kernel that detects data races (KCSAN), with two processors
	@$(call scenarios_on,kcsan,race-test)

.PHONY: kunit-coverage
kunit-coverage: ## show which branches of the kernel's grouping code the KUnit suite does not reach, and why
kunit-coverage: need-amd64 modules-kunit@rust-for-linux guest-programs
	@$(CARGO) build-bench --bin coverage
	@$(IN_ROOT) $(BENCH)/coverage

.PHONY: coverage
coverage: ## show which lines of the modules run in no scenario, on KERNEL=; ARGS= is passed to the test program
coverage: need-amd64 modules-$(KERNEL)@coverage guest-programs
	@$(call scenarios_on,$(KERNEL)@coverage,coverage)
	@$(CARGO) build-bench --bin module-coverage
	@ACS_QUIRKS_KERNELS='$(KERNEL)@coverage' $(IN_ROOT) $(BENCH)/module-coverage

.PHONY: fuzz
fuzz: crates ## fuzz the readers of data files, captures and copies of a host, each for DURATION= seconds (default 60)
	@$(IN_ROOT) scripts/fuzz.sh $(or $(DURATION),60)

##### The tool and the entries

# Where the host has cargo >= 1.85, these targets need neither root nor the build root. BUILD_ROOT=1 uses the build root anyway,
# and so does ARCH=, because the build root has the cross compiler.
ifeq ($(BUILD_ROOT)$(ARCH)$(shell scripts/has-cargo.sh || echo no),)
TOOL = cargo
TOOL_FLAGS = --locked
else
TOOLS_IN = $(IN_ROOT)
TOOL = $(CARGO)
TOOL_FLAGS = --quiet --locked --offline
TOOL_NEEDS = crates
endif
ACSCTL = $(TOOL) run $(TOOL_FLAGS) --package acsctl --

.PHONY: host-test
host-test: $(TOOL_NEEDS) ## tests that need no kernel
	@$(TOOL) test $(TOOL_FLAGS) --workspace

.PHONY: fmt
fmt: $(TOOL_NEEDS) ## format all Rust code
	@$(TOOL) fmt --all
	@$(TOOLS_IN) rustfmt --edition 2021 $(KERNEL_ROOTS)

.PHONY: check
check: $(TOOL_NEEDS) ## check the entries in quirks/ against every lint
	@$(ACSCTL) quirk check

.PHONY: generate
generate: $(TOOL_NEEDS) ## write the module's tables, the pages and the schemas from quirks/ and the code
	@$(ACSCTL) generate

.PHONY: acsctl
acsctl: $(TOOL_NEEDS) ## build build/acsctl
# Does not test TOOL: expanding it looks for sudo, which this target does not need.
ifndef TOOLS_IN
	@cargo build $(TOOL_FLAGS) --release --package acsctl
	@install -D "$${CARGO_TARGET_DIR:-target}/release/acsctl" build/acsctl
else
	@$(IN_ROOT) scripts/build-acsctl.sh
endif

.PHONY: man
man: acsctl ## write man pages to build/man and completions for shells to build/completions
	@$(MAKE) --no-print-directory pages

# From the build/acsctl that is there, or another that runs here.
PAGES_BY ?= build/acsctl
.PHONY: pages
pages:
	@rm -rf build/man build/completions
	@$(PAGES_BY) man --out build/man
	@mkdir -p build/completions
	@for shell in bash zsh fish; do $(PAGES_BY) completions $$shell >build/completions/$$shell; done

.PHONY: need-entry
need-entry:
	@: $(or $(ENTRY),$(error ENTRY must name an entry, or several of one vendor, as in make export ENTRY=nxp/lx2; "acsctl quirk list" shows all))

PATCH = build/$(subst /,-,$(firstword $(ENTRY))).patch

.PHONY: export
export: ## write a patch for mainline from ENTRY=, against the source of KERNEL=; SIGNED_OFF_BY='Name <mail>'
export: need-entry crates kernel-$(KERNEL)@rust-for-linux
	@mkdir -p build
	@$(CARGO) run --quiet --locked --offline --package acsctl -- quirk export $(ENTRY) \
		--kernel-source '/cache/kernels/$(KERNEL)/tree' --out '$(PATCH)' $(if $(SIGNED_OFF_BY),--signed-off-by '$(SIGNED_OFF_BY)')
	@$(SUDO) chown --reference=Makefile build '$(PATCH)'

##### The module, for an installed kernel

# What the module is built against: the kernel's headers, or the kernel tree KDIR=.
TREE = $(or $(KDIR),/lib/modules/$(KVER)/build)
# The kernel's release, which names the folder of its modules. Before 6.12, kernel.release in Debian's headers differs.
RELEASE = $$(sed -n 's/.*UTS_RELEASE "\(.*\)"/\1/p' '$(TREE)/include/generated/utsrelease.h')

.PHONY: need-tree
need-tree:
	@test -e '$(TREE)/Makefile' || { echo 'no kernel headers or kernel tree in $(TREE): install the kernel headers' \
		'(Debian: apt install linux-headers-$(KVER)), or name another kernel with KVER= or KDIR=' >&2; exit 1; }

.PHONY: modules
modules: ## build acs_quirks.ko for the running kernel, KVER= or KDIR=, from its headers; PROVIDER=rust-for-linux: with its crates
ifeq ($(DEB_ARCH),amd64)
modules: need-tree
	$(MAKE) -C '$(TREE)' M='$(CURDIR)' modules
else
modules: modules-$(KERNEL)
endif

# Does not depend on modules: make install runs the two in order, also with -j. An older acs_quirks.ko in another folder is
# removed, because either of the two could load. Linux 6.1 and older install to extra/ by default.
.PHONY: modules_install
modules_install: need-tree ## install what make modules has built (INSTALL_MOD_PATH= as in kbuild), and run depmod
	@find "$(INSTALL_MOD_PATH)/lib/modules/$(RELEASE)" -name 'acs_quirks.ko*' -delete 2>/dev/null || true
	$(MAKE) -C '$(TREE)' M='$(CURDIR)' modules_install INSTALL_MOD_DIR='$(or $(INSTALL_MOD_DIR),updates)' DEPMOD=true
	PATH="$$PATH:/usr/sbin:/sbin" depmod $(if $(INSTALL_MOD_PATH),-b '$(INSTALL_MOD_PATH)') "$(RELEASE)"

.PHONY: install
install: need-amd64 ## make modules, and as root modules_install
	@$(MAKE) modules
	@$(SUDO) $(MAKE) modules_install

##### Installation of the tool and of the boot integration: as root, below DESTDIR= and PREFIX=

PREFIX ?= /usr/local
# Files that other programs look for. Where the prefix is /usr, a package owns them; otherwise they are the administrator's.
OF_PACKAGE := $(filter /usr,$(PREFIX))
UNITS := $(if $(OF_PACKAGE),/usr/lib/systemd/system,/etc/systemd/system)
INITRAMFS := $(if $(OF_PACKAGE),/usr/share/initramfs-tools,/etc/initramfs-tools)
DRACUT := /usr/lib/dracut/modules.d/50acs-quirks
LIBEXEC := $(PREFIX)/lib/acs-quirks
COMPLETIONS := $(if $(OF_PACKAGE),/usr/share,$(PREFIX)/share)

.PHONY: install-acsctl
install-acsctl: ## install build/acsctl, its man pages and completions; PREFIX= (default /usr/local), DESTDIR=
	@test -x build/acsctl -a -d build/man || { echo 'run first, as a user: make man' >&2; exit 1; }
	install -D -m 755 build/acsctl '$(DESTDIR)$(PREFIX)/bin/acsctl'
	install -d '$(DESTDIR)$(PREFIX)/share/man/man1'
	install -m 644 build/man/*.1 '$(DESTDIR)$(PREFIX)/share/man/man1'
	install -D -m 644 build/completions/bash '$(DESTDIR)$(COMPLETIONS)/bash-completion/completions/acsctl'
	install -D -m 644 build/completions/zsh '$(DESTDIR)$(COMPLETIONS)/zsh/$(if $(OF_PACKAGE),vendor-completions,site-functions)/_acsctl'
	install -D -m 644 build/completions/fish '$(DESTDIR)$(COMPLETIONS)/fish/vendor_completions.d/acsctl.fish'

# install_as MODE SOURCE PLACE: install a file of packaging/ with the paths of acs-quirks-boot and acsctl in it
install_as = install -D -m $(1) packaging/$(2) '$(DESTDIR)$(3)' && sed -i 's,@LIBEXEC@,$(LIBEXEC),; s,@BIN@,$(PREFIX)/bin,' '$(DESTDIR)$(3)'

.PHONY: install-boot
install-boot: ## install what regroups devices at boot: for initramfs-tools, dracut and systemd; PREFIX=, DESTDIR=
	$(call install_as,755,boot/acs-quirks-boot,$(LIBEXEC)/acs-quirks-boot)
	test -e '$(DESTDIR)/etc/default/acs-quirks' || $(call install_as,644,boot/acs-quirks.default,/etc/default/acs-quirks)
	$(call install_as,755,initramfs-tools/hook,$(INITRAMFS)/hooks/acs-quirks)
	$(call install_as,755,initramfs-tools/init-top,$(INITRAMFS)/scripts/init-top/acs-quirks)
	$(call install_as,755,dracut/module-setup.sh,$(DRACUT)/module-setup.sh)
	$(call install_as,755,dracut/acs-quirks-early.sh,$(DRACUT)/acs-quirks-early.sh)
	$(call install_as,644,systemd/acs-quirks.service,$(UNITS)/acs-quirks.service)
	@test -n '$(DESTDIR)' || echo 'now run: systemctl enable acs-quirks, and update-initramfs -u -k all (or dracut --regenerate-all --force)'

.PHONY: install-dkms-source
install-dkms-source: SOURCE := $(DESTDIR)/usr/src/acs-quirks-$(shell cat VERSION)
install-dkms-source: ## install the module's sources for dkms below DESTDIR=
	install -d '$(SOURCE)/scripts'
	cp -r Kbuild VERSION src '$(SOURCE)'
	rm -rf '$(SOURCE)'/src/rules/{tests,benches,Cargo.toml}
	cp scripts/supported-kernels '$(SOURCE)/scripts'
	sed 's/#MODULE_VERSION#/$(shell cat VERSION)/' packaging/dkms/dkms.conf >'$(SOURCE)/dkms.conf'

##### Prerequisites

.PHONY: root
root: ## the build root: Debian 13 with the exact toolchain
	@$(SUDO) scripts/build-root.sh

.PHONY: crates
crates: root
	@$(SUDO) scripts/fetch-crates.sh

.PHONY: kernel
kernel: kernel-$(KERNEL) ## prepare a stock kernel (KERNEL=)

# Kernels are prepared one at a time, even with -j: the scripts take a lock.
.PHONY: kernel-%
kernel-%: root
	@$(SUDO) scripts/prepare-kernel.sh '$*'

# Kernels built for tests: for the KUnit suite; without the quirks that kernels of Enterprise Linux lack; with the order of
# several stable kernels of 2026.
.PHONY: kernel-kunit@rust-for-linux
kernel-kunit@rust-for-linux: kernel-$(lastword $(KERNELS))@rust-for-linux
	@$(SUDO) scripts/prepare-test-kernel.sh kunit '$(lastword $(KERNELS))'

.PHONY: kernel-lacking kernel-acs-late
kernel-lacking kernel-acs-late: kernel-%: kernel-$(LACKING)
	@$(SUDO) scripts/prepare-test-kernel.sh '$*' '$(LACKING)'

.PHONY: kernel-kcsan
kernel-kcsan: kernel-%: kernel-$(lastword $(SERIES))
	@$(SUDO) scripts/prepare-test-kernel.sh '$*' '$(lastword $(SERIES))'

# Kernels that run as programs, for make machines and make upstream-test. kernel-$* is no prerequisite: make prefers a rule
# whose prerequisites it need not make by another pattern.
kernel-%-user-mode: root
	@$(MAKE) --no-print-directory 'kernel-$*'
	@$(SUDO) scripts/prepare-test-kernel.sh user-mode '$*'

.PHONY: kernel-upstream-user-mode
kernel-upstream-user-mode: kernel-$(lastword $(SERIES))
	@$(SUDO) scripts/prepare-test-kernel.sh upstream-user-mode '$(lastword $(SERIES))'

# Kernels for make debug-test, and for make upstream-test: with the patches in upstream/, and with their KUnit tests alone.
.PHONY: kernel-debug kernel-debug@rust-for-linux kernel-upstream kernel-upstream-control
kernel-debug@rust-for-linux: kernel-debug
kernel-debug kernel-upstream kernel-upstream-control: kernel-%: kernel-$(lastword $(SERIES))@rust-for-linux
	@$(SUDO) scripts/prepare-test-kernel.sh '$*' '$(lastword $(SERIES))'

.PHONY: modules-%
modules-%: kernel-%
	@$(SUDO) scripts/build-modules.sh '$*'

# Depends on crates, so that it also runs after them with -j.
.PHONY: guest-programs
guest-programs: crates
	@$(IN_ROOT) scripts/build-guest.sh

##### Packages

.PHONY: deb
deb: need-amd64 ## build the Debian packages in a clean root, twice, into build/packages
	@$(SUDO) scripts/build-deb.sh

# rpm on Debian knows neither Debian's packages nor systemd's macros.
.PHONY: rpm
rpm: ## build packages for Enterprise Linux from the source of make deb, with this host's rpmbuild, cargo and gcc, into build/rpm
	@compgen -G 'build/packages/*.tar.xz' >/dev/null || { echo 'there is no source in build/packages; run: make deb' >&2; exit 1; }
	@command -v rpmbuild >/dev/null || { echo 'there is no rpmbuild: install the package rpm (Debian) or rpm-build' >&2; exit 1; }
	rpmbuild -bb --define '_topdir $(CURDIR)/build/rpm' --define '_sourcedir $(CURDIR)/build/packages' \
		$(if $(wildcard /etc/debian_version),--nodeps --define '_unitdir /usr/lib/systemd/system') packaging/rpm/acs-quirks.spec

.PHONY: clean
clean: ## remove build results from the checkout and the cache; keep the root and the kernels
	@$(SUDO) scripts/clean.sh
