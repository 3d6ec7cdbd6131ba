// SPDX-License-Identifier: GPL-2.0-only

//! Finds the kinds of function that a statement names, by the nouns next to its ids.

use std::ops::Range;

use rules::entry::Kind;

use super::{except::Mark, read::Named, token::Token};

/// The meaning of a noun for a function.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Noun {
    /// A noun for one kind.
    Of(Kind),
    /// A noun for any function, such as "function". Without a more specific noun it means an
    /// endpoint.
    Any,
}

/// The largest distance in tokens between a noun and the ids after it.
const NEAR: usize = 64;

/// The words for a kind, used in messages.
pub(super) const fn words(kind: Kind) -> &'static str {
    match kind {
        Kind::MfEndpoint => {
            "\"endpoints\" or, if it speaks of no ports, \"functions\", \"adapters\", \"controllers\" or \"NICs\""
        }
        Kind::RootPort => "\"root ports\"",
        Kind::DownstreamPort => "\"downstream ports\"",
        Kind::RcEndpoint => "\"root complex integrated endpoints\" or \"RCiEPs\"",
    }
}

/// The noun that ends at `end`, with its start. `root-port` is the same as `root port`.
fn noun(tokens: &[Token], end: usize) -> Option<(Noun, usize)> {
    let last = end.checked_sub(1)?;
    let before = |at: usize, words: &str| {
        let mut at = at.checked_sub(1)?;
        if matches!(tokens[at], Token::Dash { .. }) {
            at = at.checked_sub(1)?;
        }
        tokens[at].is_of(words).then_some(at)
    };
    match tokens[last].word()? {
        "function" | "functions" | "multifunction" | "adapter" | "adapters" | "controller"
        | "controllers" | "nic" | "nics" | "hba" | "hbas" | "cna" | "cnas" | "card" | "cards"
        | "accelerator" | "accelerators" => Some((Noun::Any, last)),
        "rciep" | "rcieps" => Some((Noun::Of(Kind::RcEndpoint), last)),
        "endpoint" | "endpoints" => {
            let Some(at) = before(last, "integrated") else {
                return Some((Noun::Of(Kind::MfEndpoint), last));
            };
            let complex = before(at, "complex").and_then(|at| before(at, "root"));
            Some((Noun::Of(Kind::RcEndpoint), complex.unwrap_or(at)))
        }
        "port" | "ports" => {
            let of_switch = || before(last, "switch").and_then(|at| before(at, "downstream"));
            if let Some(at) = before(last, "downstream").or_else(of_switch) {
                return Some((Noun::Of(Kind::DownstreamPort), at));
            }
            before(last, "root").map(|at| (Noun::Of(Kind::RootPort), at))
        }
        // In "root and downstream ports", "root" is a noun of its own.
        "root" => {
            let mut after = tokens[end..].iter().take(5);
            let is_join = |token: &Token| {
                matches!(token, Token::Item | Token::Comma) || token.is_of("and or")
            };
            let is_half = after.next().is_some_and(is_join)
                && after.next().is_some_and(|next| next.is_of("downstream"))
                && after.any(|next| next.is_of("port ports"));
            is_half.then_some((Noun::Of(Kind::RootPort), last))
        }
        _ => None,
    }
}

/// Whether a noun ends directly before `at`; an opening bracket may be between.
pub(super) fn ends_before(tokens: &[Token], at: usize) -> bool {
    let is_open = at > 0 && tokens[at - 1] == Token::Open;
    noun(tokens, at - usize::from(is_open)).is_some()
}

/// Whether a word is a noun for a function, or the last word of one.
pub(super) fn is_noun(token: &Token) -> bool {
    token.is_of("port") || is_plural(token) || noun(std::slice::from_ref(token), 1).is_some()
}

/// Whether a word is the plural of a noun.
pub(super) fn is_plural(token: &Token) -> bool {
    const PLURALS: &str = "functions adapters controllers nics hbas cnas cards accelerators \
        endpoints rcieps ports";
    token.is_of(PLURALS)
}

/// Words before a noun that belong to it.
const OPEN: &str =
    "the a an any all its their our this that these those same pci pcie express switch";

/// Words for a place before the noun that they are about.
const PLACE: &str = "\
    at below behind above beneath under underneath beside beyond after via past on onto in inside within";

