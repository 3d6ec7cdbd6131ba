// SPDX-License-Identifier: GPL-2.0-only

//! An adapter with two functions, and what isolates them: ACS, a quirk of the kernel, or an entry of the module's table.

use grouping::handlers::{Grant, Handler, Handlers, Ids, Limits as HandlerLimits, Requirement};
use rules::{
    acs::AcsFlags,
    entry::{Entry, Kinds},
    limits::Limits,
    pcie::PcieType::{Endpoint, RootPort},
    table::{IdRange, Table},
};
use topology::{Acs, Function, Topology};

use super::{express, machine, port};

/// The ids of [`super::function`].
pub(crate) const IDS: Ids = Ids {
    vendor: 0x1234,
    first: 0x5678,
    last: 0x5678,
};
pub(crate) const ZERO: &str = "0000:01:00.0";
pub(crate) const ONE: &str = "0000:01:00.1";

/// An ACS capability that isolates.
pub(crate) const ACS: Acs = Acs {
    cap: Some(0x1d),
    ctl: Some(0x1d),
    dword8: None,
};

/// A function of a multi-function endpoint.
pub(crate) fn endpoint(at: &str) -> Function {
    Function {
        multifunction: Some(true),
        ..express(at, Endpoint)
    }
}

/// The adapter, below a root port that isolates it.
pub(crate) fn adapter() -> Topology {
    machine(vec![
        port("0000:00:01.0", RootPort, 1, true),
        endpoint(ZERO),
        endpoint(ONE),
    ])
}

pub(crate) const fn entry(kinds: Kinds) -> Entry {
    Entry {
        number: 1,
        name: "test/entry",
        kinds,
        grants: AcsFlags::GROUPING,
        supersedes: None,
        mainline_since: None,
        conditions: &[],
    }
}

/// The row of the only entry.
pub(crate) const fn row(limits: &'static Limits) -> IdRange {
    IdRange {
        vendor: IDS.vendor,
        first: IDS.first,
        last: IDS.last,
        entry: 0,
        limits,
    }
}

pub(crate) const fn table(entries: &'static [Entry], index: &'static [IdRange]) -> Table {
    Table {
        version: "test",
        entries,
        index,
        issued: &[1],
    }
}

/// The functions of an adapter are isolated.
pub(crate) const ADAPTER: Table = table(&[entry(Kinds::MF_ENDPOINT)], &[row(&Limits::NONE)]);

/// A quirk of the kernel that answers for the functions with these ids.
pub(crate) fn handler(
    ids: Ids,
    kinds: Option<Kinds>,
    requires: Vec<Requirement>,
    flags: AcsFlags,
) -> Handlers {
    let handler = Handler {
        entry: 0,
        name: "pci_quirk_test".to_owned(),
        ids: vec![ids],
        kinds,
        requires,
        limits: HandlerLimits::default(),
        is_conditional: false,
        grant: Grant::Flags(flags),
    };
    [handler].into_iter().collect()
}
