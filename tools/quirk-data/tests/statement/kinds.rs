// SPDX-License-Identifier: GPL-2.0-only

//! Which kinds of function a statement names.

use super::{Entry, IDS, KINDS, OUR, broken};

/// The violations of a validated entry of a kind that claims 10de:1000-1003.
fn of_kind(kind: &str, statement: &str) -> Vec<&'static str> {
    let matches = format!("{OUR}[\"1000-1003\"]");
    let entry = Entry {
        status: "validated",
        kind,
        matches: &matches,
        statement,
    };
    broken(&entry, None)
}

/// The kinds that a statement names for 10de:1000-1003.
const STATED: [(&str, &str); 63] = [
    (
        "mf-endpoint",
        "10de:1000-1003 never reach another function.",
    ),
    (
        "mf-endpoint",
        "The functions 10de:1000-1003 send nothing to each other.",
    ),
    (
        "mf-endpoint",
        "The endpoints 10de:1000-1003 send nothing to each other.",
    ),
    (
        "mf-endpoint",
        "No function of the devices 10de:1000-1003 sends to another.",
    ),
    (
        "mf-endpoint",
        "The NICs (10de:1000-1003) send nothing to each other.",
    ),
    (
        "mf-endpoint",
        "This adapter (10de:1000-1003) has isolation.",
    ),
    (
        "mf-endpoint",
        "10de:1000-1003 are functions that send nothing to each other.",
    ),
    (
        "mf-endpoint",
        "Device IDs 10de:1000-1003. The functions are apart.",
    ),
    (
        "mf-endpoint",
        "The functions 10de:1000-1003 send all that they send to the root port, and nothing to \
             each other or to a downstream port.",
    ),
    (
        "mf-endpoint",
        "Behind root ports and below downstream ports, the functions 10de:1000-1003 are apart.",
    ),
    (
        "root-port",
        "The root ports 10de:1000-1003 pass nothing to each other.",
    ),
    (
        "root-port",
        "The Root Ports of the X9 (10de:1000-1003) pass everything upstream.",
    ),
    (
        "root-port",
        "10de:1000-1003 are PCIe root ports; they pass everything upstream.",
    ),
    (
        "root-port",
        "The root ports 10de:1000-1003 forward every request upstream, with the requester ID of the \
             function that made it.",
    ),
    (
        "root-port",
        "Device IDs of the root ports: 10de:1000-1003. They know the function of a request.",
    ),
    (
        "root-port",
        "What is said applies to the root ports 10de:1000-1003.",
    ),
    (
        "downstream-port",
        "The switch downstream ports 10de:1000-1003 pass all upstream.",
    ),
    (
        "downstream-port",
        "The downstream switch ports 10de:1000-1003 pass all upstream.",
    ),
    (
        "root-port downstream-port",
        "The root and downstream ports 10de:1000-1003.",
    ),
    (
        "root-port downstream-port",
        "The root ports and the downstream ports 10de:1000-1003 pass all upstream.",
    ),
    (
        "rciep",
        "The root complex integrated endpoints 10de:1000-1003 send nothing.",
    ),
    (
        "rciep",
        "The RCiEPs 10de:1000-1003 send nothing to their peers.",
    ),
    (
        "rciep",
        "The Root-Complex-Integrated Endpoints 10de:1000-1003 send nothing.",
    ),
    (
        "mf-endpoint rciep",
        "The RCiEPs and endpoints 10de:1000-1003 send nothing.",
    ),
    ("", "10de:1000-1003 are isolated."),
    ("", "The ports 10de:1000-1003 are isolated."),
    ("", "The upstream ports 10de:1000-1003 are isolated."),
    (
        "",
        "10de:1000-1003 are isolated. The root ports know the functions.",
    ),
    (
        "mf-endpoint",
        "The functions 10de:1000-1003 below our root ports are isolated.",
    ),
    (
        "mf-endpoint",
        "The adapters 10de:1000-1003 behind one of our latest downstream ports are isolated.",
    ),
    (
        "mf-endpoint",
        "The NICs 10de:1000-1003, attached to our root ports, are isolated.",
    ),
    (
        "root-port",
        "Requests from below the root ports 10de:1000-1003 go upstream.",
    ),
    (
        "root-port",
        "The root ports of the Acme Whirl (10de:1000-1003) forward everything upstream.",
    ),
    (
        "root-port",
        "The root ports with vendor ID 0x10de and device IDs 1000-1003 forward everything upstream.",
    ),
    (
        "",
        "The devices 10de:1000-1003 below our root ports are isolated.",
    ),
    (
        "",
        "The devices below our root ports 10de:1000-1003 are isolated.",
    ),
    (
        "",
        "Devices below one of the root ports 10de:1000-1003 are isolated.",
    ),
    (
        "",
        "Functions attached to our new root ports 10de:1000-1003 are isolated.",
    ),
    (
        "",
        "10de:1000-1003 are devices below our root ports; they are isolated.",
    ),
    ("", "10de:1000-1003 are isolated and share root ports."),
    (
        "",
        "Our root ports are there, and the devices 10de:1000-1003 are isolated.",
    ),
    (
        "",
        "Our chipset has root ports, 10de:1000-1003 are isolated.",
    ),
    (
        "",
        "The root ports and their devices 10de:1000-1003 are isolated.",
    ),
    (
        "",
        "The root ports above the devices 10de:1000-1003 are isolated.",
    ),
    (
        "",
        "The root ports and the functions 10de:1000-1003 are isolated.",
    ),
    (
        "mf-endpoint",
        "Traffic between functions of the 10de:1000-1003 is not possible.",
    ),
    (
        "",
        "Endpoints on our root ports 10de:1000-1003 are isolated.",
    ),
    (
        "",
        "The functions in slots of root ports, 10de:1000-1003, are isolated.",
    ),
    (
        "mf-endpoint",
        "10de:1000-1003 are isolated. The functions send nothing to root ports.",
    ),
    (
        "mf-endpoint",
        "10de:1000-1003 are isolated. The functions reach nothing through root ports.",
    ),
    (
        "",
        "10de:1000-1003 are isolated. The functions are new. The rest applies to root ports.",
    ),
    (
        "",
        "10de:1000-1003 are isolated. Functions below root ports 10de:3000 are new.",
    ),
    ("", "Root ports + 10de:1000-1003 are isolated."),
    (
        "",
        "The root ports 8086:2000 are new; 10de:1000-1003 are isolated.",
    ),
    ("", "Root ports. 10de:1000-1003 are isolated."),
    ("", "10de:1000-1003 new root ports are isolated."),
    ("mf-endpoint", "10de:1000-1003 new functions are isolated."),
    (
        "mf-endpoint",
        "The endpoint functions 10de:1000-1003 are isolated.",
    ),
    ("root-port", "The functions 10de:1000-1003 are root ports."),
    ("root-port", "The devices (10de:1000-1003) are root ports."),
    (
        "root-port",
        "Of the root ports 10de:1000-1003 all are isolated.",
    ),
    // "Root" alone is no kind.
    (
        "mf-endpoint",
        "The root and endpoints 10de:1000-1003 are isolated.",
    ),
    (
        "mf-endpoint downstream-port",
        "The root, endpoints and downstream ports 10de:1000-1003 are isolated.",
    ),
];

