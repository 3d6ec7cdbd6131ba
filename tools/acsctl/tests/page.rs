// SPDX-License-Identifier: GPL-2.0-only

//! `acsctl groups --html`: the page is sound HTML, says what `acsctl why` says, and no text from a
//! machine becomes markup.

mod common;

use std::{
    fmt::Write as _,
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::Path,
};

use acsctl::{
    host::{HostView, Source},
    listing::{Listing, filter::Filter},
};
use serde_json::Value;
use topology::names::Names;

use common::{
    command::{acsctl, alone, assert_fails, host, machine, path, printed, recorded},
    scratch,
};

/// Elements that have no end tag.
const VOID: [&str; 2] = ["!DOCTYPE", "meta"];

/// The text of a page, and its ids and links.
#[derive(Debug, Default)]
struct Parsed {
    /// The text of the body; each element starts a new word.
    text: String,
    /// The names of all elements.
    elements: Vec<String>,
    ids: Vec<String>,
    links: Vec<String>,
}

/// Parses the form of HTML that the page uses: it is XML except for the elements in [`VOID`].
///
/// # Errors
///
/// What is wrong, and the text after it.
fn parse(page: &str) -> Result<Parsed, String> {
    let mut parsed = Parsed::default();
    let mut open: Vec<String> = Vec::new();
    let mut rest = page;
    while let Some((text, after)) = rest.split_once('<') {
        let is_css = open.last().is_some_and(|name| name == "style");
        if !is_css {
            parsed.text += &content(text)?;
            parsed.text.push(' ');
        }
        let (tag, after) = after.split_once('>').ok_or("a tag without end")?;
        rest = after;
        if let Some(name) = tag.strip_prefix('/') {
            if open.pop().as_deref() != Some(name) {
                return Err(format!("</{name}> without start: {rest:.60}"));
            }
            continue;
        }
        let (name, mut attributes) = tag.split_once(' ').unwrap_or((tag, ""));
        if name != "!DOCTYPE" && !name.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(format!("not an element: {name:?}"));
        }
        parsed.elements.push(name.to_owned());
        while name != "!DOCTYPE" && !attributes.is_empty() {
            let (attribute, after) = attributes.split_once("=\"").ok_or("a bare attribute")?;
            let (value, after) = after.split_once('"').ok_or("a value without end")?;
            attributes = after.trim_start();
            match attribute.trim() {
                "id" => parsed.ids.push(content(value)?),
                "href" => parsed.links.push(content(value)?),
                "class" | "open" | "style" | "lang" | "charset" | "name" | "content"
                | "http-equiv" => {}
                other => return Err(format!("an unexpected attribute: {other:?}")),
            }
        }
        if !VOID.contains(&name) {
            open.push(name.to_owned());
        }
    }
    if !open.is_empty() {
        return Err(format!("not closed: {open:?}"));
    }
    Ok(parsed)
}

/// Decodes text.
fn content(text: &str) -> Result<String, String> {
    if text.contains(['>', '"', '\'']) {
        return Err(format!("not escaped: {text:?}"));
    }
    let mut decoded = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        let (entity, after) = after.split_once(';').ok_or("an entity without end")?;
        decoded += before;
        decoded.push(match entity {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "#39" => '\'',
            _ => return Err(format!("an unknown entity: {entity:?}")),
        });
        rest = after;
    }
    let is_control = |c: char| c.is_control() && c != '\n';
    if rest.contains(is_control) || decoded.contains(is_control) {
        return Err(format!("a control character: {text:?}"));
    }
    Ok(decoded + rest)
}

fn sound(page: &str) -> Parsed {
    parse(page).unwrap_or_else(|fault| panic!("{fault}"))
}

