// SPDX-License-Identifier: GPL-2.0-only

//! The KUnit tests of `pci_device_group()`. They also test the corrections of port types, of
//! functions without the Multi-Function Device bit, and of the reference to a host bridge.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use boot::{
    kunit::Report,
    machine::{GuestHardware, Iommu},
    scenario::{LIMIT, in_guest},
    setup::Setup,
};

const SUITE: &str = "iommu_pci_group";
/// Number of tests of the suite.
const TESTS: usize = 10;
/// The tests that fail without the patches.
const CORRECTED: [&str; 4] = [
    "pci_group_corrected_downstream_port",
    "pci_group_corrected_upstream_port",
    "pci_group_multifunction_bit_in_function_0",
    "pci_group_root_bus_released",
];

/// All tests pass on the patched kernel. On the control, exactly those of [`CORRECTED`] fail.
pub(crate) fn corrected(patched: &Setup, control: &Setup) -> Result<()> {
    let failed = failing(patched).context("with the patches")?;
    ensure!(
        failed.is_empty(),
        "with the patches, these fail: {failed:?}"
    );
    let failed = failing(control).context("without the patches")?;
    let expected: BTreeSet<String> = CORRECTED.map(str::to_owned).into();
    ensure!(
        failed == expected,
        "without the patches, these fail: {failed:?}, and not {expected:?}"
    );
    Ok(())
}

/// The tests that do not pass. A skipped test does not pass.
fn failing(setup: &Setup) -> Result<BTreeSet<String>> {
    // ASPM requires a port above each switch.
    let setup = Setup {
        options: "pcie_aspm=off",
        ..setup.clone()
    };
    // The host must not have an IOMMU: its driver would take the functions.
    let machine = GuestHardware::bare(2, Iommu::None);
    in_guest(&setup, &machine, "upstream-groups", LIMIT, |vm| {
        vm.check("/sbin/modprobe iommu_pci_group_kunit")?;
        let text = vm.check(&format!("cat /sys/kernel/debug/kunit/{SUITE}/results"))?;
        let report = Report::parse(&text).with_context(|| text.clone())?;
        ensure!(
            report.suite == SUITE && report.tests.len() == TESTS,
            "not the {TESTS} tests of {SUITE}:\n{text}"
        );
        let failed = report
            .tests
            .into_iter()
            .filter(|(_, outcome)| !outcome.passed);
        Ok(failed.map(|(name, _)| name).collect())
    })
}
