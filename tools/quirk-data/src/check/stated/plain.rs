// SPDX-License-Identifier: GPL-2.0-only

//! Finds what a statement does not say plainly: a denial, a doubt or an exception in words that
//! `read.rs` does not know. No list of such words is complete, so these lists are of what is plain.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use super::{
    about,
    except::{BETWEEN, DIRECTLY, Mark, are_joined, is_filler},
    kinds, limited, opposite,
    read::{GOES, is_id},
    token::{Token, clause_before, clause_behind, ends_clause, is_of},
    words,
};

/// What isolates, where no denial is before it.
const ISOLATES: &str = "\
    isolated isolate isolates isolating isolation apart separate separated separately separates \
    separation independent upstream complex iommu redirect redirects redirected block blocks blocked \
    prevent prevents prevented applies apply applied hold holds true meant covered included concerned \
    likewise";

/// What isolates where it is denied: "do not reach each other", "pass nothing".
const REACHES: &str = "\
    reach reaches forward forwards deliver delivers delivered address addresses access accesses see sees pass passes talk communicate communicates exchange \
    exchanges interfere interferes affect affects affected connected shared datapath datapaths snoop bypass bypasses turn turns turned looped issue issues make \
    makes generate generates initiate initiates perform performs share shares contact contacts target \
    targets receive receives peer peers p2p route routes routing path paths way ways";

/// What may be denied beside that, because it says nothing against isolation.
const BESIDE: &str = "\
    acs capability capabilities belong depend depends need needs require requires matter matters \
    change changes differ differs exception exceptions device devices register registers driver drivers firmware \
    switch switches bridge bridges loopback loopbacks crossbar mailbox mailboxes hub hubs \
    resource resources means mechanism mechanisms";

/// What isolates by itself.
pub(super) const SEPARATES: &str = "\
    isolated isolate isolates isolating isolation redirect redirects redirected block blocks blocked prevent \
    prevents prevented";

/// What isolates functions, and says nothing of their requests where it is about groups or drivers.
pub(super) const APART: &str =
    "apart separate separated separately separates separation independent";

/// Whether the words here say that something is wished for or can be had, and not that it is so: "need isolation",
/// "can be isolated", "are to be separate", "may be apart". "Are known to be isolated" says that it is so.
fn wishes(tokens: &[Token], at: usize) -> bool {
    const KNOWN: &str = "known shown proved proven found measured verified confirmed guaranteed";
    let is_at = |at: usize, words: &str| tokens.get(at).is_some_and(|token| token.is_of(words));
    let leads_there = tokens[at + 1..]
        .iter()
        .take(if is_at(at, "so") { 16 } else { 3 })
        .take_while(|token| !ends_clause(token) && !token.is_of(DENIES))
        .any(|token| token.is_of(SEPARATES) || token.is_of(APART));
    let is_known = || at.checked_sub(1).is_some_and(|before| is_at(before, KNOWN));
    // Not the month.
    let is_may = tokens[at].is_of("may")
        && matches!(tokens.get(at + 1), Some(Token::Word(_)))
        && !is_at(at + 1, "present")
        && !(is_at(at + 1, "be") && is_at(at + 2, "a an multi"));
    let is_past = is_at(at, "was were") && !is_at(at + 1, KNOWN);
    let is_wished = is_past
        || is_at(at, "can need needs require requires will")
        || is_at(at, "to") && is_at(at + 1, "be") && !is_known();
    let is_aim =
        is_at(at, "meant") && is_at(at + 1, "to") || is_at(at, "set") && is_at(at + 1, "up");
    // "Add a quirk so that they are isolated."
    let is_purpose = is_at(at, "so")
        && is_at(at + 1, "that")
        && !tokens[..at].iter().any(|token| token.is_of(DENIES));
    let is_able = is_at(at, "able capable") && !opposite::is_denied(tokens, at);
    let is_feature = is_at(
        at,
        "support supports offer offers allow allows permit permits",
    ) && !opposite::is_denied(tokens, at);
    is_may || is_able || is_aim || (is_wished || is_feature || is_purpose) && leads_there
}

