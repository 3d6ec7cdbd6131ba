// SPDX-License-Identifier: GPL-2.0-only

//! Finds the words that except ids: "but not", "is excluded", "is not isolated". `plain.rs` finds
//! those that this file does not know.

use std::{collections::BTreeMap, ops::Range};

use super::{
    kinds,
    read::{GOES, is_id, is_join, is_range_join},
    token::{Token, clause_before},
};

/// The words that except a token, if any do.
pub(super) type Mark = Option<&'static str>;

/// Whether a token may be between words of exception and the excepted id.
pub(super) fn is_filler(token: &Token) -> bool {
    const FILLERS: &str = "\
        a an the for to of on in apply applies cover covers include includes hold holds concern \
        concerns extend extends mean means device devices function functions port ports endpoint \
        endpoints adapter adapters controller controllers id ids with those these that pci pcie \
        vendor is are than any all either valid true root guaranteed intended meant stated given \
        made isolated covered included supported separated";
    matches!(token, Token::Colon | Token::Open | Token::Item) || token.is_of(FILLERS)
}

/// Words that except everything after them in the sentence.
const FROM_HERE: &str = "except|excepts|excepting|ignoring|discounting|exception|exceptions|exclude|excludes|excluding|\
    excl|exempt|exempts|exempting|unlike|unless|omit|omits|omitting|barring|skip|skipping|but not|\
    but no|not including|other than|apart from|in place of|aside from|save for|different from|leaving out|\
    leaves out|no statement|no claim|no guarantee|not claim|not guarantee|not state|not say|not vouch|\
    cannot claim|cannot guarantee|cannot state|cannot say|cannot vouch|dont claim|dont guarantee|cant say|no such claim|\
    in contrast to|as opposed to|contrary to|nor is|nor are|nor does|nor do";

/// Words that except what directly follows them. "No" is not one: "no function of 10de:0a01 sends".
pub(super) const DIRECTLY: &str = "\
    not without but minus save excluded excepted exempted omitted rather instead isnt arent \
    doesnt wont";

/// Words that except what precedes them.
const BEHIND: &str = "excluded excepted exempt exempted omitted aside exclusive reserved left";

/// Words that except what precedes them if "not" is before them.
const NOT_BEHIND: &str = "\
    covered included isolated part meant among separated safe concerned claimed supported in \
    qualify count belong apply so used hold holds keep keeps however";

/// Words that may be between ids and such words.
pub(super) const BETWEEN: &str = "\
    is are was were being be been has have had must shall should will may can remain remains stay \
    stays do does also still therefore thus however both all";

/// For each token of a sentence, the words that except it, if any.
pub(super) fn exceptions(tokens: &[Token], lists: &[Range<usize>]) -> Vec<Mark> {
    let mut marks = from_here(tokens);
    for (at, token) in tokens.iter().enumerate() {
        let Some(word) = token.word() else { continue };
        let Some(by) = DIRECTLY.split(' ').find(|&one| one == word) else {
            continue;
        };
        let mut next = at + 1;
        let mut is_first = true;
        // Then the joined ids: "not the function 0a11 and the function 0a12".
        while let Some(more) = tokens.get(next) {
            if is_id(more) {
                marks[next] = marks[next].or(Some(by));
                is_first = false;
            } else if !(is_filler(more) || !is_first && is_join(more)) {
                break;
            }
            next += 1;
        }
    }
    // A denial may be about the ids before it, whatever stands in between, or about all behind it.
    let denial = denial(tokens);
    let before = denial.and_then(|at| lists.iter().rposition(|list| list.end <= at));
    let mut after: Mark = None;
    for (number, list) in lists.iter().enumerate().rev() {
        let is_denied = denial.is_some() && before.is_none_or(|before| before == number);
        let by = behind(tokens, list.end).or(is_denied.then_some(DENIAL));
        let is_joined = number + 1 < lists.len() && are_joined(tokens, lists, number + 1);
        let by = by.or(after.filter(|_| is_joined));
        if let Some(by) = by {
            for mark in &mut marks[subject(tokens, list)..list.end] {
                *mark = mark.or(Some(by));
            }
        }
        after = by;
    }
    marks
}

/// Whether a list and the one before it are parts of one: "10de:0a01 (network) and the function
/// 10de:0a02 (storage)".
pub(super) fn are_joined(tokens: &[Token], lists: &[Range<usize>], number: usize) -> bool {
    const OPEN: &str = "the a all its their our this that these those same device devices id ids";
    let mut depth = 0_usize;
    let mut is_part = |token: &Token| {
        match token {
            Token::Open => depth += 1,
            Token::Close => depth = depth.saturating_sub(1),
            _ if depth > 0 => {}
            _ => return is_join(token) || token.is_of(OPEN) || kinds::is_noun(token),
        }
        true
    };
    let mut between = tokens[lists[number - 1].end..lists[number].start].iter();
    between.all(&mut is_part) && depth == 0
}

/// Where the ids begin that the words behind a list are about: in "0a10 to 0a12, 0a11 excepted", at
/// the first id of a range before it.
fn subject(tokens: &[Token], list: &Range<usize>) -> usize {
    let mut ranges = BTreeMap::new();
    let mut before: Option<(usize, u16)> = None;
    for at in list.clone() {
        let Token::Id { device, .. } = tokens[at] else {
            continue;
        };
        let is_range = before.is_some_and(|(end, _)| is_range_join(&tokens[end + 1..at]));
        let holder = ranges.range(..=device).next_back();
        if !is_range && holder.is_some_and(|(_, last)| device <= *last) {
            return at;
        }
        if let (true, Some((_, first))) = (is_range, before) {
            ranges.insert(first, device);
        }
        before = Some((at, device));
    }
    list.start
}

