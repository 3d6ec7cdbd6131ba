// SPDX-License-Identifier: GPL-2.0-only
/*
 * A record of the PCI functions that the kernel has, with a slot for what was decided on each. The
 * kernel's own list is behind a lock that sleeps, and the hook must not sleep.
 *
 * A notifier keeps it, before any other one is told: the IOMMU core asks for a function's group from a
 * notifier of the same chain. Readers take RCU only. No reference to a device is held: a device is freed
 * after its removal was announced, and that waits until no reader can have its slot.
 */
#include <linux/mutex.h>
#include <linux/notifier.h>
#include <linux/of.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/utsname.h>
#include <linux/xarray.h>

/* More buses than a hierarchy can have between a function and its root bus. */
#define MAX_DEPTH 256
/* Bits of dma_alias_mask: MAX_NR_DEVFNS in drivers/pci/pci.h. */
#define DEVFNS 256

struct slot {
	struct pci_dev *dev;
	/* In Rust: sys/known.rs. Zero until something was decided. */
	u64 record[3];
	/* A port that the device tree says to face outside: read while nothing removes its node. */
	bool outside;
	/* While the record begins: a reference to the device is held, and it is on the kernel's list. */
	bool held;
	bool listed;
	struct list_head forgotten;
};

/* By domain, bus and devfn. */
static DEFINE_XARRAY(known);
/* Taken to change it, so that a slot has one who frees it. */
static DEFINE_MUTEX(changing);
/* Set when something could not be recorded; stays so until the module is loaded again. */
static bool incomplete;

static_assert(sizeof(unsigned long) == 8, "the key takes 48 bits");

/* In Rust: driver/record.rs. A function was added, and not grouped yet. */
void acs_quirks_appeared(struct pci_dev *dev);

static unsigned long key(struct pci_bus *bus, u8 devfn)
{
	return (unsigned long)(u32)pci_domain_nr(bus) << 16 | (unsigned long)bus->number << 8 | devfn;
}

/* The slot of this very device. Called under RCU, or with the mutex held. */
static struct slot *slot_of(struct pci_dev *dev)
{
	struct slot *slot = xa_load(&known, key(dev->bus, dev->devfn));

	return slot && slot->dev == dev ? slot : NULL;
}

static void lost(struct pci_dev *dev)
{
	WRITE_ONCE(incomplete, true);
	dev_warn(&dev->dev, "acs_quirks: there was no memory to record this function, so no claim is made until the module is loaded again\n");
}

/* Frees slots that nothing can find any more. */
static void discard(struct list_head *slots)
{
	struct slot *slot, *next;

	if (list_empty(slots))
		return;
	synchronize_rcu_expedited();
	list_for_each_entry_safe(slot, next, slots, forgotten) {
		if (slot->held)
			pci_dev_put(slot->dev);
		kfree(slot);
	}
}

static void note(struct pci_dev *dev, bool hold)
{
	unsigned long index = key(dev->bus, dev->devfn);
	struct slot *slot, *old;
	LIST_HEAD(replaced);

	slot = kzalloc(sizeof(*slot), GFP_KERNEL);
	if (!slot) {
		lost(dev);
		return;
	}
	slot->dev = dev;
	slot->outside = of_property_read_bool(dev->dev.of_node, "external-facing");
	slot->held = hold;

	mutex_lock(&changing);
	if (slot_of(dev)) {
		kfree(slot);
		mutex_unlock(&changing);
		return;
	}
	old = xa_store(&known, index, slot, GFP_KERNEL);
	if (xa_is_err(old)) {
		lost(dev);
		kfree(slot);
		old = NULL;
	} else if (hold) {
		pci_dev_get(dev);
	}
	mutex_unlock(&changing);
	if (old) {
		list_add(&old->forgotten, &replaced);
		discard(&replaced);
	}
}

static void forget(struct pci_dev *dev)
{
	struct slot *slot;
	LIST_HEAD(gone);

	mutex_lock(&changing);
	slot = slot_of(dev);
	if (slot) {
		xa_erase(&known, key(dev->bus, dev->devfn));
		list_add(&slot->forgotten, &gone);
	}
	mutex_unlock(&changing);
	discard(&gone);
}

static int on_event(struct notifier_block *block, unsigned long action, void *data)
{
	struct pci_dev *dev = to_pci_dev(data);

	switch (action) {
	case BUS_NOTIFY_ADD_DEVICE:
		note(dev, false);
		acs_quirks_appeared(dev);
		break;
	case BUS_NOTIFY_REMOVED_DEVICE:
		forget(dev);
		break;
	}
	return NOTIFY_OK;
}

static struct notifier_block notifier = { .notifier_call = on_event, .priority = INT_MAX };

/*
 * A device may be removed while the record begins, before or after it gets a slot. What is still on the
 * kernel's list after all have slots is announced when it goes; what is not, is forgotten here.
 */
