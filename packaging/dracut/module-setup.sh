#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# For dracut: puts acs_quirks.ko, acsctl and the script that runs them into the initramfs. NOT
# TRIED: only shellcheck has read this file.
# shellcheck disable=SC2154 # dracut sets kernel, initdir and moddir

BOOT=@LIBEXEC@/acs-quirks-boot

check() {
	modinfo -k "$kernel" acs_quirks >/dev/null 2>&1 && require_binaries acsctl "$BOOT"
}

depends() { :; }

installkernel() {
	hostonly='' instmods acs_quirks
}

install() {
	local record
	"$BOOT" check >&2 || dwarn "acs-quirks: until this is corrected, no device is regrouped at boot"
	inst_simple "$(command -v acsctl)" /usr/bin/acsctl
	inst_script "$BOOT" /usr/lib/acs-quirks/acs-quirks-boot
	inst_multiple cat mkdir modprobe sleep
	inst_multiple -o /etc/default/acs-quirks /etc/modprobe.d/*.conf
	mkdir -p "$initdir/var/lib/acsctl"
	"$BOOT" root-devices >"$initdir/usr/lib/acs-quirks/root-devices" || :
	# acsctl leaves devices alone that an earlier regroup withheld
	for record in /var/lib/acsctl/withheld-*.json; do
		[[ ! -e $record ]] || inst_simple "$record"
	done
	# before udev, which loads the drivers of PCI devices
	inst_hook pre-udev 01 "$moddir/acs-quirks-early.sh"
}
