#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# For dracut, in the initramfs: regroups PCI devices before udev starts. dracut sources this file.

/usr/lib/acs-quirks/acs-quirks-boot early
