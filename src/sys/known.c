// SPDX-License-Identifier: GPL-2.0-only
/*
 * A record of the PCI functions that the kernel has, with a slot for the decisions on each. The
 * kernel's own list is behind a lock that sleeps, and the hook must not sleep.
 *
 * A notifier of the highest priority keeps the record, because the IOMMU core asks for a
 * function's group from a notifier of the same chain. Readers take RCU only. The record holds no
 * reference to a device: the kernel frees a device after it has announced the removal, and the
 * notifier delays that until no reader can have the slot.
 */
#include <linux/mutex.h>
#include <linux/notifier.h>
#include <linux/of.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/xarray.h>

/* An upper bound of the bridges above a function: bus numbers have 8 bits. */
#define MAX_DEPTH 256
/* Bits of dma_alias_mask: MAX_NR_DEVFNS in drivers/pci/pci.h. */
#define DEVFNS 256

struct slot {
	struct pci_dev *dev;
	/* In Rust: sys/known.rs. Zero before the first decision. */
	u64 record[3];
	/* The device tree says "external-facing". Read while the node cannot be removed. */
	bool outside;
	/* Used while the record starts: the slot holds a reference; the device is on the kernel's list. */
	bool held;
	bool listed;
	struct list_head forgotten;
};

/* By domain, bus and devfn. */
static DEFINE_XARRAY(known);
/* Held to change the record, so that exactly one caller frees a slot. */
static DEFINE_MUTEX(changing);
/* Set when a slot could not be stored. Never cleared while the module is loaded. */
static bool incomplete;

static_assert(sizeof(unsigned long) == 8, "the key takes 48 bits");

/* In Rust: sys/known.rs. The kernel added a function and has not grouped it yet. */
void acs_quirks_appeared(struct pci_dev *dev);

static unsigned long key(struct pci_bus *bus, u8 devfn)
{
	return (unsigned long)(u32)pci_domain_nr(bus) << 16 | (unsigned long)bus->number << 8 | devfn;
}

/* The slot, if it belongs to this struct pci_dev. Called under RCU, or with the mutex held. */
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

/* Frees slots that are no longer in the record, after the last reader has left. */
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
 * A device may be removed while the record starts, before or after it gets a slot. Slots therefore
 * hold a reference first. A device still on the kernel's list after all have slots will be
 * announced when it is removed, so its reference is put. Any other slot is discarded here.
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

/* Called after the hook and the files are gone, so there is no reader. */
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
 * Whether the function itself is untrusted or external-facing. With ACPI, a port's external_facing
 * is final when the port is added (pci_acpi_set_external_facing()). With a device tree it is set
 * only when the bus below is created (pci_set_bus_of_node()), so note() reads the property itself.
 */
static bool faces_outside(struct slot *slot)
{
	return slot->dev->untrusted || slot->dev->external_facing || slot->outside;
}

/*
 * Whether the function or a bridge above it is untrusted or external-facing. A device without a
 * slot and a hierarchy deeper than MAX_DEPTH count as exposed. Called under RCU.
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

/* 0: no physical function. 1: known. 2: exposed. Negative: incomplete. Called under RCU. */
int acs_quirks_known(struct pci_bus *bus, u8 devfn);
int acs_quirks_known(struct pci_bus *bus, u8 devfn)
{
	struct slot *slot;

	if (READ_ONCE(incomplete))
		return -ENOMEM;
	slot = xa_load(&known, key(bus, devfn));
	/* Virtual functions do not count for the whole device: they read as absent. */
	if (!slot || slot->dev->is_virtfn)
		return 0;
	return faces_outside(slot) ? 2 : 1;
}

/*
 * Whether one of the functions first to last of a bus has a DMA alias, or another function of the
 * bus has one of them as its alias. Called under RCU.
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

/* Calls visit for each function with its record: of one bus, or of every bus if bus is NULL. */
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

/* Domain in bits 47:16, bus in 15:8, devfn in 7:0. */
u64 acs_quirks_address(struct pci_dev *dev);
u64 acs_quirks_address(struct pci_dev *dev)
{
	return key(dev->bus, dev->devfn);
}
