#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# package-test.sh SUITE...: install the packages of build/packages in a new Debian of each suite with its stock kernel, and boot
# it. Stages, each a disk image that tests/boot/tests/packages.rs boots: installed, another-kernel, removed, killed, and on trixie
# faults, upgrade, upgraded, libvirt and dracut. Installations run in the system's chroot, except the one that is killed and the upgrade
# while the module is loaded. The module of these systems has the table of the test edition, whose entry is for the emulated
# adapter.
#
# Stage `suite` does one suite in a pid namespace, so that all its processes end before its system is removed.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=archive.sh
. "$SCRIPTS/archive.sh"
HOSTS=$CACHE/hosts
PACKAGES=$PROJECT/build/packages

# More kernels of each suite: the suite of archive that has it, and the package.
other_kernel() {
	case $1 in
	bookworm) echo "bookworm-backports linux-image-amd64" ;;
	trixie) echo "trixie-backports linux-image-amd64" ;;
	sid) echo "sid linux-image-rt-amd64" ;; # refused: CONFIG_PREEMPT_RT
	esac
}

in_host() { ACS_QUIRKS_ROOT=$HOSTS/$OF/root "$SCRIPTS/in-root.sh" -- "$@"; }
apt_get() { in_host env DEBIAN_FRONTEND=noninteractive apt-get -qy -o Dpkg::Options::=--force-unsafe-io -o Dpkg::Options::=--force-confold "$@"; }

# configure: name the disk of the root file system, whose functions cannot be found in a chroot
configure() {
	sed 's/^LEAVE=.*/LEAVE=0000:00:02.0/' "$PROJECT/packaging/boot/acs-quirks.default" >"$HOSTS/$OF/root/etc/default/acs-quirks"
}

# prepare: what makes the system a guest of the boot tests: a shell on the second serial port, and the table of the test edition.
# vfio-pci is set up as by owners who pass devices through: in the initramfs, with the ids of two functions of the adapter.
prepare() {
	local root=$HOSTS/$OF/root
	install -D -m 755 "$PROJECT/tests/boot/guest/host-shell" "$root/usr/local/sbin/host-shell"
	cat >"$root/etc/systemd/system/host-shell.service" <<-'UNIT'
		[Unit]
		After=acs-quirks.service
		[Service]
		ExecStart=/usr/local/sbin/host-shell
		[Install]
		WantedBy=multi-user.target
	UNIT
	in_host systemctl enable host-shell.service
	in_host systemctl mask serial-getty@ttyS0.service getty@tty1.service systemd-random-seed.service
	echo '/dev/vda / ext4 rw 0 1' >"$root/etc/fstab"
	echo host >"$root/etc/hostname"
	# dkms reads this after the module's dkms.conf
	mkdir -p "$root/etc/dkms" "$root/test"
	cp "$PROJECT/tests/kernel/module/table.rs" "$root/test/table.rs"
	# shellcheck disable=SC2016 # for dkms
	echo 'MAKE[0]="cp /test/table.rs src/table.rs && ${MAKE[0]}"' >"$root/etc/dkms/acs-quirks.conf"
	configure
	cp -r "$PACKAGES" "$root/packages"
	echo vfio-pci >>"$root/etc/initramfs-tools/modules"
	# dracut leaves those of /etc to an initramfs for one host
	mkdir -p "$root/usr/lib/modules-load.d"
	echo vfio-pci >"$root/usr/lib/modules-load.d/vfio-pci.conf"
	echo 'options vfio-pci ids=1077:8032' >"$root/etc/modprobe.d/vfio-pci.conf"
}

# image STAGE RELEASE [JOURNAL]: write the disk image, and copy the kernel and its initramfs beside it. Without a journal the test
# is faster; a system that loses its power needs one.
image() {
	local to=$HOSTS/$OF/$1 root=$HOSTS/$OF/root
	in_host apt-get clean
	mkdir -p "$to"
	cp "$root/boot/vmlinuz-$2" "$to/vmlinuz"
	cp "$root/boot/initrd.img-$2" "$to/initrd"
	echo "$2" >"$to/release"
	rm -f "$to/disk"
	truncate -s 4G "$to/disk"
	mkfs.ext4 -q -O "${3-^}has_journal" -d "$root" "$to/disk"
}

