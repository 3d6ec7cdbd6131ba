#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# in-root.sh [--] CMD...: run CMD inside the build root, with the checkout at /src and the cache at /cache.
#
# Three processes: this script waits and turns signals into an end; unshare(1) makes the namespaces; stage `inside`
# is process 1 there, mounts, and runs CMD. Each dies with the one before it (and process 1 takes all of CMD's
# children along), so nothing stays mounted or running, even after kill -9 of this script or of its caller.

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
	# Background and wait, because a shell runs its traps only between foreground commands. That costs
	# stdin and makes the child deaf to Ctrl-C, so give both back.
	env --default-signal=INT,QUIT "${CONTAINED[@]}" bash "$SCRIPTS/in-root.sh" --stage=inside "$@" <&0 &
	child=$!
	# shellcheck disable=SC2064 # the child's number is known now
	trap "kill -KILL $child 2>/dev/null; trap - TERM; kill -TERM $$" TERM
	# shellcheck disable=SC2064
	trap "kill -KILL $child 2>/dev/null; trap - HUP; kill -HUP $$" HUP
	if [[ -t 0 ]]; then
		trap : INT # the terminal has told CMD itself, which may want to live on
	else
		# shellcheck disable=SC2064
		trap "kill -KILL $child 2>/dev/null; trap - INT; kill -INT $$" INT
	fi
	while kill -0 "$child" 2>/dev/null; do wait "$child" || :; done
	wait "$child" || status=$?
	# die of the same signal, so that a calling shell or make stops as well
	((status != 130)) || { trap - INT; kill -INT $$; }
	exit "$status"
}

case ${1:-} in
--stage=inside) shift && inside "$@" ;;
--stage=outside) shift && outside "$@" ;;
*) exec setpriv --pdeathsig KILL bash "$SCRIPTS/in-root.sh" --stage=outside "$@" ;; # die with the caller
esac
