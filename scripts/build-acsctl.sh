#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# build-acsctl.sh: in the build root, build build/acsctl as a static program.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

OUT=$PROJECT/build
cargo build --quiet --locked --offline --release --target "$RUST_TARGET" --package acsctl
mkdir -p "$OUT"
# move into place, so that a running program is not overwritten
cp "$CACHE/target/$RUST_TARGET/release/acsctl" "$OUT/.acsctl.new"
mv "$OUT/.acsctl.new" "$OUT/acsctl"
chown -R --reference="$PROJECT/Makefile" "$OUT"
say "built: build/acsctl"
