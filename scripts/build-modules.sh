#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# build-modules.sh [KERNEL]: build all editions of the module for a prepared kernel, with warnings as errors. If KERNEL ends
# in @rust-for-linux, build them with the crates of the kernel's tree, and with clippy. Install them in guest/RELEASE or
# guest/RELEASE@rust-for-linux of the cache, with the stock drivers that a guest needs. If it ends in @coverage, the modules
# record which of their code runs.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
KERNEL=${1:-newest}
STEP="modules for kernel $KERNEL"
DIR=$KERNELS/${KERNEL%@*}
PROVIDER=headers
[[ $KERNEL != *@rust-for-linux ]] || PROVIDER=rust-for-linux
[[ -e $DIR/release ]] || die "$STEP" "that kernel is not prepared" "run scripts/prepare-kernel.sh $KERNEL first"
RELEASE=$(<"$DIR/release")
NAME=$RELEASE
[[ $KERNEL != *@* ]] || NAME+=@${KERNEL#*@}
lock work

EDITIONS=(ACS_QUIRKS_CANDIDATES=y ACS_QUIRKS_TESTS=y)
# Kernels built for tests have their drivers built in, except for those that run the scenarios. Those for make upstream-test
# have two tests as modules.
case $RELEASE in
*-user-mode) GUEST_DRIVERS=() ;;
*-upstream*) GUEST_DRIVERS=(iommu_pci_group_kunit rust_debugfs_scoped) ;;
*-debug | *-kcsan) ;;
*) [[ -d $DIR/headers ]] || GUEST_DRIVERS=() ;;
esac
# prepare-test-kernel.sh does not run depmod.
[[ -d $DIR/headers || ${#GUEST_DRIVERS[@]} -eq 0 ]] || "$SCRIPTS/in-root.sh" -- depmod -b "/cache/kernels/$RELEASE/modules" "$RELEASE"
[[ $NAME != *@coverage ]] || EDITIONS+=(ACS_QUIRKS_COVERAGE=y)
[[ $NAME != *-@(kunit|debug)@* ]] || EDITIONS+=(ACS_QUIRKS_KUNIT=y)
[[ $PROVIDER == headers ]] || EDITIONS+=(CLIPPY=1)

all_editions() {
	kbuild "$STEP" "$CACHE/logs/modules-$NAME.log" "fix the errors that the compiler reports; if the checkout is unchanged, report this" \
		"$RELEASE" "$PROVIDER" "modules/$NAME" "${EDITIONS[@]}" W=e "$@"
}

install_for_guest() {
	local guest=$CACHE/guest/$NAME
	guest_modules "$DIR/modules" "$RELEASE" "$guest" "${GUEST_DRIVERS[@]}"
	# strip debugging information to save the guest's memory
	all_editions modules_install INSTALL_MOD_PATH="/cache/guest/$NAME" INSTALL_MOD_STRIP=1 DEPMOD=true
	# a copy of the module that seems built for another build of this kernel: only the string with the version of the build
	# contains this word
	! grep -q "^# CONFIG_MODVERSIONS" "$DIR/headers/usr/src/linux-headers-$RELEASE/.config" 2>/dev/null ||
		sed 's/ Debian /-Debian-/' "$CACHE/modules/$NAME/acs_quirks.ko" >"$guest/other-build.ko"
	# kbuild's depmod step needs a System.map, which only a full kernel build has
	"$SCRIPTS/in-root.sh" -- depmod -b "/cache/guest/$NAME" "$RELEASE"
}

# From 6.13 on, kbuild looks for the kernel's options in the folder of the modules, and does not notice that one has changed.
config=$DIR/tree/.config
[[ $PROVIDER != headers || ! -d $DIR/headers ]] || config=$DIR/headers/usr/src/linux-headers-$RELEASE/.config
built_for=$(sha256sum <"$config" | cut -d' ' -f1)
if ! is "$CACHE/modules/$NAME/built-for" "$built_for"; then
	remove_tree "$CACHE/modules/$NAME"
	mkdir -p "$CACHE/modules/$NAME"
	echo "$built_for" >"$CACHE/modules/$NAME/built-for"
fi

say "$STEP: building"
all_editions modules
install_for_guest
say "$STEP: ready in $CACHE/guest/$NAME"
