// SPDX-License-Identifier: GPL-2.0-only

//! Words of isolation in sentences that say the opposite, or something else. Each group has plain sentences with the same words
//! as its control.

use super::{Entry, OUR, broken_as_it_is, validated_as_it_is};

/// A sentence that supports the claim by itself.
const PLAIN: &str = "The functions # do not send requests to each other.";

/// Each of `others` has a finding, alone and behind a plain sentence, and each of `plain` none. `#` stands for the id that is claimed.
pub(super) fn check(others: &[&str], plain: &[&str]) {
    check_claim("mf-endpoint", "[\"0a01\"]", others, plain);
}

/// As [`check`], for a claim of this kind, with these lines in and behind its `[[match]]`.
fn check_claim(kind: &str, devices: &str, others: &[&str], plain: &[&str]) {
    let found = |text: &str| {
        let entry = Entry {
            status: "validated",
            kind: &format!("\"{kind}\""),
            matches: &format!("{OUR}{devices}"),
            statement: &text.replace('#', "10de:0a01"),
        };
        broken_as_it_is(&entry, None)
    };
    for text in others {
        assert_ne!(found(text), [""; 0], "{text}");
        let text = format!("{PLAIN} {text}");
        assert_ne!(found(&text), [""; 0], "{text}");
    }
    for text in plain {
        assert_eq!(found(text), [""; 0], "{text}");
    }
}

/// A sentence supports a claim only if all of it is plain: words that deny nothing, a part of the requests, somebody else who
/// isolates, a time, a direction, and a reason that is none.
#[test]
fn what_only_seems_plain() {
    let alone = |text: &str| {
        let devices = "[\"0a01\"]";
        validated_as_it_is(devices, &text.replace('#', "10de:0a01"))
    };
    for text in [
        "The functions # do not advertise peer-to-peer between functions.",
        "The functions # do not use peer-to-peer between functions.",
        "The functions # used to prevent peer-to-peer between functions.",
        "The functions # do not always do peer-to-peer between each other.",
        "The functions # do not always send requests to each other.",
        "The functions # are not fully isolated from each other.",
        "The functions # do not simply send requests to each other.",
        "The functions # do not do peer-to-peer with each other. That used to be so.",
        "The functions # do not allow peer-to-peer memory reads between each other.",
        "Memory reads between the functions # are blocked.",
        "No function of the devices # can read from another function.",
        "The functions # do not allow peer-to-peer for untranslated addresses.",
        "The functions # do not allow peer-to-peer to bypass the crossbar.",
        "Our driver does not issue peer-to-peer between the functions #.",
        "The IOMMU isolates the functions # from each other.",
        "The functions # are isolated from each other in one direction.",
        "The functions # are isolated from each other on one port.",
        "Peer-to-peer between the functions # is not possible over the management bus.",
        "The functions # have no ACS capability, so they are apart in the table.",
        "Each function of the devices # has its own BARs and therefore cannot do peer-to-peer with another.",
        "The functions # are designed to prevent peer-to-peer.",
        "The functions # have separate address spaces.",
        "The functions # do not share memory with each other.",
        "The functions # do not send all requests to each other.",
        "The functions # share one upstream port and a crossbar.",
        "Requests of the functions # use an IOMMU.",
        "The functions # support peer-to-peer requests through the root complex.",
        "A function of the devices # cannot do peer-to-peer with a function of another card.",
    ] {
        assert_ne!(alone(text), [""; 0], "{text}");
    }
    for text in [
        "The functions # disallow peer-to-peer.",
        "The functions # do not ever send requests to each other.",
        "The functions # provide isolation equivalent to ACS.",
        "All functions of the devices # are mutually isolated.",
        "Yes, the functions # are isolated: there is no peer-to-peer between them.",
        "Although the functions # do not advertise ACS, peer-to-peer between functions is not possible.",
        "Our hardware engineers have confirmed that peer-to-peer is impossible between the functions #.",
        "The architecture of the devices # does not contain any datapath between functions.",
        "DMA from one function of the devices # cannot reach another function of the same device.",
        "Acme's adapters # don't allow peer-to-peer traffic between the functions.",
    ] {
        assert_eq!(alone(text), [""; 0], "{text}");
    }
}

