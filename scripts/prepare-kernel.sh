#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# prepare-kernel.sh [KERNEL]: prepare a stock Debian kernel for booting and for building modules from its headers. KERNEL is
# a series (6.12), a release (7.3.4, or in full 7.3.4+deb13-amd64) or `newest`, the newest supported series and default.
# If KERNEL ends in @rust-for-linux, also prepare a tree with the kernel's Rust crates (prepare-tree.sh).
#
# Results in the cache: kernels/RELEASE/ with release, version, vmlinuz, vmlinux (x86), modules/ and headers/; and the link
# kernels/KERNEL to it. For another architecture than the host's, the folder is kernels-ARCH.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
KERNEL=${1:-newest}
if [[ $KERNEL == *@rust-for-linux ]]; then
	"$0" "${KERNEL%@*}"
	exec "$SCRIPTS/prepare-tree.sh" "${KERNEL%@*}"
fi
KERNEL=${KERNEL%@coverage} # its modules differ
STEP="kernel $KERNEL"
RESOLVED=$KERNELS/.packages-$KERNEL

[[ $KERNEL =~ ^(newest|[0-9]+\.[0-9][0-9a-z.+-]*)$ ]] ||
	die "$STEP" "'$KERNEL' is not a kernel version" "give a series like 7.3, a release like 7.3.4, or newest"
SERIES=$(series_of "$KERNEL")
[[ -n $SERIES ]] || die "$STEP" "the series is not supported (supported: ${SUPPORTED//|/, })" "choose a kernel of one of these series"
SUITE=$(of_series "$SERIES" 2)
[[ -e $ROOT/.definition ]] || die "$STEP" "there is no build root at $ROOT" "run scripts/build-root.sh first"

# decompress DIR: write the kernel that DIR/vmlinuz contains to DIR/vmlinux. An emulated processor needs up to 9 seconds to
# decompress it at each boot; QEMU can also start it directly (by its PVH entry). Where the payload is in the image:
# Documentation/arch/x86/boot.rst.
decompress() {
	[[ $KERNEL_ARCH == x86 && ! -e $1/vmlinux ]] || return 0
	local inside
	inside=/cache/$(basename "$KERNELS")/$(basename "$(readlink -f "$1")")
	# shellcheck disable=SC2016 # for the shell inside
	logged "$STEP" "$CACHE/logs/kernel-$(basename "$inside")-decompress.log" "remove $1 and run this again" \
		"$SCRIPTS/in-root.sh" -- bash -euo pipefail -c '
		cd "$1"
		number() { od --address-radix=n --format="u$2" --skip-bytes="$1" --read-bytes="$2" vmlinuz | tr -d " "; }
		start=$((($(number 0x1f1 1) + 1) * 512 + $(number 0x248 4)))
		# the size of the kernel follows the payload in 4 bytes
		length=$(($(number 0x24c 4) - 4))
		for tool in zstd xz gzip; do
			{ tail --bytes=+$((start + 1)) vmlinuz || :; } | head --bytes="$length" | "$tool" -dc >vmlinux.partial || continue
			[[ $(head --bytes=4 vmlinux.partial) == $'"'\177ELF'"' ]] || continue
			mv vmlinux.partial vmlinux
			exit 0
		done
		echo "no known compression"
		exit 1' bash "$inside"
}

if [[ -z ${ACS_QUIRKS_UPDATE:-} && -e $KERNELS/$KERNEL/stamps/kernel ]] && has_files "$KERNELS/$KERNEL" kernel; then
	decompress "$KERNELS/$KERNEL"
	say "$STEP: ready, $(<"$KERNELS/$KERNEL/release")"
	exit 0
fi

need_root "$STEP"
trap on_interrupt INT
mkdir -p "$KERNELS/.apt-$SUITE/lists/partial"
lock work

