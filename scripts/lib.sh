# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Sourced by the other scripts: messages, the cache folder, locks, safe removal.
# shellcheck disable=SC2034 # the scripts that source this file use its variables

set -euo pipefail

SUITE=trixie

SCRIPTS=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
PROJECT=$(dirname "$SCRIPTS")

# after su(1) without a dash, root has a user's PATH
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

say() { printf '[%4ds] %s\n' "$SECONDS" "$*"; }

# die STEP CAUSE WAY_OUT: print the error and exit
die() {
	printf 'failed:  %s\ncause:   %s\nway out: %s\n' "$1" "$2" "$3" >&2
	exit 1
}

# All architecture-specific settings of the scripts. For the architecture of kernels and guests: Debian's name, the kernel's
# ARCH, the compiler prefix, Rust's target, the suffix of its folders in the cache, and kernel options for 32-bit
# compatibility that would need a third compiler. The host that builds is always amd64.
HOST_ARCH=amd64 HOST_RUST_TARGET=x86_64-unknown-linux-gnu
DEB_ARCH=${ACS_QUIRKS_ARCH:-$HOST_ARCH}
case $DEB_ARCH in
amd64)
	KERNEL_ARCH=x86 GNU_PREFIX=x86_64-linux-gnu- RUST_TARGET=x86_64-unknown-linux-gnu OF_ARCH='' OTHER_OPTIONS=''
	;;
arm64)
	KERNEL_ARCH=arm64 GNU_PREFIX=aarch64-linux-gnu- RUST_TARGET=aarch64-unknown-linux-gnu OF_ARCH=-arm64
	OTHER_OPTIONS='(THUMB2_)?COMPAT_VDSO'
	;;
*) die "architecture $DEB_ARCH" "it is not supported (supported: amd64, arm64)" "leave ARCH unset, or set ARCH=arm64" ;;
esac

need_root() {
	[[ $(id -u) == 0 ]] || die "$1" "this needs root, but you are $(id -un)" "run it through: sudo -E"
	[[ $(uname -m) == x86_64 ]] || die "$1" "unsupported machine architecture $(uname -m)" \
		"use an $HOST_ARCH machine; others are not supported yet"
	unshare --mount --pid --fork true 2>/dev/null || die "$1" "the system does not allow a private mount and pid namespace" \
		"in a container, start it privileged (it needs CAP_SYS_ADMIN); or use a virtual machine"
}

# Under sudo the cache is that of the calling user, whether or not sudo kept HOME.
cache_folder() {
	local home=${HOME:-/root} dir
	[[ -z ${SUDO_USER:-} ]] || home=$(getent passwd "$SUDO_USER" | cut -d: -f6)
	dir=${ACS_QUIRKS_CACHE:-${XDG_CACHE_HOME:-$home/.cache}/acs-quirks}
	# a ~/.cache created by root would lock the user out
	if [[ -n ${SUDO_UID:-} && -z ${ACS_QUIRKS_CACHE:-} && ! -d $(dirname "$dir") ]]; then
		install -d -m 700 -o "$SUDO_UID" -g "${SUDO_GID:-$SUDO_UID}" "$(dirname "$dir")"
	fi
	mkdir -p "$dir" 2>/dev/null || die "cache folder" "cannot make $dir" "set ACS_QUIRKS_CACHE to a folder on a disk with space"
	(cd "$dir" && pwd -P)
}
CACHE=$(cache_folder)
ROOT=$CACHE/root$OF_ARCH
KERNELS=$CACHE/kernels$OF_ARCH
PROGRAMS=$CACHE/programs$OF_ARCH

# lock NAME [shared]: take a lock until this process ends. NAME is `work` (one writer of the cache at a time) or
# `root` (shared by commands that run in the root, exclusive while the root is replaced).
lock() {
	local fd how=--${2:-exclusive}
	exec {fd}>"$CACHE/$1.lock"
	flock "$how" --nonblock "$fd" && return
	say "waiting for another run that uses $CACHE ($1)" >&2
	flock "$how" "$fd"
}

# The supported kernel series, as a pattern: 7.2|7.3
SUPPORTED=$(awk '!/^#/ { print $1 }' "$SCRIPTS/supported-kernels" | paste -sd'|')

# series_of KERNEL: the supported series of a series, a release or `newest`; empty if it is not supported
series_of() {
	awk -v k="$1" '
		/^#/ { next }
		k == "newest" { found = $1 }
		k == $1 || index(k, $1 ".") == 1 || index(k, $1 "+") == 1 || index(k, $1 "-") == 1 { found = $1 }
		END { print found }' "$SCRIPTS/supported-kernels"
}

# of_series SERIES COLUMN: a column of the series' line in supported-kernels: 2 its suite, 3 the compiler
of_series() { awk -v s="$1" -v column="$2" '$1 == s { print $column }' "$SCRIPTS/supported-kernels"; }