#[test]
fn isolation_that_is_denied() {
    check(
        &[
            "The functions # do not redirect peer-to-peer requests.",
            "The functions # do not block peer-to-peer requests.",
            "The functions # block no requests to each other.",
            "There is no traffic isolation between the functions #.",
            "There is no access control between the functions #.",
            "The functions # have no means of isolation.",
            "The functions # have no peer-to-peer restrictions.",
            "Nothing prevents the functions # from sending requests to each other.",
            "The functions # are by no means isolated.",
            "The functions # are in no way isolated from each other.",
            "The functions # did not pass our isolation tests.",
            "We do not see isolation between the functions #.",
            "We have no data on the isolation of the functions #.",
            "The functions # prevent isolation by the IOMMU.",
            "Firmware disables the isolation of the functions #.",
            "The functions # are anything but isolated.",
        ],
        &[
            "The functions # redirect peer-to-peer requests upstream.",
            "The functions # block all peer-to-peer requests.",
            "The functions # do not depend on firmware for isolation.",
            "The functions # have no way to reach each other.",
            "The functions # prevent requests to each other.",
            "The functions # do not provide an actual ACS capability but they are isolated.",
        ],
    );
}

#[test]
fn requests_that_do_not_go_up() {
    check(
        &[
            "Requests between the functions # do not reach the IOMMU.",
            "Peer-to-peer requests between the functions # never pass through the root complex.",
            "The functions # do not send their peer requests through the IOMMU.",
            "The functions # never issue peer-to-peer requests upstream.",
            "Requests between the functions # are routed internally instead of upstream.",
            "The functions # reach each other through a switch below the upstream port.",
            "The functions # forward requests to each other before they reach the upstream port.",
            "The functions # reach each other without the IOMMU.",
            "The functions # have an upstream link of 16 lanes.",
            "Downstream requests to the functions # pass through the IOMMU.",
            "Requests from the CPU to the functions # pass through the IOMMU.",
            "The functions # send requests to each other.",
        ],
        &[
            "Requests between the functions # do not reach another function before they pass the IOMMU.",
            "All requests of the functions # are routed upstream.",
            "Requests of the functions # to each other go through the IOMMU.",
            "The functions # never bypass the IOMMU.",
            "The functions # send all requests upstream and never to each other.",
            "A request of the functions # goes upstream and is not looped back.",
            "No request of the functions # goes past the root complex.",
        ],
    );
}

#[test]
fn isolation_of_something_else() {
    check(
        &[
            "The functions # are isolated from the host.",
            "The functions # are isolated for reads.",
            "The transmit queues of the functions # are isolated from each other.",
            "The namespaces of the controllers # are isolated from each other.",
            "The functions # isolate their VLANs.",
            "The functions # have isolated power domains.",
            "The functions # block broadcast storms.",
            "The functions # are in a separate slot.",
            "We saw an isolated incident with the functions #.",
            "The functions # are electrically isolated from each other.",
            "Errors of the functions # are isolated from each other.",
            "Tenants of the functions # are isolated from each other.",
            "The functions # do not forward requests of their own.",
        ],
        &[
            "The functions # are isolated from each other.",
            "The functions # are isolated from all other functions.",
            "The functions # are isolated from each and all of the others.",
            "The functions # are kept from reaching each other, and so they are isolated.",
            "The functions # are separate, and send all requests upstream.",
        ],
    );
}

