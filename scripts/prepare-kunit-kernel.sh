#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# prepare-kunit-kernel.sh [KERNEL]: build the small kernel for the KUnit suite, which stock kernels cannot run. It has the
# source of the prepared stock kernel KERNEL and the configuration in tests/kernel/kunit/kernel.config.
#
# Results in the cache: kernels/VERSION-kunit/ with the files that prepare-kernel.sh and prepare-tree.sh make for building modules and for
# booting, and the link kernels/kunit to it.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
STOCK=$CACHE/kernels/${1:-newest}
STEP="KUnit kernel"
CONFIG=tests/kernel/kunit/kernel.config
# The objects for which gcov records the branches taken: the grouping code and its callees.
OBSERVED=(iommu search pci quirks)

[[ -e $STOCK/stamps/verify ]] || die "$STEP" "there is no source tree of kernel ${1:-newest}" "run scripts/prepare-tree.sh ${1:-newest} first"
STOCK=$(readlink -f "$STOCK")
VERSION=$(<"$STOCK/version")
RELEASE=$(basename "$STOCK" | sed 's/[+-].*//')-kunit
DIR=$CACHE/kernels/$RELEASE
INSIDE=/cache/kernels/$RELEASE
LOG=$CACHE/logs/kernel-$RELEASE
KEY="$VERSION $(toolchain) $(cat "$PROJECT/$CONFIG" "$0" | sha256sum | cut -d' ' -f1)"

finish() {
	ln -sfn "$RELEASE" "$CACHE/kernels/.link"
	mv -T "$CACHE/kernels/.link" "$CACHE/kernels/kunit"
	say "$STEP: ready, $RELEASE"
}
if is "$DIR/stamps/build" "$KEY"; then
	finish
	exit 0
fi

need_root "$STEP"
trap on_interrupt INT
lock work
need_space 2500 "$STEP"

# make_kernel LOG ARG...: run make in the kernel source
make_kernel() {
	local log=$1
	shift
	logged "$STEP" "$log" "see the log; if it stays so, remove $DIR and run this again" \
		"$SCRIPTS/in-root.sh" -- nice make -C "$INSIDE/source" -j"$(nproc)" "$@"
}

# A copy of the stock kernel's tree without build results. Source files are never written to, so hard links suffice.
link_source() {
	! is "$DIR/stamps/source" "$VERSION" || return 0
	remove_tree "$DIR"
	mkdir -p "$DIR"/{stamps,tree}
	cp -al "$STOCK/tree" "$DIR/source"
	make_kernel "$LOG-clean.log" mrproper
	sed "s/LOCALVERSION=.*/LOCALVERSION=-kunit/" "$STOCK/make-args" >"$DIR/make-args"
	echo "$VERSION" >"$DIR/version"
	echo "$VERSION" >"$DIR/stamps/source"
}

configure() {
	local missing
	make_kernel "$LOG-configure.log" "${ARGS[@]}" "KCONFIG_ALLCONFIG=/src/$CONFIG" allnoconfig
	missing=$(grep -vxFf "$DIR/tree/.config" "$PROJECT/$CONFIG" | grep '^CONFIG_' | paste -sd' ') || :
	[[ -z $missing ]] || die "$STEP" "the kernel's Kconfig does not take from $CONFIG: $missing" \
		"add what it depends on, or take it out; where RUST is missing, the build root lacks a tool"
}

build() {
	make_kernel "$LOG-build.log" "${ARGS[@]}" "${OBSERVED[@]/%/.o=y}" all
	make_kernel "$LOG-install.log" "${ARGS[@]}" "INSTALL_MOD_PATH=$INSIDE/modules" DEPMOD=true modules_install
	cp "$DIR/tree/arch/$KERNEL_ARCH/boot/bzImage" "$DIR/vmlinuz"
	# a result for an earlier build
	rm -f "$DIR/kvm-works"
	cp "$DIR/tree/include/config/kernel.release" "$DIR/release"
	is "$DIR/release" "$RELEASE" || die "$STEP" "it calls itself $(<"$DIR/release"), not $RELEASE" "report this"
}

link_source
read -ra ARGS <"$DIR/make-args"
ARGS+=("O=$INSIDE/tree")
OBSERVED=("${OBSERVED[@]/#/GCOV_PROFILE_}")
rm -f "$DIR/stamps/build"
say "$STEP: configuring"
configure
say "$STEP: building (7 minutes on 2 cores)"
build
echo "$KEY" >"$DIR/stamps/build"
finish