/// The words of a text in one line, without list markers.
fn words(text: &str) -> String {
    let is_marker = |word: &&str| {
        let number = word.strip_suffix('.').unwrap_or_default();
        !matches!(*word, "-" | "*")
            && (number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let words: Vec<_> = text.split_whitespace().filter(is_marker).collect();
    words.join(" ").replace("( ", "(").replace(" ()", "()")
}

fn page_of(arguments: &[&str]) -> String {
    printed(&acsctl(&[&["groups", "--html", "-"], arguments].concat()))
}

#[test]
fn the_page_has_each_function_and_says_what_why_says() {
    for file in recorded() {
        let page = sound(&page_of(&["--topology", &file]));
        let json = fs::read_to_string(&file).expect("it is there");
        let json: Value = serde_json::from_str(&json).expect("it is JSON");
        let functions = json["functions"].as_array().expect("it is a list");
        let functions = functions
            .iter()
            .map(|one| one["bdf"].as_str().expect("it is text"));
        let (mut ids, mut all): (Vec<_>, Vec<_>) = (page.ids.clone(), functions.clone().collect());
        ids.sort();
        all.sort_unstable();
        assert_eq!(ids, all, "{file}");
        for link in &page.links {
            let target = link.strip_prefix('#').expect("it stays on the page");
            assert!(all.contains(&target), "{file}: {link}");
        }
        for banned in ["script", "link", "img", "iframe", "object"] {
            assert!(!page.elements.iter().any(|name| name == banned), "{banned}");
        }
        let text = words(&page.text);
        for function in functions.step_by(7) {
            // Exit status 1 says that the reason is not known, which the page also says.
            let why = acsctl(&["why", function, "--topology", &file]);
            let why = String::from_utf8(why.stdout).expect("it is text");
            let (asked, answer) = why.split_once('\n').expect("it has lines");
            assert!(
                text.contains(&words(&asked.replacen(function, "", 1))),
                "{asked}"
            );
            assert!(text.contains(&words(answer)), "{file}: {answer}\n{text}");
        }
    }
}

#[test]
fn the_parser_of_these_tests_refuses_faulty_html() {
    for (page, fault) in [
        ("<ul><li>a</ul>", "without start"),
        ("<ul><li>a</li>", "not closed"),
        ("<p>a > b</p>", "not escaped"),
        ("<p>a &nbsp b</p>", "an entity"),
        ("<p onclick=\"x\">a</p>", "unexpected attribute"),
        ("<p id=x>a</p>", "a bare attribute"),
        ("<p>\u{1b}[2J</p>", "a control character"),
    ] {
        let found = parse(page).expect_err(page);
        assert!(found.contains(fault), "{page}: {found}");
    }
    assert_eq!(sound("<p id=\"a\">x &lt; y</p>").text, " x < y ");
}

#[test]
fn the_head_names_source_kernel_and_version() {
    let file = machine("lenovo-2325kz5-dc5a79");
    let text = words(&sound(&page_of(&["--topology", &file])).text);
    let version = format!("Made by acsctl {}", env!("CARGO_PKG_VERSION"));
    for expected in [&format!("Read from {file}"), "Kernel ", &version] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    assert!(!text.contains("release not known"), "{text}");
    // A file without a kernel, and a second one.
    let folder = scratch("page-head");
    let (alone, list) = (alone(&folder), folder.join("second.txt"));
    fs::write(
        &list,
        "IOMMU Group 3 00:01.0 Ethernet controller [0200]: x [8086:10d3]\n",
    )
    .expect("it can be written");
    let both = page_of(&["--topology", &alone, "--topology", &path(&list)]);
    let text = words(&sound(&both).text);
    let source = format!("Read from {} with {}", alone, path(&list));
    assert!(text.contains(&source), "{text}");
    assert!(text.contains("release not known"), "{text}");
    assert!(text.contains("group 3"), "{text}");
    // A host.
    let root = host("page-host");
    fs::write(root.join("proc/sys/kernel/hostname"), "rack<7>\n").expect("it can be written");
    let text = words(&sound(&page_of(&["--root", &path(&root)])).text);
    assert!(text.contains("Read from host rack<7>"), "{text}");
    assert!(text.contains("Kernel 7.3.4 "), "{text}");
    assert!(
        text.contains("not viable for VFIO: the host drives 0000:01:00.1"),
        "{text}"
    );
    assert!(text.contains("driver vfio-pci"), "{text}");
}

#[test]
fn no_text_of_a_machine_becomes_markup() {
    const HOSTILE: &str = "<script>alert(\"x\")</script>' onclick='y &lt; \u{1b}[2J\u{202e}";
    let shown = HOSTILE.replace(['\u{1b}', '\u{202e}'], "\u{fffd}");
    let file = alone(&scratch("page-names"));
    let topology = topology::read_all(&[&file]).expect("it is sound");
    let seen = HostView::of(&topology, &[], None);
    let ids = format!("8086  {HOSTILE}\n\t10d3  {HOSTILE}\nC 02  {HOSTILE}\n");
    let names = Names::of_text(&ids, &topology);
    let listing = Listing::of(&seen, &names, &Filter::default()).expect("it is sound");
    let source = Source::Files(vec![HOSTILE.into()]);
    let page = listing
        .html(&names, &source, Some(HOSTILE))
        .expect("it is sound");
    assert!(
        !page.contains("<script") && !page.contains('\u{1b}'),
        "{page}"
    );
    let parsed = sound(&page);
    // Title, head and warning; the class, vendor and device of the function; vendor and device in its
    // answer.
    assert_eq!(parsed.text.matches(&shown).count(), 8, "{}", parsed.text);
    // A driver and a host name of this kind, through the command.
    let root = host("page-hostile");
    let driver = root.join("sys/devices/0000:01:00.1/driver");
    fs::remove_file(&driver).expect("it is there");
    symlink("../../bus/pci/drivers/<script>\"", &driver).expect("it can be made");
    fs::write(root.join("proc/sys/kernel/hostname"), HOSTILE).expect("it can be written");
    let page = page_of(&["--root", &path(&root)]);
    assert!(!page.contains("<script"), "{page}");
    let text = sound(&page).text;
    assert!(text.contains("driver <script>\""), "{text}");
    assert!(text.contains(&shown), "{text}");
}

#[test]
fn the_page_marks_what_is_not_known_or_assumed() {
    let folder = scratch("page-unknown");
    let file = folder.join("partial.txt");
    // The bridge to bus 05 is not in the input.
    let card = |bdf: &str, kind: &str| {
        format!(
            "{bdf} Ethernet controller [0200]: Intel Corporation 82574L [8086:10d3]\n\
             \tCapabilities: [e0] Express (v1) {kind}, MSI 00\n"
        )
    };
    let inner = card("0000:00:01.0", "Root Complex Integrated Endpoint");
    let outer = card("0000:05:00.0", "Endpoint");
    fs::write(&file, inner + &outer).expect("it can be written");
    let text = words(&sound(&page_of(&["--topology", &path(&file)])).text);
    for expected in [
        "0000:05:00.0 group not known",
        "group not known: the input does not show it, or lacks functions that decide it: 0000:05:00.0",
        "The reason is not known: the input does not show which bridge leads to bus 0000:05",
        "The kernel's groups are not known",
        " assumed ",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    // The control: a machine with groups, of which nothing is unknown.
    let known = page_of(&["--topology", &machine("lambda-lambda-vector-0d658f")]);
    let text = words(&sound(&known).text);
    for absent in ["group not known", "Not known or assumed", " assumed "] {
        assert!(!text.contains(absent), "{absent}");
    }
}

/// What the page says of a function whose answer it does not hold.
const ROOM: &str = "This page has no room for the answer. It is printed by acsctl why";

#[test]
fn a_great_machine_has_a_bounded_page() {
    // Cards of eight functions without ACS behind ports without ACS: one group.
    let machine = |cards: usize| {
        let mut text = String::new();
        for card in 0..cards {
            let (slot, bus) = (card / 8, card + 1);
            let _ = write!(
                text,
                "0000:00:{slot:02x}.{} PCI bridge [0604]: Intel Corporation x [8086:1901]\n\
                 \tBus: primary=00, secondary={bus:02x}, subordinate={bus:02x}, sec-latency=0\n\
                 \tCapabilities: [40] Express (v2) Root Port (Slot+), MSI 00\n",
                card % 8
            );
            for function in 0..8 {
                let _ = write!(
                    text,
                    "0000:{bus:02x}:00.{function} Ethernet controller [0200]: Intel x [8086:10d3]\n\
                     \tCapabilities: [40] Express (v2) Endpoint, MSI 00\n"
                );
            }
        }
        let file = scratch(&format!("page-{cards}")).join("machine.txt");
        fs::write(&file, text).expect("it can be written");
        let page = page_of(&["--topology", &path(&file)]);
        words(&sound(&page).text)
    };
    // 72 functions: each has an answer, which lists 64 of the 71 other members.
    let small = machine(8);
    assert_eq!(small.matches(ROOM).count(), 0);
    assert_eq!(small.matches("Why The kernel keeps").count(), 72, "{small}");
    assert_eq!(small.matches(" and 7 more ").count(), 72, "{small}");
    // 1000 functions without bridges, each in its own group.
    let mut text = String::new();
    for number in 0..1000 {
        let _ = write!(
            text,
            "{:04x}:00:{:02x}.0 Ethernet controller [0200]: Intel Corporation x [8086:10d3]\n\
             \tCapabilities: [e0] Express (v1) Root Complex Integrated Endpoint, MSI 00\n",
            number / 32,
            number % 32
        );
    }
    let file = scratch("page-great").join("machine.txt");
    fs::write(&file, text).expect("it can be written");
    let great = words(&sound(&page_of(&["--topology", &path(&file)])).text);
    assert_eq!(great.matches(ROOM).count(), 600);
    assert_eq!(
        great.matches("It would have a group of its own.").count(),
        400
    );
}

#[test]
fn a_file_is_replaced_as_a_whole_or_not_at_all() {
    let folder = scratch("page-file");
    let file = folder.join("groups.html");
    fs::write(&file, "old").expect("it can be written");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).expect("it can be set");
    let alone = alone(&scratch("page-input"));
    let write =
        |to: &Path, machine: &str| acsctl(&["groups", "--topology", machine, "--html", &path(to)]);
    let said = printed(&write(&file, &alone));
    assert!(said.contains("groups.html: written, groups 1"), "{said}");
    let page = fs::read_to_string(&file).expect("it is there");
    assert_eq!(page, page_of(&["--topology", &alone]));
    let mode = fs::metadata(&file)
        .expect("it is there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o640);
    // Failures that name the file: no such folder, a folder, and a full file system.
    let missing = folder.join("missing/groups.html");
    assert_fails(&write(&missing, &alone), 2, &path(&missing));
    assert_fails(&write(&folder, &alone), 2, "is not a regular file");
    assert_fails(&write(Path::new("/dev/full"), &alone), 2, "/dev/full");
    // A machine that cannot be read leaves the file as it was.
    assert_fails(
        &write(&file, &path(&folder.join("none.json"))),
        2,
        "none.json",
    );
    assert_eq!(fs::read_to_string(&file).expect("it is there"), page);
    let left = fs::read_dir(&folder).expect("it is there").count();
    assert_eq!(left, 1, "no temporary file stays");
    let both = acsctl(&["groups", "--topology", &alone, "--html", "-", "--svg", "-"]);
    assert_fails(&both, 2, "cannot be used with");
}
