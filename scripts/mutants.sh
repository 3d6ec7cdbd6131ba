#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# mutants.sh [FILTER]: in the build root, check that the tests of the isolation logic and of the check of data files notice
# changes. cargo-mutants changes a copy of the code in one place at a time (FILTER selects mutants by name) and reports each
# mutant for which no test fails. An interrupted run goes on where it ended, as long as the code is the same. Takes hours.
# mutants.toml lists mutants that make no difference, with the reason.

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
	others=(--test-package={rules,grouping,random-topologies,quirk-data,acsctl}
		--cargo-arg=--test={functions,model,range,topologies,verdict,predict,why,what_if,unknown})
	case $1 in
		rules | grouping) return 0 ;;
		statement) code=(--file 'tools/quirk-data/src/check/stated/**') first=() ;;
		check) code=(--file 'tools/quirk-data/src/check/**' --exclude '**/stated/**') first=(--cargo-arg=--test={rejected,replay}) ;;
	esac
	code+=(--package quirk-data)
	first+=(--test-package quirk-data --cargo-arg=--lib --cargo-arg=--test=statement -- -- --skip damaged_files --skip random::)
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

# What was decided counts only for the same code.
of=$(git ls-files -z --cached --others --exclude-standard src tools tests quirks scripts/mutants.toml Cargo.lock |
	xargs -0 sha256sum 2>/dev/null | sha256sum)
if [[ $(cat "$WORK/of" 2>/dev/null) != "$of" ]]; then
	for name in $PARTS; do rm -rf "${WORK:?}/$name"; done
	echo "$of" >"$WORK/of"
fi

# run PART OPTION...: try the mutants of a part that no earlier run has decided
run() {
	local part=$1 status=0
	shift
	mkdir -p "$WORK/$part"
	nice -n 15 "$WORK/bin/cargo-mutants" mutants --config scripts/mutants.toml --jobs 1 --output "$WORK/$part" --timeout 120 \
		--no-shuffle --iterate --re "$FILTER" "$@" || status=$?
	# 2: some mutants were missed; 3: some timed out, which counts as detected.
	((status == 0 || status == 2 || status == 3)) || exit "$status"
}

# count PART FILE...: the mutants in lists of cargo-mutants
count() {
	local part=$1
	shift
	cat "${@/#/$WORK/$part/mutants.out/}" 2>/dev/null | sort -u | grep -c . || :
}

# listed OPTION...: how many mutants there are
listed() { "$WORK/bin/cargo-mutants" mutants --list --re "$FILTER" "$@" | grep -c . || :; }

tried=0 missed=0 lines=()
for name in $PARTS; do
	part "$name"
	all=$(listed --no-config "${code[@]}")
	((all > 0)) || continue
	((tried += all)) || :
	say "$name: the tests that find most"
	run "$name" "${code[@]}" "${first[@]}"
	if (($(count "$name" missed.txt) > 0)); then
		say "$name: the other tests"
		run "$name" "${code[@]}" "${others[@]}"
	fi
	found=$(count "$name" missed.txt)
	lines+=("$name: $(count "$name" caught.txt previously_caught.txt timeout.txt) caught, $found missed, $(count "$name" \
		unviable.txt) do not compile, $((all - $(listed --config scripts/mutants.toml "${code[@]}"))) without effect")
	((missed += found)) || :
done
((tried > 0)) || die "mutants" "no mutant matches $FILTER" "give another expression with MUTANTS="
printf '%s\n' "${lines[@]}"
((missed == 0)) || die "mutants" "no test fails after the changes in $WORK/*/mutants.out/missed.txt" \
	"add a test, or, if a change makes no difference, list it in scripts/mutants.toml with the reason"
