// SPDX-License-Identifier: GPL-2.0-only

//! Names from a file like pci.ids.

use std::path::Path;

use topology::{Topology, names::Names};

const IDS: &str = "\
# a comment
1022  Advanced Micro Devices, Inc. [AMD]
\t1482  Starship/Matisse PCIe Dummy Host Bridge
\t1483  Starship/Matisse GPP Bridge
\t\t1462 7c37  X570-A PRO motherboard
\tffee  A device that the machine has not
1d6b  Somebody Else
\t1483  A device of somebody else
C 06  Bridge
\t00  Host bridge
\t04  PCI bridge
\t\t00  Normal decode
C 0c  Serial bus controller
";

fn desktop() -> Topology {
    let file = "tests/topologies/gigabyte-technology-co-ltd-x570-aorus-master-ffd0c3.json";
    topology::read(
        &Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../..")
            .join(file),
    )
    .expect("it is sound")
}

fn whole(ids: &str, bdf: &str) -> String {
    let machine = desktop();
    let names = Names::of_text(ids, &machine);
    let mut functions = machine.functions.iter();
    let found = functions.find(|one| one.bdf.to_string() == bdf);
    names.whole(found.expect("it is there"))
}

#[test]
fn names_are_those_of_the_file() {
    assert_eq!(
        whole(IDS, "0000:00:01.2"),
        "PCI bridge: Advanced Micro Devices, Inc. [AMD] Starship/Matisse GPP Bridge [1022:1483]"
    );
    // The file has only the base class; not this device; not this vendor.
    assert_eq!(
        whole(IDS, "0000:00:14.0"),
        "Serial bus controller: Advanced Micro Devices, Inc. [AMD] [1022:790b]"
    );
    assert_eq!(
        whole(IDS, "0000:03:00.0"),
        "Non-Volatile memory controller: vendor 144d [144d:a808]"
    );
}

/// With a damaged file, the ids are still shown.
#[test]
fn a_damaged_file_costs_names_and_nothing_else() {
    let ids = "[1022:1483]";
    let multibyte = IDS.replace("1483", "1\u{e4}\u{20ac}3");
    for text in [
        "",
        "\n\n",
        "\t",
        "C ",
        "1022",
        "1022  AMD\n\t",
        &multibyte,
        "\u{20ac}\u{20ac}",
    ] {
        let name = whole(text, "0000:00:01.2");
        assert!(name.ends_with(ids), "{text:?}: {name}");
    }
}
