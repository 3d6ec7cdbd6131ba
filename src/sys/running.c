// SPDX-License-Identifier: GPL-2.0-only
/*
 * The running kernel: its release, and whether it is the build that this module was compiled for.
 * In Rust: sys/running.rs.
 */
#include <linux/string.h>
#include <linux/utsname.h>

#if __has_include(<generated/utsversion.h>)
#include <generated/utsversion.h>
#elif __has_include(<generated/compile.h>) /* before 6.1 */
#include <generated/compile.h>
#endif

/*
 * The release of the running kernel as a LINUX_VERSION_CODE without the patch level. The release of
 * the headers may differ: a module with symbol versions loads on other kernels. A release that
 * cannot be parsed counts as newer than any, so that no mainline entry makes a claim.
 */
u32 acs_quirks_version_code(void);
u32 acs_quirks_version_code(void)
{
	u8 major, minor;

	if (sscanf(init_utsname()->release, "%hhu.%hhu", &major, &minor) != 2)
		return U32_MAX;
	return (u32)major << 16 | (u32)minor << 8;
}

/* The version of the running kernel, as "uname -v" prints it. */
const char *acs_quirks_version(void);
const char *acs_quirks_version(void)
{
	return init_utsname()->version;
}

/*
 * The version of the kernel that the module was compiled for, or NULL if the module has nothing to
 * compare. Without symbol versions the kernel loads a module of any build with the same release,
 * and structures may differ between two builds.
 */
const char *acs_quirks_built_for(void);
const char *acs_quirks_built_for(void)
{
#if defined(UTS_VERSION) && !defined(CONFIG_MODVERSIONS)
	return UTS_VERSION;
#else
	return NULL;
#endif
}

/* The crates that the module was built with. */
const char *acs_quirks_provider(void);
const char *acs_quirks_provider(void)
{
	return ACS_QUIRKS_PROVIDER;
}
