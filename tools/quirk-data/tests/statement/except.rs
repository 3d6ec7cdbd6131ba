// SPDX-License-Identifier: GPL-2.0-only

//! Which ids a statement takes out.

use super::{EXCEPTS, IDS, PLAIN, accepts, refuses, validated};

#[test]
fn what_is_denied_is_not_claimed() {
    let claim = "We do not claim that the functions 10de:0a10-0a12 are isolated.";
    refuses(EXCEPTS, "[\"0a10-0a12\"]", claim);
    // A denial that names no id may be about each.
    let all = "The functions 10de:0a10-0a12 do not reach each other.";
    accepts("[\"0a10-0a12\"]", all);
    for denial in [
        "Revision A0 is not isolated.",
        "With firmware 1.2 there is no isolation.",
    ] {
        refuses(EXCEPTS, "[\"0a10-0a12\"]", &format!("{all} {denial}"));
    }
    let isolation = "Isolation of the functions 10de:0a10-0a12 is not supported.";
    refuses(EXCEPTS, "[\"0a10-0a12\"]", isolation);
}

/// Checks that a statement on 10de:0a10 to 10de:0a12 takes out 10de:0a11.
#[track_caller]
fn excepts_0a11(statement: &str) {
    refuses(EXCEPTS, "[\"0a10-0a12\"]", statement);
    refuses(EXCEPTS, "[\"0a11\"]", statement);
    refuses(EXCEPTS, "[\"0a10\", \"0a11-0a12\"]", statement);
    // The remedy: an excepted id that is not claimed needs no further words.
    accepts("[\"0a10\", \"0a12\"]", statement);
}

/// A sentence may end with its denial, take something back, or say that nothing is claimed.
#[test]
fn a_sentence_that_ends_with_a_denial() {
    for statement in [
        "The functions 10de:0a10-0a12 are isolated, 0a11 is not.",
        "The functions 10de:0a10-0a12 do not reach each other; 10de:0a11 isn\u{2019}t.",
        "The functions 10de:0a10-0a12 are isolated. 10de:0a11 is, sadly, not.",
        "The functions 10de:0a10-0a12 are isolated. 10de:0a11 does not, however.",
        "The functions 10de:0a10-0a12 are isolated. For 10de:0a11 we make no statement.",
        "The functions 10de:0a10-0a12 are isolated. We withdraw what we said of 10de:0a11.",
        "The functions 10de:0a10-0a12 are isolated, in contrast to 10de:0a11.",
        "The functions 10de:0a10-0a12 are isolated. 10de:0a11 is non-isolated.",
        "The functions 10de:0a10-0a12 are isolated. This won't hold for 10de:0a11: it won't.",
    ] {
        excepts_0a11(statement);
    }
}