/// A denied kind is not stated.
#[test]
fn a_denied_kind_is_not_stated() {
    let statement = "10de:1000-1003 are isolated. 10de:1000-1003 are not root ports.";
    assert!(of_kind("\"root-port\"", statement).contains(&KINDS));
    // A name without "of" may be that of something below.
    let named = "The root ports Whirl 10de:1000-1003 are isolated.";
    assert!(of_kind("\"root-port\"", named).contains(&KINDS));
}

#[test]
fn a_kind_is_stated_at_the_ids() {
    const KINDS_OF_ALL: [&str; 4] = ["mf-endpoint", "root-port", "downstream-port", "rciep"];
    for (stated, statement) in STATED {
        let stated: Vec<_> = stated.split_whitespace().collect();
        for kind in KINDS_OF_ALL {
            let found = of_kind(&format!("\"{kind}\""), statement);
            let expected: &[&str] = if stated.contains(&kind) {
                &[]
            } else {
                &[KINDS]
            };
            assert_eq!(found, expected, "{kind}: {statement}");
        }
        if !stated.is_empty() {
            let all: Vec<_> = stated.iter().map(|kind| format!("\"{kind}\"")).collect();
            let all = format!("[{}]", all.join(", "));
            assert_eq!(of_kind(&all, statement), [""; 0], "{all}: {statement}");
        }
    }
}

