// SPDX-License-Identifier: GPL-2.0-only

//! Recognises what a single line is by its own text: the first line of a function, a detail, a line of a
//! hex dump, or something that lspci does not print.

use super::ids;
use crate::{
    Bdf,
    bdf::{self, Word},
    hex,
    text::is_between_outputs,
};

/// The beginnings of detail lines that only lspci prints, in lower case.
pub(super) const STRONG: [&str; 9] = [
    "control: i/o",
    "status: cap",
    "capabilities: [",
    "capabilities: <",
    "acscap:",
    "acsctl:",
    "iommu group: ",
    "bus: primary=",
    "flags: ",
];

/// The beginnings of the other detail lines.
pub(super) const WEAK: [&str; 32] = [
    "capabilities:",
    "control:",
    "flags:",
    "iommu group:",
    "bus:",
    "subsystem:",
    "devicename:",
    "physical slot:",
    "kernel driver",
    "kernel modules",
    "latency",
    "interrupt:",
    "numa node",
    "status:",
    "region ",
    "memory at ",
    "i/o ports at ",
    "expansion rom",
    "i/o behind",
    "memory behind",
    "prefetchable memory",
    "secondary status",
    "bridgectl",
    "lnk",
    "devcap",
    "devctl",
    "devsta",
    "!!! unknown header",
    "!!! invalid class",
    "initial vfs:",
    "vf offset:",
    "iov",
];

/// How a line shows the address of its function.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Place {
    /// By its bus number.
    Address(Bdf),
    /// By the bridges that lead to it, without bus numbers (`lspci -P`).
    Path(String),
}

/// Marks of lists before an address.
pub(super) fn without_bullet(text: &str) -> &str {
    let is_mark =
        |c: char| " \t*-+#\u{2022}\u{b7}\u{2013}\u{2502}\u{251c}\u{2514}\u{2500}|".contains(c);
    text.trim_start_matches(is_mark)
}

/// The text without what some scripts put before an address: `[8086:1901] [R] 00:01.0 ...`.
pub(super) fn without_marks(text: &str) -> &str {
    let mut rest = text;
    while let Some((_, after)) = rest
        .strip_prefix('[')
        .and_then(|inner| inner.split_once(']'))
    {
        if !after.starts_with([' ', '\t']) {
            break;
        }
        rest = after.trim_start();
    }
    rest
}

/// The address that a line starts with, and the rest.
pub(super) fn header(text: &str) -> Option<(Place, &str)> {
    let text = without_marks(without_bullet(text));
    let (token, rest) = text
        .split_once(char::is_whitespace)
        .map_or((text, ""), |(token, rest)| (token, rest.trim()));
    let token = token.trim_end_matches([',', ';']);
    if let Some((path, last)) = token.rsplit_once('/') {
        let mut before = path.split('/');
        bdf::shown(before.next()?)?;
        let is_short =
            |part: &str| bdf::shown(&format!("00:{part}")).is_some_and(|_| !part.contains(':'));
        if !before.all(|part| is_short(part) || bdf::shown(part).is_some()) {
            return None;
        }
        return match bdf::shown(last) {
            // The bus number is that of the domain of the first part.
            Some(bdf) if last.matches(':').count() == 1 => {
                let domain = bdf::shown(path.split('/').next()?)?.domain;
                Some((Place::Address(Bdf { domain, ..bdf }), rest))
            }
            Some(bdf) => Some((Place::Address(bdf), rest)),
            None if is_short(last) => Some((Place::Path(token.to_owned()), rest)),
            None => None,
        };
    }
    Some((Place::Address(bdf::shown(token)?), rest))
}

/// A text without the addresses of web pages.
pub(super) fn without_pages(text: &str) -> String {
    let words = text.split_whitespace();
    let words: Vec<_> = words.filter(|word| !word.contains("://")).collect();
    words.join(" ")
}