# The source lines of the kernel's suite and of its base suite, with the root's mirrors.
sources() {
	local base=${SUITE%-backports} lines mirror security
	lines=$(cat "$ROOT"/etc/apt/sources.list "$ROOT"/etc/apt/sources.list.d/*.list 2>/dev/null || :)
	mirror=$(sed -nE 's/^deb (\[[^]]*\] )?([^ ]+) [a-z]+ .*/\2/p' <<<"$lines" | head -n 1)
	security=$(sed -nE 's/^deb (\[[^]]*\] )?([^ ]+) [a-z]+-security .*/\2/p' <<<"$lines" | head -n 1)
	echo "deb $mirror $base main"
	[[ -z $security || $base == sid ]] || echo "deb $security $base-security main"
	[[ $base == "$SUITE" ]] || echo "deb $mirror $SUITE main"
}

# The kernels of the suite that fit KERNEL, newest first. Flavours (cloud, rt) have one more word before the architecture.
candidates() {
	local of=$KERNEL
	[[ $KERNEL != newest ]] || of=$SERIES
	apt_of "$SUITE" apt-cache pkgnames linux-headers- |
		sed -nE "s/^linux-headers-([0-9.]+([+][a-z0-9.]+|-[0-9]+)-$DEB_ARCH)\$/\1/p" |
		awk -v k="$of" '$1 == k || index($1, k ".") == 1 || index($1, k "+") == 1 || index($1, k "-") == 1' | sort -rV
}

# packages RELEASE: the packages with the release's image, modules and headers. Fails if their versions do not match in the
# archive: the signed image has its own source package, so it can lag behind the others for a day.
packages() {
	apt_of "$SUITE" apt-get install --print-uris -qq --no-install-recommends "linux-image-$1" "linux-headers-$1" 2>/dev/null |
		sed -nE "s/^'[^']+' (linux-(image|binary|modules|base|headers|kbuild)-[0-9][^_]*)_.*/\1/p"
}

resolve() {
	local release list
	say "$STEP: looking it up"
	sources >"$KERNELS/.apt-$SUITE/sources.list"
	logged "$STEP" "$CACHE/logs/apt-update-$SUITE.log" \
		"check the network and its proxy; if the mirror has no $SUITE any more, leave this kernel out with KERNELS=" \
		apt_of "$SUITE" apt-get update -q -o APT::Update::Error-Mode=any
	for release in $(candidates); do
		list=$(packages "$release" || :)
		[[ -n $list ]] || continue
		printf '%s\n' "$release" "$(apt_of "$SUITE" apt-cache show "linux-headers-$release" | sed -n 's/^Version: //p' | head -n 1)" "$list" \
			>"$RESOLVED.partial"
		mv "$RESOLVED.partial" "$RESOLVED"
		return
	done
	die "$STEP" "Debian's $SUITE has no kernel that matches $KERNEL, with image and headers" \
		"use one of: $(KERNEL=$SERIES candidates | paste -sd' ') (flavours like cloud and rt cannot be prepared)"
}

[[ -z ${ACS_QUIRKS_UPDATE:-} && -s $RESOLVED ]] || resolve
{
	read -r RELEASE
	read -r VERSION
	mapfile -t PACKAGES
} <"$RESOLVED"
DIR=$KERNELS/$RELEASE
INSIDE=/cache/$(basename "$KERNELS")/$RELEASE
LOG=$CACHE/logs/kernel-$RELEASE

download() {
	mkdir -p "$DIR/debs"
	# apt checks each file against the signed index
	logged "$STEP" "$LOG-download.log" "if it is the network, run this again; if the version has left the archive, ACS_QUIRKS_UPDATE=1" \
		apt_of "$SUITE" env --chdir="$INSIDE/debs" apt-get -q download "${PACKAGES[@]}"
}

unpack() {
	# shellcheck disable=SC2016 # for the shell inside
	logged "$STEP" "$LOG-unpack.log" "run this again" "$SCRIPTS/in-root.sh" -- bash -euo pipefail -c '
		cd "$1"
		mkdir headers image
		for deb in debs/linux-{headers,kbuild}-*.deb; do dpkg-deb -x "$deb" headers; done
		for deb in debs/*.deb; do
			[[ $deb =~ linux-(headers|kbuild)- ]] || dpkg-deb -x "$deb" image
		done
		mkdir -p modules/lib
		mv "$(find image -path "*lib/modules" | head -n 1)" modules/lib/
		mv "$(find image/boot modules -name "vmlinuz*" | head -n 1)" vmlinuz
		rm -rf image debs modules/lib/modules/*/{build,source}
		depmod -b modules "$2"' bash "$INSIDE" "$RELEASE"
}

if ! is "$DIR/stamps/kernel" "$VERSION"; then
	remove_tree "$DIR"
	need_space 1000 "$STEP"
	mkdir -p "$DIR/stamps"
	say "$STEP: downloading $RELEASE ($(of_series "$SERIES" 2), 80 to 130 MB)"
	download
	unpack
	echo "$RELEASE" >"$DIR/release"
	echo "$VERSION" >"$DIR/version"
	note_files "$DIR" kernel vmlinuz modules headers
	sync -f "$DIR"
	echo "$VERSION" >"$DIR/stamps/kernel"
fi

decompress "$DIR"
if [[ $KERNEL != "$RELEASE" ]]; then
	ln -sfn "$RELEASE" "$KERNELS/.link"
	mv -T "$KERNELS/.link" "$KERNELS/$KERNEL"
fi
say "$STEP: ready in $KERNELS/$KERNEL ($(du -sxm "$DIR" | cut -f1) MB)"