# apt_of SUITE TOOL ARG...: run a tool of apt in the root. It knows only the packages of this suite, and none as installed.
# prepare-kernel.sh writes the list of sources.
apt_of() {
	local suite=$1 dir options=()
	dir=/cache/$(basename "$KERNELS")/.apt-$suite
	shift
	# Without the root's list of packages, apt does not find the root's further architectures either.
	[[ $DEB_ARCH == "$HOST_ARCH" ]] || options=(-o "APT::Architectures::=$HOST_ARCH" -o "APT::Architectures::=$DEB_ARCH")
	# apt takes packages of this suite only when asked to
	[[ $suite != *-backports ]] || options+=(-o APT::Default-Release="$suite")
	"$SCRIPTS/in-root.sh" -- "$@" -o Dir::Etc::SourceList="$dir/sources.list" -o Dir::Etc::SourceParts=/dev/null \
		-o Dir::State::Lists="$dir/lists" -o Dir::State::Status=/dev/null -o Dir::Cache="$dir" \
		-o APT::Sandbox::User=root "${options[@]}"
}

# "${CONTAINED[@]}" CMD...: run CMD in its own mount and pid namespaces. When this process ends for any reason, CMD and
# all its children end too, and their mounts disappear.
CONTAINED=(setpriv --pdeathsig KILL
	unshare --mount --propagation private --pid --fork --kill-child=KILL --mount-proc --)

# need_space MEGABYTES STEP: fail unless the cache's disk has this much space
need_space() {
	local free
	free=$(df -Pm "$CACHE" | awk 'NR == 2 { print $4 }')
	((free >= $1)) || die "$2" "it needs $1 MB in $CACHE, but only $free MB are free" \
		"free some space, or set ACS_QUIRKS_CACHE to a folder on a larger disk"
}

# logged STEP LOG WAY_OUT CMD...: run CMD with its output in LOG; if it fails, print the end of LOG and die. CMD may be a
# function: it stops at its first command that fails.
logged() {
	local step=$1 log=$2 way_out=$3 status
	shift 3
	mkdir -p "$(dirname "$log")"
	# after || the shell would go on
	set +e
	(
		set -e
		"$@"
	) >"$log" 2>&1 </dev/null
	status=$?
	set -e
	((status)) || return 0
	tail -n 20 "$log" >&2
	[[ $(df -Pm "$CACHE" | awk 'NR == 2 { print $4 }') -ge 50 ]] || way_out="the disk is full: free space in $CACHE"
	die "$step" "a command ended with status $status; above is the end of its output, all of it is in $log" "$way_out"
}

# toolchain: a digest of the packages of the root that determine a kernel build
toolchain() {
	local gcc='gcc-[0-9]+'
	[[ $DEB_ARCH == "$HOST_ARCH" ]] || gcc="($gcc|$gcc-${GNU_PREFIX%-})"
	dpkg-query --admindir="$ROOT/var/lib/dpkg" -W -f '${Package}=${Version}\n' |
		grep -E "^(rustc|rust-src|bindgen|libclang1?-[0-9]+|$gcc|dwarves)=" | sha256sum | cut -d' ' -f1
}

# headers_as_installed RELEASE: link the headers of a prepared kernel into the root, at the paths where its packages install
# them
headers_as_installed() {
	local folder=$KERNELS/$1/headers inside file
	inside=/cache/$(basename "$KERNELS")/$1/headers
	mkdir -p "$ROOT/lib/modules/$1"
	for file in "$folder"/usr/{src/linux-headers,src/linux-kbuild,lib/linux-kbuild}-*; do
		[[ ! -e $file && ! -L $file ]] || ln -sfn "$inside${file#"$folder"}" "$ROOT${file#"$folder"}"
	done
	ln -sfn "/usr/src/linux-headers-$1" "$ROOT/lib/modules/$1/build"
}

# unpack_source STEP RELEASE VERSION FOLDER: download Debian's source package of this version, and unpack it as
# kernels/RELEASE/FOLDER
unpack_source() {
	local step=$1 release=$2 version=$3 folder=$4 series dir=$KERNELS/$2 inside
	inside=/cache/$(basename "$KERNELS")/$release
	series=$(series_of "$release")
	mkdir -p "$dir/source.partial" "$dir/debs"
	logged "$step" "$CACHE/logs/source-$release-download.log" "if it is the network, run this again; if the version has left the archive, ACS_QUIRKS_UPDATE=1" \
		apt_of "$(of_series "$series" 2)" env --chdir="$inside/debs" apt-get -q download "linux-source-$series=$version"
	# shellcheck disable=SC2016 # for the shell inside
	logged "$step" "$CACHE/logs/source-$release-unpack.log" "run this again" "$SCRIPTS/in-root.sh" -- bash -euo pipefail -c '
		cd "$1"
		dpkg-deb --fsys-tarfile debs/linux-source-*.deb | tar -xO "./usr/src/linux-source-$2.tar.xz" |
			tar -xJ --strip-components=1 -C source.partial' bash "$inside" "$series"
	mv "$dir/source.partial" "$dir/$folder"
	remove_tree "$dir/debs"
}

# option FILE NAME: the value of an option in a kernel's configuration, without quotes
option() { sed -n "s/^CONFIG_$2=//p" "$1" | tr -d '"'; }

