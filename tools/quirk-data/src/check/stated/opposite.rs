// SPDX-License-Identifier: GPL-2.0-only

//! Finds words of isolation in sentences that say the opposite, or something else: "do not redirect", "reach each other
//! below the upstream port", "isolated from the host", "prevent isolation".

use super::{
    plain::{APART, DENIES, SEPARATES, ends_clause, reaches},
    token::Token,
};

/// Those that functions are isolated from.
const OTHERS: &str = "other others another themselves peer peers sibling siblings";

/// How many tokens of a clause are read.
const CLAUSE: usize = 24;

fn any(tokens: &[Token], words: &str) -> bool {
    tokens.iter().any(|token| token.is_of(words))
}

/// The clause behind a token.
pub(super) fn behind(tokens: &[Token], at: usize) -> &[Token] {
    let rest = tokens[at + 1..].iter().take(CLAUSE);
    let length = rest.take_while(|token| !ends_clause(token)).count();
    &tokens[at + 1..][..length]
}

/// The clause before a token.
fn before(tokens: &[Token], at: usize) -> &[Token] {
    let rest = tokens[..at].iter().rev().take(CLAUSE);
    let length = rest.take_while(|token| !ends_clause(token)).count();
    &tokens[at - length..at]
}

/// Whether a word before the one here denies it.
pub(super) fn is_denied(tokens: &[Token], at: usize) -> bool {
    any(before(tokens, at), DENIES)
}

/// Whether the denial here denies isolation, or that requests get to where they belong: "do not redirect requests", "by no
/// means isolated", "do not reach the IOMMU". "Do not depend on it for isolation" does not.
pub(super) fn denies_isolation(tokens: &[Token], at: usize) -> bool {
    const ISOLATION: &str = "\
        restriction restrictions restrict restricts restricted control controls controlled protection protect protects \
        protected";
    const NEXT: &str = "and but because so since as which that who";
    const NEEDS: &str = "depend depends rely relies";
    const PAST: &str = "without before unless until bypass bypasses past around except but";
    let behind = behind(tokens, at);
    let length = behind.iter().take_while(|token| !token.is_of(NEXT)).count();
    let part = &behind[..length];
    let is_isolation =
        |token: &Token| token.is_of(SEPARATES) || token.is_of(APART) || token.is_of(ISOLATION);
    let needs = any(&part[..length.min(2)], NEEDS);
    // "block no requests"
    let is_direct = before(tokens, at)
        .last()
        .is_some_and(|token| token.is_of(SEPARATES));
    let up = part
        .iter()
        .position(|token| token.is_of("upstream iommu complex"));
    let is_up =
        up.is_some_and(|up| !any(&part[..up], PAST) && !any(&part[..up], "other others another"));
    is_direct || !needs && part.iter().any(is_isolation) || is_up
}

/// Whether requests go up, as those of isolated functions: "are sent upstream", "pass through the IOMMU".
pub(super) fn goes_up(tokens: &[Token]) -> bool {
    const AVOIDS: &str = "instead before without rather bypass bypasses bypassing past around";
    const TO: &str = "to through via by toward towards into reach reaches";
    let is_up = |at: usize| {
        let before = before(tokens, at);
        let mut leads = before.iter().rev();
        let to = leads.find(|token| !token.is_of("the a an root"));
        let is_way = tokens[at].is_of("upstream")
            || tokens[at].is_of("iommu complex") && to.is_some_and(|to| to.is_of(TO));
        let goes = |token: &Token| {
            reaches(token) && !token.is_of("share shares") || token.is_of(SEPARATES)
        };
        is_way && before.iter().any(goes) && !any(before, AVOIDS)
    };
    (0..tokens.len()).any(is_up)
}

/// Whether the verb here says that functions reach each other, in a clause that denies nothing: "forward requests to each
/// other", "can access another function".
pub(super) fn says_reach(tokens: &[Token], at: usize) -> bool {
    let (before, behind) = (before(tokens, at), behind(tokens, at));
    let target = behind.iter().take(6).position(|token| token.is_of(OTHERS));
    let Some(target) = target.filter(|_| reaches(&tokens[at])) else {
        return false;
    };
    let mut clause = before.iter().chain(behind);
    let is_safe = clause.any(|token| token.is_of(DENIES) || token.is_of(SEPARATES));
    !is_safe && !goes_up(&tokens[at..=at + behind.len()][target..])
}

