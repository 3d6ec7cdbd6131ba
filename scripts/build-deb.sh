#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# build-deb.sh: build the Debian packages into build/packages. The crates are downloaded first. Then a new Debian with only the
# packages that debian/control names builds them without network, twice in different folders; both builds must give the same
# bytes, and lintian must find nothing. With a cross compiler it also builds the package of acsctl for arm64, whose program must
# run under emulation. The script removes the system at the end, also when it is interrupted.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=archive.sh
. "$SCRIPTS/archive.sh"
STEP='Debian packages'
CLEAN=$CACHE/deb
OUT=$PROJECT/build/packages
VERSION=$(<"$PROJECT/VERSION")

in_clean() { ACS_QUIRKS_ROOT=$CLEAN/root "$SCRIPTS/in-root.sh" "$@"; }

build_dependencies() {
	# the packages of the field, each without its version and its alternatives
	sed -n '/^Build-Depends:/,/^[A-Z]/ s/^ \([a-z0-9-]*\).*/\1/p' "$PROJECT/debian/control" | sed 's/^debhelper-compat$/debhelper/'
}

# vendor: copy the crates that acsctl consists of into vendor/. Of all other crates in Cargo.lock, which are for tests or other
# systems, only the manifest stays: cargo reads it, and compiles nothing of them.
# shellcheck disable=SC2016 # for the shell inside
vendor() {
	in_clean bash -euo pipefail -c '
		cd /build/acs-quirks
		export CARGO_HOME=/build/cargo-home
		cargo vendor --quiet --locked --versioned-dirs vendor >/dev/null
		for arch in x86_64 aarch64; do
			cargo tree --quiet --locked --package acsctl --prefix none --edges normal,build --target $arch-unknown-linux-gnu
		done | sed -nE "s/^([^ ]+) v([^ ]+).*/\1-\2/p" | sort -u >/build/needed
		for crate in vendor/*; do
			! grep -qxF "${crate#vendor/}" /build/needed || continue
			lib=$(sed -n "/^\[lib\]/,/^\[[^l]/ s/^path = \"\(.*\)\"/\1/p" "$crate/Cargo.toml")
			find "$crate" -mindepth 1 -maxdepth 1 ! -name Cargo.toml ! -name .cargo-checksum.json -exec rm -r {} +
			sed -i "s/\"files\":{[^}]*}/\"files\":{}/" "$crate/.cargo-checksum.json"
			sed -i "/^\[\[/,/^$/d; /^\[package\]/,/^\[[^p]/ { /^\(build\|links\|readme\) = /d }" "$crate/Cargo.toml"
			mkdir -p "$(dirname "$crate/${lib:-src/lib.rs}")" && : >"$crate/${lib:-src/lib.rs}"
		done
		rm -r "$CARGO_HOME"'
}

# build FOLDER OPTION...: build packages in this folder, without network, the checkout and the cache
# shellcheck disable=SC2016 # for the shell inside
build() {
	in_clean bash -euo pipefail -c '
		mkdir -p "/build/$0" && cp -a /build/acs-quirks "/build/$0/"
		cd "/build/$0/acs-quirks"
		unshare --net --mount sh -c "umount /src /cache && env -i HOME=/nonexistent PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 \
			dpkg-buildpackage --no-sign $*"
		rm -rf "/build/$0/acs-quirks"' "$@"
}

# shellcheck disable=SC2016 # for the shell inside
check() {
	in_clean bash -euo pipefail -c '
		cd /build
		(cd first && sha256sum -- *.deb) >sums
		(cd second/in-another-folder && sha256sum --quiet --check ../../sums)
		lintian --allow-root --fail-on error,warning,info first/*.changes arm64/*.changes
		dpkg-deb -x arm64/acsctl_*_arm64.deb arm64/acsctl
		qemu-aarch64 arm64/acsctl/usr/bin/acsctl quirk check'
}

one_build() {
	local lines=() list
	list=$(sources "$SUITE")
	[[ -z $list ]] || mapfile -t lines <<<"$list"
	say "$STEP: a clean system"
	logged "$STEP" "$CACHE/logs/deb-root.log" "if it is the network, run this again" \
		minimal_system --dpkgopt=force-unsafe-io --architectures=amd64,arm64 \
		--include="build-essential,lintian,qemu-user,gcc-aarch64-linux-gnu,libc6-dev-arm64-cross,libstd-rust-dev:arm64" \
		--include="$(build_dependencies | paste -sd,)" "$SUITE" "$CLEAN/root" "${lines[@]}"
	say "$STEP: sources and crates"
	mkdir -p "$CLEAN/root/build/acs-quirks"
	(cd "$PROJECT" && git -c safe.directory="$PROJECT" ls-files -z | tar -c --null --verbatim-files-from --files-from=-) |
		tar -x --no-same-owner -C "$CLEAN/root/build/acs-quirks"
	logged "$STEP" "$CACHE/logs/deb-vendor.log" "check the network and its proxy (https_proxy), then run this again" vendor
	say "$STEP: building"
	logged "$STEP" "$CACHE/logs/deb-first.log" "fix what the build reports" build first --build=full
	say "$STEP: building again, in another folder"
	logged "$STEP" "$CACHE/logs/deb-second.log" "fix what the build reports" build second/in-another-folder --build=binary
	say "$STEP: building acsctl for arm64"
	# the dependencies are those for amd64
	logged "$STEP" "$CACHE/logs/deb-arm64.log" "fix what the build reports" build arm64 --host-arch=arm64 --build=any --no-check-builddeps
	say "$STEP: comparing, lintian, and acsctl for arm64 under emulation"
	logged "$STEP" "$CACHE/logs/deb-check.log" "see which file differs, or what lintian names" check
	rm -rf "$OUT"
	mkdir -p "$OUT/arm64"
	cp "$CLEAN"/root/build/first/*.{deb,dsc,tar.*} "$OUT"
	# apart, so that *.deb names the packages for one host
	cp "$CLEAN"/root/build/arm64/*.deb "$OUT/arm64"
	chown -R --reference="$PROJECT/Makefile" "$PROJECT/build"
}

need_root "$STEP"
mkdir -p "$CACHE/logs"
if [[ ${1:-} == --stage=build ]]; then
	one_build
	exit
fi
lock work
remove_tree "$CLEAN"
need_space 3000 "$STEP"
install_tools
mkdir "$CLEAN"
trap 'remove_tree "$CLEAN"' EXIT
"${CONTAINED[@]}" bash "$SCRIPTS/build-deb.sh" --stage=build
(cd "$OUT" && du -b -- *"$VERSION"* arm64/*)
say "$STEP: in build/packages"
