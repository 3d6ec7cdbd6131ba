#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# fresh-build.sh SUITE...: build the module in a new minimal Debian of each suite, as a user without root and without network.
# Only the packages that README.md names for the suite are installed. The scenarios `split` then boot the suite's kernel with
# modules that were built there. As a control, the build must fail without the source of Rust's library. The script removes the
# systems at the end, also when it is interrupted.
#
# Stage `suite` builds for one suite in a pid namespace, so that all its processes end before its system is removed.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=archive.sh
. "$SCRIPTS/archive.sh"
FRESH=$CACHE/fresh
ROW='%-10s %-24s %-9s %-9s %9s %6s %6s %9s %9s\n'

##### One suite

# owners_packages: the packages that README.md tells an owner to install, without the headers
owners_packages() {
	local of='Debian 13 or later' list
	[[ $OF != bookworm ]] || of='Debian 12'
	# shellcheck disable=SC2016 # README.md's own text
	list=$(sed -nE 's/^ +sudo apt install ([a-z0-9 -]+) linux-headers-\$\(uname -r\) +# (.*)$/\2: \1/p' "$PROJECT/README.md" |
		sed -n "s/^$of: //p")
	[[ -n $list ]] || die "$STEP" "README.md has no line 'sudo apt install ... linux-headers-\$(uname -r)  # $of'" \
		"write that line, or follow its new form in scripts/fresh-build.sh"
	echo "$list"
}

in_fresh() { ACS_QUIRKS_ROOT=$FRESH/$OF "$SCRIPTS/in-root.sh" -- "$@"; }

# as_owner CMD...: run CMD in the copy of the sources, as a user of the fresh system, without network, this checkout and the
# cache
as_owner() {
	# shellcheck disable=SC2016 # for the shell inside
	in_fresh unshare --net --mount sh -c 'cd / && umount /src /cache && cd /home/owner/acs-quirks && exec "$@"' sh \
		setpriv --reuid=owner --regid=owner --init-groups env -i HOME=/home/owner PATH=/usr/bin:/bin LANG=C.UTF-8 "$@"
}

# copy_sources: copy the checkout without build results, like a new clone
copy_sources() {
	# shellcheck disable=SC2016 # for the shell inside
	in_fresh bash -euo pipefail -c '
		rm -rf /home/owner/acs-quirks
		mkdir /home/owner/acs-quirks
		tar -C /src -c --exclude-vcs --exclude=./build --exclude=./target --exclude="*.o" --exclude="*.ko" --exclude="*.mod" \
			--exclude="*.mod.c" --exclude="*.cmd" --exclude=./Module.symvers --exclude=./modules.order \
			--exclude=./src/portable/out . | tar -C /home/owner/acs-quirks -x
		chown -R owner:owner /home/owner/acs-quirks'
}

# These steps print to the log.

# INITRD=No: the headers of some suites depend on the image, and its installation would make an initramfs.
install_packages() {
	in_fresh env DEBIAN_FRONTEND=noninteractive INITRD=No apt-get install -qy --no-install-recommends -o Dpkg::Options::=--force-unsafe-io "$@" &&
		in_fresh useradd --create-home --shell /bin/bash owner
}

# bytes PACKAGE...: the size of what apt downloads for these packages
bytes() { in_fresh apt-get install -qq --print-uris --no-install-recommends "$@" | awk '{ sum += $3 } END { print sum }'; }

check_log() {
	local lines
	# The one expected warning: kbuild's, if the compiler is not exactly the kernel's. Compilers, linkers, objtool and modpost
	# must print none.
	lines=$(grep -i warning "$1" | grep -v 'the compiler differs from the one used to build the kernel' || :)
	[[ -z $lines ]] || die "$STEP" "the build printed warnings:"$'\n'"$lines" "find their cause; all output is in $1"
}

