// SPDX-License-Identifier: GPL-2.0-only

//! Finds what a sentence is about: the functions with its ids or something of theirs, requests to each other or to somebody else.
//! The lists are of what is plain, because nobody can list the rest.

use super::{
    kinds,
    opposite::{self, OTHERS, any},
    plain::{DENIES, SEPARATES, reaches},
    read::{GOES, is_id},
    token::{Token, clause_behind as behind},
};

/// What one function sends to another, and how, in words that leave nothing out.
const REQUESTS: &str = "\
    request requests transaction transactions tlp tlps packet packets transfer transfers traffic dma data p2p";

/// A part of that. Reads and writes are what `limited::is_class()` is about.
const PART: &str = "completion completions message messages";

/// Words that may stand between a denied verb and those that the functions do not reach.
const BETWEEN: &str = "\
    a an the any all each every some such single one two no not nor neither or and of to with from by in into toward towards via \
    through at on own root downstream switch its their our them they it that which is are be able can will do does ever even themselves inside within \
    package chip device silicon asic die card adapter controller function functions port ports endpoint endpoints pci pcie express \
    memory io posted nonposted non translated untranslated atomic access accesses read reads write writes communication information \
    anything path paths way ways channel channels interface interfaces address addresses space spaces bar bars registers";

/// Verbs for what a function does to another one.
const SENDS: &str = "\
    send sends issue issues make makes generate generates initiate initiates perform performs forward forwards route routes deliver \
    delivers pass passes direct directs transmit transmits exchange exchanges share shares affect affects";

/// Whether a denial is of something other than requests between functions: "do not send requests to the host", "do not share
/// resources", "do not need to send requests", "do not send messages to each other".
pub(super) fn goes_elsewhere(tokens: &[Token], at: usize) -> bool {
    /// Behind "other": what need not be of the same device.
    const APART: &str = "\
        device devices card cards host hosts machine machines slot slots system systems bus buses vendor vendors adapter adapters chip \
        chips board boards";
    /// What functions have, behind "each other's".
    const OWN: &str =
        "memory bar bars register registers space spaces address addresses requests dma data";
    const NEEDS: &str =
        "need needs have has want wants wish wishes depend depends rely relies like likes";
    if !tokens[at].is_of(DENIES) {
        return false;
    }
    let behind = behind(tokens, at);
    if opposite::validates(behind) {
        return false;
    }
    let to = behind.iter().take(8).position(|token| token.is_of("to"));
    let needs = to.is_some_and(|to| any(&behind[..to], NEEDS) && behind[to..].iter().any(reaches));
    let Some(verb) = behind.iter().take(4).position(|token| token.is_of(SENDS)) else {
        return needs;
    };
    let object = &behind[verb + 1..];
    let is_target = |at: &usize| {
        let next = |words: &str| object.get(at + 1).is_some_and(|next| next.is_of(words));
        // "Each other's" has lost its apostrophe.
        let is_possessive = *at > 0 && object[at - 1].is_of("each") && object[*at].is_of("others");
        let is_other = object[*at].is_of(OTHERS) && !next(APART) && (!is_possessive || next(OWN));
        is_other || object[*at].is_of("between among upstream iommu complex p2p peer")
    };
    let target = (0..object.len()).find(is_target);
    let what = &object[..target.unwrap_or(object.len())];
    let is_odd = |token: &Token| {
        let word = token.word().is_some_and(|word| !word.ends_with("ly"));
        word && ![REQUESTS, PART, BETWEEN, OTHERS]
            .iter()
            .any(|words| token.is_of(words))
    };
    let is_part = any(what, PART) && !any(what, REQUESTS);
    let is_elsewhere = target.is_none() && any(object, "to into toward towards");
    needs || is_elsewhere || is_part || what.iter().any(is_odd)
}

/// Whether the words here are about a thing that the functions have, or about what one shows to a network: "have BARs which do
/// not", "systems whose functions", "each other's packets".
pub(super) fn is_of_thing(tokens: &[Token], at: usize) -> bool {
    const DEVICES: &str = "device devices part parts chip chips silicon request requests transaction transactions id ids of in between from to for below above";
    const THINGS: &str = "\
        bar bars engine engines link links register registers space spaces driver drivers interface interfaces system systems host hosts";
    const SENT: &str = "packet packets message messages";
    let Some(before) = at.checked_sub(1).map(|before| &tokens[before]) else {
        return false;
    };
    let behind = behind(tokens, at);
    let is_device = before.word().is_none() || kinds::is_noun(before) || before.is_of(DEVICES);
    let is_which = tokens[at].is_of("which whose") && !is_device;
    let is_that = tokens[at].is_of("that")
        && before.is_of(THINGS)
        && (any(behind, DENIES) || any(behind, SEPARATES));
    is_which || is_that || tokens[at].is_of(SENT) && before.is_of("others")
}