#[test]
fn a_part_of_the_functions() {
    check(
        &[
            "Some functions # are isolated.",
            "Two of the functions # are isolated from each other.",
            "One of the functions # is isolated.",
            "The first two functions of # are isolated.",
            "Functions 0 and 1 of # are isolated.",
            "The functions # do not send posted requests to each other.",
            "The functions # do not send write requests to each other.",
            "The untranslated requests of the functions # are sent upstream.",
            "Production functions # are isolated.",
            "Either the functions # or their successors are isolated.",
            "The virtual functions of the adapters # are isolated from each other.",
            "Newer functions # are isolated from each other.",
            "The functions # of B0 silicon are isolated.",
            "The functions # of version 2 are isolated.",
            "The functions # (subsystem 103c:1234) are isolated.",
            "The functions # with the subsystem id 103c:1234 are isolated.",
            "The functions # of class 0200 are isolated.",
        ],
        &[
            "Each one of the functions # is isolated.",
            "The functions # send neither read nor write requests to each other.",
            "The functions # do not send requests to each other, including translated requests.",
            "The two functions # are isolated from each other.",
            "The functions # and their virtual functions are isolated.",
            "The functions # are isolated in all versions.",
            "The functions # of every subsystem are isolated.",
            "The functions # are isolated in silicon.",
        ],
    );
}

/// A claim with the limit that the statement names.
#[test]
fn a_part_that_the_claim_names() {
    let of = |limit: &str, text: &str| {
        validated_as_it_is(
            &format!("[\"0a01\"]\n{limit}"),
            &format!("The functions 10de:0a01 {text} are isolated."),
        )
    };
    for (limit, text) in [
        ("subsystems = [\"103c:1234\"]", "(subsystem 103c:1234)"),
        ("class = \"0200\"", "of class 0200"),
        ("revisions = \"02-02\"", "of revision 02"),
    ] {
        assert_eq!(of(limit, text), [""; 0], "{text}");
        assert_eq!(of("", text), ["statement-revisions"], "{text}");
    }
}

#[test]
fn isolation_in_some_state() {
    check(
        &[
            "The functions # are isolated as long as loopback is off.",
            "The functions # are isolated by default.",
            "With the internal switch disabled, the functions # are isolated.",
            "In the default configuration, the functions # are isolated.",
            "With firmware 2.1 or later, the functions # are isolated.",
            "The functions # are isolated as endpoints with loopback disabled.",
            "Once the driver has set bit 3, the functions # are isolated.",
            "The functions # have an option to block peer-to-peer requests.",
            "The driver is able to isolate the functions #.",
            "The functions # support a mode in which they are isolated.",
            "The functions # will be isolated.",
            "The functions # were isolated.",
            "With our driver, the functions # are isolated.",
            "The driver isolates the functions # from each other.",
            "The functions # are isolated in normal operation.",
            "Make sure that the functions # are isolated.",
        ],
        &[
            "The functions # are isolated in every mode.",
            "The functions # are isolated, as their configuration space shows.",
            "The functions # are isolated regardless of firmware and configuration.",
            "The functions # are not able to reach each other.",
            "The functions # were verified to be isolated.",
            "The functions # were verified as isolated.",
            "The functions # are isolated as if ACS was enabled.",
            "While the functions # have no ACS capability, they are isolated.",
        ],
    );
}

