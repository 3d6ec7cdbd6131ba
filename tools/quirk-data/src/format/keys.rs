// SPDX-License-Identifier: GPL-2.0-only

//! The list of all keys of an entry's file. The reader, the JSON Schema and the page on the format
//! use this list.

use rules::{
    acs::AcsFlags,
    entry::{CatchAll, Kind},
};

use super::key::{Key, Needed, Section, Value, key};
use crate::entry::{AcsRegisters, Requirement, Status};

/// Four lowercase hexadecimal digits.
pub(crate) const ID: &str = "^[0-9a-f]{4}$";
/// A device id, an inclusive range, or every device.
pub(crate) const IDS: &str = "^([0-9a-f]{4}(-[0-9a-f]{4})?|any)$";
/// A class code, with or without the programming interface.
const CLASS: &str = "^[0-9a-f]{4}([0-9a-f]{2})?$";
/// A revision or an inclusive range.
const REVISIONS: &str = "^[0-9a-f]{2}(-[0-9a-f]{2})?$";
/// Subsystem vendor and device id.
pub(crate) const SUBSYSTEM: &str = "^[0-9a-f]{4}:[0-9a-f]{4}$";
/// The base of an offset.
const PLACE: &str = "^(config|capability:[0-9a-f]{2}|extended:[0-9a-f]{4})$";
/// The bits of a register, with all digits of its width.
const BITS: &str = "^0x([0-9a-f]{2}|[0-9a-f]{4}|[0-9a-f]{8})$";
/// The bits of a register, or the flags of the ACS Capability register.
const WRITTEN: &str = "^(0x([0-9a-f]{2}|[0-9a-f]{4}|[0-9a-f]{8})|as-capable)$";
/// The name of a capture's file.
const CAPTURE: &str = "^[a-z0-9-]+(\\.[a-z0-9-]+)*\\.json$";
/// The address of a function.
pub(crate) const BDF: &str = "^[0-9a-f]{4,8}:[0-9a-f]{2}:[01][0-9a-f]\\.[0-7]$";
/// Defines the names of hosts that are not public, and the form of an address, which excludes them.
macro_rules! hosts {
    ($first:literal $(, $more:literal)*) => {
        /// Top-level names of hosts that are not public (RFC 6761, RFC 6762, RFC 9476, and common practice).
        pub(crate) const NOT_PUBLIC: &[&str] = &[$first $(, $more)*];
        /// An address of a document on a public host, as `address()` in `check/evidence.rs`.
        pub(crate) const ADDRESS: &str = concat!(
            "^https://(?!.*(\\.\\.\\.|MESSAGE[-_]ID))(?![^/]*(xn--|\\.(", $first $(, "|", $more)*, ")/))",
            "([A-Za-z0-9-]+\\.)+[A-Za-z]{2,}/[A-Za-z0-9._~:/?#@!$&'*+,;=%-]+$",
        );
    };
}

hosts!(
    "arpa",
    "corp",
    "home",
    "internal",
    "intranet",
    "invalid",
    "lan",
    "local",
    "localdomain",
    "localhost",
    "onion",
    "private",
    "test"
);

/// The statuses of entries that owners withdraw by number, or could.
const NUMBERED: [Status; 6] = [
    Status::Validated,
    Status::Mainline,
    Status::Candidate,
    Status::Rejected,
    Status::Withdrawn,
    Status::Test,
];
/// The statuses of entries whose claim is not accepted, for a reason.
const HELD_BACK: [Status; 3] = [Status::Candidate, Status::Rejected, Status::Withdrawn];
/// The statuses of entries that rest on a statement.
const STATED: [Status; 3] = [Status::Validated, Status::Mainline, Status::NotIsolated];
/// The form of an entry's name.
const NAME: &str = "^[a-z0-9-]+/[a-z0-9-]+$";