pub(super) const DENIES: &str = "\
    not no never neither nor none nothing nobody nowhere cannot cant isnt arent wasnt werent doesnt \
    unable incapable dont didnt hasnt havent hadnt wont wouldnt shouldnt couldnt mustnt neednt lacks lack lacking lacked \
    fails fail failed hardly barely scarcely rarely seldom";

/// Whether the words here say what was, and not what is: "have never sent".
fn is_past(tokens: &[Token], at: usize) -> bool {
    let before = &tokens[at.saturating_sub(4)..at];
    let any = |words: &str| before.iter().any(|token| token.is_of(words));
    let is_did = tokens[at].is_of("did didnt")
        && tokens[at..].iter().take(2).any(|token| token.is_of(DENIES));
    // "That used to be so", but not "is used to send".
    let is_used = tokens[at].is_of("used")
        && tokens.get(at + 1).is_some_and(|next| next.is_of("to"))
        && !any("is are be been being was were");
    is_did
        || is_used
        || tokens[at].is_of("sent")
            && (any("have has had") || any(DENIES))
            && !any("is are be was were")
}

/// What a claim can hold under, as a condition of the entry does.
const IF: &str = "if when whenever while provided assuming once after";

pub(super) fn reaches(token: &Token) -> bool {
    token.is_of(REACHES) || token.is_of(GOES)
}

/// The first words of some tokens, for a message. They may begin with the mark of a quoted line.
fn shown<'a>(tokens: impl IntoIterator<Item = &'a Token>) -> String {
    let mut tokens = tokens.into_iter().peekable();
    let mark = tokens.next_if(|token| **token == Token::Close).map(|_| ">");
    let words = mark.into_iter().chain(tokens.map_while(Token::word));
    words.take(3).collect::<Vec<_>>().join(" ")
}

/// What is not plain in a sentence.
pub(super) struct Doubts {
    /// The first words that deny or doubt something other than that functions reach each other.
    pub(super) any: Option<String>,
    /// The words that are about each list, or at it.
    pub(super) of_lists: Vec<Option<String>>,
}

impl Doubts {
    /// Those of a plain sentence with these lists.
    pub(super) fn none(lists: &[Range<usize>]) -> Self {
        Self {
            any: None,
            of_lists: vec![None; lists.len()],
        }
    }
}

