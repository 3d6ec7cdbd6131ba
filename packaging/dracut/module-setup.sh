#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# For dracut: puts acs_quirks.ko, acsctl and the script that runs them into the initramfs.
# shellcheck disable=SC2154 # dracut sets kernel, initdir, moddir and systemdsystemunitdir

BOOT=@LIBEXEC@/acs-quirks-boot

# In dracut, PATH has the folders of packages alone.
find_acsctl() { (PATH=@BIN@:$PATH && type -P acsctl); }

check() {
	modinfo -k "$kernel" acs_quirks >/dev/null 2>&1 || return 1
	find_acsctl >/dev/null || {
		dwarn "acs-quirks: there is no acsctl, so the initramfs does not regroup devices"
		return 1
	}
}

depends() { :; }

installkernel() {
	hostonly='' instmods acs_quirks
}

install() {
	local record unit=$initdir$systemdsystemunitdir/dracut-pre-udev.service.d
	"$BOOT" check >&2 || dwarn "acs-quirks: until this is corrected, no device is regrouped at boot"
	inst_binary "$(find_acsctl)" /usr/bin/acsctl
	inst_script "$BOOT" /usr/lib/acs-quirks/acs-quirks-boot
	inst_multiple cat mkdir modprobe sleep
	inst_multiple -o /etc/default/acs-quirks /etc/modprobe.d/*.conf
	mkdir -p "$initdir/var/lib/acsctl"
	"$BOOT" root-devices >"$initdir/usr/lib/acs-quirks/root-devices" || :
	# acsctl leaves devices alone that an earlier regroup withheld
	for record in /var/lib/acsctl/withheld-*.json; do
		[[ ! -e $record ]] || inst_simple "$record"
	done
	# before udev, which loads the drivers of PCI devices, and before the drivers that modules-load.d names, such as vfio-pci
	inst_hook pre-udev 01 "$moddir/acs-quirks-early.sh"
	mkdir -p "$unit"
	printf '[Unit]\nBefore=systemd-modules-load.service\n' >"$unit/acs-quirks.conf"
}
