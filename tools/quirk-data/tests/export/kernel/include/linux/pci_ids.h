/* SPDX-License-Identifier: GPL-2.0-only */
/* A few names, in the form that the kernel's file of this name has. */
#define PCI_VENDOR_ID_FIRST_NAME	0xacec	/* the same as the second */
#define PCI_VENDOR_ID_SECOND_NAME	0xacec
#define PCI_VENDOR_ID_WANGXUN		0x8088
#define PCI_VENDOR_ID_ZHAOXIN		0x1d17
/* #define PCI_VENDOR_ID_COMMENTED	0xacee */
#define PCI_DEVICE_ID_NAMED		0x0042
