// SPDX-License-Identifier: GPL-2.0-only

//! Splits a statement into words, and finds ids in the notations that vendors use.

#[cfg(test)]
mod tests;

use super::{plain, words};

/// The notation of a device id, which says how certain it is one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Form {
    /// With its vendor: `10de:0a01`, `0x10de:0x0a01`, `VEN_10DE&DEV_0A01`.
    Whole(u16),
    /// Without vendor, marked as a device id: `DEV_0A01`.
    Named,
    /// Without vendor, marked as hexadecimal: `0x0a01`, `0A01h`. It may be a register value.
    Marked,
    /// Four digits, some of them letters: `0a01`.
    Mixed,
    /// Four decimal digits, which may be a number, a year or a model name: `8030`.
    Decimal,
    /// Four letters, which may be a word: `face`.
    Letters,
}

/// A token of a statement.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Token {
    /// A word, or any other run of letters and digits, without apostrophes. In lowercase, except a name: a word with a capital
    /// that is not known and does not begin a sentence.
    Word(String),
    /// A possible device id.
    Id { form: Form, device: u16 },
    /// A vendor id alone: `VEN_10DE`.
    Vendor(u16),
    /// A hyphen, an en dash or a tilde; `glued` without spaces around it.
    Dash { glued: bool },
    /// Two or three dots.
    Dots,
    /// A comma.
    Comma,
    /// Another separator of list items: a slash, an ampersand, a bullet.
    Item,
    /// A full stop, a question mark or an exclamation mark that may not end the sentence.
    Stop,
    /// A colon or an equals sign.
    Colon,
    /// An opening bracket.
    Open,
    /// A closing bracket.
    Close,
    /// Anything else except space and quotation marks.
    Other,
}

impl Token {
    /// The word, if the token is one.
    pub(super) fn word(&self) -> Option<&str> {
        match self {
            Self::Word(word) => Some(word),
            _ => None,
        }
    }

    /// Whether the token is one of these space-separated words.
    pub(super) fn is_of(&self, words: &str) -> bool {
        self.word().is_some_and(|word| is_of(word, words))
    }
}

/// Whether a word is one of these space-separated words.
pub(super) fn is_of(word: &str, words: &str) -> bool {
    words.split(' ').any(|one| one == word)
}

/// Whether a token ends a clause.
pub(super) const fn ends_clause(token: &Token) -> bool {
    matches!(
        token,
        Token::Comma | Token::Colon | Token::Stop | Token::Other
    )
}

/// How many tokens of a clause are read.
const CLAUSE: usize = 24;

/// The clause behind a token.
pub(super) fn clause_behind(tokens: &[Token], at: usize) -> &[Token] {
    let rest = tokens[at + 1..].iter().take(CLAUSE);
    let length = rest.take_while(|token| !ends_clause(token)).count();
    &tokens[at + 1..][..length]
}

/// The clause before a token, or before the end of the tokens.
pub(super) fn clause_before(tokens: &[Token], at: usize) -> &[Token] {
    let rest = tokens[..at].iter().rev().take(CLAUSE);
    let length = rest.take_while(|token| !ends_clause(token)).count();
    &tokens[at - length..at]
}

/// The sentences of a text. In doubt a sentence continues, so that an exception in it reaches
/// further. Costs O(n) in the length of the text.
pub(super) fn sentences(text: &str) -> Vec<Vec<Token>> {
    let mut scan = Scan {
        text: text.chars().collect(),
        at: 0,
        sentences: vec![Vec::new()],
    };
    while scan.at < scan.text.len() {
        scan.step();
    }
    scan.sentences.retain(|sentence| !sentence.is_empty());
    scan.sentences
}

/// Whether a character is a quotation mark.
const fn is_quote(c: char) -> bool {
    matches!(c, '"' | '\'' | '`' | '\u{2018}'..='\u{201f}')
}

struct Scan {
    text: Vec<char>,
    at: usize,
    sentences: Vec<Vec<Token>>,
}

/// Abbreviations after which a sentence continues.
const SHORT: &str = "e.g i.e etc vs no nos incl excl resp cf approx";

impl Scan {
    fn char(&self, at: usize) -> Option<char> {
        self.text.get(at).copied()
    }

    fn push(&mut self, token: Token, end: usize) {
        if let Some(sentence) = self.sentences.last_mut() {
            sentence.push(token);
        }
        self.at = end;
    }

    fn end_sentence(&mut self) {
        self.sentences.push(Vec::new());
    }

