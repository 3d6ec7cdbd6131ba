// SPDX-License-Identifier: GPL-2.0-only

//! Finds words of isolation in sentences that say the opposite, or something else: "do not redirect", "reach each other
//! below the upstream port", "isolated from the host", "prevent isolation".

use super::{
    kinds,
    plain::{APART, DENIES, SEPARATES, reaches},
    read::is_id,
    token::{Token, clause_before as before, clause_behind as behind},
};

/// Those that functions are isolated from.
pub(super) const OTHERS: &str = "other others another themselves peer peers sibling siblings";

pub(super) fn any(tokens: &[Token], words: &str) -> bool {
    tokens.iter().any(|token| token.is_of(words))
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
    const NEXT: &str = "and but because so since as which that who while when whenever if";
    const NEEDS: &str = "depend depends rely relies";
    const TESTED: &str = "observed observe seen find found aware noticed noticed detect detected heard test tests tested";
    const OWN: &str = "below themselves own";
    const PAST: &str = "without before unless until bypass bypasses past around except but";
    let behind = behind(tokens, at);
    // "And" between ids ends nothing.
    let is_end = |at: &usize| {
        let is_joint =
            *at > 0 && is_id(&behind[at - 1]) && behind[at + 1..].iter().take(3).any(is_id);
        behind[*at].is_of(NEXT) && !is_joint
    };
    let length = (0..behind.len()).find(is_end).unwrap_or(behind.len());
    let part = &behind[..length];
    // "independent of its settings"
    let is_free = |at: usize| {
        let of = part.get(at + 1).is_some_and(|of| of.is_of("of"));
        part[at].is_of("independent") && of && !any(&part[at..], OTHERS)
    };
    let is_isolation = |at: usize| {
        let token = &part[at];
        (token.is_of(SEPARATES) || token.is_of(APART) || token.is_of(ISOLATION)) && !is_free(at)
    };
    let needs = any(&part[..length.min(2)], NEEDS);
    // "block no requests"
    let is_direct = before(tokens, at)
        .last()
        .is_some_and(|token| token.is_of(SEPARATES));
    let up = part
        .iter()
        .position(|token| token.is_of("upstream iommu complex"))
        .or_else(|| {
            part.windows(3)
                .position(|three| three[0].is_of("over via") && three[2].is_of("link"))
        });
    let is_up = up.is_some_and(|up| !any(&part[..up], PAST));
    let is_test = any(&part[..length.min(4)], TESTED);
    let is_own = any(part, OWN) && !any(part, "other another") && !validates(behind);
    is_direct || !needs && (0..length).any(is_isolation) || is_up || is_test || is_own
}

/// Whether what is denied is a requester ID that does not belong to its sender: "no request from below with a bus number that
/// does not belong below it". "Belongs" without a denial is the opposite.
pub(super) fn validates(behind: &[Token]) -> bool {
    const WRONG: &str = "outside invalid wrong foreign spoofed";
    const ID: &str = "requester bus buses id ids number numbers";
    let is_foreign = |at: usize| {
        behind[at].is_of("belong") && any(&behind[at.saturating_sub(2)..at], "not doesnt dont")
    };
    // The denial itself may be the one of "does not belong below it".
    let is_belonging = behind.first().is_some_and(|verb| verb.is_of("belong"));
    let is_wrong = any(behind, WRONG) || (0..behind.len()).any(is_foreign);
    is_belonging || is_wrong && any(behind, ID)
}

/// Whether the words here say what keeps the bits of a condition as they are: "nothing sets it afterwards", "only a reset
/// clears it", "it is never written".
pub(super) fn keeps(tokens: &[Token], at: usize) -> bool {
    const SETS: &str = "\
        set sets clear clears cleared change changes changed write writes written modify modifies modified";
    const AGAIN: &str = "again afterwards changed written modified";
    const KEEPERS: &str = "the a an reset resets power cycle cycling firmware bios reboot";
    let behind = behind(tokens, at);
    let Some(verb) = behind.iter().take(4).position(|token| token.is_of(SETS)) else {
        return false;
    };
    let object = match &behind[verb + 1..] {
        [the, object, ..] if the.is_of("the this that these") => Some(object),
        [object, ..] => Some(object),
        [] => None,
    };
    let before = before(tokens, at);
    let is_passive = verb == 0
        && before.last().is_some_and(|token| token.is_of("is are"))
        && any(before, "it they bit bits register registers");
    if any(behind, APART) || any(behind, SEPARATES) {
        return false;
    }
    let keeps = if tokens[at].is_of("only") {
        behind[..verb].iter().all(|token| token.is_of(KEEPERS))
    } else {
        tokens[at].is_of("nothing nobody no")
    };
    keeps && object.is_some_and(|object| object.is_of("it them bit bits register registers"))
        // "It is not set" says how the bit is.
        || is_passive && (tokens[at].is_of("never") || any(behind, AGAIN))
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
        let is_support = any(before, "support supports supported");
        is_way && before.iter().any(goes) && !is_support && !any(before, AVOIDS)
    };
    (0..tokens.len()).any(is_up)
}

