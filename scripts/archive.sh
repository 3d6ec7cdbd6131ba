# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# The package sources of a Debian system. The scripts that make one source this after lib.sh, and set STEP.

# host_apt ARG...: the host's apt-get, into the log of the tools. Waits up to ten minutes while another process has apt's locks,
# as the daily update has on a machine that was just switched on.
host_apt() {
	local waited=0
	until DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 apt-get -o DPkg::Lock::Timeout=600 "$@" \
		>"$CACHE/logs/tools.log" 2>&1; do
		if ((waited == 600)) || ! grep -q '^E: Could not get lock' "$CACHE/logs/tools.log"; then return 1; fi
		((waited > 0)) || say "waiting for another process that uses apt" >&2
		sleep 5
		((waited += 5))
	done
}

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

# sources SUITE [MORE]: the source lines for mmdebstrap: SUITE, its updates, and the suite MORE. Prints nothing if mmdebstrap
# should use its built-in default.
sources() {
	local mirror security suite
	# before the first `apt-get update`, apt does not know the origin of its sources
	[[ -n ${ACS_QUIRKS_MIRROR:-} || -n $(site Debian) ]] || host_apt update || :
	mirror=${ACS_QUIRKS_MIRROR:-$(site Debian)}
	[[ -n $mirror ]] || return 0
	for suite in "$@"; do
		has "$mirror" "$suite" || die "$STEP" "the mirror $mirror does not answer for $suite" \
			"check the network and its proxy, or set ACS_QUIRKS_MIRROR to a Debian mirror that has $suite"
		echo "deb $mirror $suite main"
	done
	[[ $1 != sid ]] || return 0 # sid has no suite of updates
	! has "$mirror" "$1-updates" || echo "deb $mirror $1-updates main"
	for security in "${mirror%/}-security" "$(site Debian-Security)"; do
		if [[ -n $security ]] && has "$security" "$1-security"; then
			echo "deb $security $1-security main"
			break
		fi
	done
}

# shellcheck disable=SC2153 # lib.sh sets SUITE
knows_suite() { compgen -G "/usr/share/keyrings/debian-archive-$SUITE-automatic.*" >/dev/null; }

install_tools() {
	command -v apt-get >/dev/null || die "$STEP" "this is not a Debian system (no apt-get)" "use a machine with Debian 12 or 13"
	if ! command -v mmdebstrap >/dev/null || ! knows_suite; then
		say "installing mmdebstrap and the archive keys"
		{ host_apt update -q && host_apt install -qy --no-install-recommends mmdebstrap debian-archive-keyring; } ||
			die "$STEP" "apt-get could not install mmdebstrap and debian-archive-keyring, see $CACHE/logs/tools.log" \
				"make apt-get work (network, sources), or install the two yourself"
	fi
	knows_suite || die "$STEP" "this system's debian-archive-keyring is too old to know the keys of $SUITE" \
		"apt-get update && apt-get install debian-archive-keyring (Debian 12: 2023.3+deb12u2 or later)"
}

# minimal_system ARG...: make a minimal system with mmdebstrap and these arguments. The package lists are kept. The host's apt
# settings for a proxy, and for the dates of a snapshot mirror, apply here too.
minimal_system() {
	local option options=()
	while read -r option; do options+=(--aptopt="$option"); done \
		< <(apt-config dump | grep -Ei '^Acquire::(https?::Proxy.*|Check-Valid-Until|Check-Date) "[^"]+";' || true)
	"${CONTAINED[@]}" mmdebstrap --mode=root --variant=minbase --components=main \
		--keyring=/usr/share/keyrings/debian-archive-keyring.gpg --skip=cleanup/apt/lists \
		--aptopt='APT::Install-Recommends "false"' --aptopt='Acquire::Retries "3"' "${options[@]}" "$@"
}