/// The top level of the file.
pub(crate) static FILE: Section = Section {
    prefix: "",
    about: "An entry: what is known of one silicon family.",
    keys: &[
        key(
            "schema",
            Value::Schema,
            Needed::Always,
            "the version of this format",
        ),
        key(
            "number",
            Value::Number,
            Needed::For(&NUMBERED),
            "given once, and never to another entry; owners withdraw the entry by it",
        )
        .only(&NUMBERED),
        key(
            "name",
            Value::Line,
            Needed::For(&STATED),
            "the name of the silicon, for people",
        ),
        key(
            "status",
            Value::Word(statuses),
            Needed::Always,
            "what is known of the claim, and with that, which module is built with it",
        ),
        key(
            "kind",
            Value::WordOrWords(kinds),
            Needed::Always,
            "what kind of function the entry covers, or several; it bounds the PCIe types that \
             the entry applies to and the flags that it can grant",
        ),
        key(
            "acs",
            Value::Words(flags),
            Needed::No,
            "the ACS flags that the functions count as having; must be there unless acs-registers is. In a \
             not-isolated entry: the flags that do not hold",
        ),
        key(
            "acs-registers",
            Value::Word(layouts),
            Needed::No,
            "instead of acs, in mainline entries: where the device has ACS, but with capability and \
             control laid out in another way; what it grants is read from there",
        ),
        key(
            "requires",
            Value::Words(conditions),
            Needed::No,
            "what else must hold. In mainline entries: multifunction (the kernel counts the device as one \
             of several functions), root-bus (it is on one), amd-iommu (ACPI has an IVRS table); in \
             all entries: no-acs-capability (it has none, without which no module makes a claim)",
        ),
        key(
            "supersedes",
            Value::Word(catch_alls),
            Needed::No,
            "the in-tree handler whose \"no\" for ids that it does not list this entry corrects",
        ),
        key(
            "reason",
            Value::Text,
            Needed::For(&HELD_BACK),
            "why the status is not more than it is",
        )
        .only(&HELD_BACK),
        key(
            "replaced-by",
            Value::Form(NAME),
            Needed::No,
            "the entry, as \"acme/x1\", that claims the same ids instead",
        )
        .only(&[Status::Withdrawn]),
        key(
            "partial",
            Value::Text,
            Needed::No,
            "that the entry covers only a part of the functions of a device, and what follows from that",
        ),
        key(
            "match",
            Value::Several(&MATCH),
            Needed::Always,
            "the devices",
        ),
        key(
            "condition",
            Value::Several(&CONDITION),
            Needed::No,
            "what a register must say, in every function of the device; four at most",
        ),
        key(
            "program",
            Value::Several(&PROGRAM),
            Needed::No,
            "in mainline entries: what the kernel writes before its handler answers; no module makes \
             such writes",
        ),
        key(
            "evidence",
            Value::Once(&EVIDENCE),
            Needed::For(&STATED),
            "what was stated, and where that can be read",
        ),
        key(
            "expect",
            Value::Several(&EXPECT),
            Needed::For(&[Status::Validated]),
            "the groups of a captured machine, without and with the entry",
        )
        .only(&NUMBERED),
        key(
            "mainline",
            Value::Once(&MAINLINE),
            Needed::For(&[Status::Mainline]),
            "what mainline Linux has of the entry; in refused entries: what released kernels grant \
             nevertheless",
        )
        .only(&[
            Status::Mainline,
            Status::Rejected,
            Status::Withdrawn,
            Status::NotIsolated,
        ]),
    ],
};

static MATCH: Section = Section {
    prefix: "match.",
    about: "Devices of one vendor that belong together.",
    keys: &[
        key(
            "vendor",
            Value::Form(ID),
            Needed::Always,
            "the PCI vendor id",
        ),
        key(
            "devices",
            Value::Ids,
            Needed::Always,
            "device ids and closed ranges of them, as [\"8030-8032\", \"8040\"]; [\"any\"] for every \
             device of the vendor, in mainline entries and refusals",
        ),
        key("about", Value::Text, Needed::No, "what the devices are"),
        key(
            "class",
            Value::Form(CLASS),
            Needed::No,
            "only functions of this class: base class and subclass, as \"0200\", or with the \
             programming interface, as \"010802\"",
        ),
        key(
            "revisions",
            Value::Form(REVISIONS),
            Needed::No,
            "only these revisions, as \"03\" or \"03-0f\"",
        ),
        key(
            "subsystems",
            Value::Subsystems,
            Needed::No,
            "only these subsystems, as [\"1028:0010\"]; where the kind is not a port's",
        ),
        key(
            "excludes",
            Value::Several(&EXCLUDES),
            Needed::No,
            "devices of that vendor that are left out on purpose; no entry of the same kind may claim them",
        ),
    ],
};

static CONDITION: Section = Section {
    prefix: "condition.",
    about: "A register value that every function of the device must have for the entry to count. The bits \
            keep their value, or are in a register that the statement names.",
    keys: &[
        AT,
        OFFSET,
        WIDTH,
        key(
            "mask",
            Value::Form(BITS),
            Needed::Always,
            "the bits to look at, with as many digits as the width has, as \"0x00ff\"",
        ),
        key(
            "value",
            Value::Form(BITS),
            Needed::Always,
            "the value that the bits must have, with as many digits; no bit outside the mask",
        ),
        key(
            "about",
            Value::Text,
            Needed::Always,
            "what the bits say, and who sets them",
        ),
    ],
};

static PROGRAM: Section = Section {
    prefix: "program.",
    about: "What the kernel writes into a register before its handler answers.",
    keys: &[
        AT,
        OFFSET,
        WIDTH,
        key(
            "mask",
            Value::Form(BITS),
            Needed::Always,
            "the bits that the kernel writes; it leaves the others unchanged",
        ),
        key(
            "value",
            Value::Form(WRITTEN),
            Needed::Always,
            "the value that the bits get; or \"as-capable\", in the ACS capability: the kernel sets the \
             bits that the device's ACS Capability register has, and clears none",
        ),
        key("about", Value::Text, Needed::Always, "what that does"),
    ],
};