    /// Reads the next token.
    fn step(&mut self) {
        let at = self.at;
        let Some(found) = self.char(at) else { return };
        match found {
            _ if is_quote(found) => self.quote(),
            _ if found.is_whitespace() => self.space(),
            '[' => match self.id(at + 1) {
                Some((token, end)) if self.char(end) == Some(']') => self.push(token, end + 1),
                _ => self.push(Token::Open, at + 1),
            },
            // A comment or text that is struck through states nothing.
            '<' if self.char(at + 1) == Some('!') => {
                self.push(Token::Word("<!".to_owned()), at + 2);
            }
            '~' if self.char(at + 1) == Some('~') => {
                self.push(Token::Word("~~".to_owned()), at + 2);
            }
            '|' => self.push(Token::Word("|".to_owned()), at + 1),
            '(' | '{' | '<' => self.push(Token::Open, at + 1),
            ')' | ']' | '}' | '>' => self.push(Token::Close, at + 1),
            ',' => self.push(Token::Comma, at + 1),
            '/' | '&' => self.push(Token::Item, at + 1),
            // "= 0", but not "id = 0a01"
            '=' if self.char(at + 2).is_some_and(|c| c.is_ascii_digit())
                && self.id(at + 2).is_none() =>
            {
                self.push(Token::Word("=".to_owned()), at + 1);
            }
            ':' | '=' => self.push(Token::Colon, at + 1),
            '\u{2026}' => self.push(Token::Dots, at + 1),
            ';' => {
                self.push(Token::Comma, at + 1);
                // A list separated by semicolons is one sentence.
                if !self.goes_on(at + 1) {
                    self.end_sentence();
                }
            }
            '.' | '!' | '?' => self.stop(),
            '-' | '~' | '*' | '\u{2010}'..='\u{2013}' | '\u{2022}' | '\u{2212}' => {
                self.dash(found);
            }
            _ if found.is_alphanumeric() || found == '_' => self.word(),
            _ => self.push(Token::Other, at + 1),
        }
    }

    /// Skips a quotation mark. A word of isolation alone in quotation marks is meant otherwise.
    fn quote(&mut self) {
        let at = self.at;
        let rest = self.text[at + 1..].iter();
        let word: String = rest.take_while(|c| c.is_alphabetic()).collect();
        let end = self.char(at + 1 + word.chars().count());
        let is_quoted = end.is_some_and(is_quote);
        self.at += 1;
        if is_quoted && is_of(&word.to_lowercase(), plain::SEPARATES) {
            self.push(Token::Word("\"".to_owned()), at + 1);
        }
    }

    /// Reads white space. An empty line ends a sentence.
    fn space(&mut self) {
        let rest = self.text[self.at..].iter();
        let spaces: Vec<_> = rest.take_while(|c| c.is_whitespace()).collect();
        self.at += spaces.len();
        if spaces.iter().filter(|&&&c| c == '\n').count() > 1 {
            self.end_sentence();
        }
    }

    /// Reads a full stop. It ends a sentence if a capitalised word follows; a number or an id may
    /// continue the sentence.
    fn stop(&mut self) {
        let at = self.at;
        let rest = self.text[at..].iter();
        let count = rest.take_while(|&&c| c == self.text[at]).count();
        if count > 1 {
            let is_range = self.text[at] == '.' && count < 4;
            let token = if is_range { Token::Dots } else { Token::Other };
            return self.push(token, at + count);
        }
        if self.text[at] == '?' {
            // A question states nothing.
            self.push(Token::Word("?".to_owned()), at);
        }
        self.at += 1;
        let is_short = self.sentences.last().and_then(|sentence| sentence.last());
        let is_short = is_short.is_some_and(|token| token.is_of(SHORT));
        let mut next = self.at;
        while self
            .char(next)
            .is_some_and(|c| !c.is_alphanumeric() && c != '-')
        {
            next += 1;
        }
        let begins = self
            .char(next)
            .is_none_or(|c| c.is_uppercase() && self.id(next).is_none());
        if next > self.at && !is_short {
            if begins {
                self.end_sentence();
            } else {
                self.push(Token::Stop, self.at);
            }
        }
    }

    /// Whether another item of a list follows.
    fn goes_on(&self, from: usize) -> bool {
        let rest = self.text[from..].iter();
        let next = from + rest.take_while(|c| c.is_whitespace()).count();
        let word: String = self.text[next..]
            .iter()
            .take_while(|c| c.is_alphabetic())
            .collect();
        self.id(next).is_some() || ["and", "or"].contains(&word.as_str())
    }

    /// Reads a dash between two tokens, or a bullet, which joins nothing.
    fn dash(&mut self, found: char) {
        let at = self.at;
        let mut before = self.text[..at].iter().rev();
        let blank = before.find(|&&c| !c.is_whitespace() || c == '\n');
        let is_first = blank.is_none_or(|&c| c == '\n');
        let is_space = |at: Option<usize>| {
            let found = at.and_then(|at| self.char(at));
            found.is_none_or(char::is_whitespace)
        };
        let (left, right) = (is_space(at.checked_sub(1)), is_space(Some(at + 1)));
        let token = match found {
            _ if is_first => Token::Item,
            '*' | '\u{2022}' => Token::Other,
            // Two hyphens are a dash between clauses.
            '-' if self.char(at + 1) == Some('-') => {
                return self.push(Token::Other, at + 2);
            }
            _ => Token::Dash {
                glued: !left && !right,
            },
        };
        self.push(token, at + 1);
    }

