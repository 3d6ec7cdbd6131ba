// SPDX-License-Identifier: GPL-2.0-only

//! A word that is not known to leave the meaning as it is may turn it.

use super::opposite::check;

const PLAIN: [&str; 17] = [
    "The functions # are isolated from each other.",
    "The functions # are fully isolated from each other.",
    "The Acme Whirl adapters # do not send requests to each other.",
    "The functions of the Whirl-E adapters # do not reach each other.",
    "The functions # are unable to access each other.",
    "Acme confirms that the functions # do not reach each other.",
    "Acme has verified that there is no peer-to-peer between the functions #.",
    "The # NICs may present themselves as multi-function devices. While peer-to-peer transactions are not possible \
     between the individual functions, the devices do not advertise an ACS capability.",
    "Peer-to-peer transactions are not possible between the individual functions of #, so they can be treated as fully \
     isolated.",
    "Every request of the functions # goes upstream through the root port, where the IOMMU translates it.",
    "The silicon has no internal routing between the functions #.",
    "I checked with our hardware team. The functions # do not send requests to each other.",
    "The functions # are isolated from each other and from other devices.",
    "The reads and writes of the functions # go upstream and never to each other.",
    "Add an ACS quirk for #. The functions of these devices do not do peer-to-peer with each other.",
    "The functions # are isolated from each other at the hardware level.",
    "The functions # do not send requests to each other. This holds for all of them.",
];

#[test]
fn an_adverb_or_a_purpose() {
    check(
        &[
            "The functions # are loosely isolated from each other.",
            "The functions # are insufficiently isolated from each other.",
            "The functions # are mechanically isolated from each other.",
            "The functions # are best isolated from each other.",
            "The functions # are isolated from each other for QoS.",
            "The functions # are isolated from each other for DPDK.",
            "The functions # are isolated from each other for function level resets.",
            "The functions # do not send requests to each other voluntarily.",
            "The functions # do not send requests to each other of their own accord.",
            "The functions # do not send each other large requests.",
            "The functions # do not both send requests to each other.",
            "The functions # are as isolated from each other as those of any NIC.",
            "Idle, the functions # do not send requests to each other.",
            "Flashed with our secure image, the functions # are isolated from each other.",
            "The functions # are isolated from each other, given a trusted driver.",
            "The functions # are isolated from each other by the IOMMU.",
            "The functions # are isolated from each other from stepping C0 on.",
            "The functions # are isolated from each other, minus the doorbells.",
            "The functions # are isolated from each other, ignoring the mailbox.",
            "Outside of reset, the functions # are isolated from each other.",
        ],
        &PLAIN,
    );
}

#[test]
fn a_label_or_a_reporter() {
    check(
        &[
            "Rumour: the functions # are isolated from each other.",
            "Requirement 4.2: the functions # do not send requests to each other.",
            "Suppose the functions # do not send requests to each other.",
            "Ensure the functions # do not send requests to each other.",
            "A user on the forum writes: the functions # cannot reach each other.",
            "Linux treats the functions # as isolated from each other.",
            "This patch marks the functions # as isolated from each other.",
            "The functions # are advertised as isolated from each other.",
            "The functions # look isolated from each other.",
            "The functions # support isolation from each other.",
            "The functions # get isolated from each other.",
            "The functions # have never sent requests to each other.",
            "The functions # did not send requests to each other.",
        ],
        &PLAIN,
    );
}

#[test]
fn another_thing() {
    check(
        &[
            "The register spaces of the functions # are isolated from each other.",
            "The functions # have BARs which do not send requests to each other.",
            "The functions # drive links that are isolated from each other.",
            "The functions # are for systems whose functions are isolated from each other.",
            "The functions # replace parts whose functions are isolated from each other.",
            "Hosts with the functions # are isolated from each other.",
            "Separate cards with # cannot reach each other.",
            "The functions # cannot see each other's packets.",
            "The functions # are independent of each other.",
            "The functions # do not send requests directly to each other, but through a shared mailbox.",
            "No request between the functions # passes the IOMMU.",
            "The functions # do not send each other's requests upstream.",
            "There is no way the functions # are isolated from each other.",
        ],
        &PLAIN,
    );
}

#[test]
fn plain_words_that_say_something_else() {
    check(
        &[
            "The functions # are meant to do no peer-to-peer.",
            "The functions # are set up to do no peer-to-peer.",
            "The functions # do not send requests to each other through the root port, but directly.",
            "The functions # do not send requests to each other over the link.",
            "The functions # do not send requests to each other on their own.",
            "The functions # do not send requests to each other by themselves.",
            "All DMA reads of the functions # go upstream.",
            "All completions of the functions # go upstream.",
            "Two cards with the functions # do not send requests to each other.",
            "The functions # of two adapters do not send requests to each other.",
            "The functions # are isolated from other devices.",
            "The functions # do no peer-to-peer with other devices.",
            "The functions # are isolated from each other. Set bit 4 of the control register first.",
            "Isolation of the functions # from each other is left to the platform.",
            "Isolation of the functions # from each other is up to the platform.",
            "Isolation of the functions # from each other is done by the root port.",
            "Add a quirk so that the functions # are isolated from each other.",
            "The receive path of the functions # does no peer-to-peer.",
        ],
        &PLAIN,
    );
}

#[test]
fn what_takes_it_back() {
    check(
        &[
            "The functions # do not send requests to each other. They exchange packets in an internal switch.",
            "The functions # do not send requests to each other. A microcontroller moves data between them.",
            "The functions # do not send requests to each other. Just kidding.",
            "The functions # do not send requests to each other. The contrary is true.",
            "The functions # do not send requests to each other. This holds for writes.",
            "The functions # do not send requests to each other. This is true of port 0.",
            "The functions # do not send requests to each other (simulation).",
            "The functions # are isolated from each other (NVM 7.10).",
            "~~The functions # are isolated from each other.~~",
            "<!-- The functions # are isolated from each other. -->",
            "- [ ] The functions # are isolated from each other.",
            "The functions # are isolated from each other (Y/N): N",
            "The functions # are isolated from each other = 0",
            "The functions # are isolated from each other. ;-)",
            "The functions # are \"isolated\" from each other.",
        ],
        &PLAIN,
    );
}

#[test]
fn a_network_or_an_ability() {
    check(
        &[
            "The functions # do not see each other's network traffic.",
            "The functions # do not exchange Ethernet packets with each other.",
            "The functions # implement isolation between network ports.",
            "The functions # are capable of isolation.",
        ],
        &[
            "The network functions # do not see each other's requests.",
            "The functions # implement isolation.",
            "The functions # are unable to reach each other.",
        ],
    );
}
