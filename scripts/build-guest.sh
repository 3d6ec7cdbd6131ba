#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# build-guest.sh: in the build root, builds the programs that the guests of the boot tests have: acsctl, and those of
# tests/guest. They go into the folder programs of the cache, for another architecture than the host's into programs-ARCH.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

static_programs guest acsctl guest
mkdir -p "$PROGRAMS"
for name in acsctl at hold-vfio; do
	# without symbols, which would fill the guest's memory; in one step, for other tests may read it
	"${GNU_PREFIX}strip" -o "$PROGRAMS/.$name.new" "$STATIC/$name"
	mv "$PROGRAMS/.$name.new" "$PROGRAMS/$name"
done
