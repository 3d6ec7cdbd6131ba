// SPDX-License-Identifier: GPL-2.0-only

//! Reads the ids in a statement: which it names, alone or as a range, and which it excepts.
//!
//! Doubt never widens a claim: a token that may be something other than an id is not named, and an
//! id that may be excepted is.

use std::ops::Range;

use rules::entry::Kind;

use super::{
    except::{DENIAL, Mark, are_joined, denial, exceptions, is_filler},
    grammar::{self, Plain},
    kinds, limited, plain,
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

/// A possible id or range of ids: its vendor if it is written there, its first and its last.
pub(super) type Mention = (Option<u16>, u16, u16);

/// What a sentence is about that has no id.
const EACH: Mention = (None, u16::MIN, u16::MAX);

/// The result of reading a statement.
#[derive(PartialEq, Eq, Debug, Default)]
pub(super) struct Reading {
    pub(super) named: Vec<Named>,
    pub(super) excepted: Vec<Excepted>,
    /// Every possible id or range, named or not.
    pub(super) mentioned: Vec<Mention>,
    /// Whether any sentence says plainly that functions are isolated.
    pub(super) speaks: bool,
    /// The possible ids and ranges that are not spoken of plainly, with the words.
    pub(super) unclear: Vec<(Mention, String)>,
    /// The kinds of function that the statement says named ids to be.
    pub(super) kinds: Vec<(Named, Kind)>,
    /// The ids and ranges for which the statement names a part of the functions only, by a limit that a claim can have, and
    /// the word that says so.
    pub(super) of_parts: Vec<(Mention, Part, String)>,
}

impl Reading {
    /// What it excepts, and what it may except.
    pub(super) fn taken_out(&self) -> impl Iterator<Item = Mention> {
        let excepted = self
            .excepted
            .iter()
            .map(|one| (one.vendor, one.first, one.last));
        excepted.chain(
            self.unclear
                .iter()
                .map(|(one, _)| *one)
                .filter(|one| *one != EACH),
        )
    }
}

/// Reads the statement of an entry for devices of these vendors. Costs O(n) in its length.
pub(super) fn read(text: &str, speaker: &str, vendors: &[u16], is_conditional: bool) -> Reading {
    let organisation = speaker.rsplit(',').next().unwrap_or_default();
    let mut sentences = sentences(text);
    for sentence in &mut sentences {
        remove_names(sentence, organisation);
    }
    let vendor = vendor(&sentences, vendors);
    let mut reading = Reading::default();
    let mut said = kinds::Said::default();
    for tokens in &sentences {
        let mut of_lists = Vec::new();
        let lists = lists(tokens);
        let marks = exceptions(tokens, &lists);
        let says = grammar::compare(tokens, &lists);
        reading.speaks |= says != Plain::No;
        let doubts = match says {
            Plain::Whole => plain::Doubts::none(&lists),
            Plain::Begins | Plain::No => plain::doubts(tokens, &lists, &marks, is_conditional),
        };
        // "Revision A0 is not isolated" names no id, so it may be about each.
        if !tokens.iter().any(is_likely_id) {
            let (vendor, first, last) = EACH;
            let excepted = denial(tokens).map(|_| Excepted {
                vendor,
                first,
                last,
                by: DENIAL,
            });
            reading.excepted.extend(excepted);
            let doubt = doubts.any.map(|words| (EACH, words));
            reading.unclear.extend(doubt);
        }
        let mut of_list = Vec::new();
        for ((number, list), doubt) in lists.iter().enumerate().zip(doubts.of_lists) {
            let (named, mentioned) = (reading.named.len(), reading.mentioned.len());
            items(tokens, list, &marks, vendor, &mut reading);
            of_lists.push(mentioned..reading.mentioned.len());
            let own = reading.named[named..].iter();
            let own: Vec<_> = own
                .filter(|one| vendors.contains(&one.vendor))
                .cloned()
                .collect();
            if number > 0 && !are_joined(tokens, &lists, number) {
                of_list.clear();
            }
            of_list = said.of_list(tokens, list, &marks, of_list, &own);
            if let Some(words) = doubt.filter(|_| marks[list.start].is_none()) {
                let mentions = reading.mentioned[mentioned..].iter();
                let unclear = mentions.map(|one| (*one, words.clone()));
                reading.unclear.extend(unclear);
            }
        }
        said.anywhere(tokens, &marks);
        for (at, part, word) in parts(tokens) {
            // It belongs to the ids before it, or else to those behind it.
            let mentions = match lists.iter().rposition(|list| list.end <= at) {
                _ if !tokens.iter().any(is_likely_id) => &[EACH],
                nearest => &reading.mentioned[Range::clone(&of_lists[nearest.unwrap_or(0)])],
            };
            let of_parts = mentions.iter().map(|one| (*one, part, word.clone()));
            reading.of_parts.extend(of_parts);
        }
    }
    reading.kinds = said.kinds();
    // Each is compared with each.
    reading.named.sort_unstable();
    reading.named.dedup();
    reading.mentioned.sort_unstable();
    reading.mentioned.dedup();
    reading
}

/// Removes the name of the organisation that speaks, and puts "we" in its place at the start of a sentence. It may speak "from
/// an address of the company", so only words with a capital are names. A denial is never one.
fn remove_names(tokens: &mut Vec<Token>, organisation: &str) {
    let names = organisation.split_whitespace();
    let names = names.filter(|name| name.starts_with(char::is_uppercase));
    let names: Vec<_> = names.map(str::to_lowercase).collect();
    let is_name = |token: &Token| {
        let word = token.word().filter(|word| !is_of(word, plain::DENIES));
        let word = word.map(str::to_lowercase);
        // Apostrophes are left out: "Acme's".
        word.is_some_and(|word| {
            names.contains(&word)
                || word
                    .strip_suffix('s')
                    .is_some_and(|word| names.iter().any(|name| name == word))
        })
    };
    let is_described = |token: &Token| kinds::is_noun(token) || token.is_of("device devices");
    match &tokens[..] {
        [first, second, ..] if is_name(first) && !is_id(second) && !is_described(second) => {
            tokens[0] = Token::Word("we".to_owned());
        }
        _ => {}
    }
    tokens.retain(|token| !is_name(token));
}

/// A limit of a claim that leaves a part of the functions with an id.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Part {
    /// Some revisions.
    Revisions,
    /// Some subsystems.
    Subsystems,
    /// A class.
    Class,
}

