#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# build-root.sh: build the build root in the cache, a Debian system with the exact tools that build Debian's kernels.
# Does nothing if the root exists and packages.txt has not changed; ACS_QUIRKS_UPDATE=1 rebuilds it. Kernels of
# another architecture than the host's have a root of their own, which also contains the packages of packages-ARCH.txt.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=archive.sh
. "$SCRIPTS/archive.sh"
STEP="build root"
LISTS=("$SCRIPTS/packages.txt")
ARCHITECTURES=$HOST_ARCH
SPACE=2600 # MB
if [[ $DEB_ARCH != "$HOST_ARCH" ]]; then
	STEP+=" for $DEB_ARCH"
	LISTS+=("$SCRIPTS/packages-$DEB_ARCH.txt")
	ARCHITECTURES+=,$DEB_ARCH
	SPACE=4000
fi
PARTIAL=$ROOT.partial

# packages SUITE: the packages to take from this suite (the default is the base suite)
packages() { awk -v suite="$1" -v base="$SUITE" '!/^#/ && NF && ($2 ? $2 : base) == suite { print $1 }' "${LISTS[@]}"; }

# a digest of the root's contents, without the comments of the lists
definition() { { echo "format 1 $SUITE $DEB_ARCH" && sed -s 's/#.*//' "${LISTS[@]}"; } | sha256sum | cut -d' ' -f1; }

need_root "$STEP"
mkdir -p "$CACHE/logs"
stop_when_ready() { [[ -n ${ACS_QUIRKS_UPDATE:-} ]] || ! is "$ROOT/.definition" "$(definition)" || { say "$STEP: ready" && exit 0; }; }
stop_when_ready
trap on_interrupt INT
lock work
stop_when_ready # another run may have built it while this one waited

remove_tree "$PARTIAL"
remove_tree "$ROOT.old"
need_space "$SPACE" "$STEP"
install_tools

say "$STEP: looking for a mirror"
lines=$(sources "$SUITE" "$SUITE-backports")
options=()
if [[ -n $lines ]]; then
	mapfile -t lines <<<"$lines"
	options+=("$SUITE" "$PARTIAL" "${lines[@]}")
else
	# mmdebstrap has a default archive, which also has the backports
	# shellcheck disable=SC2016 # $1 is for the hook
	options+=(--setup-hook="sed -n 's/ $SUITE main/ $SUITE-backports main/p' \"\$1/etc/apt/sources.list\" >\"\$1/etc/apt/sources.list.d/backports.list\""
		"$SUITE" "$PARTIAL")
fi

retry="if it is the network, run this again; else set ACS_QUIRKS_MIRROR to another Debian mirror"
say "$STEP: Debian $SUITE with compilers"
# kernels are looked up in the package lists, which stay
logged "$STEP" "$CACHE/logs/root$OF_ARCH-base.log" "$retry" \
	minimal_system --architectures="$ARCHITECTURES" --include="$(packages "$SUITE" | paste -sd,)" "${options[@]}"

say "$STEP: packages from $SUITE-backports"
mapfile -t backports < <(packages "$SUITE-backports")
logged "$STEP" "$CACHE/logs/root$OF_ARCH-backports.log" "$retry" \
	env ACS_QUIRKS_ROOT="$PARTIAL" "$SCRIPTS/in-root.sh" DEBIAN_FRONTEND=noninteractive \
	apt-get install -qy -o Dpkg::Options::=--force-unsafe-io -t "$SUITE-backports" "${backports[@]}"
rm -f "$PARTIAL"/var/cache/apt/archives/*.deb

mapfile -t foreign < <(packages unpacked)
if ((${#foreign[@]})); then
	say "$STEP: programs of its guests"
	# shellcheck disable=SC2016 # for the shell inside
	logged "$STEP" "$CACHE/logs/root$OF_ARCH-guest.log" "$retry" \
		env ACS_QUIRKS_ROOT="$PARTIAL" "$SCRIPTS/in-root.sh" bash -euo pipefail -c '
			mkdir -p "/guest/$0" && cd "/guest/$0"
			apt-get -q -o APT::Sandbox::User=root download "$@"
			for deb in *.deb; do dpkg-deb -x "$deb" . && rm "$deb"; done' "$DEB_ARCH" "${foreign[@]}"
fi
definition >"$PARTIAL/.definition"
sync -f "$PARTIAL"

lock root
[[ ! -e $ROOT ]] || mv "$ROOT" "$ROOT.old"
mv "$PARTIAL" "$ROOT"
remove_tree "$ROOT.old"
say "$STEP: ready in $ROOT ($(du -sxm "$ROOT" | cut -f1) MB)"
