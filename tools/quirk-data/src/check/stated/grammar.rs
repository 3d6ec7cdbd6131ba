// SPDX-License-Identifier: GPL-2.0-only

//! Compares a sentence with the grammar of plain sentences in `plain.grammar`, which describes its own notation.

use std::{collections::BTreeMap, ops::Range, sync::OnceLock};

use super::{
    plain,
    token::{Token, is_of},
};

const TEXT: &str = include_str!("plain.grammar");

/// The longest sentence that is compared, in tokens: a set of places in it is one number. A longer one is not plain.
const LONGEST: usize = 127;

/// How much of a sentence is plain.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Plain {
    /// It says something else.
    No,
    /// It begins with a plain sentence, and goes on in other words.
    Begins,
    /// All of it.
    Whole,
}

/// Compares a sentence, in which these are the lists of ids. For n tokens, each
/// rule is read at most once at each of the n places.
pub(super) fn compare(tokens: &[Token], lists: &[Range<usize>]) -> Plain {
    let grammar = grammar();
    let words = words(tokens, lists, grammar);
    if words.len() > LONGEST {
        return Plain::No;
    }
    let mut reader = Reader {
        grammar,
        ends: BTreeMap::new(),
        words,
    };
    let ends = reader.rule("sentence", 0);
    if ends & (1 << reader.words.len()) != 0 {
        return Plain::Whole;
    }
    let begins = places(ends).any(|at| reader.rule("continues", at) != 0);
    if begins { Plain::Begins } else { Plain::No }
}

/// The words and marks of a sentence as the grammar writes them, without those that change nothing.
fn words<'t>(tokens: &'t [Token], lists: &[Range<usize>], grammar: &Grammar) -> Vec<&'t str> {
    let mut words = Vec::new();
    let mut at = 0;
    let mut lists = lists.iter().peekable();
    while let Some(token) = tokens.get(at) {
        at = if let Some(list) = lists.next_if(|list| list.start == at) {
            words.push("#");
            list.end
        } else {
            words.extend(written(token));
            at + 1
        };
    }
    // A semicolon between two sentences.
    if words.last() == Some(&",") {
        words.pop();
    }
    // "Do not always send" says that they sometimes do.
    let mut is_denied = false;
    words.retain(|word| {
        let was_denied = std::mem::replace(&mut is_denied, is_of(word, plain::DENIES));
        was_denied && *word != "ever" || !grammar.is_skipped(word)
    });
    words
}

/// A token as the grammar writes it; one that no plain sentence has is a mark that the grammar lacks.
fn written(token: &Token) -> Option<&str> {
    Some(match token {
        Token::Word(word) => word,
        Token::Comma => ",",
        Token::Colon => ":",
        Token::Stop => ".",
        Token::Open => "(",
        Token::Close => ")",
        Token::Dash { glued: true } => return None,
        _ => "?",
    })
}

