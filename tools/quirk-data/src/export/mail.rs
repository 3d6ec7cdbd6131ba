// SPDX-License-Identifier: GPL-2.0-only

//! Patches as mails in a mailbox, which git makes: `git format-patch` of commits in a scratch
//! repository that holds the one file.

use std::{env, fmt, fs, io, path::Path, process::Command, str::FromStr};

use jiff::Timestamp;

use super::{error::Error, place::FILE};

/// Somebody with a mail address.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Person {
    name: String,
    address: String,
}

impl Person {
    /// Whether a text, as of who stated something, begins with the person: with the mail address, or the name.
    pub(super) fn is_named_in(&self, text: &str) -> bool {
        let is_end = |c: char| c.is_whitespace() || "<>(),;".contains(c);
        let mut words = text.split(is_end);
        let address = words.find(|word| word.contains('@'));
        if address.is_some_and(|address| address.eq_ignore_ascii_case(&self.address)) {
            return true;
        }
        // "Jo Smith, Acme" has the name before the first comma, and "Smith, Jo, Acme" before the second.
        let own = Name::of(&self.name);
        let before = |nth: usize| {
            text.match_indices(',')
                .nth(nth)
                .map_or(text, |(at, _)| &text[..at])
        };
        [before(0), before(1)]
            .into_iter()
            .any(|part| Name::of(part).is_same(&own))
    }
}

/// The name of a person, without case and order, to compare.
struct Name {
    /// The words, sorted.
    words: Vec<String>,
    /// The initials between the words, in their order: of "Jo A. Smith", "a".
    initials: Vec<String>,
}

impl Name {
    /// The name at the beginning of a text, up to the role of the person.
    fn of(text: &str) -> Self {
        const ROLES: [&str; 4] = ["for", "of", "at", "from"];
        let name = text
            .split(['<', '(', ';', ':', '/'])
            .next()
            .unwrap_or_default();
        let is_end = |c: char| c.is_whitespace() || matches!(c, ',' | '.' | '"');
        let words = name.split(is_end).filter(|word| !word.is_empty());
        let words = words.take_while(|word| !ROLES.contains(word) && !word.contains('@'));
        let (initials, mut words): (Vec<_>, Vec<_>) = words
            .map(str::to_lowercase)
            .partition(|word| word.chars().count() == 1);
        words.sort();
        Self { words, initials }
    }

    /// Whether two names can be those of one person. "Jo A. Smith" can be "Jo Smith", and "A. Smith" can be
    /// many.
    fn is_same(&self, other: &Self) -> bool {
        let has_initials = |name: &Self| !name.initials.is_empty();
        let may_lack_initials =
            self.words.len() > 1 && !(has_initials(self) && has_initials(other));
        !self.words.is_empty()
            && self.words == other.words
            && (may_lack_initials || self.initials == other.initials)
    }
}

impl FromStr for Person {
    type Err = Error;

    /// Reads `Name <mail>`.
    fn from_str(text: &str) -> Result<Self, Error> {
        let is_name = |part: &str| !part.is_empty() && !part.contains(['<', '>', '"']);
        let is_word = |part: &str| is_name(part) && !part.contains([' ', '@', ',']);
        let parts = text
            .strip_suffix('>')
            .filter(|_| !text.contains(char::is_control))
            .and_then(|rest| rest.split_once('<'))
            .and_then(|(name, rest)| Some((name.trim(), rest, rest.split_once('@')?)));
        match parts {
            Some((name, address, (user, host)))
                if is_name(name) && is_word(user) && is_word(host) =>
            {
                Ok(Self {
                    name: name.to_owned(),
                    address: address.to_owned(),
                })
            }
            _ => Err(Error::Option(format!(
                "\"{text}\" is not of the form: Name <mail@example.org>"
            ))),
        }
    }
}

/// Writes `Name <mail>`.
impl fmt::Display for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} <{}>", self.name, self.address)
    }
}

/// A commit of a series.
pub(super) struct Commit {
    /// The subject, without `[PATCH]`.
    pub(super) subject: String,
    /// The commit message below the subject; ends with a line feed.
    pub(super) body: String,
    /// The file after the commit.
    pub(super) new: String,
}

