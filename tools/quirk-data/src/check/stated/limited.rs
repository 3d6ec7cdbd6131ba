// SPDX-License-Identifier: GPL-2.0-only

//! Finds what limits a statement of isolation: to a state of the device, to a part of the functions or to a part of the requests.

use super::{
    kinds,
    opposite::{OTHERS, any},
    plain::{APART, DENIES, SEPARATES, reaches},
    token::{Token, clause_before as before, clause_behind as behind, is_of},
};

/// Words for what is so in each state: "in every mode".
const ALL: &str = "all any every each both either whatever";

/// Words that lead to a state, a place or a means.
const LEADS: &str = "\
    in on under by with using at from since before until during upon out outside through via over across within without";

/// Whether these words are about all of something: "every", "any of its". "Each other" is not.
pub(super) fn is_all(tokens: &[Token]) -> bool {
    let is_of = |at: usize, words: &str| tokens.get(at).is_some_and(|token| token.is_of(words));
    (0..tokens.len()).any(|at| is_of(at, ALL) && !is_of(at + 1, "other"))
}

/// Whether the words end with two opposite ones: "with and without".
fn is_pair(words: &[Token]) -> bool {
    matches!(words, [.., one, or, other] if or.is_of("and or")
        && one.is_of("with without") && other.is_of("with without") && one != other)
}

/// Whether the words say that something does not depend on what is behind them: "is not affected by".
fn depends_not(before: &[Token]) -> bool {
    const DEPENDS: &str = "\
        depend depends rely relies affect affects affected influence influences influenced change changes matter matters need \
        needs require requires";
    let denial = before.iter().rposition(|token| token.is_of(DENIES));
    denial.is_some_and(|denial| any(&before[denial..], DEPENDS))
}

/// Whether the word here makes the sentence true in some state of the device only: "by default", "with loopback disabled",
/// "as long as", "the driver isolates", "at the moment", "on x86". "In every mode" and "independent of any setting" do not.
pub(super) fn is_state(tokens: &[Token], at: usize) -> bool {
    const STATE: &str =
        "mode modes configuration configurations setting settings case cases condition conditions";
    const IS: &str = "default disabled enabled loaded unloaded bound unbound installed later";
    const SOFTWARE: &str = "\
        driver drivers firmware linux windows software kernel kernels bios uefi kvm qemu xen vfio";
    const MACHINE: &str = "\
        x86 x86_64 amd64 arm arm64 aarch64 intel amd xeon epyc platform platforms board boards system systems host hosts \
        server servers motherboard motherboards machine machines";
    const MAKES: &str =
        "ensures ensure guarantees guarantee isolates isolate keeps keep prevents prevent";
    const VERSION: &str = "stepping revision rev version firmware silicon release";
    let is_digits = |token: Option<&Token>| match token {
        Some(Token::Word(word)) => word.bytes().any(|byte| byte.is_ascii_digit()),
        other => matches!(other, Some(Token::Id { .. })),
    };
    let before = before(tokens, at);
    let here = &tokens[at];
    let last = &before[before.len().saturating_sub(4)..];
    let lead = last.iter().rposition(|token| token.is_of(LEADS));
    // What is before the word: "in every" of "in every mode".
    let phrase = &last[lead.unwrap_or(0)..];
    let is_after = |words: &str| lead.is_some_and(|lead| last[lead].is_of(words));
    let is_next = |words: &str| tokens.get(at + 1).is_some_and(|token| token.is_of(words));
    let is_pair = lead.is_some_and(|lead| is_pair(&last[..=lead]));
    // "As if ACS had Source Validation, Request Redirect and Upstream Forwarding enabled"
    let is_likened = tokens[..at]
        .windows(2)
        .any(|two| two[0].is_of("as") && two[1].is_of("if"));
    let is_free = any(before, "regardless independent irrespective")
        || is_pair
        || is_likened
        || depends_not(before);
    let is_long = here.is_of("long") && last.last().is_some_and(|token| token.is_of("as"));
    let is_made = here.is_of(SOFTWARE) && is_next(MAKES);
    let is_space = is_next("space register registers");
    // "on the board 10de:0a44"
    let is_named = matches!(tokens.get(at + 1), Some(Token::Id { .. }));
    let is_one = here.is_of(STATE) && !is_space
        || here.is_of(SOFTWARE) && is_after("with without on under by using in from since")
        || here.is_of(MACHINE)
            && is_after("on in under with")
            && !is_next("memory management")
            && !is_named
        || here.is_of("moment present time") && is_after("at");
    // "since stepping B0", "as of 2027"
    let is_since = here.is_of("since") && (is_next(VERSION) || is_digits(tokens.get(at + 1)))
        || here.is_of("as") && is_next("of");
    is_long || is_made || is_since || !is_free && (here.is_of(IS) || is_one && !is_all(phrase))
}