/// A part of an alternative.
enum Item {
    /// One of several.
    One(Vec<Item>),
    Word(&'static str),
    Name,
    Letter,
    Number,
    Rule(&'static str),
    /// A rule, any number of times.
    Any(&'static str),
    Optional(Vec<Item>),
}

/// The alternatives of each rule.
struct Grammar(BTreeMap<&'static str, Vec<Vec<Item>>>);

fn grammar() -> &'static Grammar {
    static GRAMMAR: OnceLock<Grammar> = OnceLock::new();
    GRAMMAR.get_or_init(|| {
        let mut rules: BTreeMap<_, Vec<_>> = BTreeMap::new();
        let mut name = "";
        let lines = TEXT.lines().filter(|line| !line.starts_with('#'));
        for line in lines.filter(|line| !line.is_empty()) {
            match line.strip_suffix(':').filter(|line| !line.starts_with(' ')) {
                Some(rule) => name = rule,
                None => rules.entry(name).or_default().push(items(line)),
            }
        }
        Grammar(rules)
    })
}

/// Reads an alternative.
fn items(line: &'static str) -> Vec<Item> {
    // The alternative, and the brackets in it that are open.
    let mut open: Vec<Vec<Item>> = vec![Vec::new()];
    for word in line.split_whitespace() {
        let inner = word.trim_start_matches('[');
        open.extend((inner.len()..word.len()).map(|_| Vec::new()));
        let bare = inner.trim_end_matches(']');
        let item = Item::One(bare.split('|').map(item).collect());
        if let Some(items) = open.last_mut() {
            items.push(item);
        }
        for _ in bare.len()..inner.len() {
            if let (Some(inner), Some(outer)) = (open.pop(), open.last_mut()) {
                outer.push(Item::Optional(inner));
            }
        }
    }
    open.pop().unwrap_or_default()
}

fn item(text: &'static str) -> Item {
    let rule = |text: &'static str| text.strip_prefix('<')?.strip_suffix('>');
    match (text, rule(text), text.strip_suffix('*').and_then(rule)) {
        ("Name", ..) => Item::Name,
        ("Letter", ..) => Item::Letter,
        ("Number", ..) => Item::Number,
        (_, Some(name), _) => Item::Rule(name),
        (_, _, Some(name)) => Item::Any(name),
        _ => Item::Word(text),
    }
}

impl Grammar {
    fn is_skipped(&self, word: &str) -> bool {
        let is_word = |item: &Item| matches!(item, Item::Word(one) if *one == word);
        let mut lines = self.0.get("skipped").into_iter().flatten().flatten();
        lines.any(|item| matches!(item, Item::One(words) if words.iter().any(is_word)))
    }
}

/// A set of places between words.
type Places = u128;

fn places(set: Places) -> impl Iterator<Item = usize> {
    (0..=LONGEST).filter(move |at| set & (1 << at) != 0)
}

struct Reader<'a> {
    grammar: &'static Grammar,
    words: Vec<&'a str>,
    /// Where a rule ends that begins at a place.
    ends: BTreeMap<(&'static str, usize), Places>,
}

impl Reader<'_> {
    fn rule(&mut self, name: &'static str, at: usize) -> Places {
        if let Some(ends) = self.ends.get(&(name, at)) {
            return *ends;
        }
        // A rule that begins with itself would not end.
        self.ends.insert((name, at), 0);
        let alternatives = self.grammar.0.get(name).into_iter().flatten();
        let ends = alternatives.fold(0, |ends, items| ends | self.items(items, 1 << at));
        self.ends.insert((name, at), ends);
        ends
    }

    fn items(&mut self, items: &'static [Item], from: Places) -> Places {
        let mut from = from;
        for item in items {
            if from == 0 {
                break;
            }
            from = self.item(item, from);
        }
        from
    }

    fn item(&mut self, item: &'static Item, from: Places) -> Places {
        match item {
            Item::One(items) => items
                .iter()
                .fold(0, |ends, item| ends | self.item(item, from)),
            Item::Word(expected) => self.word(from, |word| word == *expected),
            Item::Name => self.word(from, |word| word.starts_with(char::is_uppercase)),
            Item::Letter => self.word(from, |word| word.len() == 1),
            Item::Number => self.word(from, |word| word.bytes().all(|byte| byte.is_ascii_digit())),
            Item::Rule(name) => places(from).fold(0, |ends, at| ends | self.rule(name, at)),
            Item::Any(name) => {
                let (mut all, mut last) = (from, from);
                while last != 0 {
                    let next = places(last).fold(0, |ends, at| ends | self.rule(name, at));
                    last = next & !all;
                    all |= next;
                }
                all
            }
            Item::Optional(items) => from | self.items(items, from),
        }
    }

    fn word(&self, from: Places, is_it: impl Fn(&str) -> bool) -> Places {
        let found = places(from).filter(|&at| self.words.get(at).is_some_and(|word| is_it(word)));
        found.fold(0, |ends, at| ends | (1 << (at + 1)))
    }
}

#[cfg(test)]
mod tests {
    use super::{super::token, *};

    fn compared(text: &str) -> Plain {
        let sentence = &token::sentences(text)[0];
        compare(sentence, &[])
    }

    /// A set of places has one bit more than the sentence has words.
    #[test]
    fn a_sentence_that_is_too_long_is_not_plain() {
        let of = |tails: usize| {
            compared(&format!(
                "The two functions are isolated{}.",
                " in hardware".repeat(tails)
            ))
        };
        assert_eq!((LONGEST - 5) % 2, 0);
        assert_eq!(of((LONGEST - 5) / 2), Plain::Whole);
        assert_eq!(of((LONGEST - 5) / 2 + 1), Plain::No);
        assert_eq!(of(10_000), Plain::No);
    }

    #[test]
    fn what_goes_on_is_told_apart() {
        for (text, expected) in [
            ("The functions are isolated.", Plain::Whole),
            ("The root functions are isolated;", Plain::Whole),
            ("The functions are isolated, and blue.", Plain::Begins),
            (
                "The functions are isolated if they are blue.",
                Plain::Begins,
            ),
            ("The functions are isolated blue.", Plain::No),
            ("Isolated.", Plain::No),
        ] {
            assert_eq!(compared(text), expected, "{text}");
        }
    }

    /// Each rule that an alternative names is there and used, so that no line of the grammar is dead by a misspelt name.
    #[test]
    fn each_rule_is_defined_and_used() {
        fn names(item: &Item, found: &mut Vec<&'static str>) {
            match item {
                Item::Rule(name) | Item::Any(name) => found.push(name),
                Item::One(items) | Item::Optional(items) => {
                    items.iter().for_each(|item| names(item, found));
                }
                Item::Word(word) => assert!(
                    !word.is_empty() && !word.contains(['<', '>', '*', '[', ']']),
                    "{word}"
                ),
                Item::Name | Item::Letter | Item::Number => {}
            }
        }
        let rules = &grammar().0;
        let mut found = vec!["sentence", "skipped", "continues"];
        let items = rules.values().flatten().flatten();
        items.for_each(|item| names(item, &mut found));
        for name in &found {
            assert!(rules.contains_key(name), "<{name}> is not defined");
        }
        for name in rules.keys() {
            assert!(found.contains(name), "<{name}> is not used");
        }
    }
}