# boot RELEASE LOG: build the editions for tests too, and boot the suite's kernel with them
boot() {
	local release=$1 log=$2 name=$1@fresh editions=(ACS_QUIRKS_CANDIDATES=y ACS_QUIRKS_TESTS=y)
	logged "$STEP" "$log-editions.log" "fix what the build reports" \
		as_owner make -C "/lib/modules/$release/build" M=/home/owner/acs-quirks "${editions[@]}" modules
	check_log "$log-editions.log"
	logged "$STEP" "$log-image.log" "if it is the network, run this again; else set ACS_QUIRKS_MIRROR to a Debian mirror that has $OF" \
		in_fresh env DEBIAN_FRONTEND=noninteractive INITRD=No apt-get install -qy --no-install-recommends "linux-image-$release"
	mkdir -p "$KERNELS/$OF"
	cp "$FRESH/$OF/boot/vmlinuz-$release" "$KERNELS/$OF/vmlinuz"
	echo "$release" >"$KERNELS/$OF/release"
	guest_modules "$FRESH/$OF" "$release" "$CACHE/guest/$name" "${GUEST_DRIVERS[@]}"
	logged "$STEP" "$log-guest.log" "fix what it reports" \
		in_fresh make -C "/lib/modules/$release/build" M=/home/owner/acs-quirks "${editions[@]}" modules_install \
		INSTALL_MOD_PATH="/cache/guest/$name" INSTALL_MOD_STRIP=1 DEPMOD=true
	in_fresh depmod -b "/cache/guest/$name" "$release"
	logged "$STEP" "$log-boot.log" "fix what the scenarios report" env ACS_QUIRKS_KERNELS="$OF@fresh" "$SCRIPTS/in-root.sh" -- \
		cargo boot-test --test scenarios -- --test-threads 2 ::split
	tail -n 2 "$log-boot.log"
	remove_tree "$CACHE/guest/$name"
}

one_suite() {
	local log=$CACHE/logs/fresh-$OF list lines=() packages release download took ko vermagic rust_source status=0
	local retry="if it is the network, run this again; else set ACS_QUIRKS_MIRROR to a Debian mirror that has $OF"
	list=$(owners_packages)
	read -ra packages <<<"$list"

	say "$STEP: a minimal system"
	list=$(sources "$OF")
	[[ -z $list ]] || mapfile -t lines <<<"$list"
	# each Debian kernel image depends on kmod
	logged "$STEP" "$log-system.log" "$retry" minimal_system --include=kmod "$OF" "$FRESH/$OF" "${lines[@]}"
	release=$(in_fresh apt-cache depends "linux-headers-$HOST_ARCH" | sed -nE 's/^ *Depends: linux-headers-([0-9].*)$/\1/p')
	[[ -n $release ]] || die "$STEP" "$OF has no kernel headers" "see what linux-headers-$HOST_ARCH depends on there"

	packages+=("linux-headers-$release")
	# The size excludes the image: the headers of some suites depend on it, but an owner's system already has it.
	download=$(($(bytes "${packages[@]}" "linux-image-$release") - $(bytes "linux-image-$release")))
	say "$STEP: installing ${packages[*]}"
	logged "$STEP" "$log-packages.log" "$retry" install_packages "${packages[@]}"

	say "$STEP: building"
	copy_sources
	# shellcheck disable=SC2016 # for the shell inside
	logged "$STEP" "$log-build.log" "fix what the build reports, or the packages in README.md" \
		as_owner bash -c 'TIMEFORMAT="%R %U %S"; { time make modules KVER="$0" 2>&1; } 2>/home/owner/time' "$release"
	check_log "$log-build.log"
	ko=/home/owner/acs-quirks/acs_quirks.ko
	[[ -s $FRESH/$OF$ko ]] || die "$STEP" "the build made no acs_quirks.ko" "look at $log-build.log"
	vermagic=$(in_fresh modinfo -F vermagic "$ko")
	[[ $vermagic == "$release "* ]] ||
		die "$STEP" "acs_quirks.ko is for '$vermagic', but the headers are for $release" "look at $log-build.log"
	# shellcheck disable=SC2016 # for the shell inside
	as_owner sh -c 'gcc -dumpfullversion; rustc --version | cut -d" " -f2; stat -c %s "$1"; size "$1" | awk "NR == 2 { print \$4 }"' \
		sh "$ko" >"$FRESH/$OF/versions"
	logged "$STEP" "$log-install.log" "fix what it reports" \
		in_fresh unshare --net make -C /home/owner/acs-quirks modules_install KVER="$release"
	compgen -G "$FRESH/$OF/lib/modules/$release/updates/acs_quirks.ko*" >/dev/null ||
		die "$STEP" "make modules_install did not install acs_quirks.ko" "look at $log-install.log"

	say "$STEP: booting"
	boot "$release" "$log"

	say "$STEP: the control"
	for rust_source in "${packages[@]}"; do [[ $rust_source != rust-*src ]] || break; done
	copy_sources
	logged "$STEP" "$log-control.log" "see what depends on $rust_source" in_fresh dpkg --remove "$rust_source"
	as_owner make modules KVER="$release" >"$log-control.log" 2>&1 || status=$?
	if ((!status)) || ! grep -q "there is no source of Rust's core library .*\<$rust_source\>" "$log-control.log" ||
		[[ -n $(find "$FRESH/$OF/home/owner/acs-quirks" -name '*.o' -o -name '*.rlib') ]]; then
		die "$STEP" "without $rust_source, make modules must fail before it compiles anything; it ended with status $status" \
			"look at $log-control.log and src/portable/headers.mk"
	fi

	mapfile -t lines <"$FRESH/$OF/versions"
	read -ra took < <(awk '{ printf "%.0f %.0f", $1, $2 + $3 }' "$FRESH/$OF/home/owner/time") || :
	# shellcheck disable=SC2059 # a constant
	printf "$ROW" "$OF" "$release" "${lines[0]}" "${lines[1]}" "$((download / 1000000)) MB" \
		"${took[0]} s" "${took[1]} s" "$((lines[2] / 1024)) KiB" "$((lines[3] / 1024)) KiB" \
		>"$FRESH/$OF.figures"
}

