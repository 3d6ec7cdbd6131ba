// SPDX-License-Identifier: GPL-2.0-only
/* Each edition has a probe and a parameter of its own. */
#include "../sys/hook.c"
