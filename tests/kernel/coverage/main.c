// SPDX-License-Identifier: GPL-2.0-only
/*
 * Records which basic blocks of the project's modules have run, also while other modules come and go. Built with
 * ACS_QUIRKS_COVERAGE=y, which makes the compilers call __sanitizer_cov_trace_pc() in each basic block, as for the
 * kernel's own kcov (kernel/kcov.c). The file acs_quirks_coverage in debugfs has a line for each block that has run:
 * the module, "text" or "init", and the address after the call as an offset in that memory of the module. For x86 and
 * kernels from 6.4 on, which have struct module_memory.
 */

#include <linux/bitops.h>
#include <linux/debugfs.h>
#include <linux/instruction_pointer.h>
#include <linux/module.h>
#include <linux/seq_file.h>

/* A module has two: its text, and the text that is freed when its initialization has ended. */
#define TEXTS 16
#define MAX_SIZE (1 << 18)

struct text {
	char module[MODULE_NAME_LEN];
	enum mod_mem_type type;
	/* The size is 0 while the text is not in memory. */
	unsigned long base;
	unsigned long size;
	DECLARE_BITMAP(reached, MAX_SIZE);
};

static struct text texts[TEXTS];

void __sanitizer_cov_trace_pc(void);

notrace void __sanitizer_cov_trace_pc(void)
{
	struct text *text;
	unsigned long offset;

	for (text = texts; text < texts + TEXTS; text++) {
		offset = _RET_IP_ - READ_ONCE(text->base);
		if (offset < READ_ONCE(text->size))
			set_bit(offset, text->reached);
	}
}
EXPORT_SYMBOL_GPL(__sanitizer_cov_trace_pc);

static void came(const struct module *module, enum mod_mem_type type)
{
	const struct module_memory *memory = &module->mem[type];
	struct text *text;

	for (text = texts; text < texts + TEXTS; text++) {
		if (text->module[0] && (strcmp(text->module, module->name) || text->type != type))
			continue;
		strscpy(text->module, module->name, sizeof(text->module));
		text->type = type;
		WRITE_ONCE(text->base, (unsigned long)memory->base);
		WRITE_ONCE(text->size, min(memory->size, MAX_SIZE));
		return;
	}
	WARN(1, "no room for the coverage of %s\n", module->name);
}

static void went(const struct module *module, enum mod_mem_type type)
{
	struct text *text;

	for (text = texts; text < texts + TEXTS; text++) {
		if (!strcmp(text->module, module->name) && text->type == type)
			WRITE_ONCE(text->size, 0);
	}
}

/* The kernel calls this before a module's initialization, after it, and after its exit function. */
static int changed(struct notifier_block *block, unsigned long state, void *data)
{
	const struct module *module = data;

	if (!strstarts(module->name, "acs_quirks"))
		return NOTIFY_DONE;
	switch (state) {
	case MODULE_STATE_COMING:
		came(module, MOD_TEXT);
		came(module, MOD_INIT_TEXT);
		break;
	case MODULE_STATE_GOING:
		went(module, MOD_TEXT);
		fallthrough;
	case MODULE_STATE_LIVE:
		went(module, MOD_INIT_TEXT);
		break;
	}
	return NOTIFY_DONE;
}

static struct notifier_block notifier = { .notifier_call = changed };

static int reached_show(struct seq_file *file, void *unused)
{
	struct text *text;
	unsigned long offset;

	for (text = texts; text < texts + TEXTS; text++) {
		for_each_set_bit(offset, text->reached, MAX_SIZE)
			seq_printf(file, "%s %s %lx\n", text->module, text->type == MOD_TEXT ? "text" : "init", offset);
	}
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(reached);

static struct dentry *file;

static int __init coverage_init(void)
{
	file = debugfs_create_file("acs_quirks_coverage", 0400, NULL, NULL, &reached_fops);
	return register_module_notifier(&notifier);
}
module_init(coverage_init);

static void __exit coverage_exit(void)
{
	unregister_module_notifier(&notifier);
	debugfs_remove(file);
}
module_exit(coverage_exit);

MODULE_DESCRIPTION("Records which basic blocks of the acs_quirks modules have run");
MODULE_LICENSE("GPL");
