#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# build-acsctl.sh: in the build root, builds build/acsctl, which needs no library of the system that it runs on.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

OUT=$PROJECT/build
# With --target, so that the flag is not for macros, which the compiler must be able to load.
RUSTFLAGS=-Ctarget-feature=+crt-static CARGO_TARGET_DIR=$CACHE/target/static \
	cargo build --quiet --locked --offline --release --target "$RUST_TARGET" --package acsctl
mkdir -p "$OUT"
# one step, so that one that runs is not written into
cp "$CACHE/target/static/$RUST_TARGET/release/acsctl" "$OUT/.acsctl.new"
mv "$OUT/.acsctl.new" "$OUT/acsctl"
chown -R --reference="$PROJECT/Makefile" "$OUT"
say "built: build/acsctl"