/// The function that a line below a heading shows behind marks or few words, what follows, and the number of words before
/// it: `--> 00:01.0 ...`, `1. **00:01.0** ...`, `GPU: 00:01.0 ...`.
pub(super) fn decorated(text: &str) -> Option<(Bdf, &str, usize)> {
    const WORDS: usize = 4;
    let mut rest = text;
    let mut words = 0;
    for _ in 0..WORDS {
        rest = rest.trim_start();
        let (word, after) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        if let Word::Address(bdf) = bdf::word(word) {
            let is_mark = |c: char| !c.is_alphanumeric();
            let after = after.trim_start_matches(is_mark);
            let after = after.trim_end_matches(['*', '_', '`', '~', '|', ' ']);
            return Some((bdf, after, words));
        }
        // The number of a group, or the key of a record.
        let is_number = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
        if is_number || word == "Slot:" || has_word_for_group(word) {
            return None;
        }
        words += usize::from(word.contains(char::is_alphabetic));
        rest = after;
    }
    None
}

/// Whether a word is one for a group, perhaps with characters that a scanner took for others.
fn has_word_for_group(word: &str) -> bool {
    let seen = seen(&word.to_ascii_lowercase());
    GROUPS.iter().any(|name| seen.contains(name))
}

/// Whether what follows an address is the class and the name of a function: `PCI bridge: ...`, `0604: 8086:1901`.
pub(super) fn is_description(rest: &str) -> bool {
    let begins = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit();
    rest.starts_with(begins) && !lacks_class(rest)
}

/// A word of a line below a heading that is like an address, or what is left of one at the start of the line.
pub(super) fn stray(text: &str) -> Option<Word> {
    let is_digit = |c: char| c.is_ascii_hexdigit() || ":. ".contains(c);
    let begin = without_marks(without_bullet(text));
    // A line that ends within its first address; "3:" is none.
    let is_number = begin
        .trim_end_matches(':')
        .bytes()
        .all(|byte| byte.is_ascii_digit());
    let is_rest = (1..13).contains(&begin.len())
        && begin.contains(|c: char| c.is_ascii_hexdigit())
        && begin.chars().all(is_digit)
        && !(is_number && begin.ends_with(':'));
    let mut words = bdf::words(begin).filter(|word| word.chars().any(char::is_alphanumeric));
    let is_cut = words
        .next()
        .is_some_and(|word| bdf::word(word) == Word::Part);
    if is_rest || is_cut {
        return Some(Word::Damaged);
    }
    let mut found = bdf::words(text).map(bdf::word);
    let is_address = |word: &Word| matches!(word, Word::Address(_) | Word::Damaged);
    let damaged = found.clone().find(|word| *word == Word::Damaged);
    damaged.or_else(|| found.find(is_address))
}

