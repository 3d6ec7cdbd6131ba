// SPDX-License-Identifier: GPL-2.0-only

//! The interface of the module.

use super::hardware::ADAPTER_MACHINE;
use crate::scenario::{
    LIMIT, Scenario,
    Step::{Load, Logged, LoggedTimes, Refuses, Run, Says, Unload},
};

pub(super) const ALL: &[Scenario] = &[INTERFACE, WITHDRAW, MISSING, TAINT];

/// Aliases, parameters and debugfs. Trust rule `static`: the only parameter withdraws entries, and
/// no file is writable.
const INTERFACE: Scenario = Scenario {
    name: "interface",
    machine: ADAPTER_MACHINE,
    steps: &[
        // Trust rule `evidence`: udev may load only an edition whose entries a vendor vouches for.
        Says(
            "/sbin/modinfo -F alias acs_quirks",
            "pci:v000014E4d00001750sv*sd*bc*sc*i*",
        ),
        // The edition for tests has no aliases, so the edition that hooks other functions shows that they work.
        Says(
            "/sbin/modinfo -F alias acs_quirks_absent",
            "pci:v00001077d00008031sv*sd*bc*sc*i*",
        ),
        Says(
            "/sbin/modprobe -n -v pci:v00001077d00008030sv00001077sd00000000bc02sc00i00",
            "acs_quirks_absent",
        ),
        Run("for m in acs_quirks_test acs_quirks_candidates; do \
             /sbin/modinfo $m >/tmp/info && ! grep ^alias: /tmp/info || exit 1; done"),
        Run("test \"$(/sbin/modinfo -F parm acs_quirks | cut -d: -f1)\" = withdraw"),
        Load("acs_quirks_test"),
        // At most 112 KiB. A third of that is symbols and the rounding to pages.
        Run("cat /sys/module/acs_quirks_test/coresize; \
             test $(cat /sys/module/acs_quirks_test/coresize) -le 114688"),
        Says(
            "cat /sys/kernel/debug/acs_quirks_test/table",
            "1 test/adapter mf-endpoint active acs=SV TB RR CR UF DT 1077:8030",
        ),
        Run("ls -l /sys/kernel/debug/acs_quirks_test; \
             test \"$(stat -c %a /sys/kernel/debug/acs_quirks_test/* | sort -u)\" = 400"),
        Run(
            "test \"$(ls /sys/kernel/debug/acs_quirks_test | xargs)\" = 'counts decisions hook table'",
        ),
        Run("test \"$(stat -c %a /sys/module/acs_quirks_test/parameters/*)\" = 444"),
        // An open file holds the module.
        Run(
            "exec 3</sys/kernel/debug/acs_quirks_test/hook && ! /sbin/rmmod acs_quirks_test && cat <&3 >/dev/null",
        ),
        Unload("acs_quirks_test"),
        Run("test ! -e /sys/kernel/debug/acs_quirks_test"),
        Load("acs_quirks"),
        LoggedTimes(1, "acs_quirks: table "),
        Logged("withdrawn 0, hook effective"),
        Says("cat /sys/kernel/debug/acs_quirks/hook", "missed: 0"),
    ],
    limit: LIMIT,
};

/// Trust rule `static`: a value of the parameter that is not understood keeps the module from loading.
const WITHDRAW: Scenario = Scenario {
    name: "withdraw",
    machine: ADAPTER_MACHINE,
    steps: &[
        Refuses(
            "acs_quirks_test withdraw=1,77",
            "withdraw=1,77: no entry ever had the number 77",
        ),
        Refuses(
            "acs_quirks_test 'withdraw=1;3'",
            "\"1;3\" is not an entry number",
        ),
        Refuses("acs_quirks_test withdraw=", "withdraw=: the value is empty"),
        Refuses(
            "acs_quirks_test \"withdraw=$(printf '\\377')\"",
            "withdraw: the value is not text; not loading",
        ),
        Load("acs_quirks_test withdraw=1,3"),
        Logged("withdrawn 2, hook effective"),
    ],
    limit: LIMIT,
};

/// The module asks the kernel which entries it lacks. Every supported kernel of Debian has the
/// quirks of some entries. None has quirks for the emulated devices.
const MISSING: Scenario = Scenario {
    name: "missing",
    machine: ADAPTER_MACHINE,
    steps: &[
        Load("acs_quirks"),
        Logged("on this kernel: "),
        Says("cat /sys/kernel/debug/acs_quirks/hook", "kernel has: "),
        Says(
            "acsctl doctor",
            "PASS  entries: acs_quirks: on this kernel: ",
        ),
        Says("acsctl doctor", "the kernel itself answers for: "),
        // The load line and doctor count the same entries.
        Run(
            "said=$(dmesg | grep -o 'acs_quirks: on this kernel: [0-9]* entries that it lacks' | tail -n 1); \
             test \"$said\" && acsctl doctor | grep \"entries: $said\"",
        ),
        Unload("acs_quirks"),
        Load("acs_quirks_test"),
        Says(
            "cat /sys/kernel/debug/acs_quirks_test/hook",
            "kernel lacks: 1",
        ),
        Says(
            "acsctl doctor",
            "lacking, for devices of this host: test/adapter",
        ),
        Says("acsctl doctor --format json", "\"kernel\": \"lacks\""),
    ],
    limit: LIMIT,
};

/// Trust rule `evidence`: entries without a vendor's statement taint the kernel, and validated
/// entries do not. The taint is bit 18, "N". An external module sets other bits.
const TAINT: Scenario = Scenario {
    name: "taint",
    machine: ADAPTER_MACHINE,
    steps: &[
        // A kernel that has run KUnit tests has the taint already; no other kernel has.
        Run("echo $(($(cat /proc/sys/kernel/tainted) >> 18 & 1)) >/tmp/before"),
        Run("test $(cat /tmp/before) = 0 || test -d /sys/module/kunit"),
        Load("acs_quirks"),
        Run("test $(($(cat /proc/sys/kernel/tainted) >> 18 & 1)) = $(cat /tmp/before)"),
        Load("acs_quirks_candidates"),
        Run("test $(($(cat /proc/sys/kernel/tainted) >> 18 & 1)) = 1"),
        Logged("these entries are candidates"),
    ],
    limit: LIMIT,
};