/// Whether the verb here redirects or blocks something other than requests: "redirect interrupts".
pub(super) fn redirects_other(tokens: &[Token], at: usize) -> bool {
    const VERBS: &str = "redirect redirects block blocks";
    let next = tokens.get(at + 1).filter(|next| next.word().is_some());
    let is_plain = |next: &Token| {
        [
            REQUESTS,
            PART,
            BETWEEN,
            OTHERS,
            "peer unauthorized illegal direct internal up upstream as was were",
        ]
        .iter()
        .any(|words| next.is_of(words))
    };
    tokens[at].is_of(VERBS) && next.is_some_and(|next| !is_plain(next))
}

/// The word by which the sentence is about something of the functions with these ids, or takes back what it says of them: "drivers for the
/// functions 10de:0a01", "testing disproved that the functions 10de:0a01".
pub(super) fn is_of_another(tokens: &[Token], start: usize) -> Option<usize> {
    const NEAR: &str = "\
        the a an any all each every both either neither nor its their our this that these those two three four six eight multi multifunction \
        id ids device devices chip chips silicon product products model models part parts series family families member members \
        switch switches bridge bridges pci pcie express physical integrated root downstream complex with having whose vendor";
    const HEADS: &str = "\
        any all each every both none neither either one two three four pair pairs couple number set sets group rest family families series \
        members member isolation separation independence design hardware silicon behaviour behavior behalf case id ids requester part outside \
        inside out side generation generations models model revision revisions combination implementation instances instance independent \
        regardless package packages device devices upstream capability capabilities irrespective instead because";
    const OF_SOFTWARE: &str = "\
        driver drivers firmware image images software bios emulation emulations emulator successor successors predecessor predecessors \
        replacement replacements competitor competitors simulation simulations model models prototype prototypes";
    const HOSTS: &str = "host hosts board boards system systems platform platforms driver drivers";
    const CONFIRMS: &str = "\
        confirm confirms confirmed confirming state states stated verify verifies verified guarantee guarantees guaranteed ensure ensures ensured \
        say says said know knows known certify certifies certified assure assures assured declare declares attest attests vouch checked found \
        find show shows showed shown prove proves proved note means fact so such is us you means sure determined acknowledge acknowledges agree \
        agrees repeat indicate indicates answer answered measured";
    let mut at = start;
    while let Some(before) = at.checked_sub(1) {
        let here = &tokens[before];
        let head = before.checked_sub(1);
        let is_head = |words: &str| head.is_some_and(|head| tokens[head].is_of(words));
        if here.is_of("of") {
            let head = head?;
            tokens[head].word()?;
            // "The receive path of the functions 10de:0a01 does no peer-to-peer."
            let is_path = tokens[head].is_of("path paths") && !any(&tokens[..head], DENIES);
            let is_plain = !is_path
                && (tokens[head].is_of(HEADS)
                    || tokens[head].is_of(GOES)
                    || kinds::is_noun(&tokens[head])
                    || reaches(&tokens[head]));
            if !is_plain {
                return Some(head);
            }
            at = head;
            continue;
        }
        // "Two cards with the functions 10de:0a01", but not "cards with the ids 10de:0a01"
        if here.is_of("with")
            && (is_head(HOSTS) || any(&tokens[before..start], "function functions"))
        {
            return head;
        }
        if here.is_of("for from in by") {
            return head.filter(|_| is_head(OF_SOFTWARE));
        }
        if here.is_of("that") {
            let is_said = head
                .is_none_or(|head| tokens[head].is_of(CONFIRMS) || tokens[head].word().is_none());
            return head.filter(|_| !is_said);
        }
        if !(here.is_of(NEAR) || kinds::is_noun(here) || matches!(here, Token::Dash { .. }))
            || is_id(here)
        {
            return None;
        }
        at = before;
    }
    None
}