# make_args RELEASE SUFFIX: arguments of make that build a kernel like the prepared one, with the compiler that Debian used.
# The release of the new kernel ends with SUFFIX.
make_args() {
	local config=$KERNELS/$1/headers/usr/src/linux-headers-$1/.config
	echo "ARCH=$KERNEL_ARCH CROSS_COMPILE=$GNU_PREFIX CC=$(option "$config" CC_VERSION_TEXT | cut -d' ' -f1) LOCALVERSION=$2"
}

# kbuild STEP LOG WAY_OUT RELEASE PROVIDER OUTPUT ARG...: build modules for a prepared kernel in the folder OUTPUT of the
# cache, from a copy of the sources, because kernels before 6.13 build in the folder of the sources
kbuild() {
	local step=$1 log=$2 way_out=$3 release=$4 provider=$5 output=$6 args
	shift 6
	# kernels built for tests have a tree and no headers
	if [[ $provider == headers && -d $KERNELS/$release/headers ]]; then
		headers_as_installed "$release"
		args=(-C "/lib/modules/$release/build" ARCH="$KERNEL_ARCH" CROSS_COMPILE="$GNU_PREFIX"
			CC="$GNU_PREFIX$(of_series "$(series_of "$release")" 3)")
	else
		read -ra args <"$KERNELS/$release/make-args"
		args+=(-C "/cache/$(basename "$KERNELS")/$release/tree")
	fi
	mkdir -p "$CACHE/$output"
	# remove copies of sources that the checkout no longer has, so that they are not built
	find "$CACHE/$output" \( -name '*.rs' -o -name '*.c' -o -name '*.mk' \) ! -name '*.mod.c' -delete
	(cd "$PROJECT" && cp -a --parents -t "$CACHE/$output" Kbuild VERSION scripts/supported-kernels src tests/kernel tools/grouping/src/model)
	logged "$step" "$log" "$way_out" "$SCRIPTS/in-root.sh" -- \
		make -j"$(nproc)" "${args[@]}" M="/cache/$output" PROVIDER="$provider" "$@"
}

# Drivers that a guest needs, and that at least one architecture's stock kernel has as modules. Older kernels lack some.
GUEST_DRIVERS=(efivarfs virtio-iommu virtio_pci e1000e virtio_blk pci-pf-stub vfio_iommu_type1 vfio-pci fat msdos nls_cp437 loop nvme)

# guest_modules FOLDER RELEASE GUEST [DRIVER...]: begin the folder GUEST: from FOLDER, which has the kernel's lib/modules,
# copy the kernel's lists of modules, these drivers and the modules that they depend on
guest_modules() {
	local from=$1/lib/modules/$2 to=$3/lib/modules/$2 name file files
	remove_tree "$3"
	shift 3
	mkdir -p "$to"
	for file in "$from"/modules.{order,builtin,builtin.modinfo}; do cp "$file" "$to/"; done
	for name in "$@"; do
		read -ra files < <(sed -nE "s|^(([^:]*/)?$name\.ko[.a-z]*):(.*)|\1\3|p" "$from/modules.dep") || continue
		for file in "${files[@]}"; do
			install -D -m 644 "$from/$file" "$to/$file"
		done
	done
}

# is FILE TEXT: whether the file contains exactly this text
is() { [[ -e $1 && $(<"$1") == "$2" ]]; }

# A finished folder of the cache can lose files: to a program that cleans the disk, or to an rm that was stopped. A build that
# needs them would fail with a message about something else.
#
# note_files DIR STAMP FOLDER...: note the files of these folders of DIR. STAMP is the step that has to run again without them.
note_files() {
	local dir=$1 list=stamps/$2.files
	shift 2
	# kbuild replaces its own records, whose names begin with a dot
	(cd "$dir" && find "$@" ! -type d ! -name '.*' -print0 >"$list.partial" && mv "$list.partial" "$list")
}

# has_files DIR STAMP: whether all noted files exist; if not, say so and remove the stamp
# shellcheck disable=SC2153 # the scripts set STEP
has_files() {
	(cd "$1" && xargs --null --arg-file="stamps/$2.files" stat --format= --) >/dev/null 2>&1 && return
	say "$STEP: files are missing in $1: making it again"
	rm -f "$1/stamps/$2"
	return 1
}

# remove_tree FOLDER: remove the folder; fail if something is mounted in it
remove_tree() {
	[[ -e $1 ]] || return 0
	if awk -v dir="$1" '{ gsub(/\\040/, " ", $5) } index($5 "/", dir "/") == 1 { found = 1 } END { exit !found }' \
		/proc/self/mountinfo; then
		die "remove $1" "something is mounted in it" "look at: findmnt | grep '$1', umount it, run this again"
	fi
	rm -rf --one-file-system -- "$1"
}

# A stopped run keeps its finished steps and reports this. The message goes to the original stderr, because stderr may be
# redirected to a log at that moment.
exec {MESSAGES}>&2
on_interrupt() {
	trap - INT
	printf '\nstopped; the finished steps are kept, run this again to continue\n' >&"$MESSAGES"
	kill -INT $$
}
