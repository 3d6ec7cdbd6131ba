// SPDX-License-Identifier: GPL-2.0-only
/*
 * Calls pci_dev_specific_acs_enabled(). The kernel does not export it, so its address is taken from a
 * probe. For the tests only: on a processor that checks the targets of indirect calls (IBT), such a
 * call would fail. No emulated processor does.
 */
#include <linux/kernel.h>
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/utsname.h>

static int (*specific_acs_enabled)(struct pci_dev *dev, u16 acs_flags);

int acs_quirks_oracle_find(void);
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

int acs_quirks_oracle_verdict(void *dev, u16 acs_flags);
int acs_quirks_oracle_verdict(void *dev, u16 acs_flags)
{
	return specific_acs_enabled(dev, acs_flags);
}

/* As acs_quirks_version_code() in src/sys/known.c. */
u32 acs_quirks_oracle_version_code(void);
u32 acs_quirks_oracle_version_code(void)
{
	u8 major, minor;

	if (sscanf(init_utsname()->release, "%hhu.%hhu", &major, &minor) != 2)
		return U32_MAX;
	return (u32)major << 16 | (u32)minor << 8;
}
