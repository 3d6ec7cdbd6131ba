#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# build-guest.sh: in the build root, builds the programs that the guests of the boot tests have: acsctl, and those of
# tests/guest. They go into the folder programs of the cache.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

static_programs guest acsctl guest
mkdir -p "$CACHE/programs"
for name in acsctl at hold-vfio; do
	# without symbols, which would fill the guest's memory; in one step, for other tests may read it
	strip -o "$CACHE/programs/.$name.new" "$STATIC/$name"
	mv "$CACHE/programs/.$name.new" "$CACHE/programs/$name"
done
