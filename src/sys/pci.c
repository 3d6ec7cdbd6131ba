// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reads the structures of the PCI core and makes the decoy. Rust knows no layout of these
 * structures, so one source serves every kernel. In Rust: sys/pci.rs and sys/decoy.rs.
 */
#include <linux/bitfield.h>
#include <linux/iommu.h>
#include <linux/pci.h>
#include <linux/slab.h>

/* Vendor id in bits 31:16, device id in 15:0. */
u32 acs_quirks_ids(const struct pci_dev *dev);
u32 acs_quirks_ids(const struct pci_dev *dev)
{
	return (u32)dev->vendor << 16 | dev->device;
}

u8 acs_quirks_devfn(const struct pci_dev *dev);
u8 acs_quirks_devfn(const struct pci_dev *dev)
{
	return dev->devfn;
}

/* The Device/Port Type, or -1 for a function without a PCI Express capability. */
int acs_quirks_pcie_type(struct pci_dev *dev);
int acs_quirks_pcie_type(struct pci_dev *dev)
{
	return pci_is_pcie(dev) ? pci_pcie_type(dev) : -1;
}

/* In Rust: the constants of sys/pci.rs. */
#define IS_VIRTUAL BIT(0)
#define HAS_ACS BIT(1)
#define IS_GONE BIT(2)
#define FORWARDS_ARI BIT(3)
#define IS_GROUPED BIT(4)

/* Facts about a function, as the bits above. */
u32 acs_quirks_facts(const struct pci_dev *dev);
u32 acs_quirks_facts(const struct pci_dev *dev)
{
	return (dev->is_virtfn ? IS_VIRTUAL : 0) | (dev->acs_cap ? HAS_ACS : 0) |
	       (dev->error_state != pci_channel_io_normal ? IS_GONE : 0) |
	       (dev->ari_enabled ? FORWARDS_ARI : 0) | (dev->dev.iommu_group ? IS_GROUPED : 0);
}

struct pci_bus *acs_quirks_bus(const struct pci_dev *dev);
struct pci_bus *acs_quirks_bus(const struct pci_dev *dev)
{
	return dev->bus;
}

/* The bridge above a bus, or NULL for a root bus. */
struct pci_dev *acs_quirks_bridge(const struct pci_bus *bus);
struct pci_dev *acs_quirks_bridge(const struct pci_bus *bus)
{
	return bus->self;
}

/* The bus above a bus, or NULL for a root bus. */
struct pci_bus *acs_quirks_parent(const struct pci_bus *bus);
struct pci_bus *acs_quirks_parent(const struct pci_bus *bus)
{
	return bus->parent;
}

struct device *acs_quirks_device(struct pci_dev *dev);
struct device *acs_quirks_device(struct pci_dev *dev)
{
	return &dev->dev;
}

/* The calling thread. */
unsigned long acs_quirks_current(void);
unsigned long acs_quirks_current(void)
{
	return (unsigned long)current;
}

/*
 * A device without a function behind it, or NULL. It has what pci_device_group() and the kernel's
 * quirks read: ids (vendor in bits 31:16), a Device/Port Type, a bus type, for dev_is_pci(), and the
 * multi-function flag, without which the kernel does not ask about a function's isolation. The decoy
 * holds a reference to the bus.
 */
struct pci_dev *acs_quirks_decoy(struct pci_bus *bus, u8 devfn, u32 ids, u8 type);
struct pci_dev *acs_quirks_decoy(struct pci_bus *bus, u8 devfn, u32 ids, u8 type)
{
	struct pci_dev *decoy = pci_alloc_dev(bus);

	if (decoy) {
		decoy->devfn = devfn;
		decoy->vendor = ids >> 16;
		decoy->device = ids;
		decoy->pcie_cap = PCI_STD_HEADER_SIZEOF;
		decoy->pcie_flags_reg = FIELD_PREP(PCI_EXP_FLAGS_TYPE, type);
		decoy->dev.bus = &pci_bus_type;
		decoy->multifunction = 1;
	}
	return decoy;
}

/*
 * Asks the kernel for the decoy's group and puts the group. Returns 0, or the kernel's error when
 * memory runs out.
 */
int acs_quirks_decoy_group(struct pci_dev *decoy);
int acs_quirks_decoy_group(struct pci_dev *decoy)
{
	struct iommu_group *group = pci_device_group(&decoy->dev);

	if (IS_ERR(group))
		return PTR_ERR(group);
	iommu_group_put(group);
	return 0;
}

/* Undoes pci_alloc_dev() as pci_scan_device() does. pci_bus_put() is not exported; this is its body. */
void acs_quirks_decoy_free(struct pci_dev *decoy);
void acs_quirks_decoy_free(struct pci_dev *decoy)
{
	put_device(&decoy->bus->dev);
	kfree(decoy);
}
