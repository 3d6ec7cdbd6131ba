// SPDX-License-Identifier: GPL-2.0-only

//! Reads the ids in a statement: which it names, alone or as a range, and which it excepts.
//!
//! Doubt never widens a claim: a token that may be something other than an id is not named, and an
//! id that may be excepted is.

use std::ops::Range;

use rules::entry::Kind;

use super::{
    kinds,
    token::{Form, Token, is_of, sentences},
};

/// An id or a range of ids that a statement names.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Named {
    pub(super) vendor: u16,
    pub(super) first: u16,
    pub(super) last: u16,
}

/// An id or a range of ids that a statement excepts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Excepted {
    /// The vendor, if it is written with the id.
    pub(super) vendor: Option<u16>,
    pub(super) first: u16,
    pub(super) last: u16,
    /// The words that except it.
    pub(super) by: &'static str,
}

/// The result of reading a statement.
#[derive(PartialEq, Eq, Debug, Default)]
pub(super) struct Reading {
    pub(super) named: Vec<Named>,
    pub(super) excepted: Vec<Excepted>,
    /// Every possible id or range, named or not, with its vendor if it is written there.
    pub(super) mentioned: Vec<(Option<u16>, u16, u16)>,
    /// The kinds of function that the statement names.
    pub(super) kinds: Vec<Kind>,
}

/// Reads the statement of an entry for devices of these vendors. Costs O(n) in its length.
pub(super) fn read(text: &str, vendors: &[u16]) -> Reading {
    let sentences = sentences(text);
    let vendor = vendor(&sentences, vendors);
    let mut reading = Reading::default();
    let mut said = kinds::Said::default();
    for tokens in &sentences {
        let lists = lists(tokens);
        let marks = exceptions(tokens, &lists);
        // "Revision A0 is not isolated" names no id, so it may be about each.
        if lists.is_empty() && denial(tokens).is_some() {
            reading.excepted.push(Excepted {
                vendor: None,
                first: u16::MIN,
                last: u16::MAX,
                by: DENIAL,
            });
        }
        for list in &lists {
            let start = reading.named.len();
            items(tokens, list, &marks, vendor, &mut reading);
            let of_entry = |one: &Named| vendors.contains(&one.vendor);
            if reading.named[start..].iter().any(of_entry) {
                said.of_list(tokens, list, &marks);
            }
        }
        said.anywhere(tokens, &marks);
    }
    reading.kinds = said.kinds();
    // Each is compared with each.
    reading.named.sort_unstable();
    reading.named.dedup();
    reading.mentioned.sort_unstable();
    reading.mentioned.dedup();
    reading
}

/// The words that except a token, if any do.
pub(super) type Mark = Option<&'static str>;

/// Whether the tokens between two ids make them a range.
fn is_range_join(joins: &[Token]) -> bool {
    match joins {
        [Token::Dash { .. } | Token::Dots] => true,
        [up, to] => up.is_of("up") && to.is_of("to"),
        [join] => join.is_of("to through thru"),
        _ => false,
    }
}

fn is_join(token: &Token) -> bool {
    matches!(
        token,
        Token::Comma | Token::Item | Token::Dots | Token::Dash { .. }
    ) || token.is_of("and or nor as well to through thru up both")
}

const fn is_id(token: &Token) -> bool {
    matches!(token, Token::Id { .. })
}

/// The runs of possible ids with only joining tokens between them.
fn lists(tokens: &[Token]) -> Vec<Range<usize>> {
    let mut lists: Vec<Range<usize>> = Vec::new();
    for at in (0..tokens.len()).filter(|&at| is_id(&tokens[at])) {
        match lists.last_mut() {
            Some(list) if tokens[list.end..at].iter().all(is_join) => list.end = at + 1,
            _ => lists.push(Range {
                start: at,
                end: at + 1,
            }),
        }
    }
    lists
}