##### All suites

CHILD=''
clean_up() {
	[[ -z $CHILD ]] || { kill -KILL "$CHILD" && wait "$CHILD"; } 2>/dev/null || :
	# the last processes of a killed namespace may still write for a moment
	(remove_tree "$FRESH") 2>/dev/null || { sleep 2 && remove_tree "$FRESH"; }
}
# stopped SIGNAL: the trap of a signal that ends this script
stopped() {
	trap - EXIT "$1"
	clean_up
	kill "-$1" $$
}

all_suites() {
	local passed=0 failed=0
	need_root "$STEP"
	mkdir -p "$CACHE/logs"
	lock work
	remove_tree "$FRESH"
	need_space 3000 "$STEP"
	install_tools
	trap clean_up EXIT
	for signal in INT TERM HUP; do
		# shellcheck disable=SC2064 # expand the signal's name now
		trap "stopped $signal" "$signal"
	done
	mkdir "$FRESH"
	for OF in "$@"; do
		# in the background, because a shell runs traps only between foreground commands
		"${CONTAINED[@]}" bash "$SCRIPTS/fresh-build.sh" --stage=suite "$OF" &
		CHILD=$!
		if wait "$CHILD"; then ((passed += 1)); else ((failed += 1)); fi
		CHILD=''
		remove_tree "$FRESH/$OF"
		remove_tree "$KERNELS/$OF"
	done
	# shellcheck disable=SC2059 # a constant
	printf "\n$ROW" suite kernel gcc rustc download build 'of CPU' module loaded
	for OF in "$@"; do
		cat "$FRESH/$OF.figures" 2>/dev/null || printf '%-10s failed\n' "$OF"
	done
	printf '\n%d passed, %d failed\n' "$passed" "$failed"
	((failed == 0))
}

if [[ ${1:-} == --stage=suite ]]; then
	OF=$2 STEP="fresh build on $2"
	one_suite
else
	STEP='fresh builds'
	(($#)) || die "$STEP" "no suite named" "scripts/fresh-build.sh bookworm trixie sid"
	all_suites "$@"
fi