#[test]
fn what_is_excepted_is_not_claimed() {
    for statement in [
        "The functions 10de:0a10 to 10de:0a12, but not 10de:0a11, do not reach each other.",
        "The functions 10de:0a10 to 10de:0a12 (but not 10de:0a11) do not reach each other.",
        "The functions 10de:0a10 to 10de:0a12 but not 0a11 do not reach each other.",
        "The functions 10de:0a10-0a12, except 10de:0a11, do not reach each other.",
        "The functions 10de:0a10-0a12 (except for the 0x0a11) do not reach each other.",
        "The functions 10de:0a10-0a12, with the exception of device 0A11h, do not reach each other.",
        "The functions 10de:0a10-0a12, excluding 0a11, do not reach each other.",
        "The functions 10de:0a10-0a12, not including 0a11, do not reach each other.",
        "The functions 10de:0a10-0a12 other than 0a11 do not reach each other.",
        "The functions 10de:0a10-0a12, apart from 0a11, do not reach each other.",
        "The functions 10de:0a10-0a12 do not reach each other, unlike 0a11.",
        "The functions 10de:0a10-0a12 without 10de:0a11 do not reach each other.",
        "All functions 10de:0a10-0a12 but 0a11 do not reach each other.",
        "The functions 10de:0a10-0a12 do not reach each other. This does not apply to 10de:0a11.",
        "The functions 10de:0a10-0a12 do not reach each other. 10de:0a11 is excluded.",
        "The functions 10de:0a10-0a12 (10de:0a11 excepted) do not reach each other.",
        "The functions 10de:0a10-0a12 do not reach each other. The 10de:0a11 is not covered.",
        "The functions 10de:0a10-0a12 do not reach each other, but 10de:0a11 isn't isolated.",
        "The functions 10de:0a10-0a12 do not reach each other (10de:0a11 not included).",
        "The functions 10de:0a10-0a12 do not reach each other. 0a11 is therefore not covered.",
        "The functions 10de:0a10-0a12 do not reach each other. 0a11 must be explicitly excluded.",
        "The functions 10de:0a10-0a12 do not reach each other. 0a11 does not belong to them.",
        "The functions 10de:0a10-0a12 do not reach each other. 0A11h is left out.",
        "The functions 10de:0a10-0a12 (0a11 reserved) do not reach each other.",
        "The functions 10de:0a10-0a12 do not reach each other. This isn't guaranteed for 10de:0a11.",
        "The functions 10de:0a10-0a12 do not reach each other, unless the device ID is 0a11.",
        "The functions 10de:0a10-0a12, leaving out 0a11, do not reach each other.",
        "The functions 10de:0a10-0a12 (excl. 0a11) do not reach each other.",
        "The functions 10de:0a10-0a12 do not reach each other. The following is not isolated: 0a11.",
        "We say that the functions 10de:0a10-0a12 are apart, and make no statement on 0a11.",
        "Except for 10de:0a11, the functions 10de:0a10-0a12 do not reach each other.",
        "Unlike 10de:0a11, all functions of 10de:0a10-0a12 do not reach each other.",
        "The functions 10de:0a10-0a12 do not reach each other. Excluded:\n- 10de:0a11\n",
        "The functions 10de:0a10-0a12 do not reach each other, except e.g. 10de:0a11.",
        "Functions: 10de:0a10-0a12, except 10de:0a20; 10de:0a11; and 10de:0a21.",
        "The functions 10de:0a10-0a12 do not reach each other. 10de:0a11 rev A0 is not isolated.",
        "The functions 10de:0a10-0a12 do not reach each other. 0a11 has a bug and is therefore not isolated.",
        "The functions 10de:0a10-0a12 do not reach each other. 0a11 in its first revision lacks isolation.",
    ] {
        excepts_0a11(statement);
    }
    // The list of words that except an id cannot be complete, so an id named outside its range is
    // in doubt.
    for rest in [
        "; 0a11 does",
        ", ignoring 0a11",
        ", with 0a11 as an exception",
        ". 0a11 is different",
        ". 0x0a11 cannot be vouched for",
        ". We cannot say this of the 0A11h",
        " (sans 0a11)",
        " (w/o 0a11)",
        " (0a11 being pending)",
    ] {
        let statement = format!("The functions 10de:0a10-0a12 do not reach each other{rest}.");
        refuses(EXCEPTS, "[\"0a10-0a12\"]", &statement);
        refuses(EXCEPTS, "[\"0a11\"]", &statement);
        accepts("[\"0a10\", \"0a12\"]", &statement);
        // Controls: the whole range named twice, and an id of another vendor.
        for other in ["10de:0a10-0a12", "8086:0a11"] {
            let rest = rest.replace("0x0a11", other).replace("0A11h", other);
            let rest = rest
                .replace(" 0a11", &format!(" {other}"))
                .replace("(0a11", &format!("({other}"));
            let statement = format!("The functions 10de:0a10-0a12 are apart{rest}.");
            if other.starts_with("8086") {
                accepts("[\"0a10-0a12\"]", &statement);
            } else if rest.contains("cannot say") || rest.contains("ignoring") {
                refuses(EXCEPTS, "[\"0a10-0a12\"]", &statement);
            } else {
                refuses(PLAIN, "[\"0a10-0a12\"]", &statement);
            }
        }
    }
    // A range is excepted as a whole, and so is a possible one.
    let range = "The functions 10de:0a10-0a1f, except 0a12 to 0a14, do not reach each other.";
    refuses(EXCEPTS, "[\"0a13\"]", range);
    accepts("[\"0a10-0a11\", \"0a15-0a1f\"]", range);
    let more = "The functions 10de:0a10-0a1f, but not 0a11, the function 0a12 and 0a13, are apart.";
    for id in ["0a11", "0a12", "0a13"] {
        refuses(EXCEPTS, &format!("[\"{id}\"]"), more);
    }
    // Controls: the same words where they except nothing.
    for statement in [
        "The functions 10de:0a10-0a12 do not reach each other but through the root complex.",
        "The functions 10de:0a10-0a12 do not reach each other, other than upstream.",
        "The functions 10de:0a10-0a12 reach each other not at all, without exception.",
        "Without exception, the functions 10de:0a10-0a12 do not reach each other.",
        "Unlike those of other vendors, the functions 10de:0a10-0a12 do not reach each other.",
        "No function of the devices 10de:0a10-0a12 sends requests to another one.",
        "The functions 10de:0a10-0a12 are not able to reach each other.",
        "The functions 10de:0a10-0a12 are all isolated.",
        "The DMA functions 10de:0a10 to 10de:0a12 are isolated.",
        "Except for 10de:0a20, the functions 10de:0a10-0a12 do not reach each other.",
        "Unlike the 10de:0a20, the functions 10de:0a10 to 10de:0a12 do not reach each other.",
        "The functions 10de:0a10-0a12 are apart. The functions 10de:0a10-0a12 are isolated.",
    ] {
        accepts("[\"0a10-0a12\"]", statement);
    }
}