/// The vendor of an id without one: the vendor that the text names as the vendor id; otherwise the
/// entry's vendor, if it has one only and the text names no id of another vendor.
fn vendor(sentences: &[Vec<Token>], of_entry: &[u16]) -> Option<u16> {
    let mut said = Vec::new();
    let mut beside = Vec::new();
    for tokens in sentences {
        for (at, token) in tokens.iter().enumerate() {
            match token {
                Token::Vendor(vendor) => said.push(*vendor),
                Token::Id {
                    form: Form::Whole(vendor),
                    ..
                } => beside.push(*vendor),
                Token::Id { device, .. } if is_vendor_id(tokens, at) => said.push(*device),
                _ => {}
            }
        }
    }
    let one_of = |all: &[u16]| {
        let first = *all.first()?;
        all.iter().all(|&other| other == first).then_some(first)
    };
    if said.is_empty() {
        one_of(of_entry).filter(|one| beside.iter().all(|other| other == one))
    } else {
        one_of(&said)
    }
}

/// The words before a position, nearest first, without words that do not describe the id.
fn words_before(tokens: &[Token], at: usize) -> impl Iterator<Item = &str> {
    let is_filler = |token: &&Token| {
        matches!(
            token,
            Token::Colon | Token::Open | Token::Item | Token::Dash { .. }
        ) || token.is_of("is are the following of")
    };
    let before = tokens[..at].iter().rev();
    // A comma separates two things.
    let near = before.skip_while(is_filler).take(4);
    near.map_while(|token| match token {
        Token::Dash { .. } => Some(""),
        other => other.word(),
    })
    .filter(|word| !word.is_empty())
}

const ID: &str = "id ids";
const SUBSYSTEM_ID: &str = "ssid svid ssvid sdid subdevice subvendor subsystemid";
const OF_SUBSYSTEM: &str = "subsystem subsystems subsys sub";

/// Whether an id is a vendor id: `vendor id 0x10de`.
fn is_vendor_id(tokens: &[Token], at: usize) -> bool {
    let mut words = words_before(tokens, at).skip_while(|word| is_of(word, ID));
    let is_vendor = words
        .next()
        .is_some_and(|word| is_of(word, "vendor vid vendorid"));
    is_vendor && !words.next().is_some_and(|word| is_of(word, OF_SUBSYSTEM))
}

/// The meaning of a list of ids, according to the words before it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Said {
    /// Device ids, explicitly.
    DeviceIds,
    /// Devices or functions.
    Devices,
    /// Ids of something else.
    Others,
    Nothing,
}

/// Words that may precede "id" for a device id.
const OF_DEVICE: &str = "device devices dev function functions pci pcie express hardware the these \
    with whose have has by and";

fn said(tokens: &[Token], at: usize) -> Said {
    let words: Vec<_> = words_before(tokens, at).collect();
    let is = |at: usize, any: &str| words.get(at).is_some_and(|word| is_of(word, any));
    if words.iter().take(3).any(|word| is_of(word, OF_SUBSYSTEM))
        || is(0, SUBSYSTEM_ID)
        || is_vendor_id(tokens, at)
    {
        return Said::Others;
    }
    if is(0, "did dids deviceid deviceids") {
        return Said::DeviceIds;
    }
    if is(0, ID) {
        let is_first = words.len() == 1;
        return if is_first || is(1, OF_DEVICE) {
            Said::DeviceIds
        } else {
            Said::Others
        };
    }
    if is(0, "device devices") || kinds::ends_before(tokens, at) {
        return Said::Devices;
    }
    Said::Nothing
}

/// Whether a number of doubtful meaning is the end of a phrase, or is followed by a word that does
/// not make it a count or a model name: "8031 do not", but not "8031 requests".
fn stands_alone(next: Option<&Token>) -> bool {
    const AFTER: &str = "\
        and or to through thru as do does are is have has had cannot can may must will shall \
        never which that in of with on at by from for send sends leave reach forward forwards pass \
        passes isolate isolates keep keeps redirect redirects route routes block blocks";
    match next {
        Some(Token::Dash { glued }) => !glued,
        Some(Token::Other) => false,
        Some(word @ Token::Word(_)) => word.is_of(AFTER),
        _ => true,
    }
}

