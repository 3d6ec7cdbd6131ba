// SPDX-License-Identifier: GPL-2.0-only
/*
 * Root buses with described configuration space, the functions that the kernel finds there, and
 * memory. Rust knows no layout of the kernel's structures. In Rust: sys.rs and memory.rs.
 */
#include <linux/iommu.h>
#include <linux/mm.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(7, 2, 0)
/* Older kernels have no flag for such a bridge. */
#define PCI_DEV_FLAGS_PCI_BRIDGE_NO_ALIAS 0
#endif

/* A kernel in user mode has x86's structures, and no driver: tests/kernel/user-mode/pci.patch. */
#define HAS_VMD (IS_ENABLED(CONFIG_VMD) || IS_ENABLED(CONFIG_UML))

/* The sysdata of a root bus, for the functions that read configuration space. */
struct host_bridge {
	/* The first member, because the architecture's code casts pci_bus.sysdata to this type. */
	struct pci_sysdata sysdata;
	/* Range of bus numbers. */
	struct resource buses;
	const void *spaces;
	bool is_released;
};

/* In Rust: sys.rs. Reads an aligned dword. */
u32 acs_quirks_synthetic_read(const void *spaces, u32 domain, u8 bus, u32 devfn, int offset);

static int read_config(struct pci_bus *bus, unsigned int devfn, int offset, int size, u32 *value)
{
	const struct host_bridge *bridge = bus->sysdata;
	u32 dword = acs_quirks_synthetic_read(bridge->spaces, pci_domain_nr(bus), bus->number, devfn, offset & ~3);

	*value = dword >> (offset & 3) * 8 & GENMASK(size * 8 - 1, 0);
	return PCIBIOS_SUCCESSFUL;
}

/* Has no effect: configuration space stays as described. */
static int write_config(struct pci_bus *bus, unsigned int devfn, int offset, int size, u32 value)
{
	return PCIBIOS_SUCCESSFUL;
}

static struct pci_ops ops = { .read = read_config, .write = write_config };

static void note_release(struct pci_host_bridge *bridge)
{
	((struct host_bridge *)bridge->release_data)->is_released = true;
}

/*
 * Lets the kernel scan a root bus and everything below. If vmd is not NULL, the kernel treats
 * requests from the domain as those of vmd: pci_real_dma_dev() in arch/x86/pci/common.c.
 */
int acs_quirks_synthetic_scan(const void *spaces, int domain, u8 first, u8 last, struct pci_dev *vmd,
			      struct pci_bus **root);
int acs_quirks_synthetic_scan(const void *spaces, int domain, u8 first, u8 last, struct pci_dev *vmd,
			      struct pci_bus **root)
{
	struct host_bridge *bridge;
	LIST_HEAD(windows);

	if (vmd && !HAS_VMD)
		return -ENOTSUPP;
	bridge = kzalloc(sizeof(*bridge), GFP_KERNEL);
	if (!bridge)
		return -ENOMEM;
	bridge->sysdata.domain = domain;
	bridge->sysdata.node = NUMA_NO_NODE;
#if HAS_VMD
	bridge->sysdata.vmd_dev = vmd;
#endif
	bridge->buses.name = "synthetic";
	bridge->buses.start = first;
	bridge->buses.end = last;
	bridge->buses.flags = IORESOURCE_BUS;
	bridge->spaces = spaces;
	pci_add_resource(&windows, &bridge->buses);
	*root = pci_scan_root_bus(NULL, first, &ops, bridge, &windows);
	pci_free_resource_list(&windows);
	if (!*root) {
		kfree(bridge);
		return -ENODEV;
	}
	pci_set_host_bridge_release(to_pci_host_bridge((*root)->bridge), note_release, bridge);
	return 0;
}

/*
 * pci_create_root_bus() leaves a reference to the host bridge that pci_remove_root_bus() does not
 * put: upstream/0003*.patch corrects that.
 */
void acs_quirks_synthetic_remove(struct pci_bus *root);
void acs_quirks_synthetic_remove(struct pci_bus *root)
{
	struct host_bridge *sysdata = root->sysdata;
	struct device *bridge = root->bridge;

	pci_stop_root_bus(root);
	pci_remove_root_bus(root);
	if (!sysdata->is_released)
		put_device(bridge);
	kfree(sysdata);
}

/* Finds the function at an address. Takes a reference. */
int acs_quirks_synthetic_at(int domain, u8 bus, u8 devfn, struct pci_dev **dev);
int acs_quirks_synthetic_at(int domain, u8 bus, u8 devfn, struct pci_dev **dev)
{
	*dev = pci_get_domain_bus_and_slot(domain, bus, devfn);
	return *dev ? 0 : -ENODEV;
}

/*
 * The function on a synthetic bus after dev, which may be NULL, with a reference. The order is that
 * of bus_for_each_dev(), in which the kernel has added the functions and an IOMMU driver groups them.
 */