/// Whether the verb here says that functions reach each other, in a clause that denies nothing: "forward requests to each
/// other", "can access another function".
pub(super) fn says_reach(tokens: &[Token], at: usize) -> bool {
    let (before, behind) = (before(tokens, at), behind(tokens, at));
    // "The management function can reach all of them."
    let is_able = before
        .last()
        .is_some_and(|token| token.is_of("can may could might"));
    let is_target = |token: &Token| {
        token.is_of(OTHERS) || is_able && token.is_of("them all any every everything")
    };
    let target = behind.iter().take(6).position(is_target);
    let Some(target) = target.filter(|_| reaches(&tokens[at])) else {
        return false;
    };
    let mut clause = before.iter().chain(behind);
    let is_safe = clause.any(|token| token.is_of(DENIES) || token.is_of(SEPARATES));
    !is_safe && !goes_up(&tokens[at..=at + behind.len()][target..])
}

/// Whether the word of isolation here is about something else: "isolated from the host", "a separate statement".
pub(super) fn is_other(tokens: &[Token], at: usize) -> bool {
    const MEANS: &str = "\
        iommu port ports switch bridge link links platform system host board driver drivers firmware software kernel";
    let behind = behind(tokens, at);
    let from = behind.iter().take(8).position(|token| token.is_of("from"));
    let whom = from.map(|from| &behind[from + 1..]);
    let is_from_others = |whom: &[Token]| {
        whom.iter().take(6).any(|token| {
            token.is_of(OTHERS) || token.word().is_some_and(|word| word.ends_with("ing"))
        })
    };
    // "Isolated from each other by the IOMMU"
    let by = behind.iter().position(|token| token.is_of("by"));
    let is_left = tokens[at].is_of("isolation separation")
        && (any(behind, "left")
            || behind
                .windows(2)
                .any(|two| two[0].is_of("up") && two[1].is_of("to")));
    let is_done = tokens[at].is_of("isolation separation") && any(behind, "done made");
    let is_by_other = (is_done || tokens[at].is_of("isolated separate separated"))
        && by.is_some_and(|by| any(&behind[by..behind.len().min(by + 4)], MEANS));
    let next = behind.first();
    let is_aspect = next.is_some_and(|next| next.is_of("for on until before"));
    let is_thing = tokens[at].is_of("separate")
        && (next.is_some_and(kinds::is_noun)
            || before(tokens, at)
                .last()
                .is_some_and(|token| token.is_of("a in by into")));
    // What is independent can reach another.
    let is_free = tokens[at].is_of("independent")
        && matches!(behind, [of, each, ..] if of.is_of("of") && each.is_of("each one"));
    let is_from_other = whom.is_some_and(|whom| !is_from_others(whom));
    tokens[at].is_of(SEPARATES) && (is_aspect || is_from_other)
        || is_thing
        || is_by_other
        || is_left
        || is_free
}

/// Whether the words here are about other devices, and no other word of the sentence is about functions of the same one: "isolated from
/// other devices", "no peer-to-peer with other adapters".
pub(super) fn is_far(tokens: &[Token], at: usize) -> bool {
    const FAR: &str = "device devices adapter adapters card cards controller controllers nic nics host hosts system systems machine machines";
    let is_near = |two: &[Token]| {
        two[0].is_of("each one another")
            || two[1].is_of("between function functions") && two[0].is_of("other another")
    };
    let is_next = tokens.get(at + 1).is_some_and(|next| next.is_of(FAR));
    tokens[at].is_of("other")
        && is_next
        && !tokens.windows(2).any(is_near)
        && !any(tokens, "between")
}

