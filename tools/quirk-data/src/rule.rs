// SPDX-License-Identifier: GPL-2.0-only

//! The lints of entries, with their stable codes.

use std::fmt;

use serde::{Serialize, Serializer};

macro_rules! rules {
    ($($variant:ident $code:literal $about:literal;)*) => {
        /// A lint. Its code is never reused for another one.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
        pub enum Rule {
            $(#[doc = $about] $variant,)*
        }

        impl Rule {
            /// Every lint, in the order of the documentation.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The code, for programs and searches.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self {
                    $(Self::$variant => $code,)*
                }
            }

            /// The requirement, in a sentence.
            #[must_use]
            pub const fn about(self) -> &'static str {
                match self {
                    $(Self::$variant => $about,)*
                }
            }
        }
    };
}

rules! {
    FileName "file-name"
        "A data file lies at VENDOR/FAMILY.toml, named with lowercase letters, digits and hyphens.";
    FileKind "file-kind"
        "A data file is a regular file, and its folder a folder. A symbolic link could list one entry twice.";
    FileSize "file-size"
        "A data file is no larger than 256 KiB.";
    FileEncoding "file-encoding"
        "A data file is UTF-8 without a byte order mark.";
    TextCharacters "text-characters"
        "No character is invisible, changes the direction of the text, or is written as an escape: a reviewer sees the text that acsctl reads.";
    TextLookalikes "text-lookalikes"
        "No word mixes alphabets whose letters look alike, and no letter looks like another one.";
    TextKernel "text-kernel"
        "A patch for the kernel can have the texts of a validated entry or a candidate: its subject has room for the name, which begins with no prefix of a subject, and no text holds a mark of a C comment or a line of a mail or a patch.";
    License "license"
        "The licence of a data file is GPL-2.0-only: a comment at its top says so, and no comment names another one or restricts the use of the file.";
    Syntax "syntax"
        "A data file is TOML.";
    Schema "schema"
        "This acsctl understands the version of the format.";
    KeyUnknown "key-unknown"
        "The format has every key of the file.";
    KeyMissing "key-missing"
        "Every key that the status needs is present. A mainline entry for a release newer than the kernels in quirks/kernels also has its commit and its date.";
    KeyUnneeded "key-unneeded"
        "Every key has a meaning beside the other keys, for the status, and for the kind and the vendor of the devices.";
    ValueType "value-type"
        "Every value has the type of its key.";
    ValueEmpty "value-empty"
        "No text is blank and no list is empty.";
    Unanswered "unanswered"
        "Every question of a draft has an answer other than \"TODO\" and \"-\".";
    ValueUnknown "value-unknown"
        "A key with a fixed set of words has a word of that set.";
    ValueTwice "value-twice"
        "No list has a word twice.";
    ValueForm "value-form"
        "Numbers of entries, ids, ranges, releases, commits, handlers, days, classes, revisions, subsystems, places and bits are written in their form.";
    NumberTaken "number-taken"
        "No two entries have the same number.";
    NumberIssued "number-issued"
        "The number of an entry is the number that numbers.txt, in the folder of the data, has for its name.";
    NumberList "number-list"
        "numbers.txt has a line NUMBER VENDOR/FAMILY for each number ever given, in ascending order, and lists no number and no name twice.";
    IdNone "id-none"
        "No vendor id is a value that absent or unready functions read as.";
    RangeOrder "range-order"
        "A range of ids or revisions goes from the lower to the higher, and the first release that no longer has an entry is later than the first release with it.";
    IdVirtual "id-virtual"
        "No claimed id is one that only virtual functions of the captured machines have: neither the module nor a patch makes a claim for a virtual function.";
    RevisionsOpen "revisions-open"
        "The revisions of a validated entry end with one that exists: up to ff, they would be of silicon that nobody has made yet.";
    IdWide "id-wide"
        "A claimed range has at most 64 ids, also when it is written in pieces, and an entry at most 256: a statement is about exact ids.";
    IdAny "id-any"
        "Only mainline entries claim every device of a vendor, and a PCIe type bounds that claim.";
    LimitsOfKind "limits-of-kind"
        "Functions of the entry's kind can have the class and the subsystems of its limits. Ports do not have subsystem ids where endpoints do.";
    RegisterPlace "register-place"
        "A register is aligned to its width, within the space that its offset counts from, and in a capability that can exist: the ids 00, ff, 0000 and ffff mark an absent capability or the end of the list.";
    RegisterHeader "register-header"
        "No condition reads a header, of configuration space or of a capability: identity has keys of its own, and the other fields are pointers, or the system writes them.";
    RegisterBits "register-bits"
        "A mask has at least one bit, a value has no bit outside the mask, and an absent function does not read as the value.";
    ConditionMany "condition-many"
        "An entry has no more than four conditions.";
    ConditionTwice "condition-twice"
        "No bit is in two conditions, also if they read it with different widths: conditions that ask for different values exclude each other.";
    ConditionChanges "condition-changes"
        "A condition reads bits that the specification makes read-only. It reads other bits only if the statement names the register, by its name in the specification or as \"capability:10 + 0x0a\". The statement of a validated entry names each register in a vendor-specific capability or at a place of configuration space.";
    ConditionStated "condition-stated"
        "A condition does not ask for other bits than its statement names, nor for the opposite of the value that the statement gives.";
    FlagsOfKind "flags-of-kind"
        "An entry grants only flags that its kind can have.";
    SupersedesMissing "supersedes-missing"
        "An entry for ids and kinds that a catch-all handler of the kernel answers for names that handler.";
    SupersedesFlags "supersedes-flags"
        "An entry that supersedes a handler grants only flags that grouping asks for: to other flags, the handler's no may be deliberate.";
    IdAliased "id-aliased"
        "No id of an entry has a DMA alias quirk in the kernel.";
    StatusPlace "status-place"
        "Entries for emulated devices, and no others, are in tests/kernel/module/quirks.";
    Unbuildable "unbuildable"
        "An entry that is built into a module states only what the module can decide.";
    DateFuture "date-future"
        "The date of a statement is not in the future.";
    DateEarly "date-early"
        "The date of a statement is not before PCI Express.";
    StatedBy "stated-by"
        "A statement is by a person or a company, not by a mailing list.";
    StatementIds "statement-ids"
        "The statement of a validated entry names every claimed id, and a claimed range as one range. The statement of a candidate does so if it names any id.";
    StatementExcepts "statement-excepts"
        "An entry does not claim an id that its statement takes out, as in \"10de:0a10 to 10de:0a12, but not 10de:0a11\", or names by itself beside a range that includes it.";
    StatementPlain "statement-plain"
        "The statement of a validated entry says plainly that what it claims does not reach each other: no sentence on a claimed id, or on none, has a doubt, a wish, another denial, a word that the check does not know, or words at the id that may except it.";
    StatementUnclaimed "statement-unclaimed"
        "Each id of the entry's vendors that its statement names, and an id of each range, is claimed by this entry or another, left out with a reason, or taken out by the statement itself.";
    StatementRevisions "statement-revisions"
        "An entry whose statement speaks of some revisions, subsystems or a class has such limits, or a condition.";
    StatementKinds "statement-kinds"
        "The statement of a validated entry says of each claimed id that it is of each claimed kind, except kinds whose functions cannot have the class of the id.";
    SourceForm "source-form"
        "A source is the https:// address of a document on a public host, in plain characters, so that it can be read.";
    InMainline "in-mainline"
        "No entry claims ids that mainline already has.";
    KernelList "kernel-list"
        "acsctl quirk kernel wrote each file in kernels/ from the source of a kernel.";
    MainlineAgrees "mainline-agrees"
        "A mainline entry agrees with the kernels in quirks/kernels: each kernel has its ids with its handler from its first release on, and no release of mainline has them before that or from `until` on.";
    Overlap "overlap"
        "An id belongs to one entry.";
    Refused "refused"
        "No entry claims ids that a rejected, withdrawn or not-isolated entry lists, except the one that replaces it, and a claim whose limits leave out what the not-isolated entry is about. Where a not-isolated entry is about every device of a vendor, no claim is of its kind and its class, by its limits or by a captured function, except of ids that the not-isolated entry leaves out with the reason.";
    Replaced "replaced"
        "The entry that replaces a withdrawn one exists, claims ids of it, and is not refused itself.";
    Excluded "excluded"
        "No entry claims ids that an entry leaves out on purpose.";
    CaptureRead "capture-read"
        "A capture exists, and describes a machine.";
    CaptureOrphan "capture-orphan"
        "Each capture in the folder of a vendor is named by an entry in that folder.";
    CaptureDevice "capture-device"
        "A capture has a function of the entry.";
    CaptureAcs "capture-acs"
        "A captured function of the entry is known to have no ACS capability. The capture shows the ACS of each function that decides on its group, the whole way to the root, and the IOMMU groups of all functions of the entry or of none.";
    CaptureKind "capture-kind"
        "For each kind that a validated entry claims, a capture has a function of that kind.";
    CaptureBeyond "capture-beyond"
        "A capture has the device, the functions that decide on its groups, and nothing that names the machine.";
    ExpectGroups "expect-groups"
        "The groups without the entry are the groups that the kernel makes of the captured machine. The groups with the entry are the groups that the kernel and the module make of it.";
    ExpectRecorded "expect-recorded"
        "The groups that the kernel of the captured machine made, if the capture has them, are the groups without the entry.";
    ExpectSplit "expect-split"
        "An entry with a statement splits a group of some captured machine.";
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl Serialize for Rule {
    fn serialize<S: Serializer>(&self, into: S) -> Result<S::Ok, S::Error> {
        into.serialize_str(self.code())
    }
}