struct pci_dev *acs_quirks_synthetic_next(struct pci_dev *dev);
struct pci_dev *acs_quirks_synthetic_next(struct pci_dev *dev)
{
	/* pci_get_device() puts a reference to its argument. */
	pci_dev_get(dev);
	do {
		dev = pci_get_device(PCI_ANY_ID, PCI_ANY_ID, dev);
	} while (dev && dev->bus->ops != &ops);
	return dev;
}

/* Domain in bits 47:16, bus in 15:8, devfn in 7:0. */
u64 acs_quirks_synthetic_address(struct pci_dev *dev);
u64 acs_quirks_synthetic_address(struct pci_dev *dev)
{
	return (u64)pci_domain_nr(dev->bus) << 16 | pci_dev_id(dev);
}

/* Records that the kernel has set up the port so that it isolates. */
void acs_quirks_synthetic_note_set_up(struct pci_dev *dev);
void acs_quirks_synthetic_note_set_up(struct pci_dev *dev)
{
	dev->dev_flags |= PCI_DEV_FLAGS_ACS_ENABLED_QUIRK;
}

void acs_quirks_synthetic_note_external_facing(struct pci_dev *dev);
void acs_quirks_synthetic_note_external_facing(struct pci_dev *dev)
{
	dev->external_facing = 1;
}

/* Lets the kernel find the group of a function, and adds the function. Returns the group's number. */
int acs_quirks_synthetic_group(struct pci_dev *dev);
int acs_quirks_synthetic_group(struct pci_dev *dev)
{
	struct iommu_group *group = pci_device_group(&dev->dev);
	int number, error;

	if (IS_ERR(group))
		return PTR_ERR(group);
	number = iommu_group_id(group);
	error = iommu_group_add_device(group, &dev->dev);
	iommu_group_put(group);
	return error ? error : number;
}

void acs_quirks_synthetic_ungroup(struct pci_dev *dev);
void acs_quirks_synthetic_ungroup(struct pci_dev *dev)
{
	/* Old kernels do not check that the function is in a group. */
	if (dev->dev.iommu_group)
		iommu_group_remove_device(&dev->dev);
}

/* In Rust: the constants of sys.rs. */
#define IS_MULTIFUNCTION BIT(0)
#define IS_TRANSLATION_ROOT BIT(1)
#define KEEPS_REQUESTER_IDS BIT(2)
#define HAS_ACS BIT(3)

/* In Rust: Facts in sys.rs. */
struct facts {
	/* The bridge above and the VMD that the function is behind, or NULL. */
	struct pci_dev *above, *vmd;
	unsigned long aliases[BITS_TO_LONGS(256)];
	u32 bits;
	/* The Device/Port Type, or -1 for a function without a PCI Express capability. */
	int type;
	u16 acs_capability, acs_control;
};

/* The kernel's facts about a function. */
void acs_quirks_synthetic_facts(struct pci_dev *dev, struct facts *facts);
void acs_quirks_synthetic_facts(struct pci_dev *dev, struct facts *facts)
{
	*facts = (struct facts) {
		.above = dev->bus->self,
#if HAS_VMD
		.vmd = ((struct host_bridge *)dev->bus->sysdata)->sysdata.vmd_dev,
#endif
		.bits = (dev->multifunction ? IS_MULTIFUNCTION : 0) |
			(dev->dev_flags & PCI_DEV_FLAGS_BRIDGE_XLATE_ROOT ? IS_TRANSLATION_ROOT : 0) |
			(dev->dev_flags & PCI_DEV_FLAGS_PCI_BRIDGE_NO_ALIAS ? KEEPS_REQUESTER_IDS : 0) |
			(dev->acs_cap ? HAS_ACS : 0),
		.type = pci_is_pcie(dev) ? pci_pcie_type(dev) : -1,
	};
	if (dev->dma_alias_mask)
		memcpy(facts->aliases, dev->dma_alias_mask, sizeof(facts->aliases));
	if (!dev->acs_cap)
		return;
	pci_read_config_word(dev, dev->acs_cap + PCI_ACS_CTRL, &facts->acs_control);
#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 2, 0)
	/* With the kernel's corrections. */
	facts->acs_capability = dev->acs_capabilities;
#else
	pci_read_config_word(dev, dev->acs_cap + PCI_ACS_CAP, &facts->acs_capability);
#endif
}

/* Moves the first used bytes of old, which may be NULL, to new memory of this size, or returns NULL. */
void *acs_quirks_synthetic_grow(void *old, size_t used, size_t size);
void *acs_quirks_synthetic_grow(void *old, size_t used, size_t size)
{
	void *memory = kvmalloc(size, GFP_KERNEL);

	if (memory) {
		memcpy(memory, old, used);
		kvfree(old);
	}
	return memory;
}

void acs_quirks_synthetic_free(void *memory);
void acs_quirks_synthetic_free(void *memory)
{
	kvfree(memory);
}

static_assert(__same_type(pci_lock_rescan_remove, void (void)));
static_assert(__same_type(pci_unlock_rescan_remove, void (void)));
static_assert(__same_type(pci_stop_and_remove_bus_device, void (struct pci_dev *)));
