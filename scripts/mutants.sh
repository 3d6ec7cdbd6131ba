#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# mutants.sh [FILTER]: in the build root, check that the tests of the isolation logic and of the check of data files notice
# changes. cargo-mutants changes a copy of the code in one place at a time (FILTER selects mutants by name) and reports each
# mutant for which no test fails. Takes hours. What a run decided, also an interrupted one, counts for the later runs as long as
# the mutant's file is the same: rm "$CACHE/mutants/decided" makes them try all again. mutants.toml lists mutants that make no
# difference, with the reason.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

# The newest version that Debian 13's cargo builds.
VERSION=26.0.0
WORK=$CACHE/mutants
FILTER=${1:-.}
PARTS="rules grouping statement check"

# part NAME: for a part, its code, the tests that find most mutants and run first, and those that run on what is left. So few
# tests are built for each mutant, and it takes two seconds. Tests of quirk-data that compile C code for minutes are left out.
part() {
	code=(--package "$1")
	first=(--test-package "$1")
	# Not --test-package: the tool tries the tests on unchanged code first, and ignores the option there.
	others=(--cargo-arg=--package={rules,grouping,random-topologies,quirk-data,acsctl}
		--cargo-arg=--test={functions,model,range,topologies,verdict,predict,why,what_if,unknown})
	case $1 in
		rules | grouping) return 0 ;;
		statement) code=(--file 'tools/quirk-data/src/check/stated/**') first=() ;;
		check) code=(--file 'tools/quirk-data/src/check/**' --exclude '**/stated/**') first=(--cargo-arg=--test={rejected,replay}) ;;
	esac
	code+=(--package quirk-data)
	first+=(--test-package quirk-data --cargo-arg=--test=statement -- -- --skip damaged_files --skip random::)
	others=(--test-package quirk-data --cargo-arg=--lib
		--cargo-arg=--test={rejected,statement,life,committed,numbers,supersedes,conditions,replay,kernels,json})
}

if [[ ! -x $WORK/bin/cargo-mutants ]]; then
	say "building cargo-mutants"
	cargo install --quiet --locked --version "$VERSION" --root "$WORK" cargo-mutants ||
		die "mutants" "cargo-mutants could not be built" "check the network and its proxy (https_proxy), then run this again"
fi

# The copy and its build results are kept in the cache, apart from other builds.
mkdir -p "$WORK/tmp"
export TMPDIR=$WORK/tmp CARGO_TARGET_DIR=$WORK/target
export CARGO_NET_OFFLINE=true CARGO_PROFILE_DEV_DEBUG=0 CARGO_PROFILE_DEV_OPT_LEVEL=1
cd "$PROJECT"

# Lines "OUTCOME SUM MUTANT", where SUM is the checksum of the mutant's file: what all runs decided.
DECIDED=$WORK/decided
touch "$DECIDED"

# sums: lines "SUM FILE" of the code
sums() { git ls-files -z --cached --others --exclude-standard src tools | xargs -0 sha256sum 2>/dev/null; }

# keep PART: add to $DECIDED what the last run of a part decided. Its list of sums has the files as that run copied them.
keep() {
	local outcome list
	for outcome in caught timeout unviable; do
		list=$WORK/$1/mutants.out/$outcome.txt
		[[ ! -f $list ]] || awk -v outcome="$outcome" 'NR == FNR { sum[$2] = $1; next }
			{ split($0, at, ":"); print outcome, sum[at[1]], $0 }' "$WORK/$1/sums" "$list" >>"$DECIDED"
	done
	sort -u -o "$DECIDED" "$DECIDED"
}

# decided OUTCOME...: the mutants of the code as it is with one of these outcomes
decided() {
	awk -v outcomes=" $* " 'NR == FNR { sum[$2] = $1; next }
		{ split($3, at, ":"); if (index(outcomes, " " $1 " ") && sum[at[1]] == $2) print substr($0, length($1 $2) + 3) }' \
		<(sums) "$DECIDED"
}

# run PART OPTION...: try the mutants of a part that are not decided
run() {
	local dir=$WORK/$1 part=$1 status=0
	shift
	keep "$part"
	rm -rf "$dir"
	mkdir -p "$dir/mutants.out"
	sums >"$dir/sums"
	decided caught timeout unviable >"$dir/mutants.out/previously_caught.txt"
	nice -n 15 "$WORK/bin/cargo-mutants" mutants --config scripts/mutants.toml --jobs 1 --output "$dir" --timeout 60 \
		--no-shuffle --iterate --re "$FILTER" "$@" || status=$?
	# 2: some mutants were missed; 3: some timed out, which counts as detected.
	((status == 0 || status == 2 || status == 3)) || exit "$status"
	keep "$part"
}

# listed OPTION...: the mutants of the code
listed() { "$WORK/bin/cargo-mutants" mutants --list --re "$FILTER" "$@"; }

# both LIST LIST: how many lines are in both lists
both() { grep -cxFf "$1" "$2" || :; }

missed=0 lines=()
for name in $PARTS; do
	part "$name"
	listed --no-config "${code[@]}" >"$WORK/all"
	[[ -s $WORK/all ]] || continue
	listed --config scripts/mutants.toml "${code[@]}" >"$WORK/effective"
	say "$name: the tests that find most"
	run "$name" "${code[@]}" "${first[@]}"
	if [[ -s $WORK/$name/mutants.out/missed.txt ]]; then
		say "$name: the other tests"
		run "$name" "${code[@]}" "${others[@]}"
	fi
	found=$(grep -c . "$WORK/$name/mutants.out/missed.txt" || :)
	lines+=("$name: $(both "$WORK/effective" <(decided caught timeout)) caught, $found missed, $(both "$WORK/effective" \
		<(decided unviable)) do not compile, $(($(wc -l <"$WORK/all") - $(wc -l <"$WORK/effective"))) without effect")
	((missed += found)) || :
done
((${#lines[@]} > 0)) || die "mutants" "no mutant matches $FILTER" "give another expression with MUTANTS="
printf '%s\n' "${lines[@]}"
((missed == 0)) || die "mutants" "no test fails after the changes in $WORK/*/mutants.out/missed.txt" \
	"add a test, or, if a change makes no difference, list it in scripts/mutants.toml with the reason"