    /// Reads an id or a word.
    fn word(&mut self) {
        let at = self.at;
        if let Some((token, end)) = self.id(at) {
            return self.push(token, end);
        }
        let rest = &self.text[at..];
        let whole: String = rest.iter().take_while(|c| !c.is_whitespace()).collect();
        if whole.contains("://") {
            return self.push(Token::Other, at + whole.chars().count());
        }
        // Colons between digits make an address, such as 0000:82:00.0.
        let mut is_address = true;
        let mut end = at;
        while let Some(c) = self.char(end) {
            let goes_on = self.char(end + 1).is_some_and(char::is_alphanumeric);
            let belongs = match c {
                ':' => is_address && goes_on,
                '.' | '\'' | '\u{2019}' => goes_on,
                _ => c.is_alphanumeric() || c == '_',
            };
            if !belongs {
                break;
            }
            is_address &= c.is_ascii_hexdigit() || c == ':';
            end += 1;
        }
        let word = self.text[at..end].iter();
        let word: String = word.filter(|c| !matches!(c, '\'' | '\u{2019}')).collect();
        let lower = Token::Word(word.to_lowercase());
        let begins = self.sentences.last().is_none_or(Vec::is_empty);
        let is_name = !begins && word.starts_with(char::is_uppercase) && !words::is_known(&lower);
        self.push(if is_name { Token::Word(word) } else { lower }, end);
    }

    /// The id that starts here, at the beginning of a word, with its end. A part of a longer word is not an id.
    fn id(&self, at: usize) -> Option<(Token, usize)> {
        let is_part = |c: char| c.is_alphanumeric() || c == '_';
        let previous = |back: usize| at.checked_sub(back).and_then(|at| self.char(at));
        if previous(1) == Some(':') && previous(2).is_some_and(|c| c.is_ascii_hexdigit()) {
            return None;
        }
        let (token, end) = self.of_hardware(at).or_else(|| self.number_or_pair(at))?;
        let next = |ahead: usize| self.char(end + ahead);
        let goes_on = next(0).is_some_and(is_part)
            || next(0) == Some(':') && next(1).is_some_and(is_part)
            || next(0) == Some('.') && next(1).is_some_and(|c| c.is_ascii_digit());
        (!goes_on).then_some((token, end))
    }

    /// Reads `10de:0a01`, `0x0a01`, `0A01h` or `0a01`.
    fn number_or_pair(&self, at: usize) -> Option<(Token, usize)> {
        let (first, is_marked, end) = self.number(at)?;
        if self.char(end) == Some(':') {
            if let Some((device, _, end)) = self.number(end + 1) {
                let form = Form::Whole(first);
                return Some((Token::Id { form, device }, end));
            }
        }
        let digits = &self.text[at..end];
        let form = if is_marked {
            Form::Marked
        } else if digits.iter().all(char::is_ascii_digit) {
            Form::Decimal
        } else if digits.iter().all(char::is_ascii_alphabetic) {
            Form::Letters
        } else {
            Form::Mixed
        };
        Some((
            Token::Id {
                form,
                device: first,
            },
            end,
        ))
    }

    /// Reads exactly four hexadecimal digits: the value, whether it is marked as hexadecimal, and
    /// its end.
    fn number(&self, at: usize) -> Option<(u16, bool, usize)> {
        let has_prefix = self.char(at) == Some('0') && matches!(self.char(at + 1), Some('x' | 'X'));
        let start = if has_prefix { at + 2 } else { at };
        let number = self.digits(start)?;
        let has_suffix = matches!(self.char(start + 4), Some('h' | 'H'));
        let end = start + 4 + usize::from(has_suffix);
        Some((number, has_prefix || has_suffix, end))
    }

    fn digits(&self, at: usize) -> Option<u16> {
        let digits: String = self.text.get(at..at + 4)?.iter().collect();
        let is_number = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        u16::from_str_radix(&digits, 16).ok().filter(|_| is_number)
    }

    /// Reads the notation of Windows or a part of it: `PCI\VEN_10DE&DEV_0A01`.
    fn of_hardware(&self, at: usize) -> Option<(Token, usize)> {
        let bus: String = self.text[at..].iter().take(4).collect();
        let at = if bus.eq_ignore_ascii_case("PCI\\") {
            at + 4
        } else {
            at
        };
        let named = |at: usize, name: &str| {
            let found = self.text.get(at..at + 4)?.iter().collect::<String>();
            let is_name = found.eq_ignore_ascii_case(name);
            self.digits(at + 4).filter(|_| is_name)
        };
        if let Some(device) = named(at, "DEV_") {
            let form = Form::Named;
            return Some((Token::Id { form, device }, at + 8));
        }
        let vendor = named(at, "VEN_")?;
        let device = named(at + 9, "DEV_").filter(|_| self.char(at + 8) == Some('&'));
        let Some(device) = device else {
            return Some((Token::Vendor(vendor), at + 8));
        };
        let rest = self.text[at + 17..].iter();
        let rest = rest.take_while(|&&c| c.is_ascii_alphanumeric() || c == '_' || c == '&');
        let rest: String = rest.collect();
        // `SUBSYS_` and `REV_` belong to this notation; anything else does not.
        let more = if rest.starts_with('&') { rest.len() } else { 0 };
        let form = Form::Whole(vendor);
        Some((Token::Id { form, device }, at + 17 + more))
    }
}