/// A state, a time, a place or a means behind a denial, as behind "are isolated".
#[test]
fn a_denial_in_some_state() {
    let subjects = [
        "The functions # do not send requests to each other",
        "The functions # never reach another function",
        "The functions # are isolated from each other",
    ];
    for subject in subjects {
        let of = |end: &&str| format!("{subject} {end}.");
        let others = [
            "by default",
            "in each other mode",
            "with loopback disabled",
            "with all drivers unloaded",
            "in SR-IOV mode",
            "with firmware 3.2",
            "with the Helion driver",
            "without the Helion driver",
            "under Linux",
            "in Linux",
            "before reset",
            "before the driver enables the IOMMU",
            "during boot",
            "until reset",
            "out of reset",
            "at the moment",
            "at this time",
            "today",
            "currently",
            "on x86",
            "on our boards",
            "on POWER",
            "in the common case",
            "in some cases of the device",
            "in practice",
            "in the absence of a switch",
            "with other cards present",
            "through the mailbox",
            "over the network",
        ];
        let plain = [
            "in every mode",
            "in all configurations",
            "in any configuration",
            "with any firmware",
            "under every kernel",
            "on all platforms",
            "at any time",
            "with and without a driver",
            "with or without firmware",
            "regardless of the driver",
            "independent of its settings",
            "in hardware",
            "by design",
            "in any way",
            "in the same package",
            "inside the device",
            "without exception",
            "over PCI Express",
        ];
        check(
            &others.each_ref().map(of).each_ref().map(String::as_str),
            &plain.each_ref().map(of).each_ref().map(String::as_str),
        );
    }
    check(
        &[
            "In practice, the functions # do not send requests to each other.",
            "On x86, the functions # do not send requests to each other.",
            "At the moment, the functions # do not send requests to each other.",
            "The functions # do not by default send requests to each other.",
            "The functions # do not send requests to each other, in the common case.",
            "The functions # have no path between them on x86.",
            "The functions # have no path between them in Linux.",
            "The functions # have no path between them at present.",
            "The functions # have no path between them since 2019.",
            "Since 2019, the functions # have no path between them.",
            "As designed, the functions # have no path between them in SR-IOV mode.",
            "The functions # are isolated in simulation.",
            "The functions # are separate out of reset, and send all requests upstream.",
            "The functions # are isolated during boot in every mode.",
            "We tested that the functions # do not send requests to each other.",
            "Our tests show that the functions # are isolated.",
        ],
        &[
            "In hardware, the functions # do not send requests to each other.",
            "In each mode, the functions # do not send requests to each other.",
            "The functions # do not send requests to each other within it.",
            "The functions # do not interfere through DMA requests.",
            "The functions # have no path for requests to each other.",
            "There isn't traffic between the functions #.",
            "The functions # do not send requests to each other as if ACS had Source Validation and Request Redirect.",
            "The functions # do not send requests to each other. They do not depend on any mode.",
            "The functions # do not send requests to each other. This does not depend on the configuration.",
            "The functions # do not send requests to each other. This does not change in SR-IOV mode.",
            "The functions # do not send requests to each other. They need no driver.",
            "We state that the functions # do not send requests to each other.",
        ],
    );
}

/// A denial of some requests only.
#[test]
fn a_denial_of_some_requests() {
    let of = |what: &&str| format!("The functions # do not send {what} to each other.");
    let others = [
        "many requests",
        "all requests",
        "large requests",
        "unsolicited requests",
        "large or unsolicited requests",
        "many of their requests",
        "I/O requests",
        "posted memory requests",
        "user data",
    ];
    let plain = [
        "requests",
        "any requests",
        "peer-to-peer requests",
        "memory requests",
        "PCI Express requests",
        "data",
        "traffic",
    ];
    check(
        &others.each_ref().map(of).each_ref().map(String::as_str),
        &plain.each_ref().map(of).each_ref().map(String::as_str),
    );
}

/// "And" between ids makes no part of the requests all of them.
#[test]
fn a_part_of_the_requests_of_several_ids() {
    let ids = "10de:0a01 and 10de:0a10 to 10de:0a11";
    let of = |what: &&str| format!("The functions {ids} do not send {what} to each other.");
    let others = [
        "posted requests",
        "non-posted requests",
        "configuration requests",
        "translated requests",
        "untranslated requests",
        "atomic requests",
        "all posted requests",
        "posted and atomic requests",
        "write requests",
        "read requests",
        "writes",
        "reads",
    ];
    let plain = [
        "requests",
        "posted and non-posted requests",
        "posted or nonposted requests",
        "translated and untranslated requests",
        "read and write requests",
        "reads or writes",
    ];
    let devices = "[\"0a01\", \"0a10-0a11\"]";
    check_claim(
        "mf-endpoint",
        devices,
        &others.each_ref().map(of).each_ref().map(String::as_str),
        &plain.each_ref().map(of).each_ref().map(String::as_str),
    );
    let plain = [
        "The functions # and 10de:0a10 do not send requests to each other, including translated requests.",
        "The functions # and 10de:0a10 do not send requests to each other, translated requests included.",
    ];
    let others = plain.map(|text| {
        text.replace("including", "as are")
            .replace("included", "are")
    });
    check_claim(
        "mf-endpoint",
        "[\"0a01\", \"0a10\"]",
        &others.each_ref().map(String::as_str),
        &plain,
    );
}

