// SPDX-License-Identifier: GPL-2.0-only

//! The registers that a condition may read, and the statement that other registers need.

use quirk_data::{
    folder::{self, Scope},
    rule::Rule,
    source::DataFile,
};

/// A condition: base, offset, width, mask and value.
type Place<'a> = (&'a str, u16, u8, u32, u32);

/// The register rules that an entry with these conditions violates.
fn broken(status: &str, conditions: &[Place<'_>], statement: &str) -> Vec<Rule> {
    let section = |&(at, offset, width, mask, value): &Place<'_>| {
        let digits = usize::from(width / 4);
        format!(
            "[[condition]]\nat = \"{at}\"\noffset = {offset}\nwidth = {width}\n\
             mask = \"0x{mask:0digits$x}\"\nvalue = \"0x{value:0digits$x}\"\nabout = \"So.\"\n"
        )
    };
    let reason = if status == "candidate" {
        "reason = \"So.\"\n"
    } else {
        ""
    };
    let sections: String = conditions.iter().map(section).collect();
    let text = format!(
        "# SPDX-License-Identifier: GPL-2.0-only\nschema = 1\nnumber = 1\nname = \"X\"\nstatus = \"{status}\"\n{reason}\
         kind = \"mf-endpoint\"\nacs = [\"SV\"]\n[[match]]\nvendor = \"10de\"\ndevices = [\"0a01\"]\n\
         {sections}[evidence]\nstatement = '''The functions 10de:0a01 are isolated. {statement}'''\n\
         stated-by = \"Jo\"\ndate = 2024-01-01\nsources = [\"https://example.org/x\"]\n\
         [[expect]]\ncapture = \"x.json\"\nbefore = [[\"0000:01:00.0\"]]\nafter = [[\"0000:01:00.0\"]]\n",
    );
    let file = DataFile {
        path: "nvidia/x.toml".into(),
        name: "nvidia/x".to_owned(),
        text,
        built_in: false,
    };
    let found = folder::check(&[file], Scope::now(None))
        .err()
        .unwrap_or_default();
    // The capture does not exist. It is checked only if there is no other fault.
    let ours = found.iter().filter(|one| one.rule != Rule::CaptureRead);
    ours.map(|one| {
        assert!(one.field.starts_with("condition"), "{one}");
        one.rule
    })
    .collect()
}

const NONE: [Rule; 0] = [];

