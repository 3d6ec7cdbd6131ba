#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# prepare-test-kernel.sh NAME KERNEL: build a small kernel for tests that stock kernels cannot run. Its source is that of the
# prepared stock kernel KERNEL with the patches in tests/kernel/NAME/. Its configuration is in tests/kernel/base.config and
# tests/kernel/NAME/kernel.config. A kernel whose NAME ends in user-mode is a program of the host, and has no other configuration
# than its own.
#
# Results in the cache: kernels/VERSION-NAME/ with the files that prepare-kernel.sh and prepare-tree.sh make for building
# modules and for booting, and the link kernels/NAME to it, or kernels/KERNEL-NAME for NAME=user-mode. A kernel in user mode is
# the file linux there.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
NAME=${1:?the folder in tests/kernel}
KERNEL=${2:-newest}
STEP="kernel for the tests $NAME"
STOCK=$CACHE/kernels/$KERNEL
[[ -e $STOCK/stamps/kernel ]] || die "$STEP" "kernel $KERNEL is not prepared" "run scripts/prepare-kernel.sh $KERNEL first"
STOCK=$(readlink -f "$STOCK")
VERSION=$(<"$STOCK/version")
RELEASE=${VERSION%%[-~+]*}-$NAME
DIR=$CACHE/kernels/$RELEASE
INSIDE=/cache/kernels/$RELEASE
LOG=$CACHE/logs/kernel-$RELEASE
shopt -s nullglob
CONFIGS=(tests/kernel/base.config "tests/kernel/$NAME"/*.config)
LINK=$NAME BUILT=arch/$KERNEL_ARCH/boot/bzImage IMAGE=vmlinuz
case $NAME in
*user-mode) CONFIGS=("${CONFIGS[@]:1}") KERNEL_ARCH=um BUILT=linux IMAGE=linux ;;&
user-mode) LINK=$KERNEL-$NAME ;;
esac
PATCHES=("tests/kernel/$NAME"/*.patch)
# The objects of the KUnit kernel for which gcov records the branches taken: the grouping code and its callees.
OBSERVED=(iommu search pci quirks)

in_project() { (cd "$PROJECT" && "$@"); }
PATCHED="$VERSION $(in_project cat "${PATCHES[@]}" </dev/null | sha256sum | cut -d' ' -f1)"
# a changed comment is no reason to build again
KEY="$PATCHED $(toolchain) $(in_project sed '/^[[:space:]]*#/d' "${CONFIGS[@]}" "scripts/$(basename "$0")" | sha256sum | cut -d' ' -f1)"

finish() {
	ln -sfn "$RELEASE" "$CACHE/kernels/.link"
	mv -T "$CACHE/kernels/.link" "$CACHE/kernels/$LINK"
	say "$STEP: ready, $RELEASE"
}
if is "$DIR/stamps/build" "$KEY" && has_files "$DIR" source; then
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

source_of_stock() {
	local patch
	! is "$DIR/stamps/source" "$PATCHED" || return 0
	remove_tree "$DIR"
	mkdir -p "$DIR"/{stamps,tree}
	if [[ -e $STOCK/stamps/verify ]]; then
		# A copy of its tree without build results. Source files are never written to, so hard links suffice.
		cp -al "$STOCK/tree" "$DIR/source"
		make_kernel "$LOG-clean.log" mrproper
	else
		say "$STEP: downloading and unpacking its source (150 MB)"
		unpack_source "$STEP" "$RELEASE" "$VERSION" source
	fi
	for patch in "${PATCHES[@]}"; do
		# patch(1) replaces files instead of writing to them, so the stock kernel's tree keeps its own
		logged "$STEP" "$LOG-patch.log" "adapt the patch to this version of the kernel" \
			"$SCRIPTS/in-root.sh" -- patch --fuzz=0 --strip=1 --directory="$INSIDE/source" --input="/src/$patch"
	done
	make_args "$(basename "$STOCK")" "-$NAME" >"$DIR/make-args"
	echo "$VERSION" >"$DIR/version"
	echo "$PATCHED" >"$DIR/stamps/source"
}

configure() {
	local missing
	in_project cat "${CONFIGS[@]}" >"$DIR/wanted.config"
	make_kernel "$LOG-configure.log" "${ARGS[@]}" "KCONFIG_ALLCONFIG=$INSIDE/wanted.config" allnoconfig
	missing=$(grep -vxFf "$DIR/tree/.config" "$DIR/wanted.config" | grep '^CONFIG_' | paste -sd' ') || :
	[[ -z $missing ]] || die "$STEP" "the kernel's Kconfig rejects these options: $missing" \
		"add their dependencies to ${CONFIGS[*]}, or remove them; if RUST is missing, the build root lacks a tool"
}

build() {
	make_kernel "$LOG-build.log" "${ARGS[@]}" "${OBSERVED[@]/%/.o=y}" all
	make_kernel "$LOG-install.log" "${ARGS[@]}" "INSTALL_MOD_PATH=$INSIDE/modules" DEPMOD=true modules_install
	cp "$DIR/tree/$BUILT" "$DIR/$IMAGE"
	cp "$DIR/tree/include/config/kernel.release" "$DIR/release"
	is "$DIR/release" "$RELEASE" || die "$STEP" "it calls itself $(<"$DIR/release"), not $RELEASE" "report this"
}

source_of_stock
read -ra ARGS <"$DIR/make-args"
ARGS+=("O=$INSIDE/tree")
OBSERVED=("${OBSERVED[@]/#/GCOV_PROFILE_}")
rm -f "$DIR/stamps/build"
say "$STEP: configuring"
configure
say "$STEP: building (4 to 7 minutes on 2 cores)"
build
note_files "$DIR" source source tree modules "$IMAGE"
echo "$KEY" >"$DIR/stamps/build"
finish