/// Reads one list.
fn items(
    tokens: &[Token],
    list: &Range<usize>,
    marks: &[Mark],
    default: Option<u16>,
    reading: &mut Reading,
) {
    let said = said(tokens, list.start);
    let is_way = is_way(tokens, list.start);
    // The item before: its position, its device id and vendor if it is one, and whether it ends a
    // range.
    let mut previous: Option<(usize, u16, Option<u16>, bool)> = None;
    for at in list.clone() {
        let Token::Id { form, device } = tokens[at] else {
            continue;
        };
        let joins = previous.map_or(&[][..], |(before, ..)| &tokens[before + 1..at]);
        let ranges = is_range_join(joins);
        let glued = joins == [Token::Dash { glued: true }] || joins == [Token::Dots];
        let goes_on = previous.and_then(|(_, _, vendor, _)| vendor);
        let alone = stands_alone(tokens.get(at + 1));
        let inherited = goes_on.or_else(|| {
            let head = previous.is_none();
            let is_cued = match form {
                Form::Named => true,
                Form::Marked | Form::Mixed => matches!(said, Said::DeviceIds | Said::Devices),
                _ => said == Said::DeviceIds,
            };
            default.filter(|_| head && is_cued)
        });
        let is_year = (0x1900..0x2100).contains(&device);
        let vendor = match form {
            _ if said == Said::Others => None,
            Form::Whole(vendor) => Some(vendor),
            Form::Named => inherited.or(default),
            Form::Marked | Form::Mixed => inherited,
            // An explicit device id that is joined to another id is not a count or a word.
            Form::Decimal if said == Said::DeviceIds => {
                inherited.filter(|_| previous.is_none() || glued || alone)
            }
            Form::Letters if said == Said::DeviceIds => inherited,
            Form::Decimal => inherited.filter(|_| glued || alone && !is_year),
            Form::Letters => inherited.filter(|_| glued),
        };
        let beside = match form {
            Form::Whole(vendor) => Some(vendor),
            _ => None,
        };
        if said != Said::Others {
            let mention = (vendor.or(beside).or(goes_on), device, device);
            reading.mentioned.push(mention);
        }
        let mut ends = false;
        if let Some(by) = marks[at] {
            let of_range = previous.filter(|_| ranges).map_or(device, |one| one.1);
            reading.excepted.push(Excepted {
                vendor: beside.or(goes_on.filter(|_| ranges)),
                first: device.min(of_range),
                last: device.max(of_range),
                by,
            });
        } else if let Some(vendor) = vendor {
            let by_word = joins.iter().any(|join| join.word().is_some());
            let before = previous.filter(|_| ranges && !(by_word && is_way));
            let is_range = before.is_some_and(|(before, first, of, ended)| {
                !ended && of == Some(vendor) && first < device && marks[before].is_none()
            });
            if let (true, Some(one)) = (is_range, reading.named.last_mut()) {
                one.last = device;
                ends = true;
                reading.mentioned.pop();
                if let Some((.., last)) = reading.mentioned.last_mut() {
                    *last = device;
                }
            } else if before.is_some_and(|(_, _, _, ended)| ended) {
                // 0a10-0a12-0a14 is ambiguous.
                reading.named.pop();
                ends = true;
            } else {
                reading.named.push(Named {
                    vendor,
                    first: device,
                    last: device,
                });
            }
        }
        previous = Some((at, device, vendor, ends));
    }
}

/// Whether the words before a list describe a path between its two ids: "requests from 0a10 to
/// 0a12" names no range.
fn is_way(tokens: &[Token], at: usize) -> bool {
    const GOES: &str = "\
        request requests write writes read reads completion completions dma traffic packet \
        packets tlp tlps transaction transactions access accesses message messages transfer \
        transfers data sent send sends go goes going path paths flow flows come comes coming \
        made issued routed forwarded originate originating";
    const SOURCE: &str = "from of by between";
    let mut has_source = false;
    for (count, token) in tokens[..at].iter().rev().take(8).enumerate() {
        if token.is_of(SOURCE) {
            has_source = true;
        } else if !is_filler(token) {
            return (has_source || count == 0) && token.is_of(GOES);
        }
    }
    false
}

