#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# in-root.sh [--] CMD...: run CMD inside the build root, with the checkout at /src and the cache at /cache.
#
# Three processes: this script waits and handles signals; unshare(1) creates the namespaces; stage `inside` is process 1 in
# them, mounts, and runs CMD. Each process ends when the one before it ends. All children of CMD end with process 1. So
# nothing stays mounted or running, even after kill -9 of this script or of its caller.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
ROOT=${ACS_QUIRKS_ROOT:-$ROOT}

outside() {
	[[ ${1:-} != -- ]] || shift
	(($#)) || die "in-root" "no command given" "in-root.sh [--] CMD..."
	need_root "in-root"
	[[ -x $ROOT/usr/bin/env ]] || die "in-root" "there is no build root at $ROOT" "run scripts/build-root.sh first"
	lock root shared
	mkdir -p "$CACHE"/{home,cargo,target}

	local child status=0
	# Run in the background and wait, because a shell runs traps only between foreground commands. A background
	# child has no stdin and ignores Ctrl-C, so restore both.
	env --default-signal=INT,QUIT "${CONTAINED[@]}" bash "$SCRIPTS/in-root.sh" --stage=inside "$@" <&0 &
	child=$!
	# shellcheck disable=SC2064 # expand the child's process id now
	trap "kill -KILL $child 2>/dev/null; trap - TERM; kill -TERM $$" TERM
	# shellcheck disable=SC2064
	trap "kill -KILL $child 2>/dev/null; trap - HUP; kill -HUP $$" HUP
	if [[ -t 0 ]]; then
		trap : INT # the terminal also signals CMD, which may choose to continue
	else
		# shellcheck disable=SC2064
		trap "kill -KILL $child 2>/dev/null; trap - INT; kill -INT $$" INT
	fi
	while kill -0 "$child" 2>/dev/null; do wait "$child" || :; done
	wait "$child" || status=$?
	# end by the same signal, so that a calling shell or make stops too
	((status != 130)) || { trap - INT; kill -INT $$; }
	exit "$status"
}

# over FILE: mount the host's FILE read-only over the root's
over() {
	[[ -s $1 ]] || return 0
	# absent while the root is being built, and in a minimal system
	[[ -e $ROOT$1 ]] || { mkdir -p "$(dirname "$ROOT$1")" && : >"$ROOT$1"; }
	mount -o bind,ro "$(readlink -f "$1")" "$ROOT$1"
}

mounts() {
	mount --bind "$ROOT" "$ROOT" && # CMD can create namespaces only if its / is a mount
		mount -t proc proc "$ROOT/proc" &&
		mount -t sysfs -o ro,nosuid,nodev,noexec sysfs "$ROOT/sys" &&
		mount --rbind /dev "$ROOT/dev" &&
		mount -t tmpfs -o mode=1777 tmpfs "$ROOT/dev/shm" &&
		mount -t tmpfs -o mode=1777 tmpfs "$ROOT/tmp" &&
		mkdir -p "$ROOT/src" "$ROOT/cache" &&
		mount --bind "$PROJECT" "$ROOT/src" &&
		mount --bind "$CACHE" "$ROOT/cache" &&
		over /etc/resolv.conf &&
		over /etc/ssl/certs/ca-certificates.crt # a network may have its own certificate authority
}

inside() {
	mounts || die "in-root" "a mount failed, see above" \
		"if $ROOT is damaged, ACS_QUIRKS_UPDATE=1 scripts/build-root.sh makes it anew"

	# Every program of the build root is static: those for guests and those for the root itself then share their crates.
	# With a target, the flag does not apply to macros, which the compiler must load.
	local rust_flags=-Ctarget-feature=+crt-static
	local vars=(PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
		CARGO_BUILD_TARGET="$HOST_RUST_TARGET" CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
		CARGO_TARGET_{X86_64,AARCH64}_UNKNOWN_LINUX_GNU_RUSTFLAGS="$rust_flags"
		HOME=/cache/home CARGO_HOME=/cache/cargo CARGO_TARGET_DIR=/cache/target LANG=C.UTF-8 TERM="${TERM:-dumb}"
		# messages name the host's paths: tests/boot/src/host.rs
		ACS_QUIRKS_HOST_SRC="$PROJECT" ACS_QUIRKS_HOST_CACHE="$CACHE"
		# the checkout does not belong to root
		GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0=/src)
	local name
	for name in $(compgen -e); do
		case $name in
		ACS_QUIRKS_CACHE | ACS_QUIRKS_ROOT | ACS_QUIRKS_HOST_*) ;; # paths outside the root
		ACS_QUIRKS_* | KERNEL | CI | NO_COLOR | CARGO_TERM_* | CARGO_NET_* | CARGO_HTTP_* | http_proxy | https_proxy | all_proxy | no_proxy | HTTP_PROXY | HTTPS_PROXY | ALL_PROXY | NO_PROXY)
			vars+=("$name=${!name}") ;;
		esac
	done

	# No exec: process 1 ignores signals that it does not catch, so CMD must not be process 1.
	trap : INT TERM
	local status=0
	chroot "$ROOT" /usr/bin/env -i --chdir=/src "${vars[@]}" ACS_QUIRKS_CACHE=/cache "$@" || status=$?
	exit "$status"
}

case ${1:-} in
--stage=inside) shift && inside "$@" ;;
--stage=outside) shift && outside "$@" ;;
*) exec setpriv --pdeathsig KILL bash "$SCRIPTS/in-root.sh" --stage=outside "$@" ;; # end with the caller
esac