impl Part {
    /// Each with the words for it.
    const WORDS: [(Self, &str); 3] = [
        (
            Self::Revisions,
            "revision revisions rev revs stepping steppings version versions silicon",
        ),
        (
            Self::Subsystems,
            "subsystem subsystems subvendor subvendors",
        ),
        (Self::Class, "class classes"),
    ];
}

/// The first word for each limit by which a sentence speaks of some functions and not of all, and its place. "All
/// revisions" speaks of all, and so does "the silicon" without a name.
fn parts(tokens: &[Token]) -> impl Iterator<Item = (usize, Part, String)> + '_ {
    const FREE: &str = "whichever regardless independent";
    let is_it = |at: usize, words: &str| {
        let before = &tokens[at.saturating_sub(5)..at];
        let is_named = before
            .last()
            .and_then(Token::word)
            .is_some_and(|word| word.bytes().any(|byte| byte.is_ascii_digit()));
        tokens[at].is_of(words)
            && (!tokens[at].is_of("silicon") || is_named)
            && !limited::is_all(before)
            && !before.iter().any(|token| token.is_of(FREE))
    };
    Part::WORDS.iter().filter_map(move |(part, words)| {
        let at = (0..tokens.len()).find(|&at| is_it(at, words))?;
        tokens[at].word().map(|word| (at, *part, word.to_owned()))
    })
}

/// Whether the tokens between two ids make them a range.
pub(super) fn is_range_join(joins: &[Token]) -> bool {
    match joins {
        [Token::Dash { .. } | Token::Dots] => true,
        [up, to] => up.is_of("up") && to.is_of("to"),
        [join] => join.is_of("to through thru"),
        _ => false,
    }
}

pub(super) fn is_join(token: &Token) -> bool {
    matches!(
        token,
        Token::Comma | Token::Item | Token::Dots | Token::Dash { .. }
    ) || token.is_of("and or nor as well to through thru up both")
}

pub(super) const fn is_id(token: &Token) -> bool {
    matches!(token, Token::Id { .. })
}

/// Whether a token is an id rather than a word or a year.
const fn is_likely_id(token: &Token) -> bool {
    match token {
        Token::Id { form, device } => match form {
            Form::Letters => false,
            Form::Decimal => !is_year(*device),
            _ => true,
        },
        _ => false,
    }
}

/// Whether the digits of an id may be a year.
const fn is_year(device: u16) -> bool {
    0x1900 <= device && device < 0x2100
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
    let way = way(tokens, list.start);
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
                Form::Marked | Form::Mixed => matches!(said, Said::DeviceIds | Said::Devices),
                _ => said == Said::DeviceIds,
            };
            default.filter(|_| head && is_cued)
        });
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
            Form::Decimal => inherited.filter(|_| glued || alone && !is_year(device)),
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
            // "Between 0a01 and 0a10 to 0a12" has its two ends before the range.
            let is_between =
                way == Some("between") && previous.is_some_and(|(before, ..)| before > list.start);
            let is_way = way.is_some() && !is_between;
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

/// Words for what goes from a function to another one, and how.
pub(super) const GOES: &str = "\
    request requests write writes read reads completion completions dma traffic packet packets tlp \
    tlps transaction transactions access accesses message messages transfer transfers data sent send \
    sends go goes going path paths flow flows come comes coming made issued routed forwarded originate \
    originating";

/// The word by which the words before a list describe a path between its two ids, if they do: "requests from 0a10 to 0a12"
/// names no range.
fn way(tokens: &[Token], at: usize) -> Option<&'static str> {
    const SOURCE: [&str; 4] = ["from", "of", "by", "between"];
    let mut source = None;
    for (count, token) in tokens[..at].iter().rev().take(8).enumerate() {
        let found = SOURCE.into_iter().find(|word| token.is_of(word));
        source = source.or(found);
        if found.is_none() && !is_filler(token) {
            return source
                .or((count == 0).then_some(""))
                .filter(|_| token.is_of(GOES));
        }
    }
    None
}
