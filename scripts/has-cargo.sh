#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# has-cargo.sh: succeeds if this host has a cargo that can build the tools, by the rust-version in Cargo.toml.

needed=$(sed -n 's/^rust-version = "1\.\([0-9]*\)"$/\1/p' "$(dirname "$0")/../Cargo.toml")
found=$(cargo --version 2>/dev/null | sed -n 's/^cargo 1\.\([0-9]*\)\..*/\1/p')
[ "${found:-0}" -ge "$needed" ]