int acs_quirks_known_start(void);
int acs_quirks_known_start(void)
{
	struct pci_dev *dev = NULL;
	unsigned long index;
	struct slot *slot;
	LIST_HEAD(gone);
	int error = bus_register_notifier(&pci_bus_type, &notifier);

	if (error)
		return error;
	for_each_pci_dev(dev)
		note(dev, true);
	for_each_pci_dev(dev) {
		mutex_lock(&changing);
		slot = slot_of(dev);
		if (slot)
			slot->listed = true;
		mutex_unlock(&changing);
	}
	mutex_lock(&changing);
	xa_for_each(&known, index, slot) {
		if (!slot->held)
			continue;
		if (slot->listed) {
			slot->held = false;
			pci_dev_put(slot->dev);
		} else {
			xa_erase(&known, index);
			list_add(&slot->forgotten, &gone);
		}
	}
	mutex_unlock(&changing);
	discard(&gone);
	return 0;
}

/* Nothing reads the record any more: the hook and the files are gone. */
void acs_quirks_known_stop(void);
void acs_quirks_known_stop(void)
{
	unsigned long index;
	struct slot *slot;

	bus_unregister_notifier(&pci_bus_type, &notifier);
	xa_for_each(&known, index, slot)
		kfree(slot);
	xa_destroy(&known);
}

/*
 * Untrusted or facing outside, by itself. A port's external_facing is final when it is added with ACPI
 * (pci_acpi_set_external_facing()), and with a device tree only when the bus below is made
 * (pci_set_bus_of_node()), so what its node says was read when the port was added.
 */
static bool faces_outside(struct slot *slot)
{
	return slot->dev->untrusted || slot->dev->external_facing || slot->outside;
}

/*
 * The same, by itself or by a bridge above. What has no slot may be anything, and a hierarchy without an end
 * is none to claim anything for. Called under RCU.
 */
bool acs_quirks_exposed(struct pci_dev *dev);
bool acs_quirks_exposed(struct pci_dev *dev)
{
	int depth;

	for (depth = 0; depth < MAX_DEPTH && dev; depth++) {
		struct slot *slot = slot_of(dev);

		if (!slot || faces_outside(slot))
			return true;
		dev = dev->bus->self;
	}
	return dev;
}

/* What the answers mean, sys/known.rs tells. Called under RCU. */
int acs_quirks_known(struct pci_bus *bus, u8 devfn);
int acs_quirks_known(struct pci_bus *bus, u8 devfn)
{
	struct slot *slot;

	if (READ_ONCE(incomplete))
		return -ENOMEM;
	slot = xa_load(&known, key(bus, devfn));
	/* The kernel groups virtual functions by themselves, and they do not answer by their number. */
	if (!slot || slot->dev->is_virtfn)
		return 0;
	return faces_outside(slot) ? 2 : 1;
}

/*
 * Whether requester IDs go in or out of these functions of a bus: one of them has a DMA alias, or is one
 * of another. Called under RCU.
 */
bool acs_quirks_aliased(struct pci_bus *bus, u8 first, u8 last);
bool acs_quirks_aliased(struct pci_bus *bus, u8 first, u8 last)
{
	unsigned long index;
	struct slot *slot;

	xa_for_each_range(&known, index, slot, key(bus, 0), key(bus, 0xff)) {
		struct pci_dev *dev = slot->dev;
		unsigned long *mask = READ_ONCE(dev->dma_alias_mask);
		bool inside = first <= dev->devfn && dev->devfn <= last;
		unsigned long alias;

		if (!mask)
			continue;
		for_each_set_bit(alias, mask, DEVFNS) {
			if (alias != dev->devfn && (inside || (first <= alias && alias <= last)))
				return true;
		}
	}
	return false;
}

/* The record of a function, or NULL. Called under RCU. */
u64 *acs_quirks_record(struct pci_dev *dev);
u64 *acs_quirks_record(struct pci_dev *dev)
{
	struct slot *slot = slot_of(dev);

	return slot ? slot->record : NULL;
}

/* Shows each function, or those of one bus, with its record. */
void acs_quirks_each(struct pci_bus *bus, void (*visit)(void *data, struct pci_dev *dev, u64 *record), void *data);
void acs_quirks_each(struct pci_bus *bus, void (*visit)(void *data, struct pci_dev *dev, u64 *record), void *data)
{
	unsigned long first = bus ? key(bus, 0) : 0;
	unsigned long last = bus ? key(bus, 0xff) : ULONG_MAX;
	unsigned long index;
	struct slot *slot;

	rcu_read_lock();
	xa_for_each_range(&known, index, slot, first, last)
		visit(data, slot->dev, slot->record);
	rcu_read_unlock();
}

/* Domain, bus and devfn as one number. */
u64 acs_quirks_address(struct pci_dev *dev);
u64 acs_quirks_address(struct pci_dev *dev)
{
	return key(dev->bus, dev->devfn);
}

/*
 * The release of the running kernel, not that of the headers: modules with symbol versions load on other
 * versions. One that cannot be read counts as newer than any.
 */
u32 acs_quirks_version_code(void);
u32 acs_quirks_version_code(void)
{
	u8 major, minor;

	if (sscanf(init_utsname()->release, "%hhu.%hhu", &major, &minor) != 2)
		return U32_MAX;
	return (u32)major << 16 | (u32)minor << 8;
}
