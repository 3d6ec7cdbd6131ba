// SPDX-License-Identifier: GPL-2.0-only

//! Reports of the detectors in kernels that are built for tests: data races by KCSAN (`Documentation/dev-tools/kcsan.rst`) and
//! leaked memory by kmemleak (`Documentation/dev-tools/kmemleak.rst`). Both look at the whole kernel, which has faults of its
//! own.

/// Options of the command line of a kernel with KCSAN: no report ends the guest, and more accesses are watched than by default.
pub(crate) const KCSAN_OPTIONS: &str = " panic_on_warn=0 kcsan.skip_watch=400";
/// Options of the command line of a kernel with kmemleak: without them, the arrays of free objects that the allocator keeps for
/// each processor (`struct slab_sheaf` in `mm/slub.c`, Linux 7.3) hold the addresses of about a hundred blocks of each size after
/// it has given them out, and kmemleak does not report these blocks.
pub(crate) const KMEMLEAK_OPTIONS: &str = " slab_debug=F";
/// The words in the first line of KCSAN's reports.
const RACE: &str = "BUG: KCSAN";
/// The words in the first line of kmemleak's reports.
const LEAK: &str = "unreferenced object";
/// The beginning of the names of the project's modules in stack traces.
const MODULES: &str = "[acs_quirks";
/// Functions in the stack traces of leaks that the kernel has by itself: of the name of a function that cannot be set up
/// (`pci_scan_device()` in `drivers/pci/probe.c`; patch 0007 of `upstream/`).
const KNOWN_LEAKS: [[&str; 2]; 1] = [["dev_set_name+", "pci_setup_device+"]];

/// The words in the first line of lockdep's reports of a cycle.
pub(crate) const CYCLE: &str = "possible circular locking dependency";
/// A lock in the reports of a cycle that the kernel has by itself: a native hot-plug takes the locks for resets and for rescans
/// in both orders (`pciehp_configure_device()` in `drivers/pci/hotplug/pciehp_pci.c`).
const KNOWN_CYCLE: &str = "&ctrl->reset_lock";

/// The complaints without that on a cycle, if it is the one that the kernel has by itself and `cycles`, the report, names no
/// module of the project. lockdep reports one cycle in each boot.
pub(crate) fn without_known_cycle(lines: &str, cycles: &str) -> String {
    let is_known = cycles.contains(KNOWN_CYCLE) && !cycles.contains(MODULES);
    let others = lines.split_inclusive('\n');
    others
        .filter(|line| !(is_known && line.contains(CYCLE)))
        .collect()
}

/// The reports of races that name a module of the project, from the lines of all reports. Races of the kernel with itself are
/// not the project's, and some are known and harmless.
pub(crate) fn races_of_modules(lines: &str) -> String {
    let mut all = reports(lines, RACE);
    all.retain(|report| report.contains(MODULES));
    all.concat()
}

/// The lines that begin no report of a race.
pub(crate) fn without_races(lines: &str) -> String {
    let others = lines.split_inclusive('\n');
    others.filter(|line| !line.contains(RACE)).collect()
}

/// The reports of leaked memory, but those that the kernel has by itself.
pub(crate) fn unknown_leaks(lines: &str) -> String {
    let mut all = reports(lines, LEAK);
    let is_known = |report: &String| {
        let mut known = KNOWN_LEAKS.iter();
        known.any(|trace| trace.iter().all(|function| report.contains(function)))
    };
    all.retain(|report| !is_known(report));
    all.concat()
}

/// The reports in some lines: each begins with a line that contains `first`.
fn reports(lines: &str, first: &str) -> Vec<String> {
    let mut reports: Vec<String> = Vec::new();
    for line in lines.split_inclusive('\n') {
        if line.contains(first) {
            reports.push(String::new());
        }
        if let Some(report) = reports.last_mut() {
            report.push_str(line);
        }
    }
    reports
}
