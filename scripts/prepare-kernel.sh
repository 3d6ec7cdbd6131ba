#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# prepare-kernel.sh [KERNEL]: prepare a stock Debian kernel for building Rust modules against it, and for booting. KERNEL
# is a series (7.3), a release (7.3.4, or in full 7.3.4+deb13-amd64) or `newest`, the newest supported one and default.
#
# Debian's headers lack the metadata of the kernel's Rust crates. This script rebuilds the crates from Debian's source and
# configuration with Debian's compilers, and compares their symbols with those that the stock kernel exports.
#
# Results in the cache: kernels/RELEASE/ with release, version, make-args, vmlinuz, modules/, config.debian,
# Module.symvers and tree/; and the link kernels/KERNEL to it, set after verification. For another architecture than the
# host's, the folder is kernels-ARCH.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
KERNEL=${1:-newest}
STEP="kernel $KERNEL"
RESOLVED=$KERNELS/.resolved-$KERNEL

[[ $KERNEL =~ ^(newest|[0-9]+\.[0-9][0-9a-z.+-]*)$ ]] ||
	die "$STEP" "'$KERNEL' is no kernel version" "give a series like 7.3, a release like 7.3.4, or newest"
[[ $KERNEL == newest ]] || need_supported "$KERNEL" "$STEP"
[[ -e $ROOT/.definition ]] || die "$STEP" "there is no build root at $ROOT" "run scripts/build-root.sh first"

# The crates fit exactly these packages of the root.
TOOLS=$(toolchain)

if [[ -z ${ACS_QUIRKS_UPDATE:-} && -e $KERNELS/$KERNEL/version ]] &&
	is "$KERNELS/$KERNEL/stamps/verify" "$(<"$KERNELS/$KERNEL/version") $TOOLS"; then
	say "$STEP: ready, $(<"$KERNELS/$KERNEL/release")"
	exit 0
fi

need_root "$STEP"
trap on_interrupt INT
mkdir -p "$KERNELS"
lock work

in_root() { "$SCRIPTS/in-root.sh" -- "$@"; }

# The kernels in the archive whose packages all have the same version: RELEASE VERSION, oldest first. Debian's signed
# image has its own source package, so it can differ from the others for a day.
complete_kernels() {
	awk -F' *[|] *' '
		{ gsub(/ |:.*/, "", $1); have[$1, $2] = 1 } # apt adds the architecture, where that is not its own
		$1 ~ /^linux-binary-/ { release[substr($1, 14) " " $2] = 1 }
		END {
			for (r in release) {
				split(r, f, " ")
				split(f[1], n, /[.+-]/)
				if (have["linux-modules-" f[1], f[2]] && have["linux-headers-" f[1], f[2]] &&
				    have["linux-base-" f[1], f[2]] && have["linux-source-" n[1] "." n[2], f[2]])
					print r
			}
		}' "$KERNELS/.index" | sort -V
}

resolve() {
	local kernels found
	say "$STEP: looking it up"
	logged "$STEP" "$CACHE/logs/apt-update.log" "check the network and its proxy; a new mirror: ACS_QUIRKS_UPDATE=1 scripts/build-root.sh" \
		in_root apt-get update -q -o APT::Update::Error-Mode=any
	# flavours (cloud, rt) have one more word before the architecture
	in_root sh -c "apt-cache madison \$(apt-cache pkgnames linux- | grep -E \
		'^linux-(binary|modules|headers|base)-[0-9.]+[+][a-z0-9.]+-$DEB_ARCH\$|^linux-source-[0-9.]+\$')" >"$KERNELS/.index"
	kernels=$(complete_kernels)
	if [[ $KERNEL == newest ]]; then
		found=$(grep -E "^($SUPPORTED)\\." <<<"$kernels" | tail -n 1)
	else
		found=$(awk -v k="$KERNEL" '$1 == k || index($1, k ".") == 1 || index($1, k "+") == 1' <<<"$kernels" | tail -n 1)
	fi
	[[ -n $kernels ]] || die "$STEP" "the archive has no kernels from $SUITE-backports" \
		"the mirror may not have that suite: set ACS_QUIRKS_MIRROR to one that has, then ACS_QUIRKS_UPDATE=1 scripts/build-root.sh"
	[[ -n $found ]] || die "$STEP" "the archive has no such kernel with linux-binary, -modules, -headers, -base and -source of one version" \
		"use one of: $(cut -d' ' -f1 <<<"$kernels" | paste -sd' ') (flavours like cloud and rt cannot be prepared)"
	echo "$found" >"$RESOLVED.partial"
	mv "$RESOLVED.partial" "$RESOLVED"
}

