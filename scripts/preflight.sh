#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# preflight.sh KDIR: check that the module can be built against this kernel tree. Prints the first missing requirement
# in one line, in place of a compiler error such as E0463.

set -euo pipefail
KDIR=${1:?usage: preflight.sh KDIR}
SCRIPTS=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)

missing() {
	printf 'cannot build against %s: %s\n' "$KDIR" "$*" >&2
	exit 1
}

# option NAME: the value of a configuration option, without quotes; empty if it is not set
option() { sed -n "s/^CONFIG_$1=//p" "$KDIR/include/config/auto.conf" | tr -d '"'; }

[[ -e $KDIR/Makefile ]] ||
	missing "there is no kernel tree; give one with KDIR= (on Debian use \"make install\" without KDIR)"
[[ -e $KDIR/include/config/auto.conf && -e $KDIR/include/config/kernel.release ]] ||
	missing "the tree is not prepared; run there: make modules_prepare"

release=$(<"$KDIR/include/config/kernel.release")
series=$(cut -d. -f1,2 <<<"${release%%[+-]*}")
if ! grep -qx "$series" "$SCRIPTS/supported-kernels" && [[ -z ${ALLOW_UNSUPPORTED_KERNEL:-} ]]; then
	missing "kernel $release is not supported (supported: $(grep -v '^#' "$SCRIPTS/supported-kernels" | paste -sd' '));" \
		"to try it nevertheless: ALLOW_UNSUPPORTED_KERNEL=1"
fi

for name in RUST PCI_QUIRKS IOMMU_API KPROBES KRETPROBES; do
	[[ $(option $name) == y ]] || missing "kernel $release is configured without CONFIG_$name=y; use another kernel"
done

for file in libcore.rmeta libkernel.rmeta libbindings.rmeta libpin_init.rmeta libmacros.so; do
	[[ -e $KDIR/rust/$file ]] ||
		missing "it has no Rust metadata (rust/$file), as Debian's headers have not;" \
			"for a Debian kernel use \"make install\" without KDIR, which prepares a tree that has it"
done

want=$(option RUSTC_VERSION_TEXT)
have=$("${RUSTC:-rustc}" --version 2>/dev/null) || missing "there is no rustc; install \"$want\""
[[ $have == "$want" ]] || missing "its Rust metadata is of \"$want\", and rustc here is \"$have\"; set RUSTC= to the former"
