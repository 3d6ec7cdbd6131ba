// SPDX-License-Identifier: GPL-2.0-only

//! What a statement must say plainly: a denial in words that no list has, a doubt, or a word at an id
//! that may except it.

use super::{IDS, PLAIN, UNCLAIMED, accepts, refuses, validated, validated_as_it_is};

const ALL: &str = "The functions 10de:0a10 and 10de:0a11 do not reach each other";

/// Each takes an id out in other words. Control: the sentence without them.
#[test]
fn a_denial_in_any_words_is_seen() {
    let both = "[\"0a10\", \"0a11\"]";
    for rest in [
        ". 0a11: no",
        ". 10de:0a11: no",
        ". 10de:0a11: none",
        ". 10de:0a11: never",
        ". 10de:0a11 \u{2013} no",
        ". 10de:0a11 (no)",
        ". No route to the functions 10de:0a11 was tested",
        ". 10de:0a11 (not yet)",
        ". For 10de:0a11, no",
        ". Not so 10de:0a11",
        ". 10de:0a11 does neither",
        ". 10de:0a11 lacks this",
        ". 10de:0a11 lacks it",
        ". 10de:0a11 fails to",
        ". 10de:0a11 is different",
        ". 10de:0a11 is another matter",
        ". 10de:0a11 does",
        ". 10de:0a11 will follow",
        ". 10de:0a11: to be done",
        ". 10de:0a11: n/a",
        ". 10de:0a11 reaches every other function",
        ". 10de:0a11 can reach the others",
        ". 10de:0a11 has a mailbox",
        ". 10de:0a11 functions reach each other through a switch",
        ". The functions 10de:0a11 forward requests to each other",
        ". DMA of the functions 10de:0a11 bypasses the IOMMU",
        ". Isolation of the functions 10de:0a11 is absent",
        ". Isolation of the functions 10de:0a11 is impossible",
        ". The functions 10de:0a11 break isolation",
        ". The functions 10de:0a11 work without isolation",
        ". Without any isolation, the functions 10de:0a11 send requests upstream",
        ". We removed the isolation of the functions 10de:0a11",
        ". We deny that the functions 10de:0a11 are isolated",
        ". The functions 10de:0a11 are un-isolated",
        ". The functions 10de:0a11 are less isolated",
        ". Are the functions 10de:0a11 isolated?",
        ", 10de:0a11 with firmware 2",
        ", 10de:0a11 only with firmware 2",
        ". 10de:0a11 shares an engine",
        ". The functions 10de:0a11 do not redirect requests",
        ". The functions 10de:0a11 do not forward",
        ". The functions 10de:0a11 send no requests upstream",
        ". The functions 10de:0a11 hardly differ from a hub",
        ". Bar 10de:0a11",
        ", sans 10de:0a11",
        ", ignoring 10de:0a11",
        ", leave aside 10de:0a11",
        " (pending 10de:0a11)",
        "; 10de:0a11 does not",
        "; 10de:0a11 does neither",
        ". It is not true that the functions 10de:0a11 are isolated",
        ". Nobody says that the functions 10de:0a11 are isolated",
        ". No test shows that the functions 10de:0a11 are isolated",
        ". We have not seen that the functions 10de:0a11 are isolated",
    ] {
        let found = validated(both, &format!("{ALL}{rest}."));
        let is_seen = found.contains(&PLAIN) || found.contains(&"statement-excepts");
        assert!(is_seen, "{rest}: {found:?}");
        accepts("[\"0a10\"]", &format!("{ALL}{rest}."));
    }
    accepts(both, &format!("{ALL}."));
    // Controls: as plain as the first sentence.
    for rest in [
        ". Each request of 10de:0a11 leaves the package upstream",
        ". The functions 10de:0a11 send nothing to each other",
        ". The functions 10de:0a11 (network) are isolated from each other",
        ". No function of the device 10de:0a11 sends requests to another one",
        ". Neither 10de:0a10 nor 10de:0a11 sends requests to the other",
        ". Nothing passes between the functions 10de:0a10 and 10de:0a11",
        ". 10de:0a11 has no path to 10de:0a10",
        ". 10de:0a11 are functions of the same silicon",
        ". Traffic between functions of the 10de:0a11 is not possible",
        ". Transactions of the functions 10de:0a11 are always routed to the root complex",
        ". DMA of the functions 10de:0a11 never bypasses the IOMMU",
        ". The following is isolated: 10de:0a11",
        ". The following are isolated: 10de:0a10 and 10de:0a11 both",
        ". 10de:0a11 do not depend on firmware for that",
        ". 10de:0a11 does not have an ACS capability",
        ". They have no ACS capability",
        ". The same applies to 10de:0a11",
        ". The functions 10de:0a11 cannot and do not communicate with each other",
        ". The functions 10de:0a11 have no means to address each other",
        ". Neither the functions 10de:0a10 nor the functions 10de:0a11 send requests to each other",
        ". The same holds for the functions 10de:0a11",
    ] {
        accepts(both, &format!("{ALL}{rest}."));
    }
}

