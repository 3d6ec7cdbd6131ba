// SPDX-License-Identifier: GPL-2.0-only
/*
 * The C side of the crate `kernel`: what C headers offer as macros and inline functions. At its end
 * are assertions on what bindings.rs declares.
 */
#include <linux/device.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/printk.h>
#include <linux/rcupdate.h>
#include <linux/seq_file.h>
#include <linux/string.h>
#include <linux/version.h>

/* The functions behind printk() and dev_printk() had other names before 5.15 and 5.13. */
void acs_quirks_print(const char *level, const char *module, const char *text, int len);
void acs_quirks_print(const char *level, const char *module, const char *text, int len)
{
	printk("%s%s: %.*s", level, module, len, text);
}

void acs_quirks_print_device(const char *level, const struct device *dev, const char *text, int len);
void acs_quirks_print_device(const char *level, const struct device *dev, const char *text, int len)
{
	dev_printk(level, dev, "%.*s", len, text);
}

#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 3, 0)
/* The compiler calls it where only equality matters. Enterprise Linux 8 has no such function. */
int bcmp(const void *a, const void *b, size_t len);
int bcmp(const void *a, const void *b, size_t len)
{
	return memcmp(a, b, len);
}
#endif

/* The module has one lock. */
static DEFINE_MUTEX(lock);

void acs_quirks_lock(void);
void acs_quirks_lock(void)
{
	mutex_lock(&lock);
}

void acs_quirks_unlock(void);
void acs_quirks_unlock(void)
{
	mutex_unlock(&lock);
}

void acs_quirks_rcu_read_lock(void);
void acs_quirks_rcu_read_lock(void)
{
	rcu_read_lock();
}

void acs_quirks_rcu_read_unlock(void);
void acs_quirks_rcu_read_unlock(void)
{
	rcu_read_unlock();
}

static_assert(__same_type(pci_bus_read_config_dword, int (struct pci_bus *, unsigned int, int, u32 *)));
static_assert(__same_type(pci_dev_put, void (struct pci_dev *)));
static_assert(__same_type(pci_get_device, struct pci_dev *(unsigned int, unsigned int, struct pci_dev *)));
static_assert(__same_type(pci_get_slot, struct pci_dev *(struct pci_bus *, unsigned int)));
static_assert(__same_type(seq_write, int (struct seq_file *, const void *, size_t)));
static_assert(PCIBIOS_SUCCESSFUL == 0 && PCIBIOS_DEVICE_NOT_FOUND == 0x86);
