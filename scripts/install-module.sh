#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# install-module.sh RELEASE: build acs_quirks.ko for an installed Debian kernel, in the build root, and install it in
# ${INSTALL_MOD_PATH}/lib/modules/RELEASE/updates of this host.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
RELEASE=${1:?usage: install-module.sh RELEASE}
STEP="install for $RELEASE"
HOST=${INSTALL_MOD_PATH:-}
TARGET=$HOST/lib/modules/$RELEASE
[[ -d $TARGET ]] || die "$STEP" "there is no $TARGET" "name an installed kernel: make install KVER=RELEASE"
command -v depmod >/dev/null || die "$STEP" "there is no depmod" "install the package kmod"

BASE=${RELEASE%%[+-]*}
"$SCRIPTS/build-root.sh"
"$SCRIPTS/prepare-kernel.sh" "$BASE"
FOUND=$(<"$CACHE/kernels/$BASE/release")
[[ $FOUND == "$RELEASE" ]] || die "$STEP" "the archive has $FOUND, and the installed kernel is $RELEASE" \
	"only Debian's own kernels can be prepared; for another, build with KDIR= against a tree with Rust metadata"
read -ra ARGS <"$CACHE/kernels/$RELEASE/make-args"

BUILD=build/$RELEASE-install
mkdir -p "$CACHE/$BUILD"
remove_tree "$CACHE/$BUILD/staged"
say "$STEP: building"
logged "$STEP" "$CACHE/logs/install-$RELEASE.log" "mend what the compiler says" \
	"$SCRIPTS/in-root.sh" -- make -C "/cache/kernels/$RELEASE/tree" -j"$(nproc)" "${ARGS[@]}" M=/src MO="/cache/$BUILD" modules
logged "$STEP" "$CACHE/logs/install-$RELEASE.log" "see the log" \
	"$SCRIPTS/in-root.sh" -- make -C "/cache/kernels/$RELEASE/tree" "${ARGS[@]}" M=/src MO="/cache/$BUILD" \
	modules_install INSTALL_MOD_PATH="/cache/$BUILD/staged" INSTALL_MOD_STRIP=1

cp -R "$CACHE/$BUILD/staged/lib/modules/$RELEASE/updates" "$TARGET/"
depmod ${HOST:+-b "$HOST"} "$RELEASE"
say "$STEP: $(find "$TARGET/updates" -name 'acs_quirks.ko*'); load it with: modprobe acs_quirks"