# boot STAGE: boot the image as the stage demands
boot() {
	ACS_QUIRKS_HOSTS=/cache/${HOSTS##*/}/$OF "$SCRIPTS/in-root.sh" -- \
		cargo boot-test --test packages -- --exact "$1"
}

# boot_and_remove STAGE: the same, and remove the image
boot_and_remove() {
	boot "$1"
	rm "$HOSTS/$OF/$1/disk"
}

# upgraded RELEASE: the image of the stage upgrade, with the initramfs that the upgrade has written into it
upgraded() {
	local to=$HOSTS/$OF/upgraded
	mv "$HOSTS/$OF/upgrade" "$to"
	rm "$to/initrd"
	debugfs -R "dump /boot/initrd.img-$1 $to/initrd" "$to/disk"
	[[ -s $to/initrd ]]
}

# release NUMBER: the release of a kernel of the system, the newest last
release() { in_host sh -c "ls -v /lib/modules | sed -n ${1}p"; }

# said LOG PATTERN SOURCE: fail if the log has no line with the pattern, which SOURCE should have printed
said() { grep -q "$2" "$1" || die "$STEP" "$1 has no line with \"$2\"" "see $3"; }

# has_parts INITRAMFS. grep reads to the end: lsinitramfs would fail on a closed pipe.
has_parts() { in_host lsinitramfs "/boot/${1##*/}" | grep 'acs.quirks' >/dev/null; }

purged() {
	local root=$HOSTS/$OF/root left
	apt_get purge acs-quirks acs-quirks-dkms acsctl
	left=$(find "$root" -xdev -path "$root/packages" -prune -o -path "$root/test" -prune -o -path "$root/etc/dkms" -prune -o \
		\( -name '*acs?quirks*' -o -name '*acsctl*' \) -print)
	[[ -z $left ]] || die "$STEP" "after purge, these files are left:"$'\n'"$left" "see debian/*.postrm"
	for initrd in "$root"/boot/initrd.img-*; do
		! has_parts "$initrd" ||
			die "$STEP" "after purge, ${initrd##*/} has parts of acs-quirks" "see debian/acs-quirks.postrm"
	done
}

# next_release: the packages of a release after this one, in /next
next_release() {
	# shellcheck disable=SC2016 # for the shell in the system
	in_host sh -euc '
		mkdir /next
		for package in /packages/*.deb; do
			version=$(dpkg-deb -f "$package" Version)
			next=$version+next
			dpkg-deb -R "$package" /tmp/next
			! test -d "/tmp/next/usr/src/acs-quirks-$version" ||
				mv "/tmp/next/usr/src/acs-quirks-$version" "/tmp/next/usr/src/acs-quirks-$next"
			grep -rlF "$version" /tmp/next/DEBIAN /tmp/next/usr/src 2>/dev/null | xargs sed -i "s/$version/$next/g"
			dpkg-deb --root-owner-group -b /tmp/next /next
			rm -r /tmp/next
		done'
}

# installed_again: all kernels are there before the packages, and each that the module supports gets it into its initramfs
installed_again() {
	local root=$HOSTS/$OF/root module of found=0
	apt_get install --no-install-recommends --allow-downgrades "$@"
	for module in "$root"/lib/modules/*/updates/dkms/acs_quirks.ko*; do
		of=${module#"$root"/lib/modules/} of=${of%%/*}
		has_parts "$root/boot/initrd.img-$of" ||
			die "$STEP" "after installation, initrd.img-$of has no part of acs-quirks" "see debian/acs-quirks.postinst"
		((found += 1))
	done
	((found > 0)) || die "$STEP" "after purge and installation, no kernel has the module" "see /var/lib/dkms in the system"
}

# package NAME: its file in the system
package() {
	local file
	file=$(echo "$PACKAGES/$1"_*.deb)
	echo "/packages/${file##*/}"
}

# module RELEASE: the module that dkms has installed for the kernel, if there is one
module() { compgen -G "$HOSTS/$OF/root/lib/modules/$1/updates/dkms/acs_quirks.ko*"; }

# without_compiler PACKAGE: the package of the module is installed, builds nothing and says why; with the compiler, it builds again
without_compiler() {
	in_host mv /usr/bin/rustc /usr/bin/rustc.away
	apt_get install --reinstall --no-install-recommends "$@"
	in_host mv /usr/bin/rustc.away /usr/bin/rustc
	! module '*' ||
		die "$STEP" "there is a module, although there was no compiler" "see packaging/dkms/dkms.conf"
	apt_get install --reinstall --no-install-recommends "$@"
	module '*' ||
		die "$STEP" "there is no module, although the compiler is back" "see /var/lib/dkms in the system"
}

# without_headers RELEASE PACKAGE: without the headers of this kernel, the module is built for the other
without_headers() {
	local build=/lib/modules/$1/build
	in_host mv "$build" "$build.away"
	apt_get install --reinstall --no-install-recommends "$2"
	in_host mv "$build.away" "$build"
	! module "$1" || die "$STEP" "there is a module for $1, although its headers were missing" "see /var/lib/dkms in the system"
	module '*' || die "$STEP" "there is no module for a kernel that has its headers" "see /var/lib/dkms in the system"
}

# other_version RELEASE PACKAGE: the package replaces a module that somebody has built with dkms from sources of another version
other_version() {
	# shellcheck disable=SC2016 # for the shell in the system
	in_host sh -euc '
		cp -r /usr/src/acs-quirks-[0-9]* /usr/src/acs-quirks-0.0.1
		sed -i "s/^PACKAGE_VERSION=.*/PACKAGE_VERSION=0.0.1/" /usr/src/acs-quirks-0.0.1/dkms.conf
		echo 0.0.1 >/usr/src/acs-quirks-0.0.1/VERSION
		DEBIAN_FRONTEND=noninteractive apt-get -qy remove acs-quirks-dkms
		dkms install acs-quirks/0.0.1 -k "$0"
		DEBIAN_FRONTEND=noninteractive apt-get -qy install --no-install-recommends "$1"
		test "$(modinfo -k "$0" -F version acs_quirks)" != 0.0.1
		dkms remove acs-quirks/0.0.1 --all
		rm -r /usr/src/acs-quirks-0.0.1' "$@"
}

# boot_full PACKAGE: with a full /boot, the package is installed, says what to do, and every initramfs stays as it was
boot_full() {
	# shellcheck disable=SC2016 # for the shell in the system
	in_host sh -euc '
		cp -a /boot /tmp/boot
		mount -t tmpfs -o size="$(du -sk /boot | cut -f 1)k" tmpfs /boot
		cp -a /tmp/boot/. /boot
		dd if=/dev/zero of=/boot/filler bs=4k 2>/dev/null || :
		DEBIAN_FRONTEND=noninteractive apt-get -qy install --reinstall --no-install-recommends "$@"
		for initrd in /tmp/boot/initrd.img-*; do cmp "$initrd" "/boot/${initrd##*/}"; done
		find /boot -name "initrd*.new" | grep . && exit 1 || :' - "$@"
}

# from_source RELEASE: the initramfs hook of make install-boot finds an acsctl in /usr/local, where the hook of the package has none
from_source() {
	# shellcheck disable=SC2016 # for the shell in the system
	in_host sh -euc '
		mv /usr/bin/acsctl /usr/local/bin/acsctl
		make -s -C /src install-boot
		update-initramfs -u -k "$0"
		lsinitramfs "/boot/initrd.img-$0" >/tmp/list
		grep -x usr/bin/acsctl /tmp/list
		rm -r /etc/initramfs-tools/hooks/acs-quirks /etc/initramfs-tools/scripts/init-top/acs-quirks \
			/etc/systemd/system/acs-quirks.service /usr/local/lib/acs-quirks
		mv /usr/local/bin/acsctl /usr/bin/acsctl' "$1"
}

# with_dracut PACKAGE: dracut replaces initramfs-tools; its initramfs of each kernel that has the module has the parts
with_dracut() {
	local root=$HOSTS/$OF/root module of
	apt_get install --no-install-recommends dracut
	[[ ! -e $root/usr/sbin/update-initramfs ]] || die "$STEP" "initramfs-tools is still there" "see what apt did in the log"
	# dracut has made the initramfs of the newest kernel alone; this one must not stay as initramfs-tools made it
	rm "$root"/boot/initrd.img-*
	apt_get install --reinstall --no-install-recommends "$1"
	for module in "$root"/lib/modules/*/updates/dkms/acs_quirks.ko*; do
		of=${module#"$root"/lib/modules/} of=${of%%/*}
		has_parts "$root/boot/initrd.img-$of" ||
			die "$STEP" "dracut's initrd.img-$of has no part of acs-quirks" "see packaging/dracut/module-setup.sh"
	done
}

one_suite() {
	local lines=() debs list log=$CACHE/logs/host-$OF first other before bytes early late disk disk_off
	local retry="if it is the network, run this again"
	say "$STEP: a system with its stock kernel"
	list=$(sources "$OF")
	[[ -z $list ]] || mapfile -t lines <<<"$list"
	logged "$STEP" "$log-system.log" "$retry" minimal_system --dpkgopt=force-unsafe-io \
		--include=systemd-sysv,udev,kmod,initramfs-tools,linux-image-amd64,linux-headers-amd64 "$OF" "$HOSTS/$OF/root" "${lines[@]}"
	first=$(release 1)
	prepare
	say "$STEP: apt install"
	bytes=$(in_host sh -c 'apt-get install -qq --print-uris --no-install-recommends /packages/*.deb' | awk '/http/ { sum += $3 } END { print sum }')
	before=$SECONDS
	debs=("$PACKAGES"/*.deb)
	debs=("${debs[@]/#$PACKAGES//packages}")
	logged "$STEP" "$log-install.log" "fix what it reports" apt_get install --no-install-recommends --allow-downgrades "${debs[@]}"
	before=$((SECONDS - before))
	image installed "$first"
	boot installed
	{ read -r early late disk && read -r _ _ disk_off; } <"$HOSTS/$OF/installed/times"
	echo "$OF $first $((bytes / 1000000)) $before $early $late $disk $disk_off" >"$HOSTS/$OF.figures"
	mv "$HOSTS/$OF/installed" "$HOSTS/$OF/faults"
	[[ $OF != trixie ]] || boot faults
	rm "$HOSTS/$OF/faults/disk"

	if [[ $OF == trixie ]]; then
		say "$STEP: an upgrade while the module is loaded"
		logged "$STEP" "$log-next.log" "fix what it reports" next_release
		image upgrade "$first"
		rm -r "$HOSTS/$OF/root/next"
		boot upgrade
		logged "$STEP" "$log-upgraded.log" "see whether the upgrade made an initramfs" upgraded "$first"
		boot_and_remove upgraded
	fi

	say "$STEP: another kernel"
	read -ra other < <(other_kernel "$OF")
	list=$(sources "${other[0]}" | head -n 1)
	echo "$list" >"$HOSTS/$OF/root/etc/apt/sources.list.d/other.list"
	logged "$STEP" "$log-other.log" "$retry" apt_get update
	logged "$STEP" "$log-other.log" "fix what it reports" \
		apt_get install --no-install-recommends -t "${other[0]}" "${other[1]}" "${other[1]/image/headers}"
	if [[ ${other[1]} == *-rt-* ]]; then
		said "$log-other.log" 'no module for .*CONFIG_PREEMPT_RT' "packaging/dkms/dkms.conf"
	else
		image another-kernel "$(release 2)"
		boot_and_remove another-kernel
	fi

	say "$STEP: remove and purge"
	logged "$STEP" "$log-remove.log" "fix what it reports" apt_get remove acs-quirks acs-quirks-dkms
	image removed "$first"
	boot_and_remove removed
	logged "$STEP" "$log-purge.log" "fix what it reports" purged
	configure
	say "$STEP: killed while it builds"
	logged "$STEP" "$log-unpack.log" "fix what it reports" in_host dpkg --unpack "${debs[@]}"
	image killed "$first" ''
	boot_and_remove killed
	say "$STEP: again, with several kernels; without a compiler or headers, beside another version, and with a full /boot"
	logged "$STEP" "$log-again.log" "fix what it reports" installed_again "${debs[@]}"
	logged "$STEP" "$log-no-compiler.log" "fix what it reports" without_compiler "$(package acs-quirks-dkms)"
	logged "$STEP" "$log-no-headers.log" "fix what it reports" without_headers "$(release 2)" "$(package acs-quirks-dkms)"
	logged "$STEP" "$log-other-version.log" "fix what it reports" other_version "$first" "$(package acs-quirks-dkms)"
	logged "$STEP" "$log-from-source.log" "see packaging/initramfs-tools/hook" from_source "$first"
	logged "$STEP" "$log-boot-full.log" "fix what it reports" boot_full "$(package acs-quirks)"
	said "$log-no-compiler.log" 'no module for .*rustc' "packaging/dkms/dkms.conf"
	said "$log-no-headers.log" 'because its headers are not installed: apt install' "debian/acs-quirks-dkms.postinst"
	said "$log-other-version.log" 'dkms remove acs-quirks/0.0.1 --all' "debian/acs-quirks-dkms.postinst"
	said "$log-boot-full.log" 'an initramfs was not updated: correct what is reported above' "debian/update-initramfs"
	[[ $OF == trixie ]] || return 0

	say "$STEP: libvirt"
	logged "$STEP" "$log-libvirt.log" "$retry" apt_get install --no-install-recommends \
		libvirt-daemon-system libvirt-clients qemu-system-x86 driverctl
	echo vfio-pci >"$HOSTS/$OF/root/etc/driverctl.d/pci-0000:82:00.0"
	# vfio-pci is loaded when acsctl regroups there, which kernels before 7.2 do not allow
	image libvirt "$(release 2)"
	boot_and_remove libvirt
	say "$STEP: dracut"
	logged "$STEP" "$log-dracut.log" "fix what it reports" with_dracut "$(package acs-quirks)"
	image dracut "$first"
	boot_and_remove dracut
}

if [[ ${1:-} == --stage=suite ]]; then
	OF=$2 STEP="packages on $2"
	one_suite
	exit
fi
STEP='package test'
(($#)) || die "$STEP" "no suite named" "scripts/package-test.sh trixie"
compgen -G "$PACKAGES/*.deb" >/dev/null || die "$STEP" "there are no packages in build/packages" "make deb"
need_root "$STEP"
mkdir -p "$CACHE/logs"
lock work
remove_tree "$HOSTS"
need_space 7000 "$STEP"
install_tools
mkdir "$HOSTS"
trap 'remove_tree "$HOSTS"' EXIT
failed=0
for OF in "$@"; do
	mkdir "$HOSTS/$OF"
	"${CONTAINED[@]}" bash "$SCRIPTS/package-test.sh" --stage=suite "$OF" || ((failed += 1))
	remove_tree "$HOSTS/$OF"
done
# shellcheck disable=SC2059 # a constant
printf "\n%-10s %-26s %12s %10s %9s %9s %9s %9s\n" suite kernel download install early late disk '(off)'
for OF in "$@"; do
	if [[ -e $HOSTS/$OF.figures ]]; then
		read -ra figures <"$HOSTS/$OF.figures"
		printf '%-10s %-26s %9s MB %8s s %7s s %7s s %7s s %7s s\n' "${figures[@]}"
	else
		printf '%-10s failed\n' "$OF"
	fi
done
printf '\n%d passed, %d failed\n' "$(($# - failed))" "$failed"
((failed == 0))
