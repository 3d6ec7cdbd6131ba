// SPDX-License-Identifier: GPL-2.0-only

//! An entry of the quirk database, in the form that the module's table holds.

use super::{
    acs::AcsFlags,
    condition::Condition,
    pcie::{HeaderLayout, PcieType},
    release::Release, //
};

/// The kind of function that an entry applies to. The kind determines the PCIe types that the entry
/// applies to and the ACS flags that it may grant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Functions of a multi-function endpoint that cannot reach each other, as
    /// `pci_quirk_mf_endpoint_acs()` in `drivers/pci/quirks.c`.
    MfEndpoint,
    /// Root ports that pass every request from below upstream.
    RootPort,
    /// Downstream ports of a switch that pass every request from below upstream.
    DownstreamPort,
    /// Root complex integrated endpoints without peer-to-peer transfers, as `pci_quirk_rciep_acs()`
    /// in `drivers/pci/quirks.c`.
    RcEndpoint,
}

impl Kind {
    /// Every kind, in the order of the documentation.
    pub const ALL: [Self; 4] = [
        Self::MfEndpoint,
        Self::RootPort,
        Self::DownstreamPort,
        Self::RcEndpoint,
    ];

    /// The name in entries.
    pub const fn name(self) -> &'static str {
        match self {
            Self::MfEndpoint => "mf-endpoint",
            Self::RootPort => "root-port",
            Self::DownstreamPort => "downstream-port",
            Self::RcEndpoint => "rciep",
        }
    }

    /// Whether an entry of this kind may apply to a function of PCIe type `found`.
    pub const fn applies_to(self, found: PcieType) -> bool {
        matches!(
            (self, found),
            (
                Self::MfEndpoint,
                PcieType::Endpoint | PcieType::LegacyEndpoint
            ) | (Self::RootPort, PcieType::RootPort)
                | (Self::DownstreamPort, PcieType::DownstreamPort)
                | (Self::RcEndpoint, PcieType::RcEndpoint)
        )
    }

    /// The header layout of every function that an entry of this kind covers.
    pub const fn layout(self) -> HeaderLayout {
        match self {
            Self::MfEndpoint | Self::RcEndpoint => HeaderLayout::Endpoint,
            Self::RootPort | Self::DownstreamPort => HeaderLayout::Bridge,
        }
    }

    /// The flags that an entry of this kind may grant: the flags that in-tree handlers of the same
    /// kind answer for. P2P Egress Control is never one.
    pub const fn grantable(self) -> AcsFlags {
        match self {
            Self::MfEndpoint => AcsFlags::GROUPING.union(AcsFlags::TB).union(AcsFlags::DT),
            Self::RootPort | Self::DownstreamPort | Self::RcEndpoint => AcsFlags::GROUPING,
        }
    }
}

/// A set of kinds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Kinds(u8);

impl Kinds {
    /// The empty set. No entry has it.
    pub const NONE: Self = Self(0);
    /// [`Kind::MfEndpoint`] alone.
    pub const MF_ENDPOINT: Self = Self::of(Kind::MfEndpoint);
    /// [`Kind::RootPort`] alone.
    pub const ROOT_PORT: Self = Self::of(Kind::RootPort);
    /// [`Kind::DownstreamPort`] alone.
    pub const DOWNSTREAM_PORT: Self = Self::of(Kind::DownstreamPort);
    /// [`Kind::RcEndpoint`] alone.
    pub const RC_ENDPOINT: Self = Self::of(Kind::RcEndpoint);

    /// The set with this kind alone.
    pub const fn of(kind: Kind) -> Self {
        Self(match kind {
            Kind::MfEndpoint => 0x1,
            Kind::RootPort => 0x2,
            Kind::DownstreamPort => 0x4,
            Kind::RcEndpoint => 0x8,
        })
    }

    /// The union of both sets.
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether the set is empty.
    pub const fn is_empty(self) -> bool {
        self.0 == Self::NONE.0
    }

    /// Whether the set contains a kind.
    pub const fn contains(self, kind: Kind) -> bool {
        self.0 & Self::of(kind).0 != 0
    }

