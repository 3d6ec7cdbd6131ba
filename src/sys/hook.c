// SPDX-License-Identifier: GPL-2.0-only
/*
 * The return probe and the module's parameter. They are in C because struct pt_regs has no Rust
 * form and module! takes numbers only. Every decision is in Rust, called through sys/hook.rs.
 */
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/version.h>

#ifndef ACS_QUIRKS_SYMBOL
#define ACS_QUIRKS_SYMBOL "pci_dev_specific_acs_enabled"
#endif

#ifndef CONFIG_KRETPROBES
#error "acs_quirks needs a kernel with CONFIG_KPROBES=y and CONFIG_KRETPROBES=y"
#endif

#ifdef CONFIG_PREEMPT_RT
#error "acs_quirks reads configuration space with preemption off, where some host bridges sleep on PREEMPT_RT"
#endif

/*
 * The hook reads both arguments and replaces the result, so a kernel with another prototype must
 * not build. The header is private to the PCI core, and not every tree of headers has it.
 */
#if __has_include(<../drivers/pci/pci.h>)
#include <../drivers/pci/pci.h>
static_assert(__same_type(pci_dev_specific_acs_enabled, int (struct pci_dev *, u16)));
#endif

MODULE_VERSION(ACS_QUIRKS_VERSION);
MODULE_INFO(built_with, ACS_QUIRKS_PROVIDER);

/* Bits by entry number, 0 to Table::MAX_NUMBER. sys/hook.rs asserts the size. */
#define NUMBERS 4096
static DECLARE_BITMAP(withdrawn, NUMBERS);

/* In Rust: sys/hook.rs. Adds the numbers of one value, or returns an error. */
int acs_quirks_withdraw(const char *value, unsigned long *numbers);

/* Called for each value of the parameter, before module initialisation. */
static int withdraw_set(const char *value, const struct kernel_param *param)
{
	return acs_quirks_withdraw(value, withdrawn);
}

static int withdraw_get(char *buffer, const struct kernel_param *param)
{
	return scnprintf(buffer, PAGE_SIZE, "%*pbl\n", NUMBERS, withdrawn);
}

static const struct kernel_param_ops withdraw_ops = {
	.set = withdraw_set,
	.get = withdraw_get,
};
module_param_cb(withdraw, &withdraw_ops, NULL, 0444);
MODULE_PARM_DESC(withdraw, "Entries that make no claim: numbers divided by commas, or \"all\"; given twice, the values add up. Entries can only be withdrawn, never added.");

const unsigned long *acs_quirks_withdrawn(void);
const unsigned long *acs_quirks_withdrawn(void)
{
	return withdrawn;
}

/* The arguments of one probed call, kept from entry to return. */
struct acs_quirks_call {
	struct pci_dev *dev;
	u16 acs_flags;
};

/* In Rust: sys/hook.rs. Returns the answer for the caller. */
int acs_quirks_verdict(struct pci_dev *dev, u16 acs_flags, int verdict);

#if defined(CONFIG_X86_64) && !defined(CONFIG_HAVE_FUNCTION_ARG_ACCESS_API)
/* Enterprise Linux 8 does not have this function of 4.20. The registers are those of the System V ABI. */
static unsigned long regs_get_kernel_argument(struct pt_regs *regs, unsigned int n)
{
	return n ? regs->si : regs->di;
}
#endif

static int on_entry(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	struct acs_quirks_call *call = (struct acs_quirks_call *)instance->data;

	call->dev = (struct pci_dev *)regs_get_kernel_argument(regs, 0);
	call->acs_flags = (u16)regs_get_kernel_argument(regs, 1);
	return 0;
}

static int on_return(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	struct acs_quirks_call *call = (struct acs_quirks_call *)instance->data;
	int kernel = (int)regs_return_value(regs);
	int ours = acs_quirks_verdict(call->dev, call->acs_flags, kernel);

	if (ours != kernel)
		regs_set_return_value(regs, ours);
	return 0;
}

static struct kretprobe probe = {
	.entry_handler = on_entry,
	.handler = on_return,
	.data_size = sizeof(struct acs_quirks_call),
};

int acs_quirks_hook_register(void);
int acs_quirks_hook_register(void)
{
	probe.kp.symbol_name = ACS_QUIRKS_SYMBOL;
	return register_kretprobe(&probe);
}

/* Returns after the last handler has ended; no handler can start later. */
void acs_quirks_hook_unregister(void);
void acs_quirks_hook_unregister(void)
{
	unregister_kretprobe(&probe);
}

/* Calls that the probe missed: too many at once, or a probe inside a probe. */
unsigned long acs_quirks_hook_missed(void);
unsigned long acs_quirks_hook_missed(void)
{
	return READ_ONCE(probe.nmissed) + READ_ONCE(probe.kp.nmissed);
}

const char *acs_quirks_hook_symbol(void);
const char *acs_quirks_hook_symbol(void)
{
	return ACS_QUIRKS_SYMBOL;
}