const AT: Key = key(
    "at",
    Value::Form(PLACE),
    Needed::Always,
    "where the offset counts from: \"config\", or the first capability with an id, as \
     \"capability:10\" or \"extended:000b\"",
);
const OFFSET: Key = key(
    "offset",
    Value::Offset,
    Needed::Always,
    "where the register begins, in bytes; a multiple of its width",
);
const WIDTH: Key = key(
    "width",
    Value::Width,
    Needed::Always,
    "the width of the register in bits: 8, 16 or 32",
);

static EXCLUDES: Section = Section {
    prefix: "match.excludes.",
    about: "Devices that are left out on purpose.",
    keys: &[
        key(
            "devices",
            Value::Ids,
            Needed::Always,
            "their ids, as in match",
        ),
        key("why", Value::Text, Needed::Always, "the reason"),
    ],
};

static EVIDENCE: Section = Section {
    prefix: "evidence.",
    about: "The statement, and where to read it. The statement of a validated entry names every claimed \
            id and kind. The statement of a candidate may name no id; if it names any, it names every \
            claimed id. For a mainline entry, the merged change is the statement.",
    keys: &[
        key(
            "statement",
            Value::Text,
            Needed::For(&STATED),
            "what was stated, in prose",
        ),
        key(
            "stated-by",
            Value::Text,
            Needed::For(&STATED),
            "who stated it, and for whom",
        ),
        key(
            "date",
            Value::Day,
            Needed::For(&[Status::Validated, Status::NotIsolated]),
            "the day of the statement; if the first source is a mail, the day of that mail",
        ),
        key(
            "sources",
            Value::Addresses,
            Needed::For(&STATED),
            "the addresses at which the statement can be read",
        ),
        key(
            "hearsay",
            Value::Flag,
            Needed::No,
            "true if the author does not speak for the vendor and reports what others have found",
        )
        .only(&[Status::Candidate, Status::Rejected, Status::NotIsolated]),
    ],
};

static EXPECT: Section = Section {
    prefix: "expect.",
    about: "The IOMMU groups of a captured machine, without and with the entry. The check computes them \
            as the kernel does, with the module's own decision; conditions count as met, because \
            captures do not record registers.",
    keys: &[
        key(
            "capture",
            Value::Form(CAPTURE),
            Needed::Always,
            "the capture, a file beside this one; acsctl quirk new makes it",
        ),
        key(
            "before",
            Value::Groups,
            Needed::Always,
            "every group that a function of the entry is in, as [[\"0000:82:00.0\", \"0000:82:00.1\"]]",
        ),
        key(
            "after",
            Value::Groups,
            Needed::Always,
            "the groups of the same functions with the entry",
        ),
    ],
};

static MAINLINE: Section = Section {
    prefix: "mainline.",
    about: "The quirk in mainline Linux.",
    keys: &[
        key(
            "since",
            Value::Form("^(v(0|[1-9][0-9]{0,2})\\.(0|[1-9][0-9]{0,2})|unknown)$"),
            Needed::Always,
            "the first release with the entry, as \"v5.8\", or \"unknown\"",
        ),
        key(
            "until",
            Value::Form("^v(0|[1-9][0-9]{0,2})\\.(0|[1-9][0-9]{0,2})$"),
            Needed::No,
            "the first release that no longer has the entry, as \"v7.3\", where mainline took it back; \
             nothing is built with it then, and the tools go on to know what the releases between grant",
        ),
        key(
            "commit",
            Value::Form("^[0-9a-f]{12,40}$"),
            Needed::No,
            "the commit that brought it, at least 12 digits; optional, but needed \
             for a release that is not in quirks/kernels/ yet",
        ),
        key(
            "handler",
            Value::Form("^pci_quirk_[a-z0-9_]+$"),
            Needed::Always,
            "the function in drivers/pci/quirks.c that answers",
        ),
        key(
            "any-type",
            Value::Flag,
            Needed::No,
            "true where the handler does not look at the PCIe type: kind then says what it was \
             written for, and nothing that it checks",
        ),
        key(
            "expressed",
            Value::Flag,
            Needed::No,
            "false if these keys cannot express what the handler answers; kind, flags and \
             ids are then an upper bound",
        ),
        key(
            "why",
            Value::Text,
            Needed::No,
            "with expressed = false: what is missing",
        ),
    ],
};

fn statuses() -> Vec<&'static str> {
    Status::ALL.map(Status::name).into()
}

fn kinds() -> Vec<&'static str> {
    Kind::ALL.map(Kind::name).into()
}

fn flags() -> Vec<&'static str> {
    AcsFlags::NAMED.map(|(name, _)| name).into()
}

fn layouts() -> Vec<&'static str> {
    AcsRegisters::ALL.map(AcsRegisters::name).into()
}

fn conditions() -> Vec<&'static str> {
    Requirement::ALL.map(Requirement::name).into()
}

fn catch_alls() -> Vec<&'static str> {
    CatchAll::ALL.map(CatchAll::name).into()
}