[[ -z ${ACS_QUIRKS_UPDATE:-} && -s $RESOLVED ]] || resolve
read -r RELEASE VERSION <"$RESOLVED"
BASE=${RELEASE%%[+-]*}
SERIES=$(cut -d. -f1,2 <<<"$BASE")
DIR=$KERNELS/$RELEASE
INSIDE=/cache/$(basename "$KERNELS")/$RELEASE
LOG=$CACHE/logs/kernel-$RELEASE
mkdir -p "$DIR/stamps"

download() {
	remove_tree "$DIR/debs"
	mkdir -p "$DIR/debs.partial"
	# apt checks each file against the signed index; no sandbox user, which could not write here
	logged "$STEP" "$LOG-download.log" "if it is the network, run this again; if the version has left the archive, ACS_QUIRKS_UPDATE=1" \
		in_root sh -c "cd $INSIDE/debs.partial && exec apt-get -q -o APT::Sandbox::User=root download \"\$@\"" sh \
		"linux-"{binary,modules,headers,base}"-$RELEASE=$VERSION" "linux-source-$SERIES=$VERSION"
	mv "$DIR/debs.partial" "$DIR/debs"
}

unpack() {
	mkdir "$DIR/parts.partial" "$DIR/tree.partial"
	# shellcheck disable=SC2016 # for the shell inside
	logged "$STEP" "$LOG-unpack.log" "run this again" in_root bash -euo pipefail -c '
		cd "$1"
		for deb in debs/linux-{binary,modules,headers,base}-*.deb; do dpkg-deb -x "$deb" parts.partial; done
		dpkg-deb --fsys-tarfile debs/linux-source-*.deb | tar -xO "./usr/src/linux-source-$2.tar.xz" |
			tar -xJ --strip-components=1 -C tree.partial
		mkdir -p parts.partial/lib && mv parts.partial/usr/lib/modules parts.partial/lib/modules
		rm -f parts.partial/lib/modules/*/{build,source}
		depmod -b parts.partial "$3"' bash "$INSIDE" "$SERIES" "$RELEASE"
	local headers=$DIR/parts.partial/usr/src/linux-headers-$RELEASE
	mv "$headers/.config" "$DIR/config.debian"
	mv "$headers/Module.symvers" "$DIR/Module.symvers"
	mv "$DIR/parts.partial/lib/modules/$RELEASE/vmlinuz" "$DIR/vmlinuz"
	rm -rf "$DIR/parts.partial/usr"
	mv "$DIR/parts.partial" "$DIR/modules"
	mv "$DIR/tree.partial" "$DIR/tree"
	echo "$RELEASE" >"$DIR/release"
	# the compiler under the name that Debian used, from the configuration
	echo "ARCH=$KERNEL_ARCH CROSS_COMPILE=$GNU_PREFIX CC=$(option config.debian CC_VERSION_TEXT | cut -d' ' -f1)" \
		"LOCALVERSION=${RELEASE#"$BASE"}" >"$DIR/make-args"
	echo "$VERSION" >"$DIR/version"
	remove_tree "$DIR/debs"
}

# option FILE NAME: the value of a configuration option, without quotes
option() { sed -n "s/^CONFIG_$2=//p" "$DIR/$1" | tr -d '"'; }

# make_tree LOG TARGET...: run make in the kernel tree
make_tree() {
	local log=$1 args
	shift
	read -ra args <"$DIR/make-args"
	logged "$STEP" "$log" "see the log; if it stays so, remove $DIR and run this again" \
		in_root make -C "$INSIDE/tree" -j"$(nproc)" "${args[@]}" "$@"
}

configure() {
	local name debian ours changed
	cp "$DIR/config.debian" "$DIR/tree/.config"
	make_tree "$LOG-configure.log" olddefconfig
	# Rust metadata fits one exact compiler. For gcc the version number suffices, without Debian's revision.
	for name in RUSTC_VERSION_TEXT BINDGEN_VERSION_TEXT GCC_VERSION; do
		debian=$(option config.debian $name) ours=$(option tree/.config $name)
		[[ $debian == "$ours" ]] || die "$STEP" "Debian built it with $name '$debian', and the build root has '${ours:-none}'" \
			"ACS_QUIRKS_UPDATE=1 scripts/build-root.sh, then this again; if it stays so, take another kernel"
	done
	# with a missing or different tool (pahole), options change silently, and with them the kernel's structures
	changed=$(diff <(options config.debian) <(options tree/.config) | sed -nE 's/^[<>] (# )?CONFIG_([A-Za-z0-9_]+).*/\2/p' |
		sort -u | grep -vxE "(CC|GCC|AS|LD|PAHOLE|RUSTC_LLVM)_VERSION(_TEXT)?|CC_CAN_LINK(_STATIC)?|BUILD_SALT|MODULE_SIG_KEY|SYSTEM_(TRUSTED|REVOCATION)_KEYS|$OTHER_OPTIONS" |
		paste -sd' ') || :
	[[ -z $changed ]] || die "$STEP" "the configuration does not stay Debian's: $changed" \
		"a tool is missing or another one in the build root: ACS_QUIRKS_UPDATE=1 scripts/build-root.sh, then this again"
}
options() { grep -E '^(# )?CONFIG_' "$DIR/$1" | sort; }

