// SPDX-License-Identifier: GPL-2.0-only

//! The table of DMA alias quirks: its results, and its consistency.

use grouping::model::{
    DevfnSet, Search as _,
    aliases::{self, ALIAS_QUIRKS, Aliases, BRIDGE_QUIRKS, Bridge, Identity},
    release::Release,
};
use rules::aliases::{ALL, Devices};

const fn identity(vendor: u16, device: u16) -> Identity {
    Identity {
        vendor,
        device,
        subsystem: Some((0, 0)),
        class: 0x0680,
    }
}

fn numbers(identity: &Identity, devfn: u8) -> Vec<u8> {
    let Aliases { numbers, complete } = aliases::dma_aliases(identity, devfn);
    assert!(complete);
    members(&numbers)
}

fn members(set: &DevfnSet) -> Vec<u8> {
    (0..=u8::MAX).filter(|&it| set.contains(it)).collect()
}

#[test]
fn each_quirk_gives_its_numbers() {
    let ricoh = identity(0x1180, 0xe832);
    assert_eq!(numbers(&ricoh, 0x1b), [0x18]);
    assert_eq!(numbers(&ricoh, 0x18), [0; 0]);
    let marvell = identity(0x1b4b, 0x9230);
    assert_eq!(numbers(&marvell, 0x00), [0x01]);
    assert_eq!(numbers(&marvell, 0x01), [0; 0]);
    assert_eq!(numbers(&marvell, 0x0a), [0x09]);
    assert_eq!(numbers(&identity(0x8086, 0x2264), 0), [0x80, 0x88, 0x93]);
    let slots: Vec<u8> = (0..32)
        .flat_map(|slot| (0..5).map(move |function| slot * 8 + function))
        .collect();
    assert_eq!(numbers(&identity(0x8086, 0x295a), 0), slots);
    assert_eq!(numbers(&identity(0x10b5, 0x87b1), 0).len(), 256);
    // Neighbouring ids have no aliases.
    for (vendor, device) in [
        (0x1180, 0xe831),
        (0x1b4b, 0x9231),
        (0x8086, 0x2957),
        (0x10b5, 0x87b2),
    ] {
        assert_eq!(numbers(&identity(vendor, device), 2), [0; 0]);
    }
}

#[test]
fn where_the_subsystem_decides_it_must_be_known() {
    let of = |subsystem| Identity {
        subsystem,
        ..identity(0x9005, 0x0285)
    };
    assert_eq!(numbers(&of(Some((0x9005, 0x02bb))), 0x70), [0x08]);
    assert_eq!(numbers(&of(Some((0x9005, 0x02bd))), 0x70), [0; 0]);
    let unknown = aliases::dma_aliases(&of(None), 0x70);
    assert_eq!(unknown.numbers, DevfnSet::EMPTY);
    assert!(!unknown.complete);
}

#[test]
fn what_only_the_device_can_tell_is_not_taken_for_nothing() {
    let bridge = identity(0x11f8, 0x5000);
    assert!(!aliases::dma_aliases(&bridge, 0).complete);
    // The management function of the same switch has another class.
    let management = Identity {
        class: 0x0580,
        ..bridge
    };
    assert_eq!(numbers(&management, 0), [0; 0]);
}

#[test]
fn bridges_do_what_their_quirk_says() {
    let does =
        |vendor, device, what| aliases::bridge_does(vendor, device, what, &Release::LINUX_7_3);
    assert!(does(0x14e4, 0x9084, Bridge::TranslationRoot));
    assert!(!does(0x14e4, 0x9085, Bridge::TranslationRoot));
    assert!(does(0x1a03, 0x1150, Bridge::KeepsRequesterIds));
    assert!(!does(0x1a03, 0x1150, Bridge::TranslationRoot));
    assert!(does(0x1283, 0x8893, Bridge::SecondaryBusId));
}

/// No id is listed twice, and the number of ids is that of the fixups in `drivers/pci/quirks.c` of
/// Linux 7.3.
#[test]
fn the_list_is_as_long_as_that_of_fixups() {
    let each = |list: &Devices| {
        let vendor = list.vendor;
        list.devices.iter().map(move |&device| (vendor, device))
    };
    let mut all: Vec<_> = ALL.into_iter().flatten().flat_map(each).collect();
    assert_eq!(all.len(), 34 + 93 + 7 + 8);
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 34 + 93 + 7 + 8);
}

/// Trust rule `closed` uses the list of ids, the model the effect of each quirk; both must have the
/// same ids.
#[test]
fn every_quirk_does_something() {
    let quirks = ALIAS_QUIRKS.iter().map(|quirk| quirk.devices);
    let bridges = BRIDGE_QUIRKS.iter().map(|(devices, _)| *devices);
    assert!(quirks.chain(bridges).eq(ALL));
}

/// Ids that are not known may be any.
#[test]
fn unknown_ids_may_have_each_alias() {
    let possible =
        |vendor, device, devfn| members(&aliases::possible_dma_aliases(vendor, device, devfn));
    assert_eq!(possible(Some(0x1b4b), Some(0x9230), 0x0a), [0x09]);
    assert_eq!(possible(Some(0x1b4b), Some(0x9231), 0x0a), [0; 0]);
    assert_eq!(possible(Some(0x1b4b), None, 0x0a), [0x09]);
    assert_eq!(possible(Some(0x1234), None, 0x0a), [0; 0]);
    assert_eq!(possible(Some(0x1180), Some(0x9230), 0x0a), [0; 0]);
    // Whatever the subsystem is.
    assert_eq!(possible(Some(0x9005), Some(0x0285), 0x70), [0x08]);
    // Of some device with this id, or of some device, the aliases are in its registers.
    assert_eq!(possible(Some(0x11f8), Some(0x5000), 0).len(), 256);
    assert_eq!(possible(Some(0x11f8), None, 0).len(), 256);
    assert_eq!(possible(None, None, 0).len(), 256);
}

#[test]
fn unknown_bridges_may_do_what_one_of_their_vendor_does() {
    let may = aliases::bridge_may;
    let all = [
        Bridge::TranslationRoot,
        Bridge::KeepsRequesterIds,
        Bridge::SecondaryBusId,
    ];
    for (vendor, expected) in [
        (Some(0x14e4), [true, false, false]),
        (Some(0x1a03), [false, true, false]),
        (Some(0x1283), [false, false, true]),
        (Some(0x1234), [false, false, false]),
        (None, [true, true, true]),
    ] {
        assert_eq!(all.map(|what| may(vendor, what)), expected, "{vendor:04x?}");
    }
}

#[test]
fn a_union_has_the_numbers_of_both() {
    let set = |numbers: &[u8]| {
        let mut set = DevfnSet::EMPTY;
        for &number in numbers {
            set.insert(number);
        }
        set
    };
    let (one, other) = (set(&[0, 1, 0x80]), set(&[1, 2, 0xff]));
    assert_eq!(one.union(&other), set(&[0, 1, 2, 0x80, 0xff]));
    assert_eq!(one.without(&other), set(&[0, 0x80]));
}
