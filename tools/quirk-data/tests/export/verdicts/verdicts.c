// SPDX-License-Identifier: GPL-2.0-only
/*
 * Prints the answers of a kernel's pci_dev_specific_acs_enabled(). QUIRKS is the part of
 * drivers/pci/quirks.c from pci_acs_ctrl_enabled() to that function. This file replaces the
 * rest of the kernel, and takes the properties of a function from its configuration space, as
 * the kernel does.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <linux/pci_regs.h>
#include PCI_IDS

#define PCI_ANY_ID (~0)
#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
#define PCI_DEV_FLAGS_ACS_ENABLED_QUIRK 8
#define PCI_ERROR_RESPONSE (~0ULL)
#define PCI_POSSIBLE_ERROR(val) ((val) == ((typeof(val)) PCI_ERROR_RESPONSE))

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;

struct pci_dev {
	u16 vendor;
	u16 device;
	u16 subsystem_vendor;
	u16 subsystem_device;
	u32 class;
	u8 revision;
	u16 pcie_cap;
	u16 acs_cap;
	u32 dev_flags;
	unsigned int is_virtfn:1;
};

static u32 space[PCI_CFG_SPACE_EXP_SIZE / sizeof(u32)];

/* Offsets beyond the end wrap around, as on hosts that decode all of ECAM. */
static void pci_read_config_dword(const struct pci_dev *dev, int at, u32 *value)
{
	(void)dev;
	*value = space[at % PCI_CFG_SPACE_EXP_SIZE / sizeof(u32)];
}

static u32 at(int offset)
{
	u32 value;

	pci_read_config_dword(NULL, offset, &value);
	return value >> 8 * (offset % 4);
}

/* As PCI_FIND_NEXT_CAP() in drivers/pci/pci.h. */
static u8 pci_find_capability(const struct pci_dev *dev, int cap)
{
	u8 pos = at(PCI_CAPABILITY_LIST);
	int ttl = 48;

	(void)dev;
	if (!(at(PCI_STATUS) & PCI_STATUS_CAP_LIST))
		return 0;
	while (ttl-- && pos >= PCI_STD_HEADER_SIZEOF) {
		pos &= ~3;
		if ((at(pos) & 0xff) == 0xff)
			break;
		if ((at(pos) & 0xff) == (u32)cap)
			return pos;
		pos = at(pos + PCI_CAP_LIST_NEXT);
	}
	return 0;
}

/* As PCI_FIND_NEXT_EXT_CAP() in drivers/pci/pci.h. */
static u16 pci_find_ext_capability(const struct pci_dev *dev, int cap)
{
	int ttl = (PCI_CFG_SPACE_EXP_SIZE - PCI_CFG_SPACE_SIZE) / 8;
	u16 pos = PCI_CFG_SPACE_SIZE;

	(void)dev;
	while (ttl-- > 0 && pos >= PCI_CFG_SPACE_SIZE && at(pos)) {
		if (PCI_EXT_CAP_ID(at(pos)) == (u32)cap)
			return pos;
		pos = PCI_EXT_CAP_NEXT(at(pos));
	}
	return 0;
}

static bool pci_is_pcie(const struct pci_dev *dev)
{
	return dev->pcie_cap;
}

static int pci_pcie_type(const struct pci_dev *dev)
{
	if (!pci_is_pcie(dev))
		return 0;
	return (at(dev->pcie_cap + PCI_EXP_FLAGS) & PCI_EXP_FLAGS_TYPE) >> 4;
}

#include QUIRKS

/*
 * Reads functions from standard input: whether it is virtual, the requested flags, the number
 * of non-zero dwords in its configuration space, and the offset and value of each. Writes the
 * answer for each. All numbers have 32 bits.
 */
int main(void)
{
	u32 head[3], dword[2];

	while (fread(head, sizeof(head), 1, stdin)) {
		struct pci_dev dev = { .is_virtfn = head[0] };
		int32_t verdict;

		memset(space, 0, sizeof(space));
		for (; head[2]; head[2]--) {
			if (!fread(dword, sizeof(dword), 1, stdin))
				return 1;
			space[dword[0] % PCI_CFG_SPACE_EXP_SIZE / sizeof(u32)] = dword[1];
		}
		dev.vendor = at(PCI_VENDOR_ID);
		dev.device = at(PCI_DEVICE_ID);
		dev.revision = at(PCI_REVISION_ID);
		dev.class = at(PCI_CLASS_REVISION) >> 8;
		dev.subsystem_vendor = at(PCI_SUBSYSTEM_VENDOR_ID);
		dev.subsystem_device = at(PCI_SUBSYSTEM_ID);
		dev.pcie_cap = pci_find_capability(&dev, PCI_CAP_ID_EXP);
		dev.acs_cap = pci_find_ext_capability(&dev, PCI_EXT_CAP_ID_ACS);
		verdict = pci_dev_specific_acs_enabled(&dev, head[1]);
		fwrite(&verdict, sizeof(verdict), 1, stdout);
	}
	return ferror(stdin) || fflush(stdout);
}
