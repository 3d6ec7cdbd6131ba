// SPDX-License-Identifier: GPL-2.0-only
/* In Rust: sys/taint.rs. */
#include <linux/kernel.h>

void acs_quirks_taint(void);
void acs_quirks_taint(void)
{
#ifdef TAINT_TEST
	add_taint(TAINT_TEST, LOCKDEP_STILL_OK);
#else /* before 6.0 */
	add_taint(TAINT_USER, LOCKDEP_STILL_OK);
#endif
}