/// What is said behind a list is about the last item that is in a range before it.
#[test]
fn an_exception_behind_a_range_is_about_its_own_ids() {
    for (claim, left, statement) in [
        (
            "0a10-0a11",
            "\"0a10\"",
            "10de:0a10 to 0a11, 0a11 excepted, do",
        ),
        (
            "0a10-0a12",
            "\"0a10\", \"0a12\"",
            "10de:0a10-0a12, 0a11 excepted, do",
        ),
        (
            "0a10-0a12",
            "\"0a10\", \"0a12\"",
            "10de:0a10-0a12, 10de:0a11 being excluded, do",
        ),
        (
            "0a10-0a1f",
            "\"0a10-0a11\", \"0a15-0a1f\"",
            "10de:0a10-0a1f, 0a12-0a14 excepted, do",
        ),
        (
            "0a10-0a1f",
            "\"0a10\", \"0a12\", \"0a14-0a1f\"",
            "10de:0a10-0a1f, 0a11 and 0a13 excluded, do",
        ),
        (
            "0a20-0a22",
            "\"0a10-0a12\", \"0a20\", \"0a22\"",
            "10de:0a10-0a12, 10de:0a20-0a22, 0a21 excepted, do",
        ),
    ] {
        let statement = format!("The functions {statement} not reach each other.");
        refuses(EXCEPTS, &format!("[\"{claim}\"]"), &statement);
        accepts(&format!("[{left}]"), &statement);
    }
    // Control: the words are about the whole list if no item is in a range before it.
    for statement in [
        "10de:0a10, 10de:0a11 excepted,",
        "10de:0a10-0a12, 10de:0a20 excepted,",
    ] {
        let statement = format!("The functions {statement} do not reach each other.");
        refuses(EXCEPTS, "[\"0a10\"]", &statement);
    }
}

/// An entry may claim less than the statement says, and never more.
#[test]
fn a_claim_is_within_the_statement() {
    let of = |range: &str| format!("The functions 10de:{range} do not reach each other.");
    for (claim, range) in [
        ("0a10-0a12", "0a10-0a1f"),
        ("0a11", "0a10 to 0a12"),
        ("0a1f", "0a10-0a1f"),
    ] {
        accepts(&format!("[\"{claim}\"]"), &of(range));
    }
    for (claim, range) in [
        ("0a10-0a1f", "0a10-0a12"),
        ("0a0f-0a12", "0a10-0a12"),
        ("0a13", "0a10-0a12"),
    ] {
        refuses(IDS, &format!("[\"{claim}\"]"), &of(range));
    }
    // What it says beyond the claim is read all the same.
    let beyond = "The functions 10de:0a10-0a1f, except 0a1e, do not reach each other.";
    accepts("[\"0a10-0a12\"]", beyond);
    refuses(EXCEPTS, "[\"0a10-0a12\"]", &beyond.replace("0a1e", "0a11"));
}

