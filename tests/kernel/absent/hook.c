// SPDX-License-Identifier: GPL-2.0-only
/* The hook on any function of the kernel: the tests check that the module refuses every function but the expected one. */
#include <linux/module.h>

static char *symbol = "acs_quirks_no_such_function";
module_param(symbol, charp, 0444);
MODULE_PARM_DESC(symbol, "The function to hook");

#define ACS_QUIRKS_SYMBOL symbol
#include "../../../src/sys/hook.c"
