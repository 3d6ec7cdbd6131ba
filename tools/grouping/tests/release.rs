// SPDX-License-Identifier: GPL-2.0-only

//! Each difference between kernel releases: a machine whose groups differ between two releases,
//! with controls.

mod common;

use grouping::{
    model::{
        Reason, Way,
        release::{ACS_AFTER_GROUP, COMPARED, OLDEST, READ, Release, Verified, enables_acs_late},
    },
    view,
};
use rules::{
    decision::KernelVerdict::{self, Isolated, NoOpinion},
    pcie::PcieType::{self, DownstreamPort, Endpoint, PciBridge, RootPort, UpstreamPort},
    release::Release as KernelRelease,
};
use topology::{Acs, Function, Partition, Topology};

use common::{bdf, express, function, machine, port};

const BRIDGE: &str = "0000:01:00.0";

/// The machine with a kernel of this version.
fn under(kernel: &str, functions: &[Function]) -> Topology {
    Topology {
        kernel: Some(kernel.to_owned()),
        ..machine(functions.to_vec())
    }
}

/// The number of groups with a kernel of this version. `bridge` is what its quirks answer for
/// [`BRIDGE`].
fn groups(kernel: &str, functions: &[Function], bridge: KernelVerdict) -> usize {
    let topology = under(kernel, functions);
    let found: Partition = grouping::partition(&view(&topology), |seen| {
        if seen.function.bdf == bdf(BRIDGE) {
            bridge
        } else {
            NoOpinion
        }
    })
    .expect("it is sound");
    found.len()
}

fn release(major: u16, minor: u16) -> Release {
    Release::of(KernelRelease::new(major, minor))
}

/// A function behind a PCI Express to PCI bridge with these ids, below a root port with ACS.
fn behind_bridge(vendor: u16, device: u16) -> [Function; 3] {
    let at = port(BRIDGE, PciBridge, 2, false);
    let ids = Function::new(at.bdf, vendor, device);
    let bridge = Function {
        vendor: ids.vendor,
        device: ids.device,
        ..at
    };
    [
        port("0000:00:01.0", RootPort, 1, true),
        bridge,
        function("0000:02:00.0"),
    ]
}

/// `PCI_DEV_FLAGS_PCI_BRIDGE_NO_ALIAS`
#[test]
fn one_bridge_passes_requester_ids_since_7_0() {
    let aspeed = behind_bridge(0x1a03, 0x1150);
    // The groups differ if a quirk isolates the bridge.
    assert_eq!(groups("7.3.4", &aspeed, Isolated), 3);
    assert_eq!(groups("7.0.1", &aspeed, Isolated), 3);
    for before in ["6.19.10", "6.12.118", "6.1.0-56-amd64", "5.14.0", "5.10.0"] {
        assert_eq!(groups(before, &aspeed, Isolated), 2, "{before}");
    }
    // Without a quirk, its type does, and only the reason differs.
    for (kernel, expected) in [("7.3.4", Way::Path), ("6.12.118", Way::Alias)] {
        assert_eq!(groups(kernel, &aspeed, NoOpinion), 2, "{kernel}");
        let topology = under(kernel, &aspeed);
        let found = grouping::grouping(&view(&topology), |_| NoOpinion).expect("it is sound");
        let reason = Reason::Bridge {
            bridge: 1,
            way: expected,
        };
        assert_eq!(found.reasons[2], reason, "{kernel}");
    }
    // The control: any other bridge.
    for kernel in ["7.3.4", "6.12.118"] {
        let other = behind_bridge(0x1a03, 0x1151);
        assert_eq!(groups(kernel, &other, Isolated), 2, "{kernel}");
    }
}