/// Finds what is not plain in a sentence. `is_conditional`: the entry has conditions, which may be what an exception
/// without ids is about.
pub(super) fn doubts(
    tokens: &[Token],
    lists: &[Range<usize>],
    marks: &[Mark],
    is_conditional: bool,
) -> Doubts {
    let (brackets, clauses) = parts(tokens);
    let with_ids: BTreeSet<_> = lists.iter().map(|list| brackets[list.start]).collect();
    let mut any = None;
    let (mut of_brackets, mut of_clause) = (BTreeMap::new(), BTreeMap::new());
    let mut of_list = BTreeMap::new();
    let mut depth = 0_usize;
    for at in 0..tokens.len() {
        // A bracket that is none: "[ ]", ";-)", ">" before a quoted line.
        let is_mark = match tokens[at] {
            Token::Open => {
                depth += 1;
                tokens.get(at + 1) == Some(&Token::Close)
            }
            Token::Close => {
                let is_unopened = depth == 0;
                depth = depth.saturating_sub(1);
                is_unopened
            }
            _ => false,
        };
        let is_known = words::is_known(&tokens[at])
            || is_conditional && words::is_of_register(tokens, at)
            || words::is_name(tokens, at)
            || opposite::is_plain(tokens, at);
        let is_exception = marks[at].is_some();
        let narrows = narrows(tokens, at, is_conditional);
        let denies = tokens[at].is_of(DENIES);
        let is_doubt = if is_exception {
            let begins = at
                .checked_sub(1)
                .is_none_or(|before| marks[before].is_none());
            begins && !is_conditional && excepts_nothing(&tokens[at..], &marks[at..])
        } else {
            !is_known
                || is_mark
                || is_past(tokens, at)
                || about::is_of_thing(tokens, at)
                || opposite::goes_round(tokens, at)
                || !lists.is_empty() && opposite::is_far(tokens, at)
                || limited::is_alone(tokens, at)
                || limited::is_upward(tokens, at)
                || !is_conditional && lists.is_empty() && tokens[at].is_of("bit bits")
                || limited::holds_for(tokens, at)
                || denies
                    && (!denies_reach(tokens, at) || opposite::denies_isolation(tokens, at))
                    && !(is_conditional && opposite::keeps(tokens, at))
                || narrows
                || opposite::says_reach(tokens, at)
                || opposite::is_other(tokens, at)
                || opposite::undoes(tokens, at)
                || limited::is_part(tokens, at)
                || limited::is_class(tokens, at)
                || limited::is_some(tokens, at)
                || opposite::is_hearsay(tokens, at)
                || lists.is_empty() && opposite::names_way(tokens, at)
                || wishes(tokens, at)
                || !lists.is_empty() && about::goes_elsewhere(tokens, at)
                || about::redirects_other(tokens, at)
                || opposite::is_likened(tokens, at)
                || limited::is_question(tokens, at)
                || limited::is_even(tokens, at)
                || !is_conditional && limited::is_left_out(tokens, at)
        };
        if !is_doubt {
            continue;
        }
        let words = shown(&tokens[at..]);
        any.get_or_insert_with(|| words.clone());
        // A denial is about the ids before it, if there are any.
        let before = lists.partition_point(|list| list.end <= at).checked_sub(1);
        match before.filter(|&list| clauses[lists[list].start] == clauses[at]) {
            _ if brackets[at] > 0 && with_ids.contains(&brackets[at]) => {
                of_brackets.entry(brackets[at]).or_insert(words);
            }
            Some(list) if denies || narrows || is_exception => {
                of_list.entry(list).or_insert(words);
            }
            _ => {
                of_clause.entry(clauses[at]).or_insert(words);
            }
        }
    }
    let mut of_lists: Vec<Option<String>> = Vec::with_capacity(lists.len());
    for (number, list) in lists.iter().enumerate() {
        let own = of_clause.get(&clauses[list.start]);
        let own = own.or_else(|| of_brackets.get(&brackets[list.start]));
        let own = own.or_else(|| of_list.get(&number)).cloned();
        of_lists.push(own.or_else(|| at_list(tokens, list, marks)));
    }
    for number in (1..lists.len()).rev() {
        if of_lists[number - 1].is_none() && are_joined(tokens, lists, number) {
            let (before, after) = of_lists.split_at_mut(number);
            before[number - 1].clone_from(&after[0]);
        }
    }
    Doubts { any, of_lists }
}

/// For each token, the number of the brackets that it is in, or 0, and the number of full stops
/// before it.
fn parts(tokens: &[Token]) -> (Vec<usize>, Vec<usize>) {
    let (mut depth, mut count, mut stops) = (0_usize, 0, 0);
    let numbers = tokens.iter().map(|token| {
        match token {
            Token::Open => {
                count += usize::from(depth == 0);
                depth += 1;
            }
            Token::Close => depth = depth.saturating_sub(1),
            Token::Stop => stops += 1,
            _ => {}
        }
        (if depth > 0 { count } else { 0 }, stops)
    });
    numbers.unzip()
}

/// Whether the words of exception that begin here except no id: "unless loopback is on".
fn excepts_nothing(tokens: &[Token], marks: &[Mark]) -> bool {
    const EXCEPT: &str = "\
        except excepts excepting exclude excludes excluding excl exempt exempts exempting unless omit \
        omits omitting ignoring discounting barring skip skipping but leaving save apart aside exception exceptions";
    let first = marks[0].and_then(|by| by.split(' ').next());
    let marked = tokens.iter().zip(marks);
    let mut excepted = marked.take_while(|(_, mark)| mark.is_some());
    first.is_some_and(|first| is_of(first, EXCEPT))
        && !excepted.any(|(token, _)| is_id(token) || token.is_of("upstream iommu root"))
}

