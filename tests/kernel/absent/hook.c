// SPDX-License-Identifier: GPL-2.0-only
#define ACS_QUIRKS_SYMBOL "acs_quirks_no_such_function"
#include "../../../src/sys/hook.c"
