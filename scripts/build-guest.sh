#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# build-guest.sh: in the build root, build the programs for the guests of the boot tests: acsctl and those of tests/guest.
# They go into the folder `programs` of the cache, or `programs-ARCH` for another architecture than the host's.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

programs=(acsctl at hold-ring hold-vfio)
if [[ $DEB_ARCH == "$HOST_ARCH" ]]; then
	cargo build-bench "${programs[@]/#/--bin=}" --bin demo --bin emulate
else
	cargo build --quiet --locked --offline --target "$RUST_TARGET" --package acsctl --package guest "${programs[@]/#/--bin=}"
fi
mkdir -p "$PROGRAMS"
for name in "${programs[@]}"; do
	# strip symbols to save the guest's memory; move into place, because other runs may read and write the file
	new=$(mktemp -p "$PROGRAMS" ".$name.XXXXXX")
	"${GNU_PREFIX}strip" -o "$new" "$CACHE/target/$RUST_TARGET/debug/$name"
	chmod 755 "$new"
	mv "$new" "$PROGRAMS/$name"
done
