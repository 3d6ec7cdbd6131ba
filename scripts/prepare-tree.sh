#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# prepare-tree.sh [KERNEL]: prepare a source tree of a prepared stock kernel, with Rust metadata, for building modules with
# Rust-for-Linux's crates, the KUnit kernel and patches.
#
# Debian's headers lack the metadata of the kernel's Rust crates. This script rebuilds the crates from Debian's source and
# configuration with Debian's compilers, and compares their symbols with the symbols that the stock kernel exports.
#
# Results in the cache: kernels/RELEASE/tree/ and make-args, beside what prepare-kernel.sh makes; the stamp `verify` is set
# after verification.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
KERNEL=${1:-newest}
STEP="source tree of kernel $KERNEL"
[[ -e $KERNELS/$KERNEL/stamps/kernel ]] || die "$STEP" "the kernel is not prepared" "run scripts/prepare-kernel.sh $KERNEL first"
RELEASE=$(<"$KERNELS/$KERNEL/release")
VERSION=$(<"$KERNELS/$KERNEL/version")
DIR=$KERNELS/$RELEASE
INSIDE=/cache/$(basename "$KERNELS")/$RELEASE
LOG=$CACHE/logs/tree-$RELEASE
BASE=${RELEASE%%[+-]*}
HEADERS=headers/usr/src/linux-headers-$RELEASE

# The crates fit exactly these packages of the root.
TOOLS=$(toolchain)
if is "$DIR/stamps/verify" "$VERSION $TOOLS" && has_files "$DIR" source_package; then
	say "$STEP: ready"
	exit 0
fi
grep -q '^CONFIG_RUST=y' "$DIR/$HEADERS/.config" ||
	die "$STEP" "the kernel is built without Rust" "choose a newer kernel, or build modules for this one from its headers"

need_root "$STEP"
trap on_interrupt INT
lock work

in_root() { "$SCRIPTS/in-root.sh" -- "$@"; }

source_package() {
	remove_tree "$DIR/tree"
	need_space 3000 "$STEP"
	unpack_source "$STEP" "$RELEASE" "$VERSION" tree
	make_args "$RELEASE" "${RELEASE#"$BASE"}" >"$DIR/make-args"
}

# make_tree LOG TARGET...: run make in the kernel tree
make_tree() {
	local log=$1 args
	shift
	read -ra args <"$DIR/make-args"
	logged "$STEP" "$log" "see the log; if the error remains, remove $DIR and run this again" \
		in_root make -C "$INSIDE/tree" -j"$(nproc)" "${args[@]}" "$@"
}

configure() {
	local name debian ours changed
	cp "$DIR/$HEADERS/.config" "$DIR/tree/.config"
	make_tree "$LOG-configure.log" olddefconfig
	# Rust metadata fits one exact compiler. For gcc the version number suffices, without Debian's revision.
	for name in RUSTC_VERSION_TEXT BINDGEN_VERSION_TEXT GCC_VERSION; do
		debian=$(option "$DIR/$HEADERS/.config" $name) ours=$(option "$DIR/tree/.config" $name)
		[[ $debian == "$ours" ]] || die "$STEP" "Debian built it with $name '$debian', but the build root has '${ours:-none}'" \
			"run ACS_QUIRKS_UPDATE=1 scripts/build-root.sh, then this again; if the error remains, choose another kernel"
	done
	# A missing or different tool (pahole) silently changes options, and thereby the kernel's structures.
	changed=$(diff <(options "$HEADERS/.config") <(options tree/.config) | sed -nE 's/^[<>] (# )?CONFIG_([A-Za-z0-9_]+).*/\2/p' |
		sort -u | grep -vxE "(CC|GCC|AS|LD|PAHOLE|RUSTC_LLVM)_VERSION(_TEXT)?|CC_CAN_LINK(_STATIC)?|BUILD_SALT|MODULE_SIG_KEY|SYSTEM_(TRUSTED|REVOCATION)_KEYS|$OTHER_OPTIONS" |
		paste -sd' ') || :
	[[ -z $changed ]] || die "$STEP" "the build changes options of Debian's configuration: $changed" \
		"the build root lacks a tool or has another version of it: run ACS_QUIRKS_UPDATE=1 scripts/build-root.sh, then this again"
}
options() { grep -E '^(# )?CONFIG_' "$DIR/$1" | sort; }

rebuild() {
	make_tree "$LOG-rebuild.log" prepare modules_prepare
	local release
	release=$(<"$DIR/tree/include/config/kernel.release")
	[[ $release == "$RELEASE" ]] || die "$STEP" "the tree calls itself $release, not $RELEASE" \
		"the source package does not match the kernel: choose another kernel, and report this"
}

verify() {
	local want missing
	awk '$3 == "vmlinux" && $2 ~ /^(_R|rust_helper_)/ { print $2 }' "$DIR/$HEADERS/Module.symvers" | sort -u >"$DIR/rust-symbols.debian"
	sed -n 's/.*EXPORT_SYMBOL_RUST_GPL(\([^)]*\)).*/\1/p' "$DIR"/tree/rust/exports_*_generated.h | sort -u >"$DIR/rust-symbols"
	want=$(wc -l <"$DIR/rust-symbols.debian")
	missing=$(comm -23 "$DIR/rust-symbols.debian" "$DIR/rust-symbols" | wc -l)
	say "$STEP: $((want - missing)) of $want Rust symbols match"
	((want > 0 && missing == 0)) || die "$STEP" "$missing of the kernel's $want Rust symbols are not in the rebuilt crates" \
		"a module would not load; compare $DIR/rust-symbols.debian with rust-symbols, and report this"
	cp "$DIR/$HEADERS/Module.symvers" "$DIR/tree/Module.symvers"
	# the version of Debian's build: the module compares it with the version of the running kernel
	cp "$DIR/$HEADERS/include/generated/utsversion.h" "$DIR/tree/include/generated/utsversion.h"
	note_files "$DIR" source_package tree
}

# step NAME KEY TEXT: run the step unless its stamp has this key; later steps must then run again
step() {
	local stamp=$DIR/stamps/$1 name
	! is "$stamp" "$2" || return 0
	for name in verify rebuild configure source_package; do
		rm -f "$DIR/stamps/$name"
		[[ $name != "$1" ]] || break
	done
	say "$STEP: $3"
	"$1"
	sync -f "$DIR"
	echo "$2" >"$stamp.partial"
	mv "$stamp.partial" "$stamp"
}

step source_package "$VERSION" "downloading and unpacking its source (150 MB)"
step configure "$VERSION $TOOLS" "configuring as Debian did"
step rebuild "$VERSION $TOOLS" "rebuilding the Rust crates (1-3 minutes on 2 cores)"
step verify "$VERSION $TOOLS" "comparing with the stock kernel"

say "$STEP: ready in $DIR/tree"
