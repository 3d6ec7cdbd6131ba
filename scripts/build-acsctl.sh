#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# build-acsctl.sh: in the build root, builds build/acsctl, which needs no library of the system that it runs on.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

OUT=$PROJECT/build
static_programs release acsctl
mkdir -p "$OUT"
# one step, so that one that runs is not written into
cp "$STATIC/acsctl" "$OUT/.acsctl.new"
mv "$OUT/.acsctl.new" "$OUT/acsctl"
chown -R --reference="$PROJECT/Makefile" "$OUT"
say "built: build/acsctl"
