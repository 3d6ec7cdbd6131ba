// SPDX-License-Identifier: GPL-2.0-only

//! Configuration space: capability lists, and the values read from capabilities.

mod common;

use common::{member, senseless_extended_lists, Device, Space};
use rules::config::{Config, Unreadable};

/// Reads one value of a function; the error is the number of the unreadable function.
fn ask<T>(
    space: Space,
    question: impl Fn(&Config<'_, Device>) -> Result<T, Unreadable>,
) -> Result<T, u8> {
    let device = Device::on([(5, space)].into(), 5);
    question(&Config::new(&device)).map_err(|Unreadable { devfn }| devfn)
}

fn pcie_type(space: Space) -> Result<Option<u8>, u8> {
    ask(space, |config| config.pcie_type(5))
}

fn has_acs(space: Space) -> Result<bool, u8> {
    ask(space, |config| config.has_acs(5))
}

/// The type is bits 7:4 of the register after the list pointer (PCI Express Base Specification 6.0,
/// section 7.5.3.2). Other bits do not matter.
#[test]
fn the_type_is_read_from_its_own_bits() {
    for raw in 0x0..=0xf {
        for version in [0x0, 0x1, 0x2, 0xf] {
            for (next, upper) in [(0x00, 0x00), (0x54, 0x3f), (0xfc, 0xff)] {
                let dword = u32::from_le_bytes([0x10, next, (raw << 4) | version, upper]);
                let space = member().with(0x40, dword);
                assert_eq!(pcie_type(space), Ok(Some(raw)), "{dword:08x}");
            }
        }
    }
}

/// Status bit 4 says that a list exists. Without it, the pointer is ignored.
#[test]
fn the_list_is_there_when_the_status_says_so() {
    for bit in 0..32 {
        let expected = if bit == 20 { Some(0x0) } else { None };
        let only = member().with(0x04, 1 << bit);
        assert_eq!(pcie_type(only), Ok(expected), "bit {bit}");
        let all_but = member().with(0x04, !(1 << bit));
        let expected = if bit == 20 { None } else { Some(0x0) };
        assert_eq!(pcie_type(all_but), Ok(expected), "all but bit {bit}");
    }
}

/// The lower two bits of a pointer are reserved and must be masked (PCI Local Bus Specification
/// 3.0, section 6.7).
#[test]
fn the_lower_bits_of_a_pointer_are_masked() {
    for at in (0x40..=0xfc).step_by(4) {
        for odd in 0..4 {
            let first = Space::new(0x1077, 0x8031, 0)
                .with(0x40, 0)
                .with(0x34, u32::from(at | odd))
                .with_pcie(at, 0x9, 0);
            assert_eq!(pcie_type(first), Ok(Some(0x9)), "{at:#x}, {odd}");
        }
    }
    for at in (0x44..=0xfc).step_by(4) {
        for odd in 0..4 {
            let second = member()
                .with_capability(0x40, 0x05, at | odd)
                .with_pcie(at, 0x9, 0);
            assert_eq!(pcie_type(second), Ok(Some(0x9)), "{at:#x}, {odd}");
        }
    }
}

/// Only the lowest byte of the register at 34h is the pointer.
#[test]
fn the_pointer_is_one_byte() {
    let space = member().with(0x34, 0xffff_ff40);
    assert_eq!(pcie_type(space), Ok(Some(0x0)));
    let space = member().with(0x34, 0x4040_4000);
    assert_eq!(pcie_type(space), Ok(None));
}

/// A pointer below 40h leads into the header.
#[test]
fn a_pointer_into_the_header_ends_the_list() {
    for at in 0x00..0x40 {
        let first = member().with(0x34, u32::from(at));
        assert_eq!(pcie_type(first), Ok(None), "{at:#x}");
        let second = member().with_capability(0x40, 0x05, at);
        assert_eq!(pcie_type(second), Ok(None), "{at:#x}");
    }
    // Base address registers may contain the same bits as a capability.
    for at in (0x10..0x34).step_by(4) {
        let space = member().with(0x34, u32::from(at)).with_pcie(at, 0x0, 0);
        assert_eq!(pcie_type(space), Ok(None), "{at:#x}");
    }
}

#[test]
fn the_capability_is_found_in_a_list_of_any_length() {
    for count in 1..=48 {
        let space = member().with_capabilities(count);
        assert_eq!(pcie_type(space), Ok(Some(0x0)), "{count}");
    }
}

/// The kernel uses the first capability with an id.
#[test]
fn the_first_of_two_capabilities_counts() {
    let space = member().with_pcie(0x40, 0x1, 0x80).with_pcie(0x80, 0x9, 0);
    assert_eq!(pcie_type(space), Ok(Some(0x1)));
}

#[test]
fn a_list_that_makes_no_sense_is_unreadable() {
    for (name, space) in [
        ("itself", member().with_capability(0x40, 0x05, 0x40)),
        ("itself, odd", member().with_capability(0x40, 0x05, 0x43)),
        (
            "a loop",
            member()
                .with_capability(0x40, 0x05, 0x80)
                .with_capability(0x80, 0x11, 0x40),
        ),
        (
            "a loop behind others",
            member()
                .with_capability(0x40, 0x05, 0x50)
                .with_capability(0x50, 0x01, 0x60)
                .with_capability(0x60, 0x11, 0x50),
        ),
        ("status of all ones", member().with(0x04, u32::MAX)),
        ("pointer of all ones", member().with(0x34, u32::MAX)),
        ("capability of all ones", member().with(0x40, u32::MAX)),
        (
            "all ones later",
            member()
                .with_capability(0x40, 0x05, 0x80)
                .with(0x80, u32::MAX),
        ),
    ] {
        assert_eq!(pcie_type(space), Err(5), "{name}");
    }
}

/// An ACS capability may be at any dword. Control: the same list with another id.
#[test]
fn acs_is_found_wherever_it_is() {
    assert_eq!(has_acs(member()), Ok(false));
    assert_eq!(has_acs(member().with_acs(0x100)), Ok(true));
    assert_eq!(has_acs(member().with_ari(0x100, 0)), Ok(false));
    for at in (0x104..=0xffc).step_by(4) {
        for odd in 0..4 {
            let list = || member().with_extended(0x100, 0x01, at | odd);
            assert_eq!(has_acs(list().with_acs(at)), Ok(true), "{at:#x}, {odd}");
            let other = list().with_extended(at, 0x0b, 0);
            assert_eq!(has_acs(other), Ok(false), "{at:#x}, {odd}");
        }
    }
}

/// The id has 16 bits; only 000dh is ACS.
#[test]
fn acs_has_one_id() {
    for id in 0..=u16::MAX {
        let space = member().with_extended(0x100, id, 0);
        assert_eq!(has_acs(space), Ok(id == 0x0d), "{id:#x}");
    }
}

/// A capability without version bits, or without a next one, still counts.
#[test]
fn acs_is_found_whatever_its_version() {
    for version in 0x0..=0xf {
        let space = member().with(0x100, (version << 16) | 0x0d);
        assert_eq!(has_acs(space), Ok(true), "{version}");
    }
}

#[test]
fn an_extended_list_that_makes_no_sense_is_unreadable() {
    for (name, space) in senseless_extended_lists(&member()) {
        assert_eq!(has_acs(space), Err(5), "{name}");
    }
}

/// The kernel reads at most 480 extended capabilities: as many as fit with two dwords each.
#[test]
fn an_extended_list_has_a_longest_length() {
    for (count, expected) in [(1, Ok(false)), (480, Ok(false)), (481, Err(5))] {
        let space = member().with_extended_capabilities(count);
        assert_eq!(has_acs(space), expected, "{count}");
    }
}

/// The kernel ends the list at a pointer below 100h and at an empty dword.
#[test]
fn an_extended_list_ends_where_the_kernel_ends_it() {
    for at in 0x000..0x100 {
        let dword = at & 0xfc;
        let space = member().with_extended(0x100, 0x01, at);
        let space = if dword < 0x40 {
            space
        } else {
            space.with_acs(dword)
        };
        assert_eq!(has_acs(space), Ok(false), "{at:#x}");
    }
    let empty = member().with_extended(0x100, 0x01, 0x140).with(0x140, 0);
    assert_eq!(has_acs(empty), Ok(false));
}
