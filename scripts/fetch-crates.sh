#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# fetch-crates.sh: fetch the crates in Cargo.lock into the cache, so that later steps need no network. Does nothing if
# Cargo.lock has not changed since the last fetch.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
STEP="crates"
STAMP=$CACHE/cargo/.fetched
LOCKED=$(sha256sum <"$PROJECT/Cargo.lock")
! is "$STAMP" "$LOCKED" || exit 0
lock work
need_space 2000 "$STEP"
say "$STEP: fetching"
logged "$STEP" "$CACHE/logs/crates.log" "check the network and its proxy (https_proxy), then run this again" \
	"$SCRIPTS/in-root.sh" -- cargo fetch --locked --target "$HOST_RUST_TARGET" --target aarch64-unknown-linux-gnu
echo "$LOCKED" >"$STAMP"
