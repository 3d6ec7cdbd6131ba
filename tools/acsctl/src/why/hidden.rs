// SPDX-License-Identifier: GPL-2.0-only

//! Ports that are known to have an ACS capability. If such a port shows none, the firmware hides
//! it.

use topology::{Function, Hex};

/// Root ports and downstream ports, by vendor, that show an ACS capability in published lspci
/// reports, made as root.
///
/// The groups of two recorded machines show that the firmware hides the capability of a port in
/// this list.
const SHOWN: &[(u16, &[u16])] = &[
    (0x1002, &[0x1479]),
    (0x1022, &[0x1483, 0x1484, 0x15d3, 0x15db, 0x1634, 0x57a3]),
    (0x10b5, &[0x8725, 0x8747, 0x8748, 0x8749, 0x9797]),
    (0x19e5, &[0xa120, 0xa121]),
    (0x1b36, &[0x000c]),
    (
        0x8086,
        &[
            0x06b8, 0x06b9, 0x06bc, 0x06c0, 0x15ea, 0x2030, 0x2032, 0x2033, 0x2f02, 0x2f03, 0x2f04,
            0x2f08, 0x34b0, 0x34b7, 0x460d, 0x463d, 0x464d, 0x466e, 0x51bc, 0x51be, 0x5786, 0x5ad7,
            0x7a38, 0x7a3a, 0x8a1d, 0x8a21, 0x9d10, 0x9d11, 0x9d12, 0x9d14, 0x9d18, 0x9d1b, 0x9db4,
            0x9dba, 0x9dbc, 0xa110, 0xa111, 0xa112, 0xa113, 0xa292, 0xa296, 0xa298, 0xa29a, 0xa2eb,
            0xa32c, 0xa330, 0xa338, 0xa339, 0xa33c, 0xa33d, 0xa340, 0xa70d, 0xa74d,
        ],
    ),
];

/// Whether a port with these ids shows an ACS capability on other machines.
pub(super) fn shown_elsewhere(function: &Function) -> bool {
    let device = function.device.map(Hex::value);
    let vendor = function.vendor.value();
    SHOWN.iter().any(|(of, devices)| {
        *of == vendor && device.is_some_and(|device| devices.contains(&device))
    })
}