/// A list of ways, which a denial begins, and one that it does not begin.
#[test]
fn a_list_of_ways() {
    let of = |rest: &&str| format!("The functions # do not reach each other. {rest}");
    let others = [
        "There is a switch, bridge, mailbox or loopback between the functions, inside the device.",
        "There is a mailbox, and no switch.",
        "There is no switch, and a mailbox between the functions.",
        "There is no switch but a mailbox between the functions.",
        "There is no switch, they have a mailbox.",
        "They have a mailbox, a bridge and a loopback.",
    ];
    let plain = [
        "There is no switch, bridge, mailbox or loopback between the functions, inside the device.",
        "The device has no switch, no bridge, no mailbox and no loopback.",
        "The functions have neither a mailbox, a bridge nor a loopback.",
        "There is no mailbox.",
    ];
    check(
        &others.each_ref().map(of).each_ref().map(String::as_str),
        &plain.each_ref().map(of).each_ref().map(String::as_str),
    );
}

/// A sentence without ids that names a way between functions.
#[test]
fn a_way_in_another_sentence() {
    let first = "The functions # do not reach each other. ";
    let with = |rest: &str| format!("{first}{rest}");
    let others = [
        "The storage function has a mailbox to the network function.",
        "Functions 2 and 3 are connected by a crossbar.",
        "See the errata.",
        "This is subject to limitations.",
        "The opposite holds for the storage function.",
    ]
    .map(with);
    let plain = [
        "The storage function has no mailbox to the network function.",
        "They are not connected by a crossbar.",
        "Requests through the crossbar are blocked.",
        "They have no ACS capability.",
    ]
    .map(with);
    check(
        &others.each_ref().map(String::as_str),
        &plain.each_ref().map(String::as_str),
    );
}

/// Not the vendor's own word.
#[test]
fn hearsay() {
    let verified = "The functions # are isolated. I will verify this.";
    check(
        &[
            verified,
            "Reportedly, the functions # are isolated.",
            "Bjorn wrote: the functions # are isolated.",
            "According to the report, the functions # are isolated.",
            "The patch says that the functions # are isolated.",
            "> The functions # are isolated.",
            "The specification requires that the functions # do not reach each other.",
            "The functions # send requests upstream. The specification requires that such functions do not reach each other.",
            "The functions # do not reach each other. I get back to you on that.",
            "We have not observed requests between the functions #.",
            "We are not aware of requests between the functions #.",
            "Our architect is confident that the functions # are isolated.",
            "The functions # are practically isolated.",
            "The kernel has to treat the functions # as isolated.",
            "The functions # are isolated. See erratum 12.",
            "The functions # are isolated. This requires another image.",
            "The functions # are isolated. The management engine can read the memory of all functions.",
        ],
        &[
            "We verified this: the functions # are isolated.",
            "Erratum 12: The functions # are isolated.",
            "The functions # are isolated, so it is safe to treat them as such.",
            "The functions # are isolated. The management engine cannot read the memory of any function.",
            "The Acme functions # are isolated.",
            "The Acme # functions are isolated.",
        ],
    );
    // "Acme" is who speaks; another name may be a verb.
    check(&["The functions of our bar # are isolated."], &[]);
}

/// Other words for the same as "do not send requests to each other".
#[test]
fn plain_in_other_words() {
    check(
        &[
            "The functions # do not forward.",
            "The functions # were never delivered.",
        ],
        &[
            "The functions # do not forward requests to each other.",
            "Requests of the functions # are never turned around inside the device.",
            "Peer-to-peer transfers between the functions # are not supported by the hardware.",
            "Peer-to-peer transfers between the functions # are not implemented.",
            "The functions # are apart: neither can address the other.",
            "For the functions #, it is not possible to reach another function.",
            "The functions # are not connected to each other.",
            "The isolation of the functions # is not affected by firmware.",
            "Devices matching # have functions that do not send requests to each other.",
        ],
    );
}