/// A denial is about each part of a list.
#[test]
fn a_denial_is_about_a_whole_list() {
    let of =
        |verb: &str| format!("The functions 10de:0a10 (network) and 10de:0a11 (storage) {verb}.");
    for verb in [
        "are not isolated",
        "do not redirect",
        "leak",
        "never isolate",
    ] {
        for id in ["0a10", "0a11"] {
            let found = validated(&format!("[\"{id}\"]"), &of(verb));
            let is_seen = found.contains(&PLAIN) || found.contains(&"statement-excepts");
            assert!(is_seen, "{verb}: {found:?}");
        }
    }
    accepts("[\"0a10\", \"0a11\"]", &of("are isolated"));
    // Control: not about a list with words of its own.
    let other = "The functions 10de:0a10 (network) are isolated, and 10de:0a11 (storage) are not.";
    accepts("[\"0a10\"]", other);
}

/// A sentence on a claimed id that doubts, and one on no id, which may be on each.
#[test]
fn a_doubt_is_no_statement() {
    for (doubt, plain) in [
        ("probably do not reach", "do not reach"),
        ("should not reach", "cannot reach"),
        ("are believed to be isolated from", "are isolated from"),
        ("mostly do not reach", "do not reach"),
    ] {
        let of = |words: &str| format!("The functions 10de:0a01 {words} each other.");
        refuses(PLAIN, "[\"0a01\"]", &of(doubt));
        accepts("[\"0a01\"]", &of(plain));
    }
    // A condition is one of the entry.
    for under in ["if", "while", "when", "provided that"] {
        let statement = format!(
            "The functions 10de:0a01 do not reach each other {under} bit 0 at capability:09 + 0x04 is set."
        );
        refuses(PLAIN, "[\"0a01\"]", &statement);
        let condition = "[[condition]]\nat = \"capability:09\"\noffset = 4\nwidth = 8\n\
                         mask = \"0x01\"\nvalue = \"0x01\"\nabout = \"It is set.\"\n";
        accepts(&format!("[\"0a01\"]\n{condition}"), &statement);
        accepts(
            "[\"0a01\"]",
            &format!("The functions 10de:0a01 do not reach each other, also {under} it is set."),
        );
    }
    for (narrow, plain) in [
        (
            "Only some functions 10de:0a01 are isolated.",
            "All functions 10de:0a01 are isolated.",
        ),
        (
            "The functions 10de:0a01 are isolated in simulation only.",
            "The functions 10de:0a01 send requests only upstream.",
        ),
        (
            "The functions 10de:0a01 only send a request that goes upstream.",
            "The functions 10de:0a01 only send requests upstream.",
        ),
        (
            "The functions 10de:0a01 will be isolated in the next revision.",
            "The functions 10de:0a01 will never send requests to each other.",
        ),
        (
            "Please treat the functions 10de:0a01 as isolated.",
            "We state that the functions 10de:0a01 are isolated.",
        ),
        (
            "The functions 10de:0a01 must be isolated by the kernel.",
            "The functions 10de:0a01 are isolated by their silicon.",
        ),
        (
            "The functions 10de:0a01 do not support isolation.",
            "The functions 10de:0a01 do not support peer-to-peer requests.",
        ),
        (
            "Isolation of the functions 10de:0a01 is not supported.",
            "The functions 10de:0a01 are apart: requests between them are not supported.",
        ),
        (
            "The functions 10de:0a01 redirect requests not always.",
            "The functions 10de:0a01 redirect all requests.",
        ),
        (
            "The functions 10de:0a01 do not provide that.",
            "The functions 10de:0a01 do not provide a loopback.",
        ),
        (
            "None of the functions 10de:0a01 is like that.",
            "None of the functions 10de:0a01 can access another.",
        ),
    ] {
        assert!(!validated("[\"0a01\"]", narrow).is_empty(), "{narrow}");
        accepts("[\"0a01\"]", plain);
    }
}

