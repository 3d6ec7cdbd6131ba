// SPDX-License-Identifier: GPL-2.0-only

//! One device for each of the kernel's own handlers, `pci_dev_acs_enabled[]` in
//! `drivers/pci/quirks.c`, and a similar device that the handler does not match. The hook changes
//! the groups of neither.

use kernel::prelude::*;

use crate::{
    groups::check,
    hardware::{
        DOWNSTREAM_PORT,
        ISOLATING,
        RC_ENDPOINT,
        ROOT_PORT,
        UPSTREAM_PORT, //
    },
    synthetic::description::{
        Function,
        Traits, //
    }, //
};

/// The machine around the two functions of a test.
#[derive(Clone, Copy)]
enum Arrangement {
    /// Endpoints below an isolating root port.
    Below,
    /// Conventional functions on a root bus, as in an AMD southbridge.
    RootBus,
    /// Integrated endpoints.
    Integrated,
    /// Root ports, each with an endpoint below it.
    RootPorts,
    /// Root ports with an endpoint below each, and an ISA bridge with the chipset's registers
    /// disabled.
    ChipsetPorts,
    /// Switch ports, each with an endpoint below it.
    SwitchPorts,
}

/// A handler, and its test.
struct Handler {
    name: &'static str,
    arrangement: Arrangement,
    /// Ids for which the handler answers 1.
    yes: (u16, u16),
    /// Ids of a similar device for which it does not.
    no: (u16, u16),
    /// Changes the functions of both devices.
    also: fn(Function) -> Function,
}

const fn handler(
    name: &'static str,
    arrangement: Arrangement,
    yes: (u16, u16),
    no: (u16, u16),
) -> Handler {
    Handler {
        name,
        arrangement,
        yes,
        no,
        also: |function| function,
    }
}

const HANDLERS: &[Handler] = &[
    handler(
        "pci_quirk_amd_sb_acs",
        Arrangement::RootBus,
        (0x1002, 0x4385),
        (0x1002, 0x4386),
    ),
    handler(
        "pci_quirk_mf_endpoint_acs",
        Arrangement::Below,
        (0x8086, 0x10c9),
        (0x8086, 0x10ca),
    ),
    handler(
        "pci_quirk_rciep_acs",
        Arrangement::Integrated,
        (0x8086, 0x1234),
        (0x8087, 0x1234),
    ),
    handler(
        "pci_quirk_qcom_rp_acs",
        Arrangement::RootPorts,
        (0x17cb, 0x0400),
        (0x17cb, 0x0402),
    ),
    Handler {
        also: |function| function.with(Traits::SET_UP),
        ..handler(
            "pci_quirk_intel_pch_acs",
            Arrangement::ChipsetPorts,
            (0x8086, 0x9c90),
            (0x8086, 0x9c9c),
        )
    },
    Handler {
        also: |mut function| {
            // These ports have dwords in place of the words of ACS.
            function.acs_dword8 = ISOLATING.into();
            function.acs(ISOLATING, 0)
        },
        ..handler(
            "pci_quirk_intel_spt_pch_acs",
            Arrangement::RootPorts,
            (0x8086, 0xa110),
            (0x8086, 0xa120),
        )
    },
    handler(
        "pci_quirk_cavium_acs",
        Arrangement::RootPorts,
        (0x177d, 0xa000),
        (0x177d, 0xa800),
    ),
    handler(
        "pci_quirk_xgene_acs",
        Arrangement::RootPorts,
        (0x10e8, 0xe004),
        (0x10e8, 0xe005),
    ),
    handler(
        "pci_quirk_brcm_acs",
        Arrangement::RootPorts,
        (0x14e4, 0xd714),
        (0x14e4, 0xd715),
    ),
    handler(
        "pci_quirk_loongson_acs",
        Arrangement::RootPorts,
        (0x0014, 0x3c09),
        (0x0014, 0x3c0a),
    ),
    handler(
        "pci_quirk_al_acs",
        Arrangement::RootPorts,
        (0x1c36, 0x0031),
        (0x1c36, 0x0032),
    ),
    handler(
        "pci_quirk_nxp_rp_acs",
        Arrangement::RootPorts,
        (0x1957, 0x8d81),
        (0x1957, 0x8d84),
    ),
    handler(
        "pci_quirk_zhaoxin_pcie_ports_acs, root ports",
        Arrangement::RootPorts,
        (0x1d17, 0x0710),
        (0x1d17, 0x0709),
    ),
    handler(
        "pci_quirk_zhaoxin_pcie_ports_acs, switch ports",
        Arrangement::SwitchPorts,
        (0x1d17, 0x0721),
        (0x1d17, 0x0722),
    ),
    // The handler's 0 takes precedence over an ACS capability with all flags enabled.
    Handler {
        also: Function::isolating,
        ..handler(
            "pci_quirk_zhaoxin_pcie_ports_acs, with a capability",
            Arrangement::RootPorts,
            (0x1d17, 0x0710),
            (0x1d17, 0x0709),
        )
    },
    handler(
        "pci_quirk_wangxun_nic_acs",
        Arrangement::Below,
        (0x8088, 0x0100),
        (0x8088, 0x0110),
    ),
];

