// SPDX-License-Identifier: GPL-2.0-only

//! Builds HTML. Only text that is part of the program becomes markup; every other text is escaped.

use std::borrow::Cow;

/// HTML that is written from front to back.
#[derive(Clone, Debug, Default)]
pub(crate) struct Markup(String);

impl Markup {
    /// Adds markup of the program as it is.
    pub(crate) fn raw(&mut self, markup: &'static str) {
        self.0.push_str(markup);
    }

    /// Adds text, escaped.
    pub(crate) fn text(&mut self, text: &str) {
        self.0.push_str(&escaped(text));
    }

    /// Adds a start tag. The values of the attributes are escaped.
    pub(crate) fn open(&mut self, name: &'static str, attributes: &[(&'static str, &str)]) {
        self.raw("<");
        self.raw(name);
        for (name, value) in attributes {
            self.raw(" ");
            self.raw(name);
            self.raw("=\"");
            self.text(value);
            self.raw("\"");
        }
        self.raw(">");
    }

    /// Adds an end tag.
    pub(crate) fn close(&mut self, name: &'static str) {
        self.raw("</");
        self.raw(name);
        self.raw(">");
    }

    /// Adds an element that contains only text, with a class unless that is empty.
    pub(crate) fn element(&mut self, name: &'static str, class: &'static str, text: &str) {
        let attributes = [("class", class)];
        let used = usize::from(!class.is_empty());
        self.open(name, &attributes[..used]);
        self.text(text);
        self.close(name);
    }

    /// The HTML.
    pub(crate) fn into_string(self) -> String {
        self.0
    }
}

/// Escapes a text for HTML, both for content and for quoted values. Characters that control a
/// terminal or the direction of text become U+FFFD: they could make the text read as another one.
fn escaped(text: &str) -> Cow<'_, str> {
    let is_plain = |c: char| !matches!(c, '&' | '<' | '>' | '"' | '\'') && !is_control(c);
    if text.chars().all(is_plain) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c if is_control(c) => safe.push('\u{fffd}'),
            c => safe.push(c),
        }
    }
    Cow::Owned(safe)
}

/// Whether a character is a control character, a direction mark (Unicode Standard Annex #9,
/// section 2), or a noncharacter, which HTML forbids.
fn is_control(c: char) -> bool {
    let is_noncharacter = u32::from(c) & 0xfffe == 0xfffe;
    c.is_control()
        || is_noncharacter
        || matches!(
            c,
            '\u{61c}'
                | '\u{200e}'
                | '\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2066}'..='\u{2069}'
                | '\u{fdd0}'..='\u{fdef}'
        )
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn text_cannot_become_markup() {
        assert_eq!(
            escaped("<b title=\"x\" id='y'>&amp;"),
            "&lt;b title=&quot;x&quot; id=&#39;y&#39;&gt;&amp;amp;"
        );
        assert_eq!(
            escaped("a\u{1b}[2J\0\n\u{202e}\u{ffff}b"),
            "a\u{fffd}[2J\u{fffd}\u{fffd}\u{fffd}\u{fffd}b"
        );
        // The control: other text stays as it is.
        assert_eq!(
            escaped("Größe 2 µm, 日本 [8086:10fb]"),
            "Größe 2 µm, 日本 [8086:10fb]"
        );
    }
}