/// A sentence that names no id may be about each.
#[test]
fn a_doubt_without_an_id() {
    for rest in [
        "We do not know whether that is so.",
        "Revision B does not.",
        "This is no longer so.",
        "In 2024 we found that this is not so.",
        "With newer firmware: no.",
        "This is untested (in 2024 also).",
        "This holds unless loopback is on.",
        "This holds, except with firmware 1.",
        "This holds until firmware 2.",
        "They do not stop other functions.",
        "Their use is not supported.",
    ] {
        refuses(PLAIN, "[\"0a10\", \"0a11\"]", &format!("{ALL}. {rest}"));
    }
    for rest in [
        "This needs no register.",
        "They do not send requests to other devices.",
        "In 2024 we measured it.",
    ] {
        accepts("[\"0a10\", \"0a11\"]", &format!("{ALL}. {rest}"));
    }
    // A doubt in brackets with an id is about that one.
    let brackets =
        "The functions 10de:0a10 (unlike 8086:0a11, which is untested) do not reach each other.";
    accepts("[\"0a10\"]", brackets);
    refuses(
        PLAIN,
        "[\"0a10\"]",
        &brackets.replace("unlike 8086:0a11, which is", "some are"),
    );
}

/// A doubt is about every id of its clause, and one in brackets with an id about that one.
#[test]
fn where_a_doubt_is() {
    for statement in [
        "From the functions 10de:0a10 nothing reaches 10de:0a11, probably.",
        "The functions 10de:0a10 send nothing to 10de:0a11 which is likely.",
        "The functions 10de:0a10 (as 10de:0a11) are isolated, and it is untested (today).",
        "The functions 10de:0a10 are isolated (not tested), those of 10de:0a11 too.",
    ] {
        refuses(PLAIN, "[\"0a10\"]", statement);
    }
    // The words behind an id go up to the next one, across brackets, and not beyond a full stop.
    for statement in [
        "The functions 10de:0a10 (which are new) will follow and 10de:0a11 are isolated.",
        "The functions 10de:0a10 will be seen, 10de:0a11 do not reach each other.",
        "The functions 10de:0a10 (isolated ones) follow.",
        "The functions 10de:0a10 follow. they are isolated.",
    ] {
        refuses(PLAIN, "[\"0a10\"]", statement);
    }
    let within = "The functions (both) 10de:0a10 do not reach each other (10de:0a11: untested).";
    accepts("[\"0a10\"]", within);
    refuses(PLAIN, "[\"0a10\", \"0a11\"]", within);
    // A wish ends with its clause.
    let beyond = "The functions 10de:0a10 are all that one can need, isolated from each other.";
    accepts("[\"0a10\"]", beyond);
}

/// The word before an id may take it out.
#[test]
fn a_word_before_an_id_leads_to_it() {
    for (word, is_plain) in [
        ("", true),
        ("devices ", true),
        ("our devices ", true),
        ("of the device ", true),
        ("of the X9 ", true),
        ("of the X9, ", true),
        ("with device IDs ", true),
        ("(", true),
        ("bar ", false),
        ("sans ", false),
        ("beyond ", false),
        ("below ", false),
        ("replacing ", false),
    ] {
        let statement = format!("The functions {word}10de:0a01 do not reach each other.");
        let found = validated("[\"0a01\"]", &statement);
        let expected: &[&str] = if is_plain { &[] } else { &[PLAIN] };
        assert!(
            found == expected || !is_plain && found.contains(&"statement-excepts"),
            "{statement}: {found:?}"
        );
    }
}

