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
# The parts: their code. For each, the tests that find most mutants run first, and the others for what is left: so few tests are
# built for each mutant, and it takes two seconds. Tests of quirk-data that compile C code for minutes are left out.
ISOLATION=(--package rules --package grouping)
ISOLATION_TESTS=(--test-package={random-topologies,quirk-data,acsctl}
	--cargo-arg=--test={functions,model,range,topologies,verdict,predict,why,what_if,unknown})
CHECK=(--package quirk-data --file 'tools/quirk-data/src/check/**')
CHECK_FIRST=(--cargo-arg=--lib --cargo-arg=--test={rejected,statement,replay} -- -- --skip damaged_files --skip random::)
CHECK_TESTS=(--cargo-arg=--lib --cargo-arg=--test={rejected,statement,life,committed,numbers,supersedes,conditions,replay,kernels,json})

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
	rm -rf "$WORK/isolation" "$WORK/check"
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

say "isolation logic: the crates' own tests"
run isolation "${ISOLATION[@]}" --test-package={rules,grouping}
if (($(count isolation missed.txt) > 0)); then
	say "isolation logic: the tests on random topologies, and those of the tools"
	run isolation "${ISOLATION[@]}" "${ISOLATION_TESTS[@]}"
fi
say "check of data files: the tests of findings"
run check "${CHECK[@]}" --test-package quirk-data "${CHECK_FIRST[@]}"
if (($(count check missed.txt) > 0)); then
	say "check of data files: all tests"
	run check "${CHECK[@]}" --test-package quirk-data "${CHECK_TESTS[@]}"
fi

missed=0
for part in isolation check; do
	options=("${ISOLATION[@]}")
	[[ $part != check ]] || options=("${CHECK[@]}")
	all=$(listed --no-config "${options[@]}")
	without=$((all - $(listed --config scripts/mutants.toml "${options[@]}")))
	((all > 0)) || die "mutants" "no mutant of the $part matches $FILTER" "give another expression with MUTANTS="
	printf '%s: %d caught, %d missed, %d do not compile, %d without effect\n' "$part" \
		"$(count "$part" caught.txt previously_caught.txt timeout.txt)" "$(count "$part" missed.txt)" \
		"$(count "$part" unviable.txt)" "$without"
	((missed += $(count "$part" missed.txt))) || :
done
((missed == 0)) || die "mutants" "no test fails after the changes in $WORK/*/mutants.out/missed.txt" \
	"add a test, or, if a change makes no difference, list it in scripts/mutants.toml with the reason"