/// Registers that change by themselves or that the system writes: offset, width and mask of such
/// bits, and next to them bits of the same capability that never change, if it has any.
const CHANGING: &str = "\
Device Status | capability:10 | 0x0a 16 0x0020 | 0x04 32 0x10000000
Device Status | capability:10 | 0x08 32 0x00200000 | 0x04 32 0x00008000
Device Status | capability:10 | 0x0b 8 0x01 | 0x07 8 0x10
Device Control | capability:10 | 0x08 16 0x0010 | 0x02 16 0x00f0
Device Capabilities | capability:10 | 0x04 32 0x00040000 | 0x04 32 0x00000007
Link Status | capability:10 | 0x12 16 0x000f | 0x0c 32 0x000003ff
Link Control | capability:10 | 0x10 16 0x0003 | 0x0c 32 0x00000c00
Link Capabilities | capability:10 | 0x0c 32 0x00001000 | 0x0c 32 0x00000fff
Slot Status | capability:10 | 0x1a 16 0x0040 | 0x14 32 0x00000040
Slot Control | capability:10 | 0x18 16 0x0400 | 0x14 32 0x00000002
Root Control | capability:10 | 0x1c 16 0x0001 | 0x1e 16 0x0001
Root Status | capability:10 | 0x20 32 0x00010000 | 0x1e 16 0x0001
Device Control 2 | capability:10 | 0x28 16 0x0020 | 0x24 32 0x00000020
Link Control 2 | capability:10 | 0x30 16 0x000f | 0x2c 32 0x000000fe
Link Status 2 | capability:10 | 0x32 16 0x0001 | 0x2c 32 0x000000fe
Power Management Control/Status | capability:01 | 0x04 16 0x0003 | 0x04 16 0x0008
Power Management Data | capability:01 | 0x07 8 0x01 | 0x02 16 0x0200
MSI Message Control | capability:05 | 0x02 16 0x0001 | 0x02 16 0x0080
MSI Message Address | capability:05 | 0x04 32 0x00100000 |
MSI Message Data | capability:05 | 0x10 32 0x00000001 |
MSI-X Message Control | capability:11 | 0x02 16 0x8000 | 0x02 16 0x07ff
VPD Address | capability:03 | 0x02 16 0x8000 |
VPD Data | capability:03 | 0x04 32 0x00000001 |
AF Status | capability:13 | 0x05 8 0x01 | 0x03 8 0x02
Uncorrectable Error Status | extended:0001 | 0x04 32 0x00100000 |
Uncorrectable Error Mask | extended:0001 | 0x08 32 0x00100000 |
Correctable Error Status | extended:0001 | 0x10 32 0x00000001 |
Correctable Error Mask | extended:0001 | 0x14 32 0x00002000 |
Header Log | extended:0001 | 0x28 32 0x00002000 | 0x18 32 0x00000020
Port VC Control | extended:0002 | 0x0c 16 0x0001 | 0x04 32 0x00000007
Power Budgeting Data | extended:0004 | 0x08 32 0x00000001 | 0x0c 8 0x01
ARI Control | extended:000e | 0x06 16 0x0002 | 0x04 16 0x0002
ATS Control | extended:000f | 0x06 16 0x8000 | 0x04 16 0x0020
SR-IOV Control | extended:0010 | 0x08 16 0x0001 | 0x0e 16 0xffff
NumVFs | extended:0010 | 0x10 16 0x0001 | 0x1a 16 0xffff
First VF Offset | extended:0010 | 0x14 16 0x0001 | 0x04 32 0x00000001
Page Request Control | extended:0013 | 0x04 16 0x0001 | 0x08 32 0x00000001
Resizable BAR Control | extended:0015 | 0x08 32 0x00000100 | 0x04 32 0x00000010
Max Snoop Latency | extended:0018 | 0x04 16 0x0001 |
PASID Control | extended:001b | 0x06 16 0x0001 | 0x04 16 0x0002
DPC Status | extended:001d | 0x08 16 0x0001 | 0x04 16 0x0020
L1 PM Substates Control 1 | extended:001e | 0x08 32 0x00000001 | 0x04 32 0x00000001
PTM Control | extended:001f | 0x08 32 0x00000001 | 0x04 32 0x00000001
DOE Status | extended:002e | 0x0c 32 0x00000001 |";

#[test]
fn a_condition_is_on_what_stays_as_it_is() {
    let number = |text: &str| {
        let digits = text.strip_prefix("0x");
        let number = digits.map_or_else(|| text.parse(), |digits| u32::from_str_radix(digits, 16));
        number.expect("it is a number")
    };
    let bits = |text: &str| {
        let mut parts = text.split_whitespace().map(number);
        let mut next = || parts.next().expect("offset, width and mask");
        let (offset, width) = (next(), next());
        let short = "the table has it right";
        (
            u16::try_from(offset).expect(short),
            u8::try_from(width).expect(short),
            next(),
        )
    };
    for line in CHANGING.lines() {
        let columns: Vec<_> = line.split('|').map(str::trim).collect();
        let [name, at, changes, stays] = columns[..] else {
            panic!("{line}");
        };
        let (offset, width, mask) = bits(changes);
        let condition = [(at, offset, width, mask, 0)];
        let by_offset = format!("So it is by {at} + {offset:#04x}.");
        let by_name = format!("Firmware sets {name} so.");
        let in_prose = format!("Firmware sets the {} register so.", name.to_lowercase());
        for status in ["validated", "candidate"] {
            let check = |statement: &str| broken(status, &condition, statement);
            let refused = [Rule::ConditionChanges];
            assert_eq!(check(""), refused, "{name}");
            assert_eq!(check(&by_name), NONE, "{name}");
            assert_eq!(check(&in_prose), NONE, "{name}");
            assert_eq!(check(&by_offset), NONE, "{name}");
            // Not another register, a longer name, or a common word.
            assert_eq!(check("Firmware sets Interrupt Line so."), refused, "{name}");
            assert_eq!(
                check(&format!("Firmware sets {name} 3 so.")),
                refused,
                "{name}"
            );
            assert_eq!(
                check(&format!("It is {at} + {:#04x}.", offset ^ 0x40)),
                refused,
                "{name}"
            );
            if !stays.is_empty() {
                let (offset, width, mask) = bits(stays);
                let control = [(at, offset, width, mask, 0)];
                assert_eq!(broken(status, &control, ""), NONE, "beside {name}");
            }
        }
    }
}