/// An exception in brackets ends with them, and one before brackets goes on behind them.
#[test]
fn brackets_end_an_exception_in_them() {
    let within =
        "The functions 10de:0a10 (excluding 10de:0a11) and 10de:0a12 do not reach each other.";
    accepts("[\"0a10\", \"0a12\"]", within);
    refuses(EXCEPTS, "[\"0a11\"]", within);
    let across =
        "The functions 10de:0a10 excluding (for now) those of 10de:0a11 do not reach each other.";
    refuses(EXCEPTS, "[\"0a11\"]", across);
}

/// An exception at the start of a sentence goes up to its subject.
#[test]
fn an_exception_before_the_subject() {
    for first in ["Except", "Unlike"] {
        let statement = format!(
            "{first} 10de:0a10, 10de:0a11, the functions 10de:0a12 do not reach each other."
        );
        accepts("[\"0a12\"]", &statement);
        for id in ["0a10", "0a11"] {
            refuses(EXCEPTS, &format!("[\"{id}\"]"), &statement);
        }
    }
    // A single device may still belong to it.
    let single =
        "Except 10de:0a10, the device 10de:0a11, the functions 10de:0a12 do not reach each other.";
    refuses(EXCEPTS, "[\"0a11\"]", single);
}

/// A denial takes out the ids of its sentence by itself. A sentence that denies a fault does not.
#[test]
fn a_denial_takes_out_what_it_is_about() {
    for statement in [
        "The functions 10de:0a10 are not isolated.",
        "The functions 10de:0a10 are not really isolated.",
        "The functions 10de:0a10 are non-isolated.",
        "We do not really isolate the functions 10de:0a10.",
        "The functions 10de:0a10 leak.",
        "The functions 10de:0a11 are isolated, and the functions 10de:0a10 are not.",
        "The functions 10de:0a11 are isolated, and the functions 10de:0a10 are sadly not.",
        "The functions 10de:0a11 are isolated, and the functions 10de:0a10 (also) are not.",
        "The functions 10de:0a11 are isolated; the functions 10de:0a10 are not, as we see.",
        "For the functions 10de:0a10 we make no statement.",
    ] {
        refuses(EXCEPTS, "[\"0a10\"]", statement);
    }
    for statement in [
        "The functions 10de:0a10 never leak requests to each other.",
        "The functions 10de:0a10 are isolated, free of defects.",
        "The functions 10de:0a10 are isolated, without a bug.",
        "We do not only isolate the functions 10de:0a10.",
        // The full stop may be one of an abbreviation, but what is behind it is not about the id.
        "These are isolated: the functions 10de:0a10. excluded is what we do not name.",
    ] {
        let found = validated("[\"0a10\"]", statement);
        assert!(!found.contains(&EXCEPTS), "{statement}: {found:?}");
    }
}

/// An exception and a denial are about each of the ids that they are joined with.
#[test]
fn an_exception_is_about_joined_ids() {
    for statement in [
        "The functions 10de:0a12 are isolated, not 10de:0a10 and 10de:0a11.",
        "The functions 10de:0a12 are isolated, not the function 10de:0a10 and the function 10de:0a11.",
        "The functions 10de:0a10 and the function 10de:0a11 are not isolated.",
        "The functions 10de:0a10 (network) and 10de:0a11 (storage) are not isolated.",
    ] {
        for id in ["0a10", "0a11"] {
            refuses(EXCEPTS, &format!("[\"{id}\"]"), statement);
        }
    }
    // Not of those behind its clause.
    let either = "In use or not, the functions 10de:0a10 do not reach each other.";
    assert_eq!(validated("[\"0a10\"]", either), [PLAIN]);
}