/// Whether the phrase that begins here limits the isolation before it, or the sentence that it begins, to a state, a time or
/// a way: "in the common case", "before reset", "through the mailbox", "In practice, ...". A list of such states cannot be complete, so
/// this is a list of phrases that are none: "in hardware", "in every mode".
pub(super) fn limits(tokens: &[Token], at: usize) -> bool {
    const ENDS: &str = "\
        and or but nor than as because so since when while if which who whose where even also including for to from between";
    const PLAIN: &str = "\
        hardware silicon design construction device devices package packages chip chips die asic asics soc itself themselves \
        complex iommu iommus upstream pcie pci express space memory bar bars way ways manner means directions direction fact id \
        ids passing going bug bugs exception exceptions bus buses link links slot slots function functions register registers \
        other others another peer peers switch switches revision revisions version versions";
    const SAME: &str = "same no single one own";
    let (before, behind) = (before(tokens, at), behind(tokens, at));
    let is_end = |token: &Token| token.is_of(ENDS) || token.is_of(LEADS) || token == &Token::Open;
    let length = behind.iter().take_while(|token| !is_end(token)).count();
    // "out of reset"
    let first = usize::from(behind.first().is_some_and(|first| first.is_of("of")));
    let phrase = &behind[first.min(length)..length];
    // "in some modes of the device" is about modes.
    let head = phrase.iter().take_while(|token| !token.is_of("of")).count();
    let mut words = phrase[..head].iter().rev();
    let is_plain = words
        .find(|token| token.word().is_some())
        .is_none_or(|last| {
            last.is_of(PLAIN)
                || last.is_of("level")
                    && phrase[..head]
                        .iter()
                        .any(|token| token.is_of("hardware silicon"))
                || kinds::is_noun(last)
                || head == 1 && last.is_of("them it these those this")
        });
    // "before they reach the IOMMU", but not "before the driver enables the IOMMU"
    let is_early = tokens[at].is_of("before until during upon")
        && !phrase
            .iter()
            .take(2)
            .any(|token| token.is_of("it they request requests"));
    let is_behind = any(before, "other others another themselves")
        || any(before, SEPARATES)
        || any(before, APART);
    let is_front = at == 0 && tokens.get(1 + behind.len()) == Some(&Token::Comma);
    let is_lead =
        tokens[at].is_of(LEADS) && !tokens[at].is_of("from since") && !is_pair(&tokens[..=at]);
    is_lead
        && (is_behind || is_front)
        && !depends_not(before)
        && (is_early || !is_plain)
        && !is_all(phrase)
        && !any(phrase, SAME)
}