/// An unlisted register may change, and only the vendor knows a vendor-specific register.
#[test]
fn a_register_that_is_not_known_must_be_spoken_of() {
    for (at, offset, is_vendors) in [
        ("capability:09", 4, true),
        ("extended:000b", 8, true),
        ("extended:0023", 0x0c, true),
        ("config", 0x50, true),
        ("config", 0x404, true),
        // After the end of a capability, there may be another one.
        ("capability:01", 0x20, false),
        ("capability:10", 0x3c, false),
        ("extended:0003", 0x0c, false),
        // The capability is not listed.
        ("capability:07", 4, false),
        ("extended:0033", 4, false),
    ] {
        let condition = [(at, offset, 32, 1, 1)];
        let refused = [Rule::ConditionChanges];
        let spoken = format!("Bit 0 of {at} + {offset:#x} is set.");
        assert_eq!(broken("validated", &condition, ""), refused, "{at}");
        assert_eq!(broken("validated", &condition, &spoken), NONE, "{at}");
        let of_candidate = broken("candidate", &condition, "");
        assert_eq!(of_candidate.is_empty(), is_vendors, "{at}");
        assert_eq!(broken("candidate", &condition, &spoken), NONE, "{at}");
    }
}

/// The statement gives the bits and their value: the condition must not ask for others. Each with the condition that it does
/// describe as its control.
#[test]
fn a_condition_asks_for_what_the_statement_says() {
    let check = |mask, value, statement: &str| {
        broken(
            "validated",
            &[("capability:09", 4, 32, mask, value)],
            statement,
        )
    };
    for (mask, value, other, statement) in [
        (1, 1, (1, 0), "Bit 0 of capability:09 + 0x04 is set."),
        (1, 0, (1, 1), "Bit 0 of capability:09 + 0x04 is clear."),
        (
            3,
            3,
            (3, 0),
            "The bits of the register capability:09 + 0x04 are on; the driver sets them once.",
        ),
        (
            3,
            0,
            (3, 3),
            "The bits of the register capability:09 + 0x04 stay 0.",
        ),
        (
            8,
            8,
            (1, 1),
            "This holds with bit 3 of capability:09 + 0x04.",
        ),
        (
            0x800,
            0x800,
            (0x100, 0x100),
            "Bit 11 of capability:09 + 0x04 is set.",
        ),
    ] {
        assert_eq!(check(mask, value, statement), NONE, "{statement}");
        let (mask, value) = other;
        assert_eq!(
            check(mask, value, statement),
            [Rule::ConditionStated],
            "{statement}"
        );
    }
    // It says both, or nothing of the bits.
    for statement in [
        "Bit 0 of capability:09 + 0x04 is set. The register 0x08 is clear.",
        "See capability:09 + 0x04. The device is on.",
        "The driver sets bit 0 of capability:09 + 0x04.",
    ] {
        assert_eq!(check(0x101, 0, statement), NONE, "{statement}");
    }
}