/// Whether a token may be between words of exception and the excepted id.
fn is_filler(token: &Token) -> bool {
    const FILLERS: &str = "\
        a an the for to of on in apply applies cover covers include includes hold holds concern \
        concerns extend extends mean means device devices function functions port ports endpoint \
        endpoints adapter adapters controller controllers id ids with those these that pci pcie \
        vendor is are than any all either valid true root guaranteed intended meant stated given \
        made isolated covered included supported separated";
    matches!(token, Token::Colon | Token::Open | Token::Item) || token.is_of(FILLERS)
}

/// Words that except everything after them in the sentence.
const FROM_HERE: &str = "except|excepts|excepting|exception|exceptions|exclude|excludes|excluding|\
    excl|exempt|exempts|exempting|unlike|unless|omit|omits|omitting|barring|skip|skipping|but not|\
    but no|not including|other than|apart from|aside from|save for|different from|leaving out|\
    leaves out|no statement|no claim|no guarantee|not claim|not guarantee|not state|not say|not vouch|\
    cannot claim|cannot guarantee|cannot state|cannot say|cannot vouch|dont claim|dont guarantee|cant say|no such claim|\
    in contrast to|as opposed to|contrary to|nor is|nor are|nor does|nor do";

/// Words that except what directly follows them. "No" is not one: "no function of 10de:0a01 sends".
const DIRECTLY: &str = "\
    not without but minus save excluded excepted exempted omitted rather instead isnt arent \
    doesnt wont";

/// Words that except what precedes them.
const BEHIND: &str = "excluded excepted exempt exempted omitted aside exclusive reserved left";

/// Words that except what precedes them if "not" is before them.
const NOT_BEHIND: &str = "\
    covered included isolated part meant among separated safe concerned claimed supported in \
    qualify count belong apply so used hold holds keep keeps however";

/// Words that may be between ids and such words.
const BETWEEN: &str = "\
    is are was were being be been has have had must shall should will may can remain remains stay \
    stays do does also still therefore thus however both all";

/// For each token of a sentence, the words that except it, if any.
fn exceptions(tokens: &[Token], lists: &[Range<usize>]) -> Vec<Mark> {
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
    for (number, list) in lists.iter().enumerate() {
        let is_denied = denial.is_some() && before.is_none_or(|before| before == number);
        let by = behind(tokens, list.end).or(is_denied.then_some(DENIAL));
        if let Some(by) = by {
            for mark in &mut marks[list.clone()] {
                *mark = mark.or(Some(by));
            }
        }
    }
    marks
}

/// How a denial is told.
const DENIAL: &str = "not isolated, or faulty";

/// Where a sentence says that something is not isolated, or faulty, whatever it is.
fn denial(tokens: &[Token]) -> Option<usize> {
    const NOT: &str = "not isnt arent wasnt werent cannot never no non lacks lack";
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
        is_joint || is_adverb || token.is_of(BETWEEN)
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
    let is_no_claim = |at: usize| {
        let next = tokens.get(at + 1);
        let is_behind = !tokens[at..].iter().any(is_id);
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
    let mut is_not = false;
    for token in tokens[end..].iter().take(8) {
        if let Some(by) = BEHIND.split(' ').find(|word| token.is_of(word)) {
            return Some(by);
        }
        if is_not && token.is_of(NOT_BEHIND) {
            return Some("not");
        }
        // "10de:0a01 is not.", "10de:0a01 does not, however, ..."
        if *token == Token::Comma {
            if is_not {
                return Some("not");
            }
            continue;
        }
        let denies = token.is_of("not isnt arent wasnt werent doesnt dont wont cant cannot");
        let is_adverb = token.word().is_some_and(|word| word.ends_with("ly"));
        let is_bracket = matches!(token, Token::Open | Token::Close);
        if !(denies || is_adverb || is_bracket || token.is_of(BETWEEN)) {
            return None;
        }
        is_not |= denies;
    }
    let is_at_end = tokens.len() - end < 8;
    (is_not && is_at_end).then_some("not")
}
