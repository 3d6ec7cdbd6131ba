// SPDX-License-Identifier: GPL-2.0-only
/*
 * Asks a kernel's pci_dev_specific_acs_enabled() for its verdict on every device of a
 * vendor. QUIRKS is the part of drivers/pci/quirks.c that this takes, between
 * pci_acs_ctrl_enabled() and that function; all that it needs of the kernel is here.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include PCI_REGS
#include PCI_IDS

#define PCI_ANY_ID (~0)
#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
#define PCI_DEV_FLAGS_ACS_ENABLED_QUIRK 8

typedef uint16_t u16;
typedef uint32_t u32;

struct pci_dev {
	u16 vendor;
	u16 device;
	u16 acs_cap;
	u32 dev_flags;
	/* below 0 where it is no PCIe device; the kernel's type is then 0 */
	int type;
};

static bool pci_is_pcie(const struct pci_dev *dev)
{
	return dev->type >= 0;
}

static int pci_pcie_type(const struct pci_dev *dev)
{
	return pci_is_pcie(dev) ? dev->type : 0;
}

static void pci_read_config_dword(struct pci_dev *dev, int at, u32 *value)
{
	(void)dev;
	(void)at;
	*value = 0;
}

#include QUIRKS

/* verdicts VENDOR FLAGS...: a byte for each device, type from -1 to 10, and set of flags. */
int main(int count, char **arguments)
{
	struct pci_dev dev = { 0 };
	unsigned int device;
	u16 flags[16];
	int at;

	if (count < 3 || count - 2 > (int)ARRAY_SIZE(flags))
		return 1;
	for (at = 2; at < count; at++)
		flags[at - 2] = strtoul(arguments[at], NULL, 16);
	dev.vendor = strtoul(arguments[1], NULL, 16);
	for (device = 0; device <= 0xffff; device++) {
		dev.device = device;
		for (dev.type = -1; dev.type <= 10; dev.type++)
			for (at = 0; at < count - 2; at++)
				putchar_unlocked(pci_dev_specific_acs_enabled(&dev, flags[at]));
	}
	return ferror(stdout) || fflush(stdout);
}
