#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# build-guest.sh: in the build root, build the programs for the guests of the boot tests: acsctl and those of tests/guest.
# They go into the folder `programs` of the cache, or `programs-ARCH` for another architecture than the host's.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

static_programs guest acsctl guest
mkdir -p "$PROGRAMS"
for name in acsctl at hold-ring hold-vfio; do
	# strip symbols to save the guest's memory; move into place, because other tests may read the file
	"${GNU_PREFIX}strip" -o "$PROGRAMS/.$name.new" "$STATIC/$name"
	mv "$PROGRAMS/.$name.new" "$PROGRAMS/$name"
done