    /// The kinds in the set, in the order of [`Kind::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Kind> {
        Kind::ALL
            .into_iter()
            .filter(move |kind| self.contains(*kind))
    }

    /// Whether a kind of the set applies to a function of PCIe type `found`.
    pub fn apply_to(self, found: PcieType) -> bool {
        self.iter().any(|kind| kind.applies_to(found))
    }

    /// Whether a kind of the set applies to PCIe type `found` and has this header layout.
    pub fn speak_for(self, found: PcieType, layout: HeaderLayout) -> bool {
        self.iter()
            .any(|kind| kind.applies_to(found) && kind.layout() == layout)
    }

    /// The flags that every kind of the set may grant. An entry grants its flags to all its
    /// functions, so a flag must be allowed for each kind.
    pub const fn grantable(self) -> AcsFlags {
        let mut flags = None;
        let mut rest: &[Kind] = &Kind::ALL;
        while let [kind, others @ ..] = rest {
            if self.contains(*kind) {
                flags = Some(match flags {
                    None => kind.grantable(),
                    Some(flags) => kind.grantable().intersection(flags),
                });
            }
            rest = others;
        }
        match flags {
            None => AcsFlags::NONE,
            Some(flags) => flags,
        }
    }
}

/// An in-tree handler in `drivers/pci/quirks.c` that matches every device of a vendor and answers 0
/// ("not isolated") for the ids that it does not list. Only an entry that names the handler may
/// replace that 0 (trust rule `kernel-first`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CatchAll {
    /// `pci_quirk_wangxun_nic_acs()`.
    Wangxun,
    /// `pci_quirk_zhaoxin_pcie_ports_acs()`.
    ZhaoxinPort,
}

impl CatchAll {
    /// Every catch-all handler of the supported kernels.
    pub const ALL: [Self; 2] = [Self::Wangxun, Self::ZhaoxinPort];

    /// The name in entries (`supersedes`).
    pub const fn name(self) -> &'static str {
        match self {
            Self::Wangxun => "wangxun",
            Self::ZhaoxinPort => "zhaoxin-port",
        }
    }

    /// The vendor whose devices the handler matches.
    pub const fn vendor(self) -> u16 {
        match self {
            Self::Wangxun => 0x8088,
            Self::ZhaoxinPort => 0x1d17,
        }
    }

    /// Whether the handler answers for functions of this vendor to which an entry of this kind may
    /// apply.
    pub const fn answers(self, vendor: u16, kind: Kind) -> bool {
        vendor == self.vendor()
            && match self {
                Self::Wangxun => true,
                Self::ZhaoxinPort => matches!(kind, Kind::RootPort | Kind::DownstreamPort),
            }
    }

    /// Whether the handler answers for a function of this vendor and PCIe type.
    ///
    /// The Zhaoxin handler returns `-ENOTTY` for everything but root ports and downstream ports.
    pub const fn answered(self, vendor: u16, found: PcieType) -> bool {
        vendor == self.vendor()
            && match self {
                Self::Wangxun => true,
                Self::ZhaoxinPort => {
                    matches!(found, PcieType::RootPort | PcieType::DownstreamPort)
                }
            }
    }
}

/// One entry: a claim about the functions whose ids the table's index assigns to it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Entry {
    /// The number by which an owner withdraws the entry: 1 to
    /// [`Table::MAX_NUMBER`](super::table::Table::MAX_NUMBER), issued once and never reused.
    pub number: u16,
    /// The path of the entry's file below `quirks/` without its extension: `vendor/family`.
    pub name: &'static str,
    /// The kinds of function that the entry applies to; at least one.
    pub kinds: Kinds,
    /// The ACS flags that the functions have according to the entry.
    pub grants: AcsFlags,
    /// The in-tree catch-all handler that the entry corrects, if any.
    pub supersedes: Option<CatchAll>,
    /// For an entry that mainline has merged: the first release with the quirk. From that release
    /// on, the entry makes no claim, also if mainline removes the quirk again.
    pub mainline_since: Option<Release>,
    /// Conditions that must hold for every covered function of the device, in the order of the
    /// entry's file.
    pub conditions: &'static [Condition],
}
