// SPDX-License-Identifier: GPL-2.0-only

//! Entries with limits and conditions. The devices of a scenario have the same ids, and differ in
//! one property.

use super::hardware::{PORT_1, PORT_2, device, emulated, first, pair, second, two};
use crate::{
    function::{Function, Register},
    machine::{GuestHardware, Iommu, Model},
    scenario::{
        Expected, LIMIT, Scenario,
        Step::{Counted, Groups, Load, LoggedTimes, NotCounted, Readd, ReaddAt, Run, Says},
    },
};

pub(super) const ALL: &[Scenario] = &[REVISIONS, SUBSYSTEMS, CLASS, CONDITION, KINDS, LEGACY];

/// Each device is in one group.
const BOTH_TOGETHER: Expected = &[&["01:00.0", "01:00.1"], &["02:00.0", "02:00.1"]];
/// 01:00 is in one group, 02:00 is split.
const SECOND_SPLIT: Expected = &[&["01:00.0", "01:00.1"], &["02:00.0"], &["02:00.1"]];

const ETHERNET: u32 = 0x02_0000;

const fn of_revision(revision: u8) -> Model<'static> {
    Model::Emulated(Function::new(0x1234, 0x0a06, ETHERNET).of_revision(revision))
}

/// The first device has one function with a revision above the limit.
const REVISIONS: Scenario = Scenario {
    name: "silicon-revisions",
    machine: two(&[
        first(&[of_revision(0x03), of_revision(0x08)]),
        second(&[of_revision(0x03), of_revision(0x07)]),
    ]),
    steps: &[
        Groups(BOTH_TOGETHER),
        Load("acs_quirks_test"),
        Says(
            "cat /sys/kernel/debug/acs_quirks_test/table",
            "1234:0a06[revisions=03-07]",
        ),
        Readd,
        Groups(SECOND_SPLIT),
        Counted(11, "limits"),
        NotCounted(11, "whole"),
        LoggedTimes(
            1,
            "01:00.0: acs_quirks: entry 11 (test/revisions) does not count: the entry does not speak for revision 08, which 00.1 has",
        ),
    ],
    limit: LIMIT,
};

const fn of_subsystem(device: u16) -> Model<'static> {
    Model::Emulated(Function::new(0x1234, 0x0a07, ETHERNET).of_subsystem(0x1234, device))
}

/// The first device is on a board of another manufacturer.
const SUBSYSTEMS: Scenario = Scenario {
    name: "silicon-subsystems",
    machine: two(&[
        first(&[of_subsystem(0x0002), of_subsystem(0x0002)]),
        second(&[of_subsystem(0x0001), of_subsystem(0x0010)]),
    ]),
    steps: &[
        Groups(BOTH_TOGETHER),
        Load("acs_quirks_test"),
        Readd,
        Groups(SECOND_SPLIT),
        Counted(12, "limits"),
        LoggedTimes(
            1,
            "01:00.1: acs_quirks: entry 12 (test/subsystems) does not count: the entry does not speak for subsystem 1234:0002, which 00.0 has",
        ),
    ],
    limit: LIMIT,
};

/// The first device has another class.
const CLASS: Scenario = Scenario {
    name: "silicon-class",
    machine: two(&[
        first(&[
            emulated(0x1234, 0x0a08, 0x02_8000),
            emulated(0x1234, 0x0a08, 0x02_8000),
        ]),
        second(&[
            emulated(0x1234, 0x0a08, 0x02_0000),
            emulated(0x1234, 0x0a08, 0x02_0001),
        ]),
    ]),
    steps: &[
        Groups(BOTH_TOGETHER),
        Load("acs_quirks_test"),
        Readd,
        Groups(SECOND_SPLIT),
        Counted(13, "limits"),
        LoggedTimes(
            1,
            "01:00.0: acs_quirks: entry 13 (test/class) does not count: the entry does not speak for class 028000, which 00.0 has",
        ),
    ],
    limit: LIMIT,
};

/// A read-only register.
const fn fixed(offset: usize, value: u32) -> Register {
    Register {
        offset,
        value,
        writable: 0,
    }
}

/// A register with a writable bit 0, the switch.
const fn switch(offset: usize, value: u32) -> Register {
    Register {
        offset,
        value,
        writable: 1,
    }
}

