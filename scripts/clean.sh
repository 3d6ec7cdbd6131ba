#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# clean.sh: remove build results from the cache and the checkout. The build root and the kernels stay; to remove
# everything, delete the cache folder.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
lock work
lock root # no command may use the removed files
for folder in "$CACHE"/{modules,fuzz/target,guest,target,logs} "$CACHE"/programs*; do remove_tree "$folder"; done
remove_tree "$PROJECT/build"
cd "$PROJECT"
find . -path ./.git -prune -o -type f \( -name '*.o' -o -name '*.ko' -o -name '*.mod' -o -name '*.mod.c' \
	-o -name '.*.cmd' -o -name modules.order -o -name Module.symvers \) -exec rm -f {} +
