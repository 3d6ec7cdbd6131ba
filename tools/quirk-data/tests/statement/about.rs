// SPDX-License-Identifier: GPL-2.0-only

//! Sentences of isolation or of a denial that are about something else than requests between the functions with the ids. Each group
//! has plain sentences with the same words as its control.

use super::opposite::check;

#[test]
fn somebody_else_is_not_reached() {
    check(
        &[
            "The functions # do not send requests to the host.",
            "The functions # do not send requests to other devices.",
            "The functions # do not send requests to functions of other cards.",
            "The functions # do not send requests to the functions of the device 10de:0a01.",
            "The functions # do not send requests to each other, only to the switch.",
            "The IOMMU stops nothing: the functions # do not share resources.",
            "The functions # do not share resources.",
            "The functions # do not affect each other's link speed.",
        ],
        &[
            "The functions # do not send requests to each other.",
            "The functions # do not send requests to other functions.",
            "The functions # do not send requests to any other function of the device.",
            "The functions # do not send requests to each other, only to the IOMMU.",
            "The functions # are isolated. They do not share resources.",
            "The functions # are isolated. They do not send requests to other devices.",
            "The functions # do not access each other's memory.",
        ],
    );
}

#[test]
fn a_part_of_the_requests_is_not_sent() {
    check(
        &[
            "The functions # do not send memory writes to each other.",
            "The functions # do not send memory writes to each other. Memory reads are sent.",
            "The functions # do not read each other's memory.",
            "The functions # do not send messages to each other.",
            "The functions # do not send completions to each other.",
            "The functions # do not send interrupts to each other.",
            "The functions # do not send requests larger than 4 KiB to each other.",
            "The functions # send every second request upstream.",
            "The functions # redirect interrupts.",
            "The functions # are isolated from each other, memory writes excepted.",
        ],
        &[
            "The functions # do not send memory reads or writes to each other.",
            "The functions # do not send requests and completions to each other.",
            "The functions # do not send any requests to each other.",
            "The functions # send every request upstream.",
            "The functions # redirect peer-to-peer requests upstream.",
            "The functions # redirect all requests upstream.",
        ],
    );
}

#[test]
fn a_need_is_no_deed() {
    check(
        &[
            "The functions # do not need to send requests to each other.",
            "The functions # do not have to send requests to each other.",
            "The functions # do not depend on the host to send requests to each other.",
        ],
        &[
            "The functions # do not send requests to each other, and do not need ACS.",
            "The functions # do not depend on the host for isolation.",
        ],
    );
}

#[test]
fn another_subject() {
    check(
        &[
            "The predecessor of the functions # is isolated.",
            "The functions of the predecessor of the functions # do not send requests to each other.",
            "The successors of the functions # do not send requests to each other.",
            "The drivers of the functions # do not send requests to each other.",
            "The firmware images for the functions # do not send requests to each other.",
            "Emulations of the functions # do not send requests to each other.",
            "There is no firmware for the functions # that isolates them.",
            "Testing disproved that the functions # are isolated.",
            "Nobody believed that the functions # are isolated.",
        ],
        &[
            "All of the functions # are isolated.",
            "The functions of the family of the devices # do not send requests to each other.",
            "DMA of the functions # never reaches another function.",
            "For the functions #, requests to each other are not possible.",
            "Our measurements have shown that the functions # are isolated.",
            "We confirm that the functions # are isolated.",
        ],
    );
}

#[test]
fn a_time_a_likeness_and_a_question() {
    check(
        &[
            "The functions # do not send requests to each other at power-on.",
            "The functions # do not send requests to each other since stepping B0.",
            "The functions # do not send requests to each other as of 2027.",
            "The functions # are better isolated than others.",
            "The functions # do not send requests to each other like a bus.",
            "Can you confirm that the functions # are isolated.",
            "The even functions # are isolated.",
            "The functions # do not send requests to each other. They share a cache.",
            "The functions # do not send requests to each other. They accept every requester ID.",
            "The functions # do not send requests to each other. The card has an internal switch.",
        ],
        &[
            "The functions # do not send requests to each other, since all requests go upstream.",
            "The functions # do not even send requests to each other.",
            "The functions # do not send requests to each other. They do not share a cache.",
            "The functions # do not send requests to each other. The card has no internal switch.",
            "The functions # behave as if ACS had Request Redirect, Completion Redirect and Upstream Forwarding enabled, and are isolated.",
        ],
    );
}

#[test]
fn software_that_isolates() {
    check(
        &[
            "The driver keeps the functions # apart.",
            "Firmware ensures that the functions # are isolated.",
            "The functions # are isolated in mode 3.",
            "The functions # are isolated with firmware 3.",
            "The functions # are isolated in this system.",
        ],
        &[
            "The silicon keeps the functions # apart.",
            "The design ensures that the functions # are isolated.",
            "The functions # are isolated in every mode.",
            "The functions # are isolated with every firmware.",
            "The functions # are isolated in every system.",
        ],
    );
}
