#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# build-modules.sh [KERNEL]: build all editions of the module for a prepared kernel, with clippy and warnings as errors.
# Install them in guest/RELEASE of the cache, together with the stock drivers that a guest needs.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
KERNEL=${1:-newest}
STEP="modules for kernel $KERNEL"
DIR=$KERNELS/$KERNEL
[[ -e $DIR/release ]] || die "$STEP" "that kernel is not prepared" "run scripts/prepare-kernel.sh $KERNEL first"
RELEASE=$(<"$DIR/release")
lock work

# Drivers that a guest needs and that are modules in the stock kernel of some architecture.
WANTED=(
	drivers/iommu/virtio-iommu.ko.xz
	drivers/net/ethernet/intel/e1000e/e1000e.ko.xz
	drivers/block/virtio_blk.ko.xz
	drivers/pci/pci-pf-stub.ko.xz
	drivers/vfio/{vfio,vfio_iommu_type1}.ko.xz
	drivers/vfio/pci/{vfio-pci-core,vfio-pci}.ko.xz
	fs/{fat/fat,fat/msdos,nls/nls_cp437}.ko.xz
	virt/lib/irqbypass.ko.xz
)
EDITIONS=(ACS_QUIRKS_CANDIDATES=y ACS_QUIRKS_TESTS=y)
# The kernel for the KUnit suite has its drivers built in.
if [[ $RELEASE == *-kunit ]]; then
	WANTED=()
	EDITIONS+=(ACS_QUIRKS_KUNIT=y)
fi

all_editions() {
	kbuild "$STEP" "$CACHE/logs/modules-$RELEASE.log" "mend what the compiler says; if the checkout is unchanged, report this" \
		"$RELEASE" "build/$RELEASE" "${EDITIONS[@]}" CLIPPY=1 W=e "$@"
}

install_for_guest() {
	local guest=$CACHE/guest/$RELEASE modules=lib/modules/$RELEASE file
	remove_tree "$guest"
	mkdir -p "$guest/$modules"
	for file in "$DIR/modules/$modules"/modules.{order,builtin,builtin.modinfo}; do cp "$file" "$guest/$modules/"; done
	for file in "${WANTED[@]}"; do
		! grep -qx "kernel/${file%.xz}" "$guest/$modules/modules.builtin" || continue
		mkdir -p "$guest/$modules/kernel/$(dirname "$file")"
		cp "$DIR/modules/$modules/kernel/$file" "$guest/$modules/kernel/$file"
	done
	# strip debugging information to save the guest's memory
	all_editions modules_install INSTALL_MOD_PATH="/cache/guest/$RELEASE" INSTALL_MOD_STRIP=1
	# the kernel's own depmod step needs a System.map, which only a full build has
	"$SCRIPTS/in-root.sh" -- depmod -b "/cache/guest/$RELEASE" "$RELEASE"
}

say "$STEP: building"
all_editions modules
install_for_guest
say "$STEP: ready in $CACHE/guest/$RELEASE"