/// Words for a source, a target, a company or a part before the noun that they are about.
const BESIDE: &str = "\
    through into toward towards whose reach reaches from by between with for like than";

/// Words that end the phrase of a noun: verbs, and words that begin another phrase.
const ENDS: &str = "\
    is are was were be been have has had do does did can cannot may must shall will and or but nor \
    not non none that which who where when while if as of in to respect without";

fn ends_phrase(token: &Token) -> bool {
    token.is_of(PLACE) || token.is_of(BESIDE) || token.is_of(ENDS) || is_plural(token)
}

/// Whether a noun that starts at `begin` is a subject of the sentence. A denied noun is not. A noun
/// for a place, a source or a target is not either. Directly at ids, the last two are, but not a
/// place: "devices below the root ports 10de:1000" may be about the devices.
fn counts(tokens: &[Token], begin: usize, marks: &[Mark], is_at_ids: bool) -> bool {
    const DENIED: &str = "not nor without non none";
    const APPLIES: &str = "apply applies applicable extends respect";
    const JOINED: &str = "attached connected linked plugged wired";
    const PART: &str = "slot slots bus buses connector connectors child children";
    const SOME: &str = "any one each all some both many most either";
    if marks[begin].is_some() {
        return false;
    }
    // "below our latest root ports", "below one of the root ports"
    let is_open = |at: usize| {
        let is_part = tokens[at].is_of("of") && at > 0 && tokens[at - 1].is_of(SOME);
        let is_word = matches!(tokens[at], Token::Word(_) | Token::Dash { .. });
        is_part || is_word && (tokens[at].is_of(OPEN) || !ends_phrase(&tokens[at]))
    };
    let Some(at) = (0..begin).rev().take(6).find(|&at| !is_open(at)) else {
        return true;
    };
    let (word, previous) = (&tokens[at], at.checked_sub(1).map(|at| &tokens[at]));
    let follows = |words: &str| previous.is_some_and(|token| token.is_of(words));
    let is_place = word.is_of(PLACE) && !follows("from to")
        || word.is_of("to into with") && follows(JOINED)
        || word.is_of("of") && follows(PART);
    let is_target =
        word.is_of("to") && !follows(APPLIES) || word.is_of(PLACE) || word.is_of(BESIDE);
    !word.is_of(DENIED) && !is_place && (is_at_ids || !is_target)
}

/// Whether a token may be between a noun and its ids, as in "functions with the PCI device ids". Behind
/// "of", it may also be a name.
fn is_link(token: &Token, is_of: bool) -> bool {
    const LINKS: &str = "\
        of with whose have has having device devices id ids did dids deviceid deviceids vendor \
        hardware new following";
    match token {
        Token::Word(word) => {
            let has_digit = word.bytes().any(|byte| byte.is_ascii_digit());
            let is_name = (is_of || has_digit) && !ends_phrase(token);
            is_name || token.is_of(OPEN) || token.is_of(LINKS)
        }
        Token::Comma | Token::Stop | Token::Other => false,
        _ => true,
    }
}

/// The nouns before a list of ids: the noun next to the list, and the nouns that "and" or a comma joins to it.
/// `None` if the ids may be of something else.
fn before(tokens: &[Token], list: &Range<usize>, marks: &[Mark]) -> Option<Vec<Noun>> {
    let start = list.start;
    // "The functions of the X9, 10de:0a01, do"
    let is_between = tokens.get(list.end) == Some(&Token::Comma);
    let is_near = |&end: &usize| {
        let is_of = tokens[end..start]
            .first()
            .is_some_and(|token| token.is_of("of"));
        (end..start).all(|at| match &tokens[at] {
            Token::Comma => is_between && at + 1 == start,
            other => is_link(other, is_of),
        })
    };
    let mut ends = (start.saturating_sub(NEAR)..=start).rev();
    let nearest = ends.find(|&end| noun(tokens, end).is_some());
    let Some(mut end) = nearest.filter(is_near) else {
        return Some(Vec::new());
    };
    let mut nouns: Vec<Noun> = Vec::new();
    let mut is_joined = false;
    while let Some((found, begin)) = noun(tokens, end) {
        if counts(tokens, begin, marks, nouns.is_empty()) {
            // In "the root ports and the functions 10de:0a01", the ids may be of either.
            let is_other = |other: &Noun| *other != found && [*other, found].contains(&Noun::Any);
            if is_joined && nouns.iter().any(is_other) {
                return None;
            }
            nouns.push(found);
        } else if nouns.is_empty() {
            return None;
        }
        let is_join = |token: &&Token| {
            token.is_of("and or the all") || matches!(token, Token::Comma | Token::Item)
        };
        let joins = tokens[..begin].iter().rev().take_while(is_join).count();
        is_joined = joins > 0;
        end = begin - joins;
    }
    Some(nouns)
}