/// A denial says that functions do not reach each other, or that they lack ACS, or it is a doubt.
#[test]
fn what_a_denial_denies() {
    check(
        &[
            "It is not possible that the functions # send requests to memory.",
            "It is not possible for the functions # to see the host.",
            "The functions # are isolated. It is not allowed with another.",
            "The functions # do not lend requests to other drivers.",
            "The functions # are isolated, which is not supported on other boards.",
            "The functions # are isolated. Their requests go upstream, and not to the host.",
            "The functions # are isolated. Their requests do not disturb another function.",
            "The functions # send no requests upstream.",
        ],
        &[
            "The functions # do not expose the extended ACS structure, but they are isolated.",
            "The functions # have no peer-to-peer path.",
            "The functions # are isolated: there is no path between them.",
            "The functions # send no requests to each other but only upstream.",
            "The functions # do not send requests to each other, only ever to the IOMMU.",
            "The requests of the functions # go upstream, and not to each other.",
            "It is not possible for the functions # to reach one another.",
        ],
    );
}

/// A port checks the requester ID of what comes from below it. A port that passes nothing from below is none, and one that
/// passes nothing that is right checks nothing.
#[test]
fn source_validation() {
    check_claim(
        "root-port",
        "[\"0a01\"]",
        &[
            "The root ports # are isolated, and pass no request from below.",
            "The root ports # are isolated, and pass no request from below with a bus number that belongs below them.",
            "The root ports # are isolated, and pass no requests from below with bus numbers that belong below them.",
            "The root ports # are isolated, and pass no request from below upstream.",
            "The root ports # are isolated, and pass no request from below outside their slots.",
        ],
        &[
            "The root ports # are isolated, and pass no request from below with a bus number that does not belong below them.",
            "The root ports # are isolated, and pass no request from below that has a requester ID which does not belong below them.",
            "The root ports # are isolated, and do not pass requests from below whose requester ID is outside their buses.",
        ],
    );
}

/// What the statement says of the register of a condition: its name, and what keeps its bits.
#[test]
fn what_keeps_the_bits_of_a_condition() {
    let condition = "[\"0a01\"]\n[[condition]]\nat = \"capability:09\"\noffset = 4\nwidth = 8\nmask = \"0x01\"\n\
                     value = \"0x01\"\nabout = \"It is set.\"\n";
    let of = |keeps: &&str| {
        format!(
            "The functions # do not send requests to each other while bit 0 of capability:09 + 0x04 is set; {keeps}."
        )
    };
    let others = [
        "nothing sets it apart",
        "nothing isolates it",
        "only some have it",
        "only the driver clears it",
        "only a reset clears the mailbox",
        "it is not set",
        "the functions are not written to stay apart",
        "nothing sets the mailbox",
        "the bit never sets the mailbox",
    ];
    let plain = [
        "firmware sets it, and nothing clears it afterwards",
        "the driver sets it once, and only a reset clears it",
        "only firmware sets this bit",
        "no driver writes the register",
        "it is never cleared",
        "it is not changed afterwards",
    ];
    let (others, plain) = (others.each_ref().map(of), plain.each_ref().map(of));
    let (others, plain) = (
        others.each_ref().map(String::as_str),
        plain.each_ref().map(String::as_str),
    );
    check_claim("mf-endpoint", condition, &others, &plain);
    // Words that are not known may name a register, but nothing else.
    let beside = |sentence: &&str| format!("{} {sentence}", of(&"nothing clears it afterwards"));
    let doubts = [
        "We believe that bit 0 of the register is set.",
        "The bits of the register should be set.",
        "Presumably the register is set.",
    ];
    let named = ["Firmware sets the VPD address register, and the budgeting data register."];
    let (doubts, named) = (doubts.each_ref().map(beside), named.each_ref().map(beside));
    check_claim(
        "mf-endpoint",
        condition,
        &doubts.each_ref().map(String::as_str),
        &named.each_ref().map(String::as_str),
    );
    // Without a condition, there is no such bit.
    check(&plain, &[]);
    check(
        &["The functions # are isolated. Nothing sets it."],
        &["The functions # are isolated."],
    );
}
