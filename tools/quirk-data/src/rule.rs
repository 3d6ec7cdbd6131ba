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
        "A data file is a regular file, and its folder a folder. A symbolic link could make one entry two.";
    FileSize "file-size"
        "A data file is no larger than 256 KiB.";
    FileEncoding "file-encoding"
        "A data file is UTF-8 without a byte order mark.";
    TextCharacters "text-characters"
        "No character is invisible, changes the direction of the text, or is written as an escape: what is reviewed is what is read.";
    TextLookalikes "text-lookalikes"
        "No word mixes alphabets whose letters look alike, and no letter is another one's shape.";
    Syntax "syntax"
        "A data file is TOML.";
    Schema "schema"
        "The version of the format is one that this acsctl understands.";
    KeyUnknown "key-unknown"
        "Every key is one that the format has.";
    KeyMissing "key-missing"
        "Every key that the status needs is there. A mainline entry for a release that is newer than the kernels in quirks/kernels also has its commit, and what a validated entry must have.";
    KeyUnneeded "key-unneeded"
        "No key is there that means nothing beside the others, for the status, or for the kind and the vendor of the devices.";
    ValueType "value-type"
        "Every value is of the type that its key takes.";
    ValueEmpty "value-empty"
        "No text is blank and no list is empty.";
    Unanswered "unanswered"
        "No question of a draft is left without an answer, or with \"TODO\" or \"-\" for one.";
    ValueUnknown "value-unknown"
        "A word out of a fixed set is one of that set.";
    ValueTwice "value-twice"
        "No word of a list stands twice.";
    ValueForm "value-form"
        "Numbers of entries, ids, ranges, releases, commits, handlers, days, classes, revisions, subsystems, places and bits are written in their form.";
    NumberTaken "number-taken"
        "The number of an entry is no other entry's.";
    NumberIssued "number-issued"
        "The number of an entry is the one that numbers.txt, in the folder of the data, has for its name.";
    NumberList "number-list"
        "numbers.txt has a line NUMBER VENDOR/FAMILY for each number that was ever given, by ascending number: a number and a name stand in it once.";
    IdNone "id-none"
        "A vendor id is not one that absent or unready functions read as.";
    RangeOrder "range-order"
        "A range of ids or revisions goes from the lower to the higher, and a release that no longer has an entry is later than the first that has it.";
    IdWide "id-wide"
        "A range that is claimed holds no more than 64 ids, also when it is written in pieces, and an entry no more than 256: a statement is for exactly these ids.";
    IdAny "id-any"
        "Every device of a vendor is claimed in mainline entries alone, and bounded by a PCIe type.";
    LimitsOfKind "limits-of-kind"
        "Class and subsystems are limits that functions of the entry's kind can have. Ports do not have subsystem ids where endpoints do.";
    RegisterPlace "register-place"
        "A register is aligned to its width, within the space that its offset counts from, and in a capability that there can be: the ids 00, ff, 0000 and ffff mark that there is none, or no more.";
    RegisterHeader "register-header"
        "A condition is not on the header, of configuration space or of a capability: identity has keys of its own, and the rest the system writes, or it says where and not what.";
    RegisterBits "register-bits"
        "A mask has a bit, a value none beside the mask, and an absent function does not read as it.";
    ConditionMany "condition-many"
        "An entry has no more than four conditions.";
    ConditionTwice "condition-twice"
        "No bit stands in two conditions, also where they read it with other widths: two that ask for other values exclude each other.";
    ConditionChanges "condition-changes"
        "A condition is on bits that stay as they are, for the specification makes them read-only; on others only where the statement names the register, by its name in the specification or as \"capability:10 + 0x0a\". What is in a vendor-specific capability, or at a place of configuration space, the statement of a validated entry names.";
    FlagsOfKind "flags-of-kind"
        "An entry grants only flags that its kind can have.";
    SupersedesMissing "supersedes-missing"
        "An entry for ids and kinds that a catch-all handler of the kernel answers for names that handler.";
    SupersedesFlags "supersedes-flags"
        "An entry that supersedes grants nothing beyond what grouping asks: asked for more, the handler's no may be considered.";
    IdAliased "id-aliased"
        "No id is one of the kernel's DMA alias quirks.";
    StatusPlace "status-place"
        "Entries for emulated devices lie in tests/kernel/module/quirks, and no others do.";
    Unbuildable "unbuildable"
        "An entry that a module is built from says only what the module can decide.";
    DateFuture "date-future"
        "A statement is not of a day that has not come.";
    StatementIds "statement-ids"
        "The statement of a validated entry names every id that is claimed, and a range that is claimed as one range; a candidate's does so where it names any id.";
    StatementExcepts "statement-excepts"
        "What a statement takes out, as in \"10de:0a10 to 10de:0a12, but not 10de:0a11\", or names by itself beside a range that holds it, is not claimed.";
    StatementUnclaimed "statement-unclaimed"
        "An id of the entry's vendors that its statement names is claimed, by this entry or another, or left out with a reason, or taken out by the statement itself.";
    StatementKinds "statement-kinds"
        "The statement of a validated entry says of each kind that is claimed that the ids it names are of that kind.";
    SourceForm "source-form"
        "A source is the https:// address of a document on a public host, in plain characters, so that it can be read.";
    InMainline "in-mainline"
        "What mainline has already is not claimed once more.";
    KernelList "kernel-list"
        "A file in kernels/ is what acsctl quirk kernel wrote of the source of a kernel.";
    MainlineAgrees "mainline-agrees"
        "A mainline entry says what the kernels in quirks/kernels have: its ids with its handler in every one from its first release on, and in no release of mainline before that or from `until` on.";
    Overlap "overlap"
        "An id belongs to one entry.";
    Refused "refused"
        "What was refused or taken back is not claimed beside that.";
    Excluded "excluded"
        "What an entry leaves out on purpose is not claimed beside that.";
    CaptureRead "capture-read"
        "A capture is there, and is that of a machine.";
    CaptureDevice "capture-device"
        "A capture has a function of the entry.";
    CaptureAcs "capture-acs"
        "A captured function of the entry is known to have no ACS capability.";
    CaptureKind "capture-kind"
        "Of each kind that a validated entry claims, some capture has a function.";
    ExpectGroups "expect-groups"
        "The groups without the entry are those that the kernel makes of the captured machine, and the groups with the entry those that the kernel and the module make of it.";
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
