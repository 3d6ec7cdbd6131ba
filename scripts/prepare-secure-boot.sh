#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# prepare-secure-boot.sh: prepare what a guest with Secure Boot boots from: Debian's firmware for virtual machines with the keys of
# Microsoft, shim, GRUB, and a key of the owner's that shim's list has, as after mokutil and a confirmation on the console.
#
# Results in the cache: secure-boot/ with code.fd, vars.fd, shim.efi, grub.efi, mok.key and mok.pem.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=archive.sh
. "$SCRIPTS/archive.sh"
STEP='Secure Boot'
TO=$CACHE/secure-boot
SYSTEM=$CACHE/secure-boot.system
LOG=$CACHE/logs/secure-boot
RETRY='if it is the network, run this again; else set ACS_QUIRKS_MIRROR to a Debian mirror'

if [[ -z ${ACS_QUIRKS_UPDATE:-} && -e $TO/ready ]]; then
	say "$STEP: ready"
	exit 0
fi
need_root "$STEP"
mkdir -p "$CACHE/logs"
lock work
remove_tree "$SYSTEM"
remove_tree "$TO"
need_space 500 "$STEP"
install_tools
trap 'remove_tree "$SYSTEM"' EXIT
trap on_interrupt INT

say "$STEP: firmware, shim, and a key of the owner's"
list=$(sources "$SUITE")
lines=()
[[ -z $list ]] || mapfile -t lines <<<"$list"
logged "$STEP" "$LOG-system.log" "$RETRY" minimal_system --include=ovmf,python3-virt-firmware,openssl "$SUITE" "$SYSTEM" "${lines[@]}"
# The packages of shim and GRUB would install themselves into a boot disk; only their files matter here.
# shellcheck disable=SC2016 # for the shell inside
ACS_QUIRKS_ROOT=$SYSTEM logged "$STEP" "$LOG-files.log" "$RETRY" "$SCRIPTS/in-root.sh" -- bash -euo pipefail -c '
	mkdir /made
	cd /made
	apt-get -q -o APT::Sandbox::User=root download shim-signed grub-efi-amd64-signed
	for deb in *.deb; do dpkg-deb -x "$deb" .; done
	openssl req -new -x509 -newkey rsa:2048 -nodes -days 3650 -subj "/CN=the owner of the host/" -keyout mok.key -out mok.pem
	# the owner of the variable, any number
	virt-fw-vars -i /usr/share/OVMF/OVMF_VARS_4M.ms.fd -o vars.fd --add-mok 605dab50-e046-4300-abb6-3dd810dd8b23 mok.pem'
mkdir "$TO"
cp "$SYSTEM"/made/{vars.fd,mok.key,mok.pem} "$TO/"
cp "$SYSTEM/usr/share/OVMF/OVMF_CODE_4M.secboot.fd" "$TO/code.fd"
cp "$SYSTEM/made/usr/lib/shim/shimx64.efi.signed" "$TO/shim.efi"
cp "$SYSTEM/made/usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed" "$TO/grub.efi"
: >"$TO/ready"
say "$STEP: ready in $TO"
