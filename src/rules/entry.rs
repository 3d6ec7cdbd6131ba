// SPDX-License-Identifier: GPL-2.0-only

//! An entry of the data table: what one vendor's statement claims.

use super::{
    acs::AcsFlags,
    condition::Condition,
    pcie::{HeaderLayout, PcieType},
    release::Release, //
};

/// What kind of function an entry speaks for. It fixes the PCIe types that the entry may apply to
/// and the ACS flags that it may grant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Functions of a multi-function endpoint that cannot reach each other, as
    /// `pci_quirk_mf_endpoint_acs()` in `drivers/pci/quirks.c`.
    MfEndpoint,
    /// Root ports that pass everything upstream.
    RootPort,
    /// Switch downstream ports that pass everything upstream.
    DownstreamPort,
    /// Root complex integrated endpoints without peer-to-peer, as `pci_quirk_rciep_acs()`.
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

    /// The name that the data files use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::MfEndpoint => "mf-endpoint",
            Self::RootPort => "root-port",
            Self::DownstreamPort => "downstream-port",
            Self::RcEndpoint => "rciep",
        }
    }

    /// Whether an entry of this kind may apply to a function of the type `found`.
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

    /// The flags that an entry of this kind may grant: those that in-tree handlers of the same
    /// kind answer for. Egress Control is never among them.
    pub const fn grantable(self) -> AcsFlags {
        match self {
            Self::MfEndpoint => AcsFlags::GROUPING.union(AcsFlags::TB).union(AcsFlags::DT),
            Self::RootPort | Self::DownstreamPort | Self::RcEndpoint => AcsFlags::GROUPING,
        }
    }
}

/// The kinds of function that an entry speaks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Kinds(u8);

impl Kinds {
    /// No kind, which no entry has.
    pub const NONE: Self = Self(0);
    /// [`Kind::MfEndpoint`] alone.
    pub const MF_ENDPOINT: Self = Self::of(Kind::MfEndpoint);
    /// [`Kind::RootPort`] alone.
    pub const ROOT_PORT: Self = Self::of(Kind::RootPort);
    /// [`Kind::DownstreamPort`] alone.
    pub const DOWNSTREAM_PORT: Self = Self::of(Kind::DownstreamPort);
    /// [`Kind::RcEndpoint`] alone.
    pub const RC_ENDPOINT: Self = Self::of(Kind::RcEndpoint);

    /// One kind alone.
    pub const fn of(kind: Kind) -> Self {
        Self(match kind {
            Kind::MfEndpoint => 0x1,
            Kind::RootPort => 0x2,
            Kind::DownstreamPort => 0x4,
            Kind::RcEndpoint => 0x8,
        })
    }

    /// The kinds of either set.
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether no kind is in the set.
    pub const fn is_empty(self) -> bool {
        self.0 == Self::NONE.0
    }

    /// Whether a kind is in the set.
    pub const fn contains(self, kind: Kind) -> bool {
        self.0 & Self::of(kind).0 != 0
    }

    /// Its kinds, in the order of the documentation.
    pub fn iter(self) -> impl Iterator<Item = Kind> {
        Kind::ALL
            .into_iter()
            .filter(move |kind| self.contains(*kind))
    }

    /// Whether one of the kinds applies to a function of the type `found`.
    pub fn apply_to(self, found: PcieType) -> bool {
        self.iter().any(|kind| kind.applies_to(found))
    }

    /// Whether one of the kinds applies to a function of the type `found`, and functions of that
    /// same kind have this header layout.
    pub fn speak_for(self, found: PcieType, layout: HeaderLayout) -> bool {
        self.iter()
            .any(|kind| kind.applies_to(found) && kind.layout() == layout)
    }

    /// The flags that every kind of the set may grant, for what an entry claims it claims of all its
    /// functions.
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

/// An in-tree handler that matches a vendor's every device and answers 0 ("not isolated") for
/// those that it does not list. Only an entry that names it may replace that 0.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CatchAll {
    /// `pci_quirk_wangxun_nic_acs()`.
    Wangxun,
    /// `pci_quirk_zhaoxin_pcie_ports_acs()`.
    ZhaoxinPort,
}

impl CatchAll {
    /// Every catch-all of the supported kernels.
    pub const ALL: [Self; 2] = [Self::Wangxun, Self::ZhaoxinPort];

    /// The name that the data files use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Wangxun => "wangxun",
            Self::ZhaoxinPort => "zhaoxin-port",
        }
    }

    /// The one vendor whose devices the handler sees.
    pub const fn vendor(self) -> u16 {
        match self {
            Self::Wangxun => 0x8088,
            Self::ZhaoxinPort => 0x1d17,
        }
    }

    /// Whether the handler answers for a function of this vendor that an entry of the kind `kind`
    /// may apply to.
    pub const fn answers(self, vendor: u16, kind: Kind) -> bool {
        vendor == self.vendor()
            && match self {
                Self::Wangxun => true,
                Self::ZhaoxinPort => matches!(kind, Kind::RootPort | Kind::DownstreamPort),
            }
    }

    /// Whether the handler is the one that answered 0 for a function of this vendor and type.
    ///
    /// The Zhaoxin handler has no opinion on anything but root and downstream ports.
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

/// One entry: a claim about the devices that the table's index assigns to it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Entry {
    /// Number by which an owner withdraws the entry; given out once, never reused, 1 to
    /// [`Table::MAX_NUMBER`](super::table::Table::MAX_NUMBER).
    pub number: u16,
    /// Name, the entry's place below `quirks/` without the ending: `vendor/family`.
    pub name: &'static str,
    /// What the entry speaks for, one kind at least.
    pub kinds: Kinds,
    /// The flags that the functions count as having.
    pub grants: AcsFlags,
    /// The in-tree catch-all that the entry corrects, if any.
    pub supersedes: Option<CatchAll>,
    /// For an entry that mainline has merged: the first release with it. From then on mainline
    /// decides, also by its silence, for a row can be taken back.
    pub mainline_since: Option<Release>,
    /// What must hold for every function of a package, in the order of the data file.
    pub conditions: &'static [Condition],
}