/// Whether a word makes the sentence true of a part, or under a condition only. "Also when" and "only
/// upstream" do not.
fn narrows(tokens: &[Token], at: usize, is_conditional: bool) -> bool {
    const WAY: &str = "upstream root iommu complex";
    let before = at.checked_sub(1).map(|before| &tokens[before]);
    // "While they have no ACS capability" is no condition.
    let is_although = tokens[at].is_of("while")
        && clause_behind(tokens, at)
            .iter()
            .any(|token| token.is_of("acs"));
    // "While peer-to-peer transactions are not possible, the devices do not advertise ACS."
    let is_beside = at == 0
        && tokens[at].is_of("while")
        && (1..=clause_behind(tokens, at).len())
            .any(|at| tokens[at].is_of(DENIES) && denies_reach(tokens, at));
    let is_under = tokens[at].is_of(IF)
        && !is_conditional
        && !is_although
        && !is_beside
        && !before.is_some_and(|word| word.is_of("even also as"));
    let is_state =
        !is_conditional && (limited::is_state(tokens, at) || limited::limits(tokens, at));
    let mut after = tokens[at + 1..].iter().take(4);
    // "do not both send"
    let is_both = tokens[at].is_of("both") && before.is_some_and(|word| word.is_of(DENIES));
    let is_only = tokens[at].is_of("only")
        && !after.any(|word| word.is_of(WAY))
        && !(is_conditional && opposite::keeps(tokens, at));
    is_under || is_state || is_both || is_only
}

/// What requests between functions can be denied to be.
const REFUSED: &str = "possible supported implemented allowed permitted happen occur exist";

fn is_at_all(tokens: &[Token]) -> bool {
    matches!(tokens, [at, all, ..] if at.is_of("at") && all.is_of("all"))
}

/// Whether a denial says that functions do not reach each other, or nothing on that.
fn denies_reach(tokens: &[Token], at: usize) -> bool {
    const SKIPPED: &str = "even able to any a an the of each other such single direct internal that which nor and or not \
        them they it provide provides contain contains offer offers allow allows permit permits support \
        supports implement implements";
    const OBJECT: &str = "peer peers p2p acs capability path paths way ways";
    const NEEDS_OBJECT: &str = "forward forwards deliver delivers delivered address addresses";
    const OTHER: &str = "other others another peer peers sibling siblings but except";
    let behind = clause_behind(tokens, at).iter();
    let before = clause_before(tokens, at).iter().rev();
    let is_skipped = |token: &&Token| {
        token.is_of(BETWEEN) || token.is_of(SKIPPED) || !matches!(token, Token::Word(_))
    };
    let mut next = behind.clone().filter(|token| !is_skipped(token));
    let (verb, object) = (next.next(), next.next());
    let is_cut = behind
        .clone()
        .last()
        .is_some_and(|token| token.is_of(NEEDS_OBJECT));
    let is_verb = !is_cut
        && verb.is_some_and(|token| reaches(token) || token.is_of(BESIDE) || kinds::is_noun(token));
    let is_object = object.is_some_and(|token| token.is_of(OBJECT))
        || behind.clone().any(|token| token.is_of("acs"));
    let is_other = || behind.clone().any(|token| token.is_of(OTHER));
    // "send nothing", "reach each other not at all"
    let is_whole = tokens[at].is_of("nothing none") || is_at_all(&tokens[at + 1..]);
    let is_sent = is_whole && before.clone().take(3).any(reaches)
        || tokens[at].is_of("nothing") && is_other();
    // "Peer-to-peer requests between them are not supported", "it is not possible for a port to reach another".
    let is_refused = behind.clone().take(2).any(|token| token.is_of(REFUSED))
        && (before.clone().any(reaches) || is_other() && behind.clone().any(reaches))
        && !before.clone().any(|token| token.is_of(ISOLATES));
    // "All requests go upstream, and never to each other."
    let is_contrast = behind.clone().next().is_some_and(|token| token.is_of("to"))
        && is_other()
        && tokens[..at].iter().any(reaches);
    is_verb || is_object || is_sent || is_refused || is_contrast
}

/// The words at a list of ids that may take it out.
fn at_list(tokens: &[Token], list: &Range<usize>, marks: &[Mark]) -> Option<String> {
    let of_another = about::is_of_another(tokens, list.start);
    let of_another = of_another.map(|at| shown(&tokens[at..]));
    of_another
        .or_else(|| before(tokens, list.start))
        .or_else(|| behind(tokens, list, marks))
}

