#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# soak.sh HOURS KERNEL...: in the build root, repeat the tests that depend on chance on prepared kernels, with other seeds in
# each round: random machines on one processor, and beside them hot-plug with loads, regroups that are killed, and functions
# that fall silent. Stops at the first failure, or in the round in which the time is over, and prints counts.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
STEP=soak
# What one round does on a kernel: machines, loads, seconds of hot-plug, rounds of regroups. The two sides take about ten minutes.
export ACS_QUIRKS_RANDOM=8000 ACS_QUIRKS_LOADS=300 ACS_QUIRKS_RACE=60 ACS_QUIRKS_CHAOS=40
TESTS=(reloads races regroup-chaos regroup-udev silences)

hours=$1
shift
[[ $hours =~ ^[0-9]+([.][0-9]+)?$ ]] || die "$STEP" "'$hours' is not a number of hours" "make soak HOURS=2"
end=$(awk -v hours="$hours" -v now="$SECONDS" 'BEGIN { print int(now + hours * 3600) }')
LOGS=$CACHE/logs/soak
rm -rf "$LOGS"
mkdir -p "$LOGS"

# run PROGRAM NAME: one test of a test program, if the kernel has it
run() {
	local log=$LOGS/$2.log
	local command=(cargo boot-test --test "$1" -- --exact "$2")
	"${command[@]}" --list 2>/dev/null | grep -q ': test$' || return 0
	"${command[@]}" >>"$log" 2>&1 && return
	tail -n 40 "$log" >&2
	die "$STEP" "$2 failed, log: $log" \
		"repeat it: ACS_QUIRKS_SEED=$ACS_QUIRKS_SEED make boot-test KERNELS=$ACS_QUIRKS_KERNELS ARGS=${2#*::}"
}

# sum WORDS: of all numbers that follow the words, or precede them, in the tests' output
sum() { cat "$LOGS"/*.log | grep -oE "$1" | grep -oE '[0-9]+' | awk '{ sum += $1 } END { print sum + 0 }'; }

counts() {
	printf '%s: %d random machines, %d functions; %d loads, %d rescans beside them; %d regroups, %d of them killed; %d functions silent\n' \
		"$1" "$(sum 'machines [0-9]+')" "$(sum 'functions [0-9]+')" "$(sum 'load [0-9]+')" "$(sum 'rescan [0-9]+')" \
		"$(sum 'rounds: [0-9]+')" "$(sum 'which [0-9]+')" "$(sum 'silent: [0-9]+')"
	cat "$LOGS"/*.log | sed -nE "s/^(rounds in [0-9]+ seconds|reloads): .*(load [0-9]+).*(the kernel's memory.*)/\2: \3/p" | sort | uniq -c
}

round=0
while ((SECONDS < end)); do
	((round += 1))
	for kernel in "$@"; do
		name=$(<"$KERNELS/${kernel%@*}/release")
		[[ $kernel != *@* ]] || name+=@${kernel#*@}
		export ACS_QUIRKS_KERNELS=$kernel ACS_QUIRKS_SEED=$((1000000 + round * ACS_QUIRKS_RANDOM))
		run oracle "$name::oracle::random-machines" &
		machines=$!
		for test in "${TESTS[@]}"; do run scenarios "$name::$test"; done
		wait "$machines"
		compgen -G "$LOGS/*.log" >/dev/null || die "$STEP" "no test is for $kernel" "name other kernels with KERNELS="
		counts "round $round, $name"
	done
done
counts "soak: $round rounds on $*, 0 failures"