/// Checks whether two functions with these ids are in different groups.
fn pair(handler: &Handler, ids: (u16, u16), apart: bool) -> Result {
    let mate = |bus, number| (handler.also)(Function::mate(bus, 0, number, ids));
    let endpoint = |bus| Function::endpoint(bus, 0, 0, (0x1234, 0x0001));
    let port = |bus, number: u8, secondary: u8, kind| {
        mate(bus, number).kind(kind).bridge(secondary, secondary)
    };
    let what = handler.name;
    let on_root_bus: &[i32] = if apart { &[0, 1] } else { &[0, 0] };
    let ports: &[i32] = if apart { &[0, 1, 2, 3] } else { &[0, 0, 0, 0] };
    match handler.arrangement {
        Arrangement::Below => check(
            what,
            &[Function::root_port(0, 1, 1), mate(1, 0), mate(1, 1)],
            if apart { &[0, 1, 2] } else { &[0, 1, 1] },
        ),
        Arrangement::RootBus => {
            let pair = [mate(0, 0), mate(0, 1)].map(Function::conventional);
            check(what, &pair, on_root_bus)
        }
        Arrangement::Integrated => {
            let pair = [mate(0, 0), mate(0, 1)].map(|function| function.kind(RC_ENDPOINT));
            check(what, &pair, on_root_bus)
        }
        Arrangement::RootPorts => check(
            what,
            &[
                port(0, 0, 1, ROOT_PORT),
                port(0, 1, 2, ROOT_PORT),
                endpoint(1),
                endpoint(2),
            ],
            ports,
        ),
        Arrangement::ChipsetPorts => check(
            what,
            &[
                port(0, 0, 1, ROOT_PORT),
                port(0, 1, 2, ROOT_PORT),
                endpoint(1),
                endpoint(2),
                // The kernel reads the address of the registers from this function.
                Function::endpoint(0, 0x1f, 0, (0x8086, 0x9cc1))
                    .conventional()
                    .left_out(),
            ],
            if apart {
                &[0, 1, 2, 3, -1]
            } else {
                &[0, 0, 0, 0, -1]
            },
        ),
        Arrangement::SwitchPorts => check(
            what,
            &[
                Function::port(0, 1, ROOT_PORT, 1, 4).isolating(),
                Function::port(1, 0, UPSTREAM_PORT, 2, 4),
                port(2, 0, 3, DOWNSTREAM_PORT),
                port(2, 1, 4, DOWNSTREAM_PORT),
                endpoint(3),
                endpoint(4),
            ],
            if apart {
                &[0, 1, 2, 3, 4, 5]
            } else {
                &[0, 1, 2, 2, 2, 2]
            },
        ),
    }
}

#[kunit_tests(acs_quirks_grouping_in_tree)]
mod suite {
    use super::*;

    #[test]
    fn what_a_handler_speaks_for_is_apart() -> Result {
        HANDLERS
            .iter()
            .try_for_each(|handler| pair(handler, handler.yes, true))
    }

    #[test]
    fn what_it_does_not_speak_for_is_not() -> Result {
        HANDLERS
            .iter()
            .try_for_each(|handler| pair(handler, handler.no, false))
    }

    /// Ports of a chipset count as isolated only if the kernel has set them up.
    #[test]
    fn chipset_ports_must_have_been_set_up() -> Result {
        let pch = HANDLERS
            .iter()
            .filter(|handler| matches!(handler.arrangement, Arrangement::ChipsetPorts));
        for handler in pch {
            let not_set_up = Handler {
                also: |function| function,
                ..*handler
            };
            pair(&not_set_up, handler.yes, false)?;
        }
        Ok(())
    }

    /// The handler matches an AMD southbridge only on a root bus.
    #[test]
    fn a_southbridge_is_on_a_root_bus() -> Result {
        let mate = |number| Function::mate(1, 0, number, (0x1002, 0x4385));
        let machine = [Function::root_port(0, 1, 1), mate(0), mate(1)];
        check("below a port", &machine, &[0, 1, 1])
    }
}