#[test]
fn an_offset_is_spoken_of_beside_its_place() {
    let check = |condition: Place<'_>, statement| broken("validated", &[condition], statement);
    let config = ("config", 0x50, 32, 0x100, 0);
    let own = ("capability:09", 0x0a, 16, 1, 0);
    let extended = ("extended:000b", 0x08, 32, 1, 0);
    for (condition, statement) in [
        (config, "The register at offset 0x50 says so."),
        (config, "The register at offset 50h says so."),
        (config, "Register 0x51 says so."),
        (config, "config + 0x50 says so."),
        (own, "Offset 0x0a of capability 09 says so."),
        (
            own,
            "Offset 0x0a of the capability with the id 0x09: capability id 0x09.",
        ),
        (own, "Offset 0ah of the Vendor-Specific Capability says so."),
        (own, "capability:09 + 0xA says so."),
        (
            extended,
            "Offset 0x08 of the vendor-specific extended capability says so.",
        ),
        (extended, "Offset 0x08 of extended capability 0x0b says so."),
    ] {
        assert_eq!(check(condition, statement), NONE, "{statement}");
    }
    for (condition, statement) in [
        (config, "The register at offset 0x54 says so."),
        (config, "The value 0x50 says so."),
        (config, "The register at offset 50 says so."),
        (own, "Offset 0x0a says so."),
        (own, "Offset 0x0a of capability 10 says so."),
        (own, "Offset 0x0a of extended capability 09 says so."),
        (own, "capability:09 + 0x0c says so."),
        (extended, "Offset 0x08 of capability 0b says so."),
        (
            extended,
            "Offset 0x08 of the Vendor-Specific Capability says so.",
        ),
    ] {
        assert_eq!(
            check(condition, statement),
            [Rule::ConditionChanges],
            "{statement}"
        );
    }
}

/// Two conditions on one bit, with each width and offset that reads it. Control: two conditions on
/// neighbouring bits.
#[test]
fn a_bit_is_in_one_condition() {
    const FLR: Place<'_> = ("capability:10", 4, 32, 0x1000_0000, 0x1000_0000);
    for (other, neighbour) in [
        (
            ("capability:10", 4, 32, 0x1000_0000, 0),
            ("capability:10", 4, 32, 0x0000_8000, 0),
        ),
        (
            ("capability:10", 6, 16, 0x1000, 0),
            ("capability:10", 6, 16, 0x2000, 0),
        ),
        (
            ("capability:10", 7, 8, 0x10, 0),
            ("capability:10", 7, 8, 0x20, 0),
        ),
        // The same condition again.
        (FLR, ("capability:10", 0x24, 32, 0x1000_0000, 0x1000_0000)),
        (
            ("capability:10", 7, 8, 0x30, 0x10),
            ("capability:10", 6, 8, 0x01, 0x01),
        ),
    ] {
        for pair in [[FLR, other], [other, FLR]] {
            assert_eq!(
                broken("candidate", &pair, ""),
                [Rule::ConditionTwice],
                "{pair:?}"
            );
        }
        let beside = [FLR, neighbour];
        let found = broken("candidate", &beside, "By Device Capabilities.");
        assert_eq!(found, NONE, "{beside:?}");
    }
    // The same bits of another capability.
    let others = [FLR, ("capability:09", 4, 32, 0x1000_0000, 0)];
    assert_eq!(broken("candidate", &others, ""), NONE);
}

#[test]
fn a_capability_that_cannot_be_has_no_register() {
    for (at, neighbour) in [
        ("capability:00", "capability:09"),
        ("capability:ff", "capability:fe"),
        ("extended:0000", "extended:000b"),
        ("extended:ffff", "extended:fffe"),
    ] {
        let condition = |at| [(at, 8, 32, 1, 1)];
        let spoken = format!("By {neighbour} + 0x08.");
        assert_eq!(
            broken("validated", &condition(at), ""),
            [Rule::RegisterPlace]
        );
        assert_eq!(broken("validated", &condition(neighbour), &spoken), NONE);
    }
}

/// The capability id and the pointer to the next capability say nothing about the silicon.
#[test]
fn the_header_of_a_capability_is_no_register() {
    for (at, width, mask) in [
        ("capability:10", 8, 0x1),
        ("capability:10", 16, 0x0100),
        ("capability:10", 32, 0x0000_0100),
        ("extended:0010", 16, 0x1),
        ("extended:0010", 32, 0x0010_0000),
    ] {
        let found = broken("validated", &[(at, 0, width, mask, 0)], "");
        assert_eq!(found, [Rule::RegisterHeader], "{at}");
    }
    // The capability version does.
    for (at, offset, width, mask) in [
        ("capability:10", 2, 16, 0x000f),
        ("capability:10", 0, 32, 0x000f_0000),
        ("extended:0010", 0, 32, 0x000f_0000),
        ("extended:0010", 2, 16, 0x000f),
    ] {
        assert_eq!(
            broken("validated", &[(at, offset, width, mask, 0)], ""),
            NONE,
            "{at}"
        );
    }
}
