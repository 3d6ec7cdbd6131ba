#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# mutants.sh [FILTER]: in the build root, check that the tests of rules and grouping notice changes. cargo-mutants changes a
# copy of the code in one place at a time (FILTER selects mutants by name) and reports each mutant for which no test fails.
# The crates' own tests run first, then the tests on random topologies for the remaining mutants. Takes one to two hours.
# mutants.toml lists mutants that make no difference, with the reason.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

# The newest version that Debian 13's cargo builds.
VERSION=26.0.0
WORK=$CACHE/mutants

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
rm -rf "$WORK/mutants.out"*
mutants() {
	nice -n 15 "$WORK/bin/cargo-mutants" mutants --config scripts/mutants.toml --package rules --package grouping --jobs 1 \
		--output "$WORK" --timeout 120 --no-shuffle --re "${FILTER:-.}" "$@"
}

FILTER=${1:-}
say "the crates' own tests"
status=0
mutants --test-package rules,grouping || status=$?
# 2: some mutants were missed; 3: some timed out, which counts as detected.
case $status in
0 | 3) exit 0 ;;
2) ;;
*) exit "$status" ;;
esac
say "the tests on random topologies"
status=0
mutants --test-package random-topologies --iterate || status=$?
((status != 2)) || die "mutants" "no test fails after the changes above" \
	"add a test, or, if a change makes no difference, list it in scripts/mutants.toml with the reason"
((status == 0 || status == 3)) || exit "$status"
