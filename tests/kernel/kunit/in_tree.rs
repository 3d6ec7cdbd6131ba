// SPDX-License-Identifier: GPL-2.0-only

//! One device for each of the kernel's own handlers, `pci_dev_acs_enabled[]` in
//! `drivers/pci/quirks.c`, next to one that the handler does not speak for. The hook changes nothing
//! about either.

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

/// Where the two functions are that a handler is asked about.
#[derive(Clone, Copy)]
enum Place {
    /// Endpoints below a root port that isolates.
    Below,
    /// Conventional functions of a root bus, as an AMD southbridge has.
    RootBus,
    /// Integrated endpoints.
    Integrated,
    /// Root ports, with an endpoint below each.
    RootPorts,
    /// The same, in reach of a host bridge whose registers are switched off.
    ChipsetPorts,
    /// Switch ports, with an endpoint below each.
    SwitchPorts,
}

/// A handler.
struct Handler {
    name: &'static str,
    place: Place,
    /// What it says yes to.
    yes: (u16, u16),
    /// A device of the same kind that it does not.
    no: (u16, u16),
    /// What else the functions have, both of `yes` and of `no`.
    also: fn(Function) -> Function,
}

const fn handler(name: &'static str, place: Place, yes: (u16, u16), no: (u16, u16)) -> Handler {
    Handler {
        name,
        place,
        yes,
        no,
        also: |function| function,
    }
}

const HANDLERS: &[Handler] = &[
    handler(
        "pci_quirk_amd_sb_acs",
        Place::RootBus,
        (0x1002, 0x4385),
        (0x1002, 0x4386),
    ),
    handler(
        "pci_quirk_mf_endpoint_acs",
        Place::Below,
        (0x8086, 0x10c9),
        (0x8086, 0x10ca),
    ),
    handler(
        "pci_quirk_rciep_acs",
        Place::Integrated,
        (0x8086, 0x1234),
        (0x8087, 0x1234),
    ),
    handler(
        "pci_quirk_qcom_rp_acs",
        Place::RootPorts,
        (0x17cb, 0x0400),
        (0x17cb, 0x0402),
    ),
    Handler {
        also: |function| function.with(Traits::SET_UP),
        ..handler(
            "pci_quirk_intel_pch_acs",
            Place::ChipsetPorts,
            (0x8086, 0x9c90),
            (0x8086, 0x9c9c),
        )
    },
    Handler {
        also: |mut function| {
            // These have dwords where others have words.
            function.acs_dword8 = ISOLATING.into();
            function.acs(ISOLATING, 0)
        },
        ..handler(
            "pci_quirk_intel_spt_pch_acs",
            Place::RootPorts,
            (0x8086, 0xa110),
            (0x8086, 0xa120),
        )
    },
    handler(
        "pci_quirk_cavium_acs",
        Place::RootPorts,
        (0x177d, 0xa000),
        (0x177d, 0xa800),
    ),
    handler(
        "pci_quirk_xgene_acs",
        Place::RootPorts,
        (0x10e8, 0xe004),
        (0x10e8, 0xe005),
    ),
    handler(
        "pci_quirk_brcm_acs",
        Place::RootPorts,
        (0x14e4, 0xd714),
        (0x14e4, 0xd715),
    ),
    handler(
        "pci_quirk_loongson_acs",
        Place::RootPorts,
        (0x0014, 0x3c09),
        (0x0014, 0x3c0a),
    ),
    handler(
        "pci_quirk_al_acs",
        Place::RootPorts,
        (0x1c36, 0x0031),
        (0x1c36, 0x0032),
    ),
    handler(
        "pci_quirk_nxp_rp_acs",
        Place::RootPorts,
        (0x1957, 0x8d81),
        (0x1957, 0x8d84),
    ),
    handler(
        "pci_quirk_zhaoxin_pcie_ports_acs, root ports",
        Place::RootPorts,
        (0x1d17, 0x0710),
        (0x1d17, 0x0709),
    ),
    handler(
        "pci_quirk_zhaoxin_pcie_ports_acs, switch ports",
        Place::SwitchPorts,
        (0x1d17, 0x0721),
        (0x1d17, 0x0722),
    ),
    // Its "no" stands above an ACS capability in which all is on.
    Handler {
        also: Function::isolating,
        ..handler(
            "pci_quirk_zhaoxin_pcie_ports_acs, with a capability",
            Place::RootPorts,
            (0x1d17, 0x0710),
            (0x1d17, 0x0709),
        )
    },
    handler(
        "pci_quirk_wangxun_nic_acs",
        Place::Below,
        (0x8088, 0x0100),
        (0x8088, 0x0110),
    ),
];

/// Checks a pair of functions with these ids: whether they are apart.
fn pair(handler: &Handler, ids: (u16, u16), apart: bool) -> Result {
    let mate = |bus, number| (handler.also)(Function::mate(bus, 0, number, ids));
    let endpoint = |bus| Function::endpoint(bus, 0, 0, (0x1234, 0x0001));
    let port = |bus, number: u8, secondary: u8, kind| {
        mate(bus, number).kind(kind).bridge(secondary, secondary)
    };
    let what = handler.name;
    let on_root_bus: &[i32] = if apart { &[0, 1] } else { &[0, 0] };
    let ports: &[i32] = if apart { &[0, 1, 2, 3] } else { &[0, 0, 0, 0] };
    match handler.place {
        Place::Below => check(
            what,
            &[Function::root_port(0, 1, 1), mate(1, 0), mate(1, 1)],
            if apart { &[0, 1, 2] } else { &[0, 1, 1] },
        ),
        Place::RootBus => {
            let pair = [mate(0, 0), mate(0, 1)].map(Function::conventional);
            check(what, &pair, on_root_bus)
        }
        Place::Integrated => {
            let pair = [mate(0, 0), mate(0, 1)].map(|it| it.kind(RC_ENDPOINT));
            check(what, &pair, on_root_bus)
        }
        Place::RootPorts => check(
            what,
            &[
                port(0, 0, 1, ROOT_PORT),
                port(0, 1, 2, ROOT_PORT),
                endpoint(1),
                endpoint(2),
            ],
            ports,
        ),
        Place::ChipsetPorts => check(
            what,
            &[
                port(0, 0, 1, ROOT_PORT),
                port(0, 1, 2, ROOT_PORT),
                endpoint(1),
                endpoint(2),
                // Where the kernel looks for the registers with which it sets the ports up.
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
        Place::SwitchPorts => check(
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
        HANDLERS.iter().try_for_each(|it| pair(it, it.yes, true))
    }

    #[test]
    fn what_it_does_not_speak_for_is_not() -> Result {
        HANDLERS.iter().try_for_each(|it| pair(it, it.no, false))
    }

    /// Ports of a chipset count as isolated when the kernel has set them up so, and not before.
    #[test]
    fn chipset_ports_must_have_been_set_up() -> Result {
        let pch = HANDLERS
            .iter()
            .filter(|it| matches!(it.place, Place::ChipsetPorts));
        for it in pch {
            let not_set_up = Handler {
                also: |function| function,
                ..*it
            };
            pair(&not_set_up, it.yes, false)?;
        }
        Ok(())
    }

    /// An AMD southbridge is one on a root bus, and nowhere else.
    #[test]
    fn a_southbridge_is_on_a_root_bus() -> Result {
        let mate = |number| Function::mate(1, 0, number, (0x1002, 0x4385));
        let machine = [Function::root_port(0, 1, 1), mate(0), mate(1)];
        check("below a port", &machine, &[0, 1, 1])
    }
}