/// A switch whose downstream ports have these ids and this ACS Control register.
fn switch(vendor: u16, device: u16, control: u16) -> [Function; 6] {
    let downstream = |at, secondary| {
        let found = port(at, DownstreamPort, secondary, true);
        let ids = Function::new(found.bdf, vendor, device);
        Function {
            vendor: ids.vendor,
            device: ids.device,
            acs: Some(Acs {
                cap: Some(0x1d),
                ctl: Some(control),
                dword8: None,
            }),
            ..found
        }
    };
    let endpoint = |at, kind: PcieType| express(at, kind);
    [
        port("0000:00:01.0", RootPort, 1, true),
        port(BRIDGE, UpstreamPort, 2, false),
        downstream("0000:02:00.0", 3),
        downstream("0000:02:01.0", 4),
        endpoint("0000:03:00.0", Endpoint),
        endpoint("0000:04:00.0", Endpoint),
    ]
}

/// `pci_disable_broken_acs_cap()`
#[test]
fn source_validation_of_two_switches_is_ignored_since_7_0() {
    for device in [0x80b5, 0x8090] {
        // Everything but Source Validation is enabled.
        let idt = switch(0x111d, device, 0x1c);
        assert_eq!(groups("7.3.4", &idt, NoOpinion), 6, "{device:x}");
        assert_eq!(groups("7.0.1", &idt, NoOpinion), 6, "{device:x}");
        for before in ["6.19.10", "6.12.118", "6.1.0-56-amd64", "5.14.0", "5.10.0"] {
            assert_eq!(groups(before, &idt, NoOpinion), 4, "{before} {device:x}");
        }
    }
    // The controls: another switch, and Source Validation enabled.
    for kernel in ["7.3.4", "6.12.118"] {
        let other = switch(0x111d, 0x8091, 0x1c);
        assert_eq!(groups(kernel, &other, NoOpinion), 4, "{kernel}");
        let enabled = switch(0x111d, 0x80b5, 0x1d);
        assert_eq!(groups(kernel, &enabled, NoOpinion), 6, "{kernel}");
    }
}

#[test]
fn an_unknown_kernel_has_the_newest_rules() {
    let idt = switch(0x111d, 0x80b5, 0x1c);
    let mut topology = under("unknown", &idt);
    for kernel in [Some("unknown".to_owned()), None] {
        topology.kernel = kernel;
        assert_eq!(view(&topology).release, Release::NEWEST);
    }
    topology.kernel = Some("6.12.118".to_owned());
    assert_eq!(view(&topology).release, release(6, 12));
    assert_ne!(release(6, 12), Release::NEWEST);
}

#[test]
fn a_release_that_was_not_read_has_the_rules_of_the_nearest() {
    assert_eq!(release(4, 18), release(5, 10));
    assert_eq!(release(65535, 255), Release::NEWEST);
    for compared in COMPARED {
        assert_eq!(Release::of(compared).of, compared);
    }
}

/// What the model does not follow.
#[test]
fn groups_behind_some_iommus_are_made_at_driver_bind_before_6_15() {
    assert!(release(6, 15).group_when_added);
    assert!(!release(6, 14).group_when_added);
    assert!(!release(5, 10).group_when_added);
}

#[test]
fn some_stable_updates_enable_acs_late() {
    for (series, first, last) in ACS_AFTER_GROUP {
        assert!(enables_acs_late(series, first) && enables_acs_late(series, last));
        assert!(!enables_acs_late(series, first - 1) && !enables_acs_late(series, last + 1));
        assert!(!Release::of(series).group_when_added, "{series}");
    }
    assert!(!enables_acs_late(KernelRelease::new(7, 3), 80));
}

/// The model begins and ends with sources that were read, and only releases that were held against
/// something count as verified.
#[test]
fn a_release_counts_as_verified_only_if_it_was_read() {
    assert!(READ.is_sorted());
    assert_eq!(READ.first(), Some(&OLDEST));
    assert_eq!(READ.last(), Some(&Release::NEWEST.of));
    assert!(COMPARED.iter().all(|kernel| READ.contains(kernel)));
    for minor in 0..=20 {
        let kernel = KernelRelease::new(6, minor);
        let expected = match minor {
            1 | 12 => Verified::Kernel,
            14 | 19 => Verified::Source,
            _ => Verified::No,
        };
        assert_eq!(Verified::of(kernel), expected, "{kernel}");
    }
}