/// An unclear id that is not claimed needs no words elsewhere; a plain one does.
#[test]
fn an_unclear_id_need_not_be_claimed() {
    let unclear = "The functions 10de:0a10 do not reach each other. 10de:0a11: no.";
    accepts("[\"0a10\"]", unclear);
    refuses(PLAIN, "[\"0a10\", \"0a11\"]", unclear);
    let plain = "The functions 10de:0a10 do not reach each other. 10de:0a11: isolated.";
    refuses(UNCLAIMED, "[\"0a10\"]", plain);
    // A doubt in a sentence without ids is about each claimed id that the statement names.
    let of_all = "The functions 10de:0a10 do not reach each other. All of this is not certain.";
    let found = validated("[\"0a10\", \"0a12\"]", of_all);
    assert_eq!(found, [IDS, PLAIN], "{of_all}");
}

/// What names ids and says nothing of isolation is no statement. That a device has no ACS capability is the reason
/// to ask for one.
#[test]
fn a_statement_says_that_something_is_isolated() {
    // Another fault does not hide it.
    let short = "The functions 10de:0a01 are network adapters.";
    assert_eq!(
        validated_as_it_is("[\"0a01\", \"0a02\"]", short),
        [IDS, PLAIN]
    );
    for statement in [
        "The functions 10de:0a01.",
        "The functions 10de:0a01 are network adapters.",
        "The functions 10de:0a01 have no ACS capability.",
        "The functions 10de:0a01 need no driver.",
        "The functions 10de:0a01 share an IOMMU group.",
        "We support the functions 10de:0a01.",
    ] {
        assert_eq!(
            validated_as_it_is("[\"0a01\"]", statement),
            [PLAIN],
            "{statement}"
        );
    }
    for statement in [
        "The functions 10de:0a01 have no ACS capability, and they do not reach each other.",
        "The functions 10de:0a01 are isolated.",
        "The functions 10de:0a01 forward every request upstream.",
        "Peer-to-peer requests between the functions 10de:0a01 are not possible.",
        "The functions 10de:0a01. They send nothing to each other.",
    ] {
        assert_eq!(
            validated_as_it_is("[\"0a01\"]", statement),
            [""; 0],
            "{statement}"
        );
    }
}

/// What somebody wishes for, what can be had, and what is apart beside requests is no statement on the silicon.
#[test]
fn a_wish_is_no_statement() {
    for wish in [
        "The functions 10de:0a01 should be in separate groups.",
        "The functions 10de:0a01 belong into separate groups.",
        "We recommend separate IOMMU groups for the functions 10de:0a01.",
        "The functions 10de:0a01 can be assigned separately.",
        "The functions 10de:0a01 could be in separate groups.",
        "The functions 10de:0a01 may be isolated.",
        "We would like the functions 10de:0a01 to be isolated.",
        "The functions 10de:0a01 can be isolated.",
        "The functions 10de:0a01 can be well isolated.",
        "The functions 10de:0a01 are to be isolated.",
        "The functions 10de:0a01 need to be isolated.",
        "The functions 10de:0a01 need isolation.",
        "The functions 10de:0a01 are expected to be isolated.",
        "It is intended that the functions 10de:0a01 are isolated.",
        "We plan to isolate the functions 10de:0a01.",
        "Our customers use the functions 10de:0a01 in separate virtual machines.",
        "The functions 10de:0a01 have separate drivers.",
        "The functions 10de:0a01 have separate DMA engines.",
        "The functions 10de:0a01 seem isolated.",
        "To our knowledge, the functions 10de:0a01 are isolated.",
        "Add the functions 10de:0a01 to separate groups.",
    ] {
        assert!(
            validated_as_it_is("[\"0a01\"]", wish).contains(&PLAIN),
            "{wish}"
        );
    }
    for plain in [
        "The functions 10de:0a01 are known to be isolated.",
        "The functions 10de:0a01 are apart.",
        "The functions 10de:0a01 are separate: requests between them are not possible.",
        "In May 2024 we measured that the functions 10de:0a01 are isolated.",
        "The functions 10de:0a01 do not reach each other. They are assigned to separate groups.",
        "The functions 10de:0a01 can not reach each other.",
        "The functions 10de:0a01 can send requests only upstream.",
    ] {
        assert_eq!(validated_as_it_is("[\"0a01\"]", plain), [""; 0], "{plain}");
    }
}