/// In place of the words, for a denial of isolation.
pub(super) const DENIAL: &str = "a denial";

/// Where a sentence says that something is not isolated, or faulty, whatever it is.
pub(super) fn denial(tokens: &[Token]) -> Option<usize> {
    const NOT: &str = "not isnt arent wasnt werent cannot never no non lacks lack \
        without";
    const ISOLATED: &str = "isolated isolate isolates isolating isolation separated";
    const FAULTY: &str = "leak leaks leaked leaking leaky bug bugs buggy broken defect defects defective \
        faulty flaw flaws flawed vulnerable false untrue wrong \
        withdraw withdrew withdrawn revoke revoked retract retracted";
    const CLAIM: &str = "statement statements claim claims guarantee guarantees assurance";
    let is_between = |token: &&Token| {
        // "non-isolated"
        let is_joint = matches!(token, Token::Dash { glued: true });
        let is_adverb = token
            .word()
            .is_some_and(|word| word.ends_with("ly") && word != "only");
        is_joint || is_adverb || token.is_of(BETWEEN) || token.is_of("the a an any")
    };
    let is_denied = |at: usize| {
        let mut after = tokens[at + 1..].iter().skip_while(is_between);
        tokens[at].is_of(NOT) && after.next().is_some_and(|token| token.is_of(ISOLATED))
    };
    // "The functions never leak", "without a bug".
    let is_faulty = |at: usize| {
        let mut before = tokens[..at].iter().rev().take(4);
        tokens[at].is_of(FAULTY)
            && !before.any(|token| token.is_of(NOT) || token.is_of("free without none"))
    };
    // "For 10de:0a01 we make no statement."
    let last_id = tokens.iter().rposition(is_id);
    let is_no_claim = |at: usize| {
        let next = tokens.get(at + 1);
        let is_behind = last_id.is_none_or(|last| last < at);
        is_behind && tokens[at].is_of("no") && next.is_some_and(|next| next.is_of(CLAIM))
    };
    (0..tokens.len()).find(|&at| is_denied(at) || is_faulty(at) || is_no_claim(at))
}

/// The tokens that are excepted up to the end of the sentence or of the brackets. At the start of a
/// sentence, such words act up to the comma before its subject.
fn from_here(tokens: &[Token]) -> Vec<Mark> {
    let mut marks = vec![None; tokens.len()];
    let mut depth = 0_usize;
    let mut open: Option<(&'static str, usize, bool)> = None;
    for (at, token) in tokens.iter().enumerate() {
        match token {
            Token::Open => depth += 1,
            Token::Close => depth = depth.saturating_sub(1),
            _ => {}
        }
        let is_over = |&(_, outer, is_front): &(&str, usize, bool)| {
            depth < outer || is_front && *token == Token::Comma && begins_subject(&tokens[at + 1..])
        };
        open = open.filter(|open| !is_over(open));
        let found = FROM_HERE.split('|').find(|phrase| {
            let mut here = tokens[at..].iter();
            phrase
                .split(' ')
                .all(|word| here.next().is_some_and(|token| token.is_of(word)))
        });
        let none_of_it = at
            .checked_sub(1)
            .is_some_and(|at| tokens[at].is_of("without no"));
        if let (None, Some(phrase), false) = (open, found, none_of_it) {
            open = Some((phrase, depth, at == 0));
        }
        marks[at] = open.map(|(by, ..)| by);
    }
    marks
}

/// Whether the subject of the sentence starts here: "the functions 10de:0a01". A single device, as
/// in "the device 10de:0a01", may still belong to the exception.
fn begins_subject(tokens: &[Token]) -> bool {
    const ALL: &str = "all each every both the these those our";
    let Some(first) = tokens.first().filter(|first| first.is_of(ALL)) else {
        return false;
    };
    let is_many = |token: &Token| kinds::is_plural(token) || token.is_of("devices");
    let near = tokens.iter().take(6).take_while(|token| !is_id(token));
    first.is_of("all each every both") || near.into_iter().any(is_many)
}

/// The words that except the list that ends here, if any: "is also excluded", "are not covered".
fn behind(tokens: &[Token], end: usize) -> Mark {
    // "Requests between the functions 10de:0a01 are not supported" is about requests.
    let mut way = clause_before(tokens, end).iter();
    let is_of_requests = way.any(|token| token.is_of(GOES) || token.is_of("peer p2p"));
    let mut is_not = false;
    for token in tokens[end..].iter().take(8) {
        if let Some(by) = BEHIND.split(' ').find(|word| token.is_of(word)) {
            return Some(by);
        }
        if is_not && is_of_requests && token.is_of("supported") {
            return None;
        }
        if is_not && token.is_of(NOT_BEHIND) {
            return Some("not");
        }
        // "10de:0a01 is not.", "10de:0a01 does not, however, ..."
        if matches!(token, Token::Comma | Token::Stop) {
            match token {
                _ if is_not => return Some("not"),
                Token::Stop => return None,
                _ => continue,
            }
        }
        let denies = token.is_of("not isnt arent wasnt werent doesnt dont wont cant cannot");
        let is_adverb = token.word().is_some_and(|word| word.ends_with("ly"));
        let is_bracket = matches!(token, Token::Open | Token::Close);
        if !(denies || is_adverb || is_bracket || token.is_of(BETWEEN)) {
            return None;
        }
        is_not |= denies;
    }
    is_not.then_some("not")
}
