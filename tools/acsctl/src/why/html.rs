// SPDX-License-Identifier: GPL-2.0-only

//! The answer as HTML.

use topology::Bdf;

use super::{
    answer::{Answer, Member},
    page::{KERNEL_INDENT, Part, Tone},
};
use crate::markup::Markup;

/// The number of members to list. The page lists each group completely in another place.
const LISTED: usize = 64;

/// The items that are open, outermost first: their indent and the kind of their list.
#[derive(Default)]
struct Items(Vec<(usize, &'static str)>);

impl Items {
    /// Closes the items that a part with this indent does not belong to.
    fn close(&mut self, html: &mut Markup, indent: usize) {
        while let Some(&(open, list)) = self.0.last() {
            if open < indent {
                break;
            }
            html.close("li");
            html.close(list);
            self.0.pop();
        }
    }

    /// Opens an item, in the same list as the item before it if the indent is the same.
    fn open(&mut self, html: &mut Markup, indent: usize, list: &'static str) {
        self.close(html, indent + 1);
        if self.0.last() == Some(&(indent, list)) {
            html.close("li");
        } else {
            self.close(html, indent);
            html.open(list, &[]);
            self.0.push((indent, list));
        }
        html.raw("<li>");
    }
}

impl Answer {
    /// Adds the answer, without the function that was asked about. `link` gives the target of a
    /// link for a function, or `None` for a function that is not on the page.
    pub(crate) fn html(&self, html: &mut Markup, link: impl Fn(Bdf) -> Option<String>) {
        let mut items = Items::default();
        for part in self.page().0 {
            match part {
                Part::Asked(_) | Part::Gap => {}
                Part::Heading(words) => {
                    items.close(html, 0);
                    html.element("h4", "", words);
                }
                Part::Outcome {
                    tone,
                    words,
                    condition,
                } => {
                    items.close(html, 0);
                    let class = match tone {
                        Tone::Plain => "outcome",
                        Tone::Good => "outcome good",
                        Tone::Bad => "outcome bad",
                    };
                    html.open("p", &[]);
                    html.element("span", class, words);
                    html.text(condition);
                    html.close("p");
                }
                Part::Members(list) => {
                    items.close(html, 0);
                    members(html, list, &link);
                }
                Part::Paragraph { indent, words } => {
                    items.close(html, indent);
                    html.element("p", "", &words);
                }
                Part::Item {
                    indent,
                    marker,
                    words,
                } => {
                    let is_step = marker.ends_with('.');
                    items.open(html, indent, if is_step { "ol" } else { "ul" });
                    html.text(&words);
                }
                Part::Kernel(function) => {
                    items.close(html, KERNEL_INDENT);
                    html.open("p", &[("class", "kernel")]);
                    html.element("code", "", function);
                    html.raw("<code>()</code> in the kernel</p>");
                }
            }
        }
        items.close(html, 0);
    }
}

fn members(html: &mut Markup, members: &[Member], link: &impl Fn(Bdf) -> Option<String>) {
    html.raw("<ul class=\"members\">");
    for member in members.iter().take(LISTED) {
        html.raw("<li>");
        let function = member.function.to_string();
        match link(member.function) {
            Some(target) => {
                html.open("a", &[("href", &target)]);
                html.element("code", "", &function);
                html.close("a");
            }
            None => html.element("code", "", &function),
        }
        html.raw(" ");
        html.text(&member.name);
        if member.host_only {
            html.raw(" ");
            html.element("small", "", member.stays());
        }
        html.raw("</li>");
    }
    if let Some(more) = members.len().checked_sub(LISTED).filter(|&more| more > 0) {
        html.element("li", "", &format!("and {more} more"));
    }
    html.raw("</ul>");
}
