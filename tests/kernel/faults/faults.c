// SPDX-License-Identifier: GPL-2.0-only
/*
 * Makes a fault for each detector that the running kernel has. The accesses are in main.rs.
 */

#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/slab.h>

/* Enough for KCSAN to watch one of the accesses: it watches one of some hundreds. */
#define ACCESSES 1000000

/* Enough for kmemleak to find one: an address that remains in some old memory hides a block. */
#define BLOCKS 32

/* main.rs */
void acs_quirks_add_one(unsigned long *number);
unsigned long acs_quirks_read(const unsigned long *number);

static int count(void *number)
{
	while (!kthread_should_stop()) {
		acs_quirks_add_one(number);
		cond_resched();
	}
	return 0;
}

/* Two threads change a number without a lock. */
static int race(void)
{
	static unsigned long number;
	struct task_struct *other;
	int i;

	other = kthread_run(count, &number, "acs_quirks_faults");
	if (IS_ERR(other))
		return PTR_ERR(other);
	for (i = 0; i < ACCESSES; i++) {
		acs_quirks_add_one(&number);
		cond_resched();
	}
	return kthread_stop(other);
}

/* A number is read after its memory has been freed. */
static int read_freed(void)
{
	unsigned long *number = kzalloc(sizeof(*number), GFP_KERNEL);

	if (!number)
		return -ENOMEM;
	kfree(number);
	acs_quirks_read(number);
	return 0;
}

/* The memory of numbers is never freed. */
static int lose(void)
{
	unsigned long *number;
	int i;

	for (i = 0; i < BLOCKS; i++) {
		number = kzalloc(sizeof(*number), GFP_KERNEL);
		if (!number)
			return -ENOMEM;
		acs_quirks_add_one(number);
	}
	return 0;
}

int acs_quirks_make_faults(void);
int acs_quirks_make_faults(void)
{
	int error = 0;

	if (IS_ENABLED(CONFIG_KCSAN))
		error = race();
	if (!error && IS_ENABLED(CONFIG_KASAN))
		error = read_freed();
	if (!error && IS_ENABLED(CONFIG_DEBUG_KMEMLEAK))
		error = lose();
	return error;
}