fn is_digits(word: &str) -> bool {
    word.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether the word here speaks of a part of the functions: "two of the functions", "the first three", "either of them or",
/// "function 0", "the virtual functions".
pub(super) fn is_part(tokens: &[Token], at: usize) -> bool {
    const COUNT: &str = "one two three four five six seven last";
    const EACH: &str = "each every any no not behind below at in";
    let (here, next) = (&tokens[at], tokens.get(at + 1));
    let is_next = |words: &str| next.is_some_and(|token| token.is_of(words));
    let (before, behind) = (before(tokens, at), behind(tokens, at));
    let is_each = before.last().is_some_and(|token| token.is_of(EACH));
    // "Of two adapters"
    let is_devices = |noun: &Token| kinds::is_noun(noun) || noun.is_of("devices");
    let is_several = here.is_of("of")
        && is_next("two three four several")
        && tokens.get(at + 2).is_some_and(is_devices);
    is_several
        || here.is_of(COUNT) && is_next("of") && !is_each
        || here.is_of("first last") && is_next(COUNT)
        || here.is_of("function functions") && next.and_then(Token::word).is_some_and(is_digits)
        || here.is_of("either")
            && any(behind, "or")
            && !any(before, DENIES)
            && (any(behind, "does") || !any(behind, DENIES))
        || here.is_of("virtual")
            && is_next("function functions")
            && !any(before, "physical their including and")
}

/// Whether the words here say of what something holds, and that is a part: "this holds for writes", "true of port 0".
pub(super) fn holds_for(tokens: &[Token], at: usize) -> bool {
    const WHOLE: &str =
        "all any every each both it them these those this that the id ids root downstream";
    let behind = behind(tokens, at);
    let [lead, object, rest @ ..] = behind else {
        return false;
    };
    let is_plain =
        object.is_of(WHOLE) || kinds::is_noun(object) || matches!(object, Token::Id { .. });
    tokens[at].is_of("hold holds true apply applies")
        && lead.is_of("for of to on")
        && (!is_plain || rest.first().and_then(Token::word).is_some_and(is_digits))
}

/// Whether the words here say that functions do something only when they are asked: "on their own", "by themselves".
pub(super) fn is_alone(tokens: &[Token], at: usize) -> bool {
    let are = |words: &str| {
        let mut here = tokens[at..].iter();
        words
            .split(' ')
            .all(|word| here.next().is_some_and(|token| token.is_of(word)))
    };
    are("on their own") || are("by themselves")
}

/// Whether the sentence says only of a part of the requests that it goes up: "all reads of the functions go upstream".
pub(super) fn is_upward(tokens: &[Token], at: usize) -> bool {
    let next = tokens.get(at + 1);
    tokens[at].is_of("reads writes completions messages packets")
        && next.is_some_and(|next| next.is_of("of from"))
        && !any(before(tokens, at), "and or requests")
        && !any(behind(tokens, at), OTHERS)
}

/// Whether the sentence is a question without its mark: "Can you confirm".
pub(super) fn is_question(tokens: &[Token], at: usize) -> bool {
    const ASKS: &str = "can could do does did is are will would shall should has have";
    matches!(&tokens[..=at], [first] if first.is_of(ASKS))
}

/// Whether the word here speaks of every other id: "the even ids".
pub(super) fn is_even(tokens: &[Token], at: usize) -> bool {
    let next = tokens.get(at + 1);
    let is_number = |next: &Token| kinds::is_noun(next) || next.is_of("id ids numbers numbered");
    tokens[at].is_of("even") && next.is_some_and(is_number)
}

/// Whether the word here leaves something other than ids out: "memory writes excepted".
pub(super) fn is_left_out(tokens: &[Token], at: usize) -> bool {
    const LEFT_OUT: &str = "excepted excluded exempt exempted omitted";
    let is_id = |token: &Token| matches!(token, Token::Id { .. });
    tokens[at].is_of(LEFT_OUT) && !before(tokens, at).iter().any(is_id)
}

/// Whether the denial before this noun denies only some of the requests: "do not send many requests", "no I/O requests".
pub(super) fn is_some(tokens: &[Token], at: usize) -> bool {
    const REQUESTS: &str = "\
        request requests transaction transactions tlp tlps packet packets message messages transfer transfers traffic data \
        completion completions";
    // The classes are what `is_class` is about.
    const PLAIN: &str = "\
        a an the such any no not nor neither and or single own its their them peer p2p dma pci pcie express memory posted \
        nonposted non translated untranslated atomic configuration";
    let before = before(tokens, at);
    let denial = before.iter().rposition(|token| token.is_of(DENIES));
    let Some(denial) = denial.filter(|_| tokens[at].is_of(REQUESTS)) else {
        return false;
    };
    let between = &before[denial + 1..];
    let is_start =
        |token: &Token| token.is_of(LEADS) || token.is_of("to of for between") || reaches(token);
    let own = between.iter().rev().take_while(|token| !is_start(token));
    let own: Vec<_> = own.collect();
    // "do not reach each other, and all requests" is another clause.
    let is_another = own
        .iter()
        .any(|token| token.is_of("but so because that which who") || token.is_of(OTHERS));
    let is_odd = |token: &&Token| token.word().is_some() && !token.is_of(PLAIN);
    !is_another && own.into_iter().any(|token| is_odd(&token))
}

/// Whether the word here speaks of a part of the requests: "posted requests", "write requests" without reads, "downstream
/// requests", "from the CPU", or of what goes to a network: "network traffic". "And" and "or" make it all requests only
/// between it and what it lacks: "read and write requests".
pub(super) fn is_class(tokens: &[Token], at: usize) -> bool {
    const CLASS: &str = "posted nonposted atomic configuration translated untranslated";
    const ALSO: &str = "including also";
    const SENDS: &str =
        "send sends issue issues make makes generate generates initiate initiates perform performs";
    let here = &tokens[at];
    let (before, behind) = (before(tokens, at), behind(tokens, at));
    let is_next = |words: &str| behind.first().is_some_and(|token| token.is_of(words));
    // "posted memory requests"
    let mut own = behind.iter().skip_while(|token| token.is_of("memory dma"));
    let is_of_requests = own.next().is_some_and(|token| {
        token.is_of("request requests transaction transactions write writes read reads")
    });
    let is_from = matches!(before, [.., from, the] if from.is_of("from") && the.is_of("the"));
    let is_also = any(&before[before.len().saturating_sub(3)..], ALSO)
        || behind.get(1).is_some_and(|token| token.is_of("included"));
    let is_class = here.is_of(CLASS) && is_of_requests && !is_also;
    // "send writes to each other"
    let mut verb = before
        .iter()
        .rev()
        .skip_while(|token| token.is_of("memory dma pci pcie p2p peer to any"));
    let verb = verb.next();
    let is_sent = !is_of_requests && verb.is_some_and(|token| token.is_of(SENDS));
    let is_half = here.is_of("write writes read reads")
        && (is_next("request requests")
            || is_sent && here.is_of("writes reads")
            || here.is_of("write read")
                && before.last().is_some_and(|token| token.is_of(DENIES))
                && any(behind, OTHERS));
    (is_class || is_half) && !is_whole(tokens, at)
        || here.is_of("downstream") && is_next("request requests traffic")
        || here.is_of("network ethernet")
            && is_next("traffic data packet packets message messages port ports")
        || here.is_of("cpu") && is_from
}

/// Whether the class of requests here is joined with what it lacks to be all: "posted and non-posted", "neither read nor write".
fn is_whole(tokens: &[Token], at: usize) -> bool {
    const OTHER: [(&str, &str); 3] = [
        ("posted", "nonposted"),
        ("translated", "untranslated"),
        ("read reads", "write writes"),
    ];
    // "Non-posted" and "non posted" are one word.
    let class = |at: usize| {
        let mut words = tokens[..at]
            .iter()
            .rev()
            .filter(|token| token.word().is_some());
        let is_non = words.next().is_some_and(|word| word.is_of("non"));
        match &tokens[at] {
            posted if posted.is_of("posted") && is_non => "nonposted",
            other => other.word().unwrap_or_default(),
        }
    };
    let is_joint = |token: &Token| {
        token.is_of("and or nor non request requests")
            || matches!(token, Token::Item | Token::Dash { .. })
    };
    let (before, behind) = (before(tokens, at), behind(tokens, at));
    let left = before
        .iter()
        .rev()
        .take_while(|token| is_joint(token))
        .count();
    let right = behind.iter().take_while(|token| is_joint(token)).count();
    let beside = [
        (left < before.len()).then(|| at - left - 1),
        (right < behind.len()).then(|| at + right + 1),
    ];
    let here = class(at);
    beside.into_iter().flatten().any(|other| {
        let other = class(other);
        OTHER.iter().any(|(one, two)| {
            is_of(here, one) && is_of(other, two) || is_of(here, two) && is_of(other, one)
        })
    })
}