/// Whether requests go another way than up: "not directly, but through a mailbox".
pub(super) fn goes_round(tokens: &[Token], at: usize) -> bool {
    let behind = behind(tokens, at);
    let is_clause = at
        .checked_sub(1)
        .is_some_and(|before| tokens[before] == Token::Comma);
    let leads = behind
        .first()
        .is_some_and(|token| token.is_of("through via by directly internally"));
    tokens[at].is_of("but") && is_clause && leads && !any(behind, "upstream iommu complex")
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

/// Whether the word here names a way between functions, which is not denied: "they have a mailbox", "the DMA engine can read the
/// memory of all functions"; or what isolation takes: "this requires an image".
pub(super) fn names_way(tokens: &[Token], at: usize) -> bool {
    const WAYS: &str = "\
        mailbox mailboxes crossbar crossbars loopback loopbacks copy copies connected requires required needs needed share shares shared";
    const EXCHANGES: &str = "exchange exchanges communicate communicates communicating talk talks";
    const INSIDE: &str = "switch bridge hub";
    const VERBS: &str = "access accesses write writes read reads reach reaches bypass bypasses serve serves accept accepts";
    const SENT: &str = "sent forwarded routed delivered turned looped";
    let (before, behind) = (before(tokens, at), behind(tokens, at));
    let clause = [before, behind].concat();
    let is_safe = any(&clause, SEPARATES) || goes_up(&clause);
    let has = |tokens: &[Token]| any(tokens, "has have contain contains include includes");
    let is_way = tokens[at].is_of(WAYS)
        || tokens[at].is_of(EXCHANGES)
        || tokens[at].is_of(INSIDE) && has(before)
        || tokens[at].is_of(SENT)
        || tokens[at].is_of(VERBS) && any(behind, "function functions bar bars requester");
    // "no switch but a mailbox"
    let denial = before.iter().rposition(|token| token.is_of(DENIES));
    let is_denied = denial.is_some_and(|denial| !any(&before[denial..], "but"))
        || any(behind, DENIES)
        || is_listed(tokens, at);
    is_way && !is_safe && !is_denied
}

/// Whether the word here is in a list that a denial begins, before the comma: "no switch, bridge, mailbox or loopback".
fn is_listed(tokens: &[Token], at: usize) -> bool {
    const ITEMS: &str = "\
        a an the any other such internal shared hidden switch switches bridge bridges hub hubs mailbox mailboxes crossbar \
        crossbars loopback loopbacks path paths way ways connection connections bus buses engine engines dma memory or nor";
    let is_item = |token: &&Token| {
        token.is_of(ITEMS) || matches!(token, Token::Comma | Token::Item | Token::Dash { .. })
    };
    let items = tokens[..at].iter().rev().take_while(is_item).count();
    let denial = (at - items).checked_sub(1).map(|denial| &tokens[denial]);
    denial.is_some_and(|denial| denial.is_of(DENIES))
}

/// Whether the words here say that somebody has yet to find out, or that another one said it: "I will verify this", "see erratum 12".
pub(super) fn is_hearsay(tokens: &[Token], at: usize) -> bool {
    let next = |ahead: usize| tokens.get(at + ahead);
    let is_next = |ahead: usize, words: &str| next(ahead).is_some_and(|token| token.is_of(words));
    let is_open = tokens[at].is_of("will to") && is_next(1, "verify check confirm investigate");
    let is_said = tokens[at].is_of("says") && !is_next(1, "so");
    let is_back = tokens[at].is_of("get") && is_next(1, "back");
    let is_required = tokens[at].is_of("requires") && is_next(1, "that");
    // "Erratum 12: " is a title.
    let is_title = next(2) == Some(&Token::Colon);
    let is_erratum = tokens[at].is_of("erratum errata") && !is_title;
    is_open || is_said || is_back || is_required || is_erratum
}

/// Whether a word of doubt is part of a phrase without one: "it is safe to treat them as isolated".
pub(super) fn is_plain(tokens: &[Token], at: usize) -> bool {
    let before = before(tokens, at);
    let is_safe = matches!(before, [.., safe, to] if safe.is_of("safe") && to.is_of("to"));
    // "They do not reach each other, so they can be treated as isolated."
    let is_so =
        any(before, "so") && matches!(before, [.., can, be] if can.is_of("can") && be.is_of("be"));
    let is_excepted = tokens[at].is_of("being")
        && tokens
            .get(at + 1)
            .is_some_and(|next| next.is_of("excluded excepted exempted omitted"));
    is_excepted
        || tokens[at].is_of("treat") && is_safe
        || tokens[at].is_of("treated") && is_so && any(&tokens[..at], DENIES)
}

/// Whether the word here likens what is isolated to something: "better isolated than", "do not reach each other like".
pub(super) fn is_likened(tokens: &[Token], at: usize) -> bool {
    let before = before(tokens, at);
    let is_as = tokens[at].is_of("as")
        && matches!(behind(tokens, at), [one, rest @ ..] if one.is_of(SEPARATES) && any(rest, "as"));
    is_as || tokens[at].is_of("like than") && (any(before, SEPARATES) || any(before, DENIES))
}