/// Whether the word of isolation here is about something else: "isolated from the host", "a separate statement".
pub(super) fn is_other(tokens: &[Token], at: usize) -> bool {
    let behind = behind(tokens, at);
    let from = behind.iter().take(8).position(|token| token.is_of("from"));
    let whom = from.map(|from| &behind[from + 1..]);
    let is_from_others = |whom: &[Token]| {
        whom.iter().take(6).any(|token| {
            token.is_of(OTHERS) || token.word().is_some_and(|word| word.ends_with("ing"))
        })
    };
    let next = behind.first();
    let is_aspect = next.is_some_and(|next| next.is_of("for on until before"));
    let is_thing = tokens[at].is_of("separate")
        && before(tokens, at)
            .last()
            .is_some_and(|token| token.is_of("a in by into"));
    let is_from_other = whom.is_some_and(|whom| !is_from_others(whom));
    tokens[at].is_of(SEPARATES) && (is_aspect || is_from_other) || is_thing
}

/// Whether the word here undoes the isolation behind it: "disables the isolation", "anything but isolated".
pub(super) fn undoes(tokens: &[Token], at: usize) -> bool {
    const UNDOES: &str = "\
        prevent prevents prevented defeat defeats defeated disable disables disabled disabling drop drops dropped lose loses lost \
        disprove disproves disproved circumvent circumvents anything";
    tokens[at].is_of(UNDOES)
        && behind(tokens, at)
            .iter()
            .take(4)
            .any(|token| token.is_of("isolation isolated separation"))
}

/// Whether the word here makes the sentence true in some state of the device only: "by default", "with loopback disabled",
/// "as long as". "In every mode" and "independent of any setting" do not.
pub(super) fn is_state(tokens: &[Token], at: usize) -> bool {
    const STATE: &str = "\
        default disabled enabled mode modes configuration configurations setting settings later";
    const ALL: &str = "all any every each both always whatever";
    let before = before(tokens, at);
    let last = &before[before.len().saturating_sub(3)..];
    let is_long = tokens[at].is_of("long") && last.last().is_some_and(|token| token.is_of("as"));
    let is_any = any(last, ALL) || any(before, "regardless independent irrespective");
    let is_space = tokens
        .get(at + 1)
        .is_some_and(|token| token.is_of("space register registers"));
    is_long || tokens[at].is_of(STATE) && !is_space && !is_any && !any(before, DENIES)
}

/// Whether the word here speaks of a part of the functions: "two of the functions", "the first three", "either of them or",
/// "the virtual functions".
pub(super) fn is_part(tokens: &[Token], at: usize) -> bool {
    const COUNT: &str = "one two three four five six seven last";
    const EACH: &str = "each every any no not behind below at in";
    let next = |words: &str| tokens.get(at + 1).is_some_and(|token| token.is_of(words));
    let is_each = before(tokens, at)
        .last()
        .is_some_and(|token| token.is_of(EACH));
    let is_count = tokens[at].is_of(COUNT) && next("of") && !is_each;
    let is_first = tokens[at].is_of("first last") && next(COUNT);
    let is_either = tokens[at].is_of("either")
        && any(behind(tokens, at), "or")
        && !is_denied(tokens, at)
        && !any(behind(tokens, at), DENIES);
    let is_virtual = tokens[at].is_of("virtual")
        && next("function functions")
        && !any(before(tokens, at), "physical their including and");
    is_count || is_first || is_either || is_virtual
}

/// Whether the word here names a way between functions, which is not denied: "they have a mailbox".
pub(super) fn names_way(tokens: &[Token], at: usize) -> bool {
    const WAYS: &str =
        "mailbox mailboxes crossbar crossbars loopback loopbacks copy copies connected";
    tokens[at].is_of(WAYS) && !is_denied(tokens, at)
}