rebuild() {
	make_tree "$LOG-rebuild.log" prepare modules_prepare
	local release
	release=$(<"$DIR/tree/include/config/kernel.release")
	[[ $release == "$RELEASE" ]] || die "$STEP" "the tree calls itself $release, not $RELEASE" \
		"the source package does not fit the kernel: take another kernel, and report this"
}

verify() {
	local want missing
	awk '$3 == "vmlinux" && $2 ~ /^(_R|rust_helper_)/ { print $2 }' "$DIR/Module.symvers" | sort -u >"$DIR/rust-symbols.debian"
	sed -n 's/.*EXPORT_SYMBOL_RUST_GPL(\([^)]*\)).*/\1/p' "$DIR"/tree/rust/exports_*_generated.h | sort -u >"$DIR/rust-symbols"
	want=$(wc -l <"$DIR/rust-symbols.debian")
	missing=$(comm -23 "$DIR/rust-symbols.debian" "$DIR/rust-symbols" | wc -l)
	say "$STEP: $((want - missing)) of $want Rust symbols match"
	((want > 0 && missing == 0)) || die "$STEP" "$missing of the kernel's $want Rust symbols are not in the rebuilt crates" \
		"a module would not load; compare $DIR/rust-symbols.debian with rust-symbols, and report this"
	cp "$DIR/Module.symvers" "$DIR/tree/Module.symvers"
}

# step NAME KEY TEXT: run the step unless its stamp has this key; later steps must then run again
step() {
	local stamp=$DIR/stamps/$1 name
	! is "$stamp" "$2" || return 0
	for name in verify rebuild configure unpack download; do
		rm -f "$DIR/stamps/$name"
		[[ $name != "$1" ]] || break
	done
	say "$STEP: $3"
	"$1"
	sync -f "$DIR"
	echo "$2" >"$stamp.partial"
	mv "$stamp.partial" "$stamp"
}

if ! is "$DIR/stamps/unpack" "$VERSION"; then # this step removes the packages
	for part in parts.partial tree.partial modules tree; do remove_tree "$DIR/$part"; done
	need_space 3000 "$STEP"
	step download "$VERSION" "$RELEASE, downloading (300 MB)"
	step unpack "$VERSION" "unpacking"
fi
step configure "$VERSION $TOOLS" "configuring as Debian did"
step rebuild "$VERSION $TOOLS" "rebuilding the Rust crates (1-3 minutes on 2 cores)"
step verify "$VERSION $TOOLS" "comparing with the stock kernel"

if [[ $KERNEL != "$RELEASE" ]]; then
	ln -sfn "$RELEASE" "$KERNELS/.link"
	mv -T "$KERNELS/.link" "$KERNELS/$KERNEL"
fi
say "$STEP: ready in $KERNELS/$KERNEL ($(du -sxm "$DIR" | cut -f1) MB)"
