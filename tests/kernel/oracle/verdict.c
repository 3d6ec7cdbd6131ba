// SPDX-License-Identifier: GPL-2.0-only
/*
 * Calls pci_dev_specific_acs_enabled(). The kernel does not export it, so its address is taken from a
 * probe. For the tests only: on a processor that checks the targets of indirect calls (IBT), such a
 * call would fail. No emulated processor does. A kernel in user mode has no probes, and exports it
 * (tests/kernel/user-mode/pci.patch).
 */
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/pci.h>

static int (*specific_acs_enabled)(struct pci_dev *dev, u16 acs_flags);

int acs_quirks_oracle_find(void);
#ifdef CONFIG_UML
int pci_dev_specific_acs_enabled(struct pci_dev *dev, u16 acs_flags);

int acs_quirks_oracle_find(void)
{
	specific_acs_enabled = pci_dev_specific_acs_enabled;
	return 0;
}
#else
int acs_quirks_oracle_find(void)
{
	struct kprobe probe = { .symbol_name = "pci_dev_specific_acs_enabled" };
	int error = register_kprobe(&probe);

	if (error)
		return error;
	specific_acs_enabled = (void *)probe.addr;
	unregister_kprobe(&probe);
	return 0;
}
#endif

int acs_quirks_oracle_verdict(void *dev, u16 acs_flags);
int acs_quirks_oracle_verdict(void *dev, u16 acs_flags)
{
	return specific_acs_enabled(dev, acs_flags);
}