const fn with_registers(registers: &'static [Register]) -> Model<'static> {
    Model::Emulated(Function::new(0x1234, 0x0a09, ETHERNET).with_registers(registers))
}

/// The PCI Express capability at 40h. The next capability is at 80h.
const CHAINED: Register = fixed(0x40, 0x0002_8010);
/// A vendor-specific capability of 10h bytes at 80h, the last one.
const VENDOR: Register = fixed(0x80, 0x0010_0009);
/// A vendor-specific extended capability at 100h, the last one, with its header.
const EXTENDED: [Register; 2] = [fixed(0x100, 0x0001_000b), fixed(0x104, 0x0100_0001)];

const READY: Model = with_registers(&[
    CHAINED,
    VENDOR,
    switch(0x84, 0xfe_fe_fe_01),
    EXTENDED[0],
    EXTENDED[1],
    fixed(0x108, 0xf5ff_0000),
]);
/// The switch is off.
const UNSET: Model = with_registers(&[
    CHAINED,
    VENDOR,
    switch(0x84, 0xfe_fe_fe_00),
    EXTENDED[0],
    EXTENDED[1],
    fixed(0x108, 0xf5ff_0000),
]);
/// The register in the extended capability has another value.
const OTHER: Model = with_registers(&[
    CHAINED,
    VENDOR,
    switch(0x84, 0xfe_fe_fe_01),
    EXTENDED[0],
    EXTENDED[1],
    fixed(0x108, 0xf4ff_0000),
]);
/// The capability with the switch is missing.
const WITHOUT: Model = with_registers(&[EXTENDED[0], EXTENDED[1], fixed(0x108, 0xf5ff_0000)]);

/// Unless the conditions hold for every function, the device stays together. When a driver has set
/// the bit in the last function too, the device splits.
const CONDITION: Scenario = Scenario {
    name: "silicon-condition",
    machine: GuestHardware {
        bridges: &[
            PORT_1,
            PORT_2,
            "pcie-root-port,id=port3,chassis=3,slot=3,addr=12.0",
            "pcie-root-port,id=port4,chassis=4,slot=4,addr=13.0",
        ],
        devices: &[
            first(&[READY, UNSET]),
            second(&[READY, READY]),
            device("port3", "03:00", &[READY, OTHER]),
            device("port4", "04:00", &[WITHOUT, READY]),
        ],
        ..GuestHardware::bare(1, Iommu::Usual)
    },
    steps: &[
        Groups(&[
            &["01:00.0", "01:00.1"],
            &["02:00.0", "02:00.1"],
            &["03:00.0", "03:00.1"],
            &["04:00.0", "04:00.1"],
        ]),
        Load("acs_quirks_test"),
        Readd,
        Groups(&[
            &["01:00.0", "01:00.1"],
            &["02:00.0"],
            &["02:00.1"],
            &["03:00.0", "03:00.1"],
            &["04:00.0", "04:00.1"],
        ]),
        Counted(14, "condition"),
        NotCounted(14, "whole"),
        LoggedTimes(
            1,
            "01:00.0: acs_quirks: entry 14 (test/condition) does not count: condition 1 of the entry does not hold for 00.1",
        ),
        LoggedTimes(
            1,
            "03:00.0: acs_quirks: entry 14 (test/condition) does not count: condition 2 of the entry does not hold for 00.1",
        ),
        LoggedTimes(
            1,
            "04:00.1: acs_quirks: entry 14 (test/condition) does not count: condition 1 of the entry does not hold for 00.0",
        ),
        // A driver would set the bit.
        Run(
            "printf '\\001' | dd of=/sys/bus/pci/devices/0000:01:00.1/config bs=1 seek=132 conv=notrunc",
        ),
        ReaddAt("01:00"),
        Groups(&[&["01:00.0"], &["01:00.1"]]),
    ],
    limit: LIMIT,
};

/// One entry for functions that are integrated or on a card. The third device is on a card, and its
/// entry covers only integrated endpoints.
const KINDS: Scenario = Scenario {
    name: "silicon-kinds",
    machine: GuestHardware {
        bridges: &[PORT_1, PORT_2],
        devices: &[
            device("pcie.0", "00:15", &pair(0x1234, 0x0a0a)),
            first(&pair(0x1234, 0x0a0a)),
            second(&pair(0x1234, 0x0a05)),
        ],
        ..GuestHardware::bare(1, Iommu::Usual)
    },
    steps: &[
        Groups(&[
            &["00:15.0", "00:15.1"],
            &["01:00.0", "01:00.1"],
            &["02:00.0", "02:00.1"],
        ]),
        Load("acs_quirks_test"),
        Says(
            "cat /sys/kernel/debug/acs_quirks_test/table",
            "15 test/kinds mf-endpoint,rciep active",
        ),
        Readd,
        Groups(&[
            &["00:15.0"],
            &["00:15.1"],
            &["01:00.0"],
            &["01:00.1"],
            &["02:00.0", "02:00.1"],
        ]),
        Counted(10, "type"),
        NotCounted(10, "granted"),
    ],
    limit: LIMIT,
};

/// An endpoint of the older kind.
const LEGACY_ENDPOINT: Model = Model::Emulated(
    Function::new(0x1077, 0x8030, ETHERNET).with_registers(&[Register {
        // PCI Express capability: version 2, type 1.
        offset: 0x40,
        value: 0x0012_0010,
        writable: 0,
    }]),
);

/// An entry for endpoints covers legacy endpoints, beside others too. An entry for integrated endpoints covers neither.
const LEGACY: Scenario = Scenario {
    name: "silicon-legacy",
    machine: two(&[
        first(&[LEGACY_ENDPOINT, emulated(0x1077, 0x8030, ETHERNET)]),
        second(&pair(0x1234, 0x0a05)),
    ]),
    steps: &[
        Run(
            "test $((0x$(head -c 67 /sys/bus/pci/devices/0000:01:00.0/config | tail -c 1 | hexdump -v -e '/1 \"%02x\"') >> 4)) = 1",
        ),
        Groups(BOTH_TOGETHER),
        Load("acs_quirks_test"),
        Readd,
        Groups(&[&["01:00.0"], &["01:00.1"], &["02:00.0", "02:00.1"]]),
        Counted(1, "granted"),
        Counted(10, "type"),
    ],
    limit: LIMIT,
};
