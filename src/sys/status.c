// SPDX-License-Identifier: GPL-2.0-only
/*
 * The read-only debugfs files. They are in C because an open file must hold a reference to the
 * module. The kernel's Rust abstraction of debugfs leaves the owner of its file operations empty,
 * so closing a file after the module is unloaded would call into freed memory.
 */
#include <linux/debugfs.h>
#include <linux/module.h>
#include <linux/seq_file.h>

/* In Rust: sys/status.rs. */
void acs_quirks_show_table(struct seq_file *file);
void acs_quirks_show_counts(struct seq_file *file);
void acs_quirks_show_decisions(struct seq_file *file);
void acs_quirks_show_hook(struct seq_file *file);

static int table_show(struct seq_file *file, void *unused)
{
	acs_quirks_show_table(file);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(table);

static int counts_show(struct seq_file *file, void *unused)
{
	acs_quirks_show_counts(file);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(counts);

static int decisions_show(struct seq_file *file, void *unused)
{
	acs_quirks_show_decisions(file);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(decisions);

static int hook_show(struct seq_file *file, void *unused)
{
	acs_quirks_show_hook(file);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(hook);

static struct dentry *folder;

/* Without debugfs there are no files; that is not an error. */
void acs_quirks_status_create(const char *name);
void acs_quirks_status_create(const char *name)
{
	folder = debugfs_create_dir(name, NULL);
	debugfs_create_file("table", 0400, folder, NULL, &table_fops);
	debugfs_create_file("counts", 0400, folder, NULL, &counts_fops);
	debugfs_create_file("decisions", 0400, folder, NULL, &decisions_fops);
	debugfs_create_file("hook", 0400, folder, NULL, &hook_fops);
}

void acs_quirks_status_remove(void);
void acs_quirks_status_remove(void)
{
	debugfs_remove(folder);
}
