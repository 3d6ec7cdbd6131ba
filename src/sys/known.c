// SPDX-License-Identifier: GPL-2.0-only
/*
 * A record of the PCI functions that the kernel has, for the hook to look at: the kernel's own list
 * is behind a lock that sleeps, and the hook must not. Kept by a notifier, read under RCU.
 */
#include <linux/notifier.h>
#include <linux/pci.h>
#include <linux/xarray.h>

/* By domain, bus and devfn; the value tells whether the function is exposed. */
static DEFINE_XARRAY(known);
/* Set when something could not be recorded; stays so until the module is loaded anew. */
static bool incomplete;

static_assert(sizeof(unsigned long) == 8, "the key takes 48 bits");

static unsigned long key(struct pci_bus *bus, u8 devfn)
{
	return (unsigned long)(u32)pci_domain_nr(bus) << 16 | (unsigned long)bus->number << 8 | devfn;
}

static void note(struct pci_dev *dev)
{
	bool exposed = dev->untrusted || dev->external_facing;

	/* The kernel groups these by themselves, and they do not answer by their number. */
	if (dev->is_virtfn)
		return;
	if (xa_err(xa_store(&known, key(dev->bus, dev->devfn), xa_mk_value(exposed), GFP_KERNEL)))
		WRITE_ONCE(incomplete, true);
}

static int on_event(struct notifier_block *block, unsigned long action, void *data)
{
	struct pci_dev *dev = to_pci_dev(data);

	switch (action) {
	case BUS_NOTIFY_ADD_DEVICE:
		note(dev);
		break;
	case BUS_NOTIFY_REMOVED_DEVICE:
		if (!dev->is_virtfn)
			xa_erase(&known, key(dev->bus, dev->devfn));
		break;
	}
	return NOTIFY_OK;
}

static struct notifier_block notifier = { .notifier_call = on_event };

int acs_quirks_known_start(void);
int acs_quirks_known_start(void)
{
	struct pci_dev *dev = NULL;
	int error = bus_register_notifier(&pci_bus_type, &notifier);

	if (error)
		return error;
	/*
	 * A device that is removed right now may stay in the record. It is then known and does not
	 * answer, and nothing is claimed for its package until it is back.
	 */
	for_each_pci_dev(dev)
		note(dev);
	return 0;
}

void acs_quirks_known_stop(void);
void acs_quirks_known_stop(void)
{
	bus_unregister_notifier(&pci_bus_type, &notifier);
	xa_destroy(&known);
}

/* Takes RCU only. What the answers mean, sys/known.rs tells. */
int acs_quirks_known(struct pci_bus *bus, u8 devfn);
int acs_quirks_known(struct pci_bus *bus, u8 devfn)
{
	void *entry;

	if (READ_ONCE(incomplete))
		return -ENOMEM;
	entry = xa_load(&known, key(bus, devfn));
	return entry ? 1 + xa_to_value(entry) : 0;
}

/* Domain, bus and devfn as one number. */
u64 acs_quirks_address(struct pci_dev *dev);
u64 acs_quirks_address(struct pci_dev *dev)
{
	return key(dev->bus, dev->devfn);
}
