// SPDX-License-Identifier: GPL-2.0-only

//! Data races that a kernel with KCSAN reports (`Documentation/dev-tools/kcsan.rst`). It reports those of the whole kernel with
//! itself too, of which some are known and harmless. Only reports whose stack traces name a module of the project count.

/// Options of the kernel's command line: no report ends the guest, and more accesses are watched than by default.
pub(crate) const OPTIONS: &str = " panic_on_warn=0 kcsan.skip_watch=400";
/// The beginning of the modules' names in stack traces.
const MODULES: &str = "[acs_quirks";
/// The word in the first line of a report.
const REPORT: &str = "BUG: KCSAN";

/// The reports that are about the project's modules, from the lines of all reports.
pub(crate) fn of_modules(lines: &str) -> String {
    let mut reports: Vec<String> = Vec::new();
    for line in lines.lines() {
        if line.contains(REPORT) {
            reports.push(String::new());
        }
        if let Some(report) = reports.last_mut() {
            report.push_str(line);
            report.push('\n');
        }
    }
    reports.retain(|report| report.contains(MODULES));
    reports.concat()
}

/// The lines that begin no report.
pub(crate) fn not_reports(lines: &str) -> String {
    let others = lines.split_inclusive('\n');
    others.filter(|line| !line.contains(REPORT)).collect()
}