/// The word before a list, if it is not one that leads to ids.
fn before(tokens: &[Token], start: usize) -> Option<String> {
    const LEADS: &str = "\
        the a an any all each every both either neither nor its their our this that these those and or \
        of in on for with by to at as from between among through within are is have has whose did dids \
        id ids deviceid deviceids vendor device devices chip chips silicon product products model \
        models matching part parts series family families member members switch switches bridge bridges gpu \
        gpus soc socs asic asics following pci pcie express include includes including ie eg namely";
    let word = tokens[..start].last()?.word()?;
    let leads = |token: &Token| token.is_of(LEADS) || token.is_of(GOES) || kinds::is_noun(token);
    let is_name = word.bytes().any(|byte| byte.is_ascii_digit());
    (!is_name && !leads(&tokens[start - 1])).then(|| word.to_owned())
}

/// The words behind a list, up to the next one, if they do not isolate its functions: "10de:0a01:
/// yes", "10de:0a01 will follow", "10de:0a01 reaches 10de:0a02".
fn behind(tokens: &[Token], list: &Range<usize>, marks: &[Mark]) -> Option<String> {
    const GOES_ON: &str = "\
        and or nor but of in on at with by for to from as through between among within which who that \
        while whose if than rev revision revisions";
    let mut depth = 0_usize;
    let mut tail: Vec<&Token> = Vec::new();
    for (token, mark) in tokens.iter().zip(marks).skip(list.end).take(256) {
        match token {
            Token::Open => depth += 1,
            Token::Close => depth = depth.saturating_sub(1),
            Token::Stop => break,
            id if is_id(id) && depth == 0 => {
                // "10de:0a10-0a12 without 10de:0a11"
                let is_of_next = |token: &&Token| token.is_of(DIRECTLY) || is_filler(token);
                while mark.is_some() && tail.last().is_some_and(is_of_next) {
                    tail.pop();
                }
                break;
            }
            word if depth == 0 && mark.is_none() => tail.push(word),
            _ => {}
        }
    }
    let is_weak = |token: &Token| {
        let word = token.word();
        let is_adverb = word.is_some_and(|word| word.ends_with("ly") && word != "only");
        let is_join = matches!(token, Token::Dash { .. } | Token::Item);
        let is_open = ends_clause(token) || is_join || token.is_of("also all both each too");
        is_open || is_adverb || kinds::is_noun(token)
    };
    let said = &tail[tail.iter().take_while(|token| is_weak(token)).count()..];
    let before = tokens[..list.start].iter().rev().take(64);
    let before = before.take_while(|token| **token != Token::Stop);
    let is_clause = |token: &&Token| !matches!(token, Token::Comma | Token::Other);
    let front: Vec<_> = before.clone().take_while(is_clause).collect();
    let before: Vec<_> = before.collect();
    let is_denied = front.iter().chain(said).any(|token| token.is_of(DENIES));
    let refuses = is_denied
        && front.iter().any(|token| reaches(token))
        && said.iter().any(|token| token.is_of(REFUSED));
    if refuses || isolates(said, is_denied) {
        return None;
    }
    // Without a verb, the list is the end of what was said before it, or is what the next is about.
    let goes_on = said.first().is_none_or(|first| {
        first.is_of(GOES_ON) && tail.first() != Some(&&Token::Colon)
            || first.is_of("is are may")
                && said
                    .iter()
                    .take_while(|token| !token.is_of("on in at below behind"))
                    .any(|token| kinds::is_noun(token) || token.is_of("device devices"))
    });
    let was_denied = before.iter().any(|token| token.is_of(DENIES));
    let is_end = isolates(&front, is_denied) || !isolates(&before, was_denied);
    (!(goes_on && is_end)).then(|| match said {
        [] => shown(&tokens[list.start.saturating_sub(1)..]),
        _ => shown(said.iter().copied()),
    })
}

/// Whether words say that functions are isolated, or, with a denial, that they do not reach each
/// other.
fn isolates(words: &[&Token], is_denied: bool) -> bool {
    let any = |of: &str| words.iter().any(|token| token.is_of(of));
    let is_past = any("bypass bypasses around");
    any(ISOLATES) && (is_denied || !is_past)
        || is_denied && (any(BESIDE) || words.iter().any(|token| reaches(token)))
}
