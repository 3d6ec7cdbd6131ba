#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# oracle.sh REPORT TOPOLOGIES...: let the prepared kernels in ACS_QUIRKS_KERNELS group the machines of topology files or
# folders. The files may be anywhere; the build root gets copies. REPORT is the file for a JSON report, or empty.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
STEP=oracle
REPORT=$1
shift
for place in "$@"; do
	[[ -e $place ]] || die "$STEP" "$place does not exist" "name a topology file, or a folder with topology files"
done
[[ -z $REPORT || -d $(dirname "$REPORT") ]] || die "$STEP" "the folder of $REPORT does not exist" "create it, or name another file"

FOLDER=$(mktemp -d "$CACHE/oracle.XXXXXX")
trap 'remove_tree "$FOLDER"' EXIT
trap on_interrupt INT
mkdir "$FOLDER/in"
cp -RL -- "$@" "$FOLDER/in"
INSIDE=/cache/$(basename "$FOLDER")
status=0
"$SCRIPTS/in-root.sh" -- "/cache/target/$HOST_RUST_TARGET/debug/oracle" "$INSIDE/in" --report "$INSIDE/report" || status=$?
if [[ -n $REPORT && -e $FOLDER/report ]]; then
	cp "$FOLDER/report" "$REPORT"
	chown --reference="$(dirname "$REPORT")" "$REPORT"
fi
exit "$status"