/// Whether a line begins like an address that is none: a digit is wrong or missing.
pub(super) fn is_like_header(text: &str) -> bool {
    let token = without_bullet(text).split_whitespace().next().unwrap_or("");
    let Some((place, function)) = token.rsplit_once('.') else {
        return false;
    };
    let is_digits = |part: &str| {
        (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    let function = function.trim_end_matches([',', ';', ':']);
    let mut parts = place.split(['/', ':']);
    place.contains(':')
        && parts.all(|part| is_digits(part.rsplit('.').next().unwrap_or("")))
        && is_digits(function)
        && function.len() <= 2
        && token.bytes().filter(u8::is_ascii_digit).count() >= 2
}

/// Whether a text has ids in brackets: `[8086:1901]`.
pub(super) fn has_ids(text: &str) -> bool {
    let mut found = text.split('[').skip(1);
    found.any(|inner| inner.split_once(']').is_some_and(|(ids, _)| is_pair(ids)))
}

fn is_pair(text: &str) -> bool {
    let id = |text: &str| hex::parse(text, 4).is_some();
    text.split_once(':')
        .is_some_and(|(vendor, device)| id(vendor) && id(device))
}

/// Whether a line is ids in brackets and nothing else, or begins them.
pub(super) fn is_ids(text: &str) -> bool {
    let Some(inner) = text.strip_prefix('[') else {
        return false;
    };
    let inner = inner.strip_suffix(']').unwrap_or(inner);
    inner.chars().all(|c| c.is_ascii_hexdigit() || c == ':') && inner.len() <= 9
}

/// Whether a line looks like the first line of a function without the address.
pub(super) fn is_like_class(text: &str) -> bool {
    let in_brackets = |from: &str, digits: &[usize]| {
        let inner = from.split(']').next().unwrap_or("");
        let parts: Vec<_> = inner.split(':').collect();
        parts.len() == digits.len()
            && parts.iter().zip(digits).all(|(part, &digits)| {
                part.len() == digits && part.bytes().all(|byte| byte.is_ascii_hexdigit())
            })
    };
    let has = |digits: &[usize]| {
        let mut found = text.match_indices('[');
        found.any(|(at, _)| in_brackets(&text[at + 1..], digits))
    };
    let has_revision = text.contains("(rev ") || text.contains("(prog-if ");
    !is_detail(&text.to_ascii_lowercase())
        && text.contains(": ")
        && (has(&[4]) && has(&[4, 4]) || has_revision)
}

/// Whether a line in lower case begins like a detail that lspci prints.
pub(super) fn is_detail(lower: &str) -> bool {
    STRONG
        .iter()
        .chain(&WEAK)
        .any(|begin| lower.starts_with(begin))
}

/// Whether a line begins with a key, such as `LnkSta:`.
pub(super) fn has_key(text: &str) -> bool {
    let Some((key, _)) = text.split_once(':') else {
        return false;
    };
    let is_word = |c: char| c.is_ascii_alphanumeric() || " ._/()+-".contains(c);
    key.len() <= 32
        && key.starts_with(|c: char| c.is_ascii_alphabetic())
        && key.chars().all(is_word)
}

/// The words of a line that have the shape of an address, without the marks around them, if the line describes a
/// function behind other text.
pub(super) fn described(text: &str) -> Vec<&str> {
    if !is_like_class(text) {
        return Vec::new();
    }
    let words = text.split_whitespace();
    let words = words.map(|word| word.trim_matches(|c: char| !c.is_ascii_alphanumeric()));
    words.filter(|word| is_like_header(word)).collect()
}

/// Whether the line is between the outputs of programs, and describes no function.
pub(super) fn is_foreign(text: &str) -> bool {
    described(text).is_empty() && is_between_outputs(text)
}

/// What a line of `ls -l` of a group's folder shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum InFolder {
    /// A function of the group, and whether the target of its link is whole.
    Function(Bdf, bool),
    /// The total, or the folder itself.
    Nothing,
    /// A link that is cut, or several in one line.
    Damaged,
}

/// Reads a line of `ls -l` of a group's folder; `None` for another line.
pub(super) fn in_folder(text: &str) -> Option<InFolder> {
    let words: Vec<_> = text.split_whitespace().collect();
    // The number of the inode may come first.
    let is_link = words.iter().take(2).any(|mode| mode.starts_with("lrwx"));
    match words[..] {
        ["total", number] if number.parse::<u64>().is_ok() => Some(InFolder::Nothing),
        [mode, .., "." | ".."] if mode.starts_with("drwx") => Some(InFolder::Nothing),
        // A target that a terminal has wrapped.
        [target] if target.starts_with("../..") => Some(InFolder::Nothing),
        [.., name, "->"] | [.., name, "->", _] if is_link => {
            let bdf = bdf::shown(name.trim_matches(['"', '\'']));
            let bdf = bdf.filter(|_| text.matches("->").count() == 1);
            let is_whole = |bdf| text.trim_end_matches('\'').ends_with(&format!("/{bdf}"));
            Some(bdf.map_or(InFolder::Damaged, |bdf| {
                InFolder::Function(bdf, is_whole(bdf))
            }))
        }
        _ if is_link || text.contains("-> ../../") => Some(InFolder::Damaged),
        _ => None,
    }
}

/// Whether a line of `ls -l` shows a link of a group's folder, or one that a terminal broke.
pub(super) fn is_link_of_group(text: &str) -> bool {
    const TARGET: &str = "../../../../devices/";
    let is_target = |target: &str| TARGET.starts_with(target) || target.starts_with(TARGET);
    match (in_folder(text), text.split_once("->")) {
        (Some(InFolder::Damaged), None) => true,
        (Some(_), Some((_, target))) => is_target(target.trim_start()),
        _ => false,
    }
}

/// Whether a line begins with the time of a kernel log: `[    6.585949] `.
pub(super) fn is_logged(text: &str) -> bool {
    let time = text
        .strip_prefix('[')
        .and_then(|rest| rest.split_once("] "));
    time.is_some_and(|(time, _)| {
        time.contains('.') && time.trim().chars().all(|c| c.is_ascii_digit() || c == '.')
    })
}

/// Whether a line in lower case has the number of a group.
pub(super) fn names_group(lower: &str) -> bool {
    let mut found = lower.match_indices("group");
    found.any(|(at, word)| {
        let rest = lower[at + word.len()..].trim_start_matches([' ', ':', '\u{ff1a}', '#']);
        rest.starts_with(|c: char| c.is_ascii_digit())
    })
}

/// Words for a group.
const GROUPS: [&str; 5] = ["iommu", "group", "grp", "gruppe", "grupo"];

/// The text with one character for those that scanners confuse.
fn seen(lower: &str) -> String {
    lower.replace('0', "o").replace(['1', 'l', '|', '!'], "i")
}

/// Whether a line in lower case begins, behind marks, with the name of a group, also in forms that are no heading of a
/// list: in other languages, and with characters that a scanner took for others.
pub(super) fn is_like_heading(lower: &str) -> bool {
    const WORDS: usize = 4;
    let text = lower.trim_start_matches(|c: char| !c.is_alphanumeric());
    // The number of the line, as "cat -n" prints it.
    let unnumbered = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let text = match unnumbered.trim_start_matches(['\t', ' ', ':', '.', ')']) {
        name if name.len() < unnumbered.len() => name,
        _ => text,
    };
    let seen = seen(text);
    let is_short = text.split_whitespace().nth(WORDS).is_none();
    // The rest of a name may begin with "IOMMU"; ids follow it.
    let is_short = is_short && !text.contains(" [");
    let is_named = GROUPS.iter().any(|name| seen.starts_with(name));
    is_named && (is_short || names_group(&lower.replace("gruppe", "group")))
}

/// Whether a line in lower case ends within the kernel's message that it adds a function to a group.
pub(super) fn ends_in_message(lower: &str) -> bool {
    const MESSAGE: &str = "adding to iommu group";
    // A line that ends within the address.
    let is_begin = lower.rsplit_once(" pci ").is_some_and(|(_, rest)| {
        let name = rest.trim_end();
        !name.is_empty()
            && name
                .chars()
                .all(|c| !c.is_ascii_alphabetic() || "abcdefolgix".contains(c))
    });
    let is_cut = lower.rsplit_once(": ").is_some_and(|(before, end)| {
        let word = before.rsplit(char::is_whitespace).next();
        !end.is_empty() && MESSAGE.starts_with(end) && word.and_then(bdf::shown).is_some()
    });
    let mut ends = ["adding to", "adding to iommu", MESSAGE].into_iter();
    is_begin && is_logged(lower) || is_cut || ends.any(|end| lower.ends_with(end))
}

/// Whether a line says that lines were left out here.
pub(super) fn is_cut(lower: &str) -> bool {
    const WORDS: usize = 8;
    const MEANT: [&str; 15] = [
        "snip",
        "cut",
        "omit",
        "trunc",
        "short",
        "skip",
        "remov",
        "miss",
        "elid",
        "clip",
        "strip",
        "delet",
        "redact",
        "gek\u{fc}rzt",
        "ausgelassen",
    ];
    let is_mark = |c: char| "[](){}<>-=*.\u{2026}\u{2702}#_~ ".contains(c);
    let inner = lower.trim_matches(is_mark);
    let is_meant = |word: &str| MEANT.iter().any(|begin| word.starts_with(begin));
    // Scissors are two characters: "8<----", "--->8---".
    let is_scissors = lower.contains("8<") || lower.contains(">8");
    // With marks around it, the word may stand in a sentence: "<output truncated>".
    let has_marks = lower.starts_with(is_mark);
    let mut words = inner.split(|c: char| !c.is_alphanumeric());
    let is_short = words
        .clone()
        .filter(|word| !word.is_empty())
        .nth(WORDS)
        .is_none();
    let is_alone = words.clone().count() == 1 && is_meant(inner);
    is_alone
        || has_marks && is_short && words.any(is_meant)
        || is_scissors && lower.contains(['-', '\u{2014}']) && is_short
        || inner.is_empty()
            && (lower.contains("..") || lower.contains(". .") || lower.contains('\u{2026}'))
}

/// What a kernel log says of a function.
#[derive(Clone, Debug)]
pub(super) struct Logged {
    pub(super) bdf: Bdf,
    pub(super) vendor: u16,
    pub(super) device: u16,
    pub(super) is_bridge: bool,
    pub(super) class: u32,
}

/// Reads `pci 0000:00:01.0: [8086:1901] type 01 class 0x060400` in lower case (`pci_setup_device()` in
/// `drivers/pci/probe.c`).
pub(super) fn logged(text: &str) -> Option<Logged> {
    // Another line was joined.
    if text.contains("group") {
        return None;
    }
    let (before, rest) = text.split_once(": [")?;
    let (pci, address) = before.rsplit_once(' ').unwrap_or(("pci", before));
    let (ids, rest) = rest.split_once(']')?;
    let (vendor, device) = ids.split_once(':')?;
    let mut words = rest.split_whitespace();
    let ("type", kind, "class", class) =
        (words.next()?, words.next()?, words.next()?, words.next()?)
    else {
        return None;
    };
    let id = |text: &str| u16::try_from(hex::parse(text, 4)?).ok();
    Some(Logged {
        bdf: bdf::shown(address).filter(|_| pci.ends_with("pci"))?,
        vendor: id(vendor)?,
        device: id(device)?,
        // 02 is a bridge to CardBus.
        is_bridge: kind == "01",
        class: hex::parse(class.strip_prefix("0x")?, 6)?,
    })
}

/// Whether the first line of a function lacks the end of its class.
pub(super) fn lacks_class(header: &str) -> bool {
    header
        .split_once(": ")
        .is_none_or(|(_, rest)| rest.is_empty())
}

/// Whether a line has a class in front of a colon, as a first line has.
pub(super) fn has_class(text: &str) -> bool {
    let with_number = text
        .split_once("]: ")
        .is_some_and(|(before, _)| before.contains('[') && !before.starts_with('['));
    with_number || has_name_of_class(text)
}

/// Whether a line has the name of a class in front of a colon, and a name behind it.
pub(super) fn has_name_of_class(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let mut colons = lower.match_indices(": ");
    !is_detail(&lower)
        && colons.any(|(at, colon)| {
            let name = text.get(at + colon.len()..).unwrap_or("");
            name.starts_with(|c: char| c.is_ascii_uppercase())
                && ids::CLASSES
                    .iter()
                    .any(|(class, _)| lower[..at].ends_with(class))
        })
}

/// Whether an indented line begins a list item of its own, such as `ClockPM- Surprise-`.
pub(super) fn starts_item(lower: &str) -> bool {
    let word = lower.split_whitespace().next().unwrap_or("");
    word.ends_with(['+', '-'])
}

/// Reads a line of a dump: `1f0: 00 12 ...`, sixteen bytes.
pub(super) fn dump_line(text: &str) -> Option<(usize, Vec<u8>)> {
    let text = text.to_ascii_lowercase();
    let (offset, rest) = text.split_once(": ")?;
    if !matches!(offset.len(), 2 | 3) {
        return None;
    }
    let offset = usize::try_from(hex::parse(offset, offset.len())?).ok()?;
    let byte = |text: &str| hex::parse(text, 2).and_then(|byte| u8::try_from(byte).ok());
    let bytes: Option<Vec<u8>> = rest.split_whitespace().map(byte).collect();
    bytes
        .filter(|bytes| bytes.len() == 16)
        .map(|bytes| (offset, bytes))
}