/// The noun of the ids that end at `end`, behind them, and whether a verb says so: "10de:0a01
/// functions", "10de:0a01 are multi-function adapters".
fn behind(tokens: &[Token], end: usize, marks: &[Mark]) -> Option<(Noun, bool)> {
    let is_open = |token: &&Token| {
        token.is_of(OPEN) || matches!(token, Token::Close | Token::Colon | Token::Dash { .. })
    };
    let is_phrase = |token: &&Token| {
        let word = token.word();
        is_open(token)
            || is_plural(token)
            || word.is_some_and(|word| !ends_phrase(token) && !word.ends_with("ing"))
    };
    let start = end + tokens[end..].iter().take_while(is_open).count();
    let says = tokens.get(start).is_some_and(|token| token.is_of("is are"));
    let start = start + usize::from(says);
    let reach = tokens[start..].iter().take(5).take_while(is_phrase).count();
    let mut nouns = (start..start + reach).filter_map(|at| noun(tokens, at + 1));
    let (found, _) = nouns.find(|&(_, begin)| {
        marks[begin].is_none() && if says { begin >= start } else { begin == start }
    })?;
    Some((found, says))
}

/// The kinds found so far.
#[derive(Default)]
pub(super) struct Said {
    /// The kinds of the named ids.
    kinds: Vec<(Named, Kind)>,
    /// The ids that are named without a noun.
    bare: Vec<Named>,
    /// Whether any noun may mean an endpoint.
    any: bool,
    /// Whether any noun means a port or an integrated endpoint, or ids may be of something else.
    others: bool,
}

impl Said {
    /// Reads the nouns of a list that names these ids: the one before it with the nouns joined to
    /// that, and one after it that says what the ids are. A list without any has those of the list
    /// that it is joined to, `joined`. Returns the kinds of the list.
    pub(super) fn of_list(
        &mut self,
        tokens: &[Token],
        list: &Range<usize>,
        marks: &[Mark],
        joined: Vec<Kind>,
        named: &[Named],
    ) -> Vec<Kind> {
        let Some(mut nouns) = before(tokens, list, marks) else {
            self.others |= !named.is_empty();
            return Vec::new();
        };
        let behind = behind(tokens, list.end, marks);
        let more = behind.filter(|&(_, says)| says || nouns.is_empty());
        nouns.extend(more.map(|(noun, _)| noun));
        let of = nouns.iter().filter_map(|noun| match noun {
            Noun::Of(kind) => Some(*kind),
            Noun::Any => None,
        });
        let mut of: Vec<_> = of.collect();
        if of.is_empty() && nouns.is_empty() {
            of = joined;
        } else if of.is_empty() {
            of.push(Kind::MfEndpoint);
        }
        if of.is_empty() {
            self.bare.extend_from_slice(named);
        }
        let each = named
            .iter()
            .flat_map(|one| of.iter().map(|kind| (one.clone(), *kind)));
        self.kinds.extend(each);
        of
    }

    /// Reads all nouns of a sentence.
    pub(super) fn anywhere(&mut self, tokens: &[Token], marks: &[Mark]) {
        for (found, begin) in (1..=tokens.len()).filter_map(|end| noun(tokens, end)) {
            let is_subject = counts(tokens, begin, marks, false);
            match found {
                // "Devices 10de:0a01 have no path between functions" says what they have.
                Noun::Any | Noun::Of(Kind::MfEndpoint) => {
                    self.any |= is_subject || counts(tokens, begin, marks, true);
                }
                Noun::Of(_) => self.others |= is_subject,
            }
        }
    }

    /// The stated kinds. Ids without a noun are endpoints if every noun means one.
    pub(super) fn kinds(mut self) -> Vec<(Named, Kind)> {
        if self.any && !self.others {
            let bare = self.bare.into_iter();
            self.kinds.extend(bare.map(|one| (one, Kind::MfEndpoint)));
        }
        self.kinds
    }
}
