#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# fuzz.sh SECONDS: in the build root, fuzz the readers of foreign files (entries, captures, copies of a host), each for SECONDS. Inputs
# that reach new code are kept in the cache, and the next run continues from them. An input that causes a panic is
# kept in the same folder.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

SECONDS_EACH=${1:?usage: fuzz.sh SECONDS}
WORK=$CACHE/fuzz

# The flags of cargo-fuzz that the stable compiler has: coverage, without a sanitizer, which safe code does not need. With
# --target, they do not apply to build scripts.
coverage=(-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4
	-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table
	-Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1)

# seed TARGET ENDING...: copy the project's own files as first inputs
seed() {
	local target=$1 ending
	shift
	mkdir -p "$WORK/$target" "$WORK/seeds/$target"
	for ending in "$@"; do
		find "$PROJECT"/{quirks,tests,tools} -name "*.$ending" |
			while read -r file; do cp "$file" "$WORK/seeds/$target/$(sha256sum <"$file" | cut -c1-16)"; done
	done
}

say 'building'
RUSTFLAGS="${coverage[*]}" CARGO_PROFILE_RELEASE_DEBUG_ASSERTIONS=true CARGO_PROFILE_RELEASE_OVERFLOW_CHECKS=true \
	CARGO_TARGET_DIR="$WORK/target" cargo build --quiet --locked --offline --release --target "$RUST_TARGET" \
	--package fuzz --features libfuzzer

# fuzz TARGET ENDING...: fuzz TARGET, starting from the project's files with these endings, and count its runs in the cache
fuzz() {
	local runs all
	seed "$@"
	say "fuzzing $1 for $SECONDS_EACH s"
	"$WORK/target/$RUST_TARGET/release/$1" -max_total_time="$SECONDS_EACH" -max_len=65536 -timeout=10 -print_final_stats=1 \
		-verbosity=0 -artifact_prefix="$WORK/" "$WORK/$1" "$WORK/seeds/$1" 2>&1 | tee "$WORK/log" ||
		die "fuzz" "an input made the target fail, see above" "the input is the newest file in the folder fuzz of the cache"
	runs=$(awk '/number_of_executed_units/ { print $2 }' "$WORK/log")
	all=$(($(cat "$WORK/runs-$1" 2>/dev/null || echo 0) + runs))
	echo "$all" >"$WORK/runs-$1"
	say "$1: $runs runs, $all in all, no panic"
}

fuzz data-file toml
fuzz reader json txt
fuzz capture json txt
fuzz host copy
