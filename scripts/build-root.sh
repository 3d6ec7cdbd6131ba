#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# build-root.sh: build the build root in the cache, a Debian system with the exact tools that Debian's kernels are built
# with. Does nothing if the root exists and packages.txt has not changed; ACS_QUIRKS_UPDATE=1 rebuilds it. Kernels of
# another architecture than the host's have a root of their own, which also contains the packages of packages-ARCH.txt.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
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

# site LABEL: the network archive that the host's apt uses for Debian packages with this label, if any
site() {
	# shellcheck disable=SC2016 # apt's own fields
	apt-get indextargets --format '$(SITE)|$(ORIGIN)|$(LABEL)' 'Created-By: Packages' 2>/dev/null |
		awk -F'|' -v label="$1" '$1 ~ /^https?:/ && $2 == "Debian" && $3 == label { print $1; exit }'
}

# has SITE SUITE: whether the archive has the suite; uses apt's downloader, and so apt's proxy
has() {
	local to status=0
	to=$(mktemp -d)
	timeout 60 /usr/lib/apt/apt-helper -o APT::Sandbox::User=root -o Acquire::Retries=2 \
		download-file "${1%/}/dists/$2/InRelease" "$to/InRelease" >/dev/null 2>&1 || status=$?
	rm -rf "$to"
	return "$status"
}

# the source lines for mmdebstrap; nothing to use its built-in default
sources() {
	local mirror security suite
	# before the first `apt-get update`, apt does not know the origin of its sources
	[[ -n ${ACS_QUIRKS_MIRROR:-} || -n $(site Debian) ]] || apt-get update >"$CACHE/logs/tools.log" 2>&1 || :
	mirror=${ACS_QUIRKS_MIRROR:-$(site Debian)}
	[[ -n $mirror ]] || return 0
	for suite in "$SUITE" "$SUITE-backports"; do
		has "$mirror" "$suite" || die "$STEP" "the mirror $mirror does not answer for $suite" \
			"check the network and its proxy, or set ACS_QUIRKS_MIRROR to a Debian mirror that has $suite"
		echo "deb $mirror $suite main"
	done
	! has "$mirror" "$SUITE-updates" || echo "deb $mirror $SUITE-updates main"
	for security in "${mirror%/}-security" "$(site Debian-Security)"; do
		if [[ -n $security ]] && has "$security" "$SUITE-security"; then
			echo "deb $security $SUITE-security main"
			break
		fi
	done
}

knows_suite() { compgen -G "/usr/share/keyrings/debian-archive-$SUITE-automatic.*" >/dev/null; }

install_tools() {
	command -v apt-get >/dev/null || die "$STEP" "this is not a Debian system (no apt-get)" "use a machine with Debian 12 or 13"
	if ! command -v mmdebstrap >/dev/null || ! knows_suite; then
		say "installing mmdebstrap and the archive keys"
		{ apt-get update -q && apt-get install -qy --no-install-recommends mmdebstrap debian-archive-keyring; } \
			>"$CACHE/logs/tools.log" 2>&1 ||
			die "$STEP" "apt-get could not install mmdebstrap and debian-archive-keyring, see $CACHE/logs/tools.log" \
				"make apt-get work (network, sources), or install the two yourself"
	fi
	knows_suite || die "$STEP" "this system's debian-archive-keyring is too old to know the keys of $SUITE" \
		"apt-get update && apt-get install debian-archive-keyring (Debian 12: 2023.3+deb12u2 or later)"
}

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
lines=$(sources)
options=()
while read -r option; do options+=(--aptopt="$option"); done < <(apt-config dump | grep -Ei '^Acquire::https?::Proxy.* "[^"]+";' || true)
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
# keep the package lists (skip cleanup/apt/lists), in which kernels are looked up
logged "$STEP" "$CACHE/logs/root$OF_ARCH-base.log" "$retry" \
	"${CONTAINED[@]}" mmdebstrap --mode=root --variant=minbase --architectures="$ARCHITECTURES" --components=main \
	--keyring=/usr/share/keyrings/debian-archive-keyring.gpg --skip=cleanup/apt/lists \
	--aptopt='APT::Install-Recommends "false"' --aptopt='Acquire::Retries "3"' \
	--include="$(packages "$SUITE" | paste -sd,)" "${options[@]}"

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
