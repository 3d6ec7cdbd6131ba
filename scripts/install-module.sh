#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# install-module.sh RELEASE: build acs_quirks.ko for an installed Debian kernel in the build root, and install it in
# ${INSTALL_MOD_PATH}/lib/modules/RELEASE/updates of this host.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
RELEASE=${1:?usage: install-module.sh RELEASE}
STEP="install for $RELEASE"
HOST=${INSTALL_MOD_PATH:-}
TARGET=$HOST/lib/modules/$RELEASE
need_supported "$RELEASE" "$STEP"
[[ -z $HOST ]] || mkdir -p "$TARGET" # a staging folder, as kbuild supports
[[ -d $TARGET ]] || die "$STEP" "there is no $TARGET" "name an installed kernel: make install KVER=RELEASE"
command -v depmod >/dev/null || die "$STEP" "there is no depmod" "install the package kmod"

"$SCRIPTS/build-root.sh"
"$SCRIPTS/prepare-kernel.sh" "$RELEASE"
PREPARED=$(<"$KERNELS/$RELEASE/version")
# Debian's kernel has no symbol versions, so a module for another build of the same release would load and crash.
INSTALLED=$(dpkg-query -W -f '${Version}' "linux-binary-$RELEASE" 2>/dev/null || :)
[[ -z $INSTALLED || $INSTALLED == "$PREPARED" ]] ||
	die "$STEP" "the installed kernel is package version $INSTALLED, and the prepared one is $PREPARED" \
		"apt upgrade, then ACS_QUIRKS_UPDATE=1 make install, then reboot"

lock work
BUILD=build/$RELEASE-install
remove_tree "$CACHE/$BUILD/staged"
say "$STEP: building"
for goal in modules modules_install; do
	kbuild "$STEP" "$CACHE/logs/install-$RELEASE-$goal.log" "see the log; if the checkout is unchanged, report this" \
		"$RELEASE" "$BUILD" "$goal" INSTALL_MOD_PATH="/cache/$BUILD/staged" INSTALL_MOD_STRIP=1
done

# also an uncompressed copy left from signing: of two files with one name, either could load
find "$TARGET" -path "$TARGET/updates/*" -name 'acs_quirks.ko*' -delete
cp -R "$CACHE/$BUILD/staged/lib/modules/$RELEASE/updates" "$TARGET/"
depmod ${HOST:+-b "$HOST"} "$RELEASE"
say "$STEP: $(find "$TARGET/updates" -name 'acs_quirks.ko*'); load it with: modprobe acs_quirks"
