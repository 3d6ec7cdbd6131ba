// SPDX-License-Identifier: GPL-2.0-only

//! Finds the kinds of function that a statement names, by the nouns next to its ids.

use std::ops::Range;

use rules::entry::Kind;

use super::{read::Mark, token::Token};

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
            "\"endpoints\"; or \"functions\", \"adapters\", \"controllers\", \"NICs\", where it \
             speaks of no ports"
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
        "function" | "functions" | "adapter" | "adapters" | "controller" | "controllers"
        | "nic" | "nics" | "hba" | "hbas" | "cna" | "cnas" | "card" | "cards" | "accelerator"
        | "accelerators" => Some((Noun::Any, last)),
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

/// Whether a word is the plural of a noun.
pub(super) fn is_plural(token: &Token) -> bool {
    const PLURALS: &str = "functions adapters controllers nics hbas cnas cards accelerators \
        endpoints rcieps ports";
    token.is_of(PLURALS)
}

/// Whether a noun that starts at `begin` is a subject of the sentence. A denied noun is not. A noun
/// for the source or target of a request is not either, unless it is directly at ids.
fn counts(tokens: &[Token], begin: usize, marks: &[Mark], is_at_ids: bool) -> bool {
    const OPEN: &str = "the a an any its their this that same pci pcie express switch";
    const DENIED: &str = "not nor without non";
    const AWAY: &str = "\
        at below behind above toward towards under beneath via through into past beyond whose \
        reach reaches from by between";
    const APPLIES: &str = "apply applies applicable extends respect";
    let mut before = tokens[..begin].iter().rev();
    let is_open = |token: &&Token| token.is_of(OPEN) || matches!(token, Token::Dash { .. });
    let Some(word) = before.find(|token| !is_open(token)) else {
        return marks[begin].is_none();
    };
    let is_target = word.is_of("to") && !before.next().is_some_and(|token| token.is_of(APPLIES));
    marks[begin].is_none() && !word.is_of(DENIED) && (is_at_ids || !word.is_of(AWAY) && !is_target)
}

/// The kinds found so far.
#[derive(Default)]
pub(super) struct Said {
    /// The kinds of the named ids.
    kinds: Vec<Kind>,
    /// Whether the statement names ids without a noun.
    bare: bool,
    /// Whether any noun may mean an endpoint.
    any: bool,
    /// Whether any noun means a port or an integrated endpoint.
    others: bool,
}

impl Said {
    /// Reads the nouns of a list of ids: the nearest one before it with the nouns joined to that,
    /// and one after it that says what the ids are.
    pub(super) fn of_list(&mut self, tokens: &[Token], list: &Range<usize>, marks: &[Mark]) {
        let mut nouns = Vec::new();
        let mut end = list.start;
        let furthest = end.saturating_sub(NEAR);
        let is_at_ids = ends_before(tokens, end);
        while end > furthest {
            let Some((found, begin)) = noun(tokens, end) else {
                let joins = tokens[end - 1].is_of("and or the all")
                    || matches!(tokens[end - 1], Token::Comma | Token::Item);
                if !nouns.is_empty() && !joins {
                    break;
                }
                end -= 1;
                continue;
            };
            if counts(tokens, begin, marks, is_at_ids && nouns.is_empty()) {
                nouns.push(found);
            }
            end = begin;
        }
        let rest = tokens[list.end..].iter().take(6);
        let reach = rest.take_while(|&token| *token != Token::Comma).count();
        let behind = list.end..list.end + reach;
        let says = tokens[behind.clone()]
            .iter()
            .any(|token| token.is_of("is are"));
        if says || nouns.is_empty() {
            let found = behind.filter_map(|at| noun(tokens, at + 1));
            let found = found
                .filter(|&(_, begin)| begin >= list.end && counts(tokens, begin, marks, false));
            nouns.extend(found.map(|(found, _)| found));
        }
        let of = nouns.iter().filter_map(|noun| match noun {
            Noun::Of(kind) => Some(*kind),
            Noun::Any => None,
        });
        let of: Vec<_> = of.collect();
        if !of.is_empty() {
            self.kinds.extend(of);
        } else if nouns.is_empty() {
            self.bare = true;
        } else {
            self.kinds.push(Kind::MfEndpoint);
        }
    }

    /// Reads all nouns of a sentence.
    pub(super) fn anywhere(&mut self, tokens: &[Token], marks: &[Mark]) {
        let nouns = (1..=tokens.len()).filter_map(|end| noun(tokens, end));
        for (found, _) in nouns.filter(|&(_, begin)| counts(tokens, begin, marks, false)) {
            match found {
                Noun::Any | Noun::Of(Kind::MfEndpoint) => self.any = true,
                Noun::Of(_) => self.others = true,
            }
        }
    }

    /// The stated kinds. Ids without a noun are endpoints if every noun means one.
    pub(super) fn kinds(mut self) -> Vec<Kind> {
        if self.bare && self.any && !self.others {
            self.kinds.push(Kind::MfEndpoint);
        }
        self.kinds
    }
}