/// What a statement says of some ids is not said of others: a function of 10de:2000 may be a port in one
/// machine and an endpoint in another.
#[test]
fn a_kind_is_stated_of_each_id() {
    let of = |kind: &str, matches: &str, statement| {
        let entry = Entry {
            status: "validated",
            kind,
            matches,
            statement,
        };
        broken(&entry, None)
    };
    let both = format!("{OUR}[\"1000-1003\", \"2000\"]");
    let mixed = "The root ports 10de:1000-1003 forward everything upstream. The functions 10de:2000 send \
                 nothing to each other.";
    assert_eq!(of("\"root-port\"", &both, mixed), [KINDS]);
    assert_eq!(of("\"mf-endpoint\"", &both, mixed), [KINDS]);
    assert_eq!(
        of("[\"root-port\", \"mf-endpoint\"]", &both, mixed),
        [KINDS]
    );
    // The class says which ids are of ports.
    let classes = |ports, endpoints| {
        format!(
            "{OUR}[\"1000-1003\"]\nclass = \"{ports}\"\n{OUR}[\"2000\"]\nclass = \"{endpoints}\""
        )
    };
    let kinds = "[\"root-port\", \"mf-endpoint\"]";
    assert_eq!(of(kinds, &classes("0604", "0200"), mixed), [""; 0]);
    assert_eq!(of(kinds, &classes("0200", "0604"), mixed), [KINDS]);
    // Controls: each is stated of all.
    let ports = "The root ports 10de:1000-1003 and 10de:2000 forward everything upstream.";
    assert_eq!(of("\"root-port\"", &both, ports), [""; 0]);
    let ports =
        "The root ports 10de:1000-1003 (x16) and 10de:2000 (x4) forward everything upstream.";
    assert_eq!(of("\"root-port\"", &both, ports), [""; 0]);
    let of_both =
        "The root ports and endpoints 10de:1000-1003, 10de:2000 send nothing to each other.";
    assert_eq!(of(kinds, &both, of_both), [""; 0]);
}

/// A mainline entry needs no statement, because the merged change is the statement. The statement
/// of a candidate may name no id; if it names any, only those may be claimed.
#[test]
fn only_validated_entries_must_be_stated_in_full() {
    let matches = format!("{OUR}[\"0a10-0a12\"]");
    let of = |status, statement| {
        let entry = Entry {
            status,
            kind: "\"root-port\"",
            matches: &matches,
            statement,
        };
        broken(&entry, None)
    };
    let none = "They are isolated.";
    let others = "The functions 8086:0a10-0a12 are isolated.";
    let fewer = "The functions 10de:0a10 and 10de:0a12 are isolated.";
    let ports = "The root ports 10de:0a10-0a12 are isolated.";
    for statement in [none, others, fewer, ports] {
        assert_eq!(of("mainline", statement), [""; 0], "{statement}");
    }
    assert_eq!(of("candidate", none), [""; 0]);
    assert_eq!(of("candidate", others), [IDS]);
    assert_eq!(of("candidate", fewer), [IDS]);
    assert_eq!(
        of("candidate", "The functions 10de:0a10-0a12 are isolated."),
        [""; 0]
    );
    assert_eq!(of("validated", none), [IDS]);
    assert_eq!(of("validated", others), [IDS]);
    assert_eq!(of("validated", fewer), [KINDS, IDS]);
    assert_eq!(of("validated", ports), [""; 0]);
}