/// The mails of a series, one for each commit.
pub(super) struct Mails<'a> {
    /// The author and sender. Without an author, the mail has a sender that cannot exist, which
    /// `git am` accepts.
    pub(super) from: Option<&'a Person>,
    /// The date, as git reads it.
    pub(super) date: String,
    /// The file before the first commit.
    pub(super) old: &'a str,
    /// The commits, in order.
    pub(super) commits: &'a [Commit],
}

impl Mails<'_> {
    /// Has git make the mails.
    ///
    /// # Errors
    ///
    /// [`Error::Option`] for a date that git does not know, [`Error::Git`] when git cannot be run.
    pub(super) fn text(&self) -> Result<String, Error> {
        let folder = tempfile::tempdir().map_err(Error::Git)?;
        let file = folder.path().join(FILE);
        let parent = file.parent().unwrap_or(folder.path());
        fs::create_dir_all(parent).map_err(Error::Git)?;
        let git = |arguments: &[&str]| self.git(folder.path(), arguments);
        let commit = |text: &str, message: &str| {
            fs::write(&file, text).map_err(Error::Git)?;
            git(&["add", FILE])?;
            let message = format!("--message={message}");
            git(&[
                "commit",
                "--quiet",
                "--no-verify",
                "--cleanup=verbatim",
                &message,
            ])
        };
        git(&["init", "--quiet"])?;
        commit(self.old, "before")?;
        for one in self.commits {
            commit(&one.new, &format!("{}\n\n{}", one.subject, one.body))?;
        }
        let signature = concat!("--signature=acsctl ", env!("CARGO_PKG_VERSION"));
        let count = format!("-{}", self.commits.len());
        git(&[
            "format-patch",
            &count,
            "--stdout",
            "--patience",
            "--zero-commit",
            signature,
        ])
    }

    fn git(&self, folder: &Path, arguments: &[&str]) -> Result<String, Error> {
        // RFC 2606 reserves .invalid for names that must not exist.
        let (name, address) = self
            .from
            .map_or(("author not given", "author@not-given.invalid"), |person| {
                (&person.name, &person.address)
            });
        let mut git = Command::new("git");
        git.arg("-C").arg(folder).args(arguments).env_clear();
        // The user's configuration must not change the patch.
        git.envs(env::vars_os().filter(|(key, _)| key == "PATH"));
        git.envs([
            ("GIT_CONFIG_GLOBAL", "/dev/null"),
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("LC_ALL", "C.UTF-8"),
        ]);
        for who in ["AUTHOR", "COMMITTER"] {
            git.env(format!("GIT_{who}_NAME"), name);
            git.env(format!("GIT_{who}_EMAIL"), address);
            git.env(format!("GIT_{who}_DATE"), &self.date);
        }
        let output = git.output().map_err(Error::Git)?;
        if output.status.success() {
            return String::from_utf8(output.stdout)
                .map_err(|error| Error::Git(io::Error::other(error)));
        }
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        if said.contains("invalid date format") {
            return Err(Error::Option(format!(
                "no mail can have the date {}; set SOURCE_DATE_EPOCH",
                self.date
            )));
        }
        Err(Error::Git(io::Error::other(said)))
    }
}

/// The date of the mail, in the form that git reads: the second `set`, or now.
pub(super) fn date_of(set: Option<u64>) -> String {
    let now = || Timestamp::now().as_second().unsigned_abs();
    format!("@{} +0000", set.unwrap_or_else(now))
}

/// `SOURCE_DATE_EPOCH`, by which reproducible builds set the clock, if it is set.
///
/// Source: <https://reproducible-builds.org/specs/source-date-epoch/>.
///
/// # Errors
///
/// [`Error::Option`] when it is not a number of seconds.
pub fn source_date_epoch() -> Result<Option<u64>, Error> {
    let Some(value) = env::var_os("SOURCE_DATE_EPOCH") else {
        return Ok(None);
    };
    let text = value.to_string_lossy();
    text.parse().map(Some).map_err(|_| {
        Error::Option(format!(
            "SOURCE_DATE_EPOCH is \"{text}\", and must be a number of seconds since 1970"
        ))
    })
}
