// SPDX-License-Identifier: GPL-2.0-only

//! Lists the tests of the suite from its source. Each of them must have run.

use std::{fmt, fs, path::Path};

use anyhow::{Context, Result, bail};
use syn::{Attribute, Item, ItemMod};

/// A test, by its suite and its own name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Name {
    /// The argument of `#[kunit_tests()]`.
    pub suite: String,
    /// Name of the test function.
    pub test: String,
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}::{}", self.suite, self.test)
    }
}

/// The tests in the source files of `folder`, sorted by name.
///
/// # Errors
///
/// When a file cannot be read, or there is no test.
pub fn tests(folder: &Path) -> Result<Vec<Name>> {
    let mut names = Vec::new();
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "rs") {
            let text = fs::read_to_string(&path)?;
            let file = syn::parse_file(&text).with_context(|| format!("in {}", path.display()))?;
            collect(&file.items, &mut names)?;
        }
    }
    if names.is_empty() {
        bail!("there is no test in {}", folder.display());
    }
    names.sort();
    Ok(names)
}

/// Adds the tests of the suites in `items`, including nested modules.
fn collect(items: &[Item], names: &mut Vec<Name>) -> Result<()> {
    let modules = items.iter().filter_map(|item| match item {
        Item::Mod(module) => Some(module),
        _ => None,
    });
    for module in modules {
        let items = module.content.as_ref().map_or(&[][..], |(_, items)| items);
        match suite(module)? {
            None => collect(items, names)?,
            Some(suite) => names.extend(functions(items).map(|test| Name {
                suite: suite.clone(),
                test,
            })),
        }
    }
    Ok(())
}

/// The name of the suite, if the module is one.
fn suite(module: &ItemMod) -> Result<Option<String>> {
    let found = module
        .attrs
        .iter()
        .find(|attribute| is(attribute, "kunit_tests"));
    let name = found.map(Attribute::parse_args::<syn::Ident>).transpose();
    let name = name.with_context(|| format!("module {}: #[kunit_tests(NAME)]", module.ident))?;
    Ok(name.map(|name| name.to_string()))
}

fn functions(items: &[Item]) -> impl Iterator<Item = String> {
    items.iter().filter_map(|item| match item {
        Item::Fn(function) if function.attrs.iter().any(|attribute| is(attribute, "test")) => {
            Some(function.sig.ident.to_string())
        }
        _ => None,
    })
}

fn is(attribute: &Attribute, name: &str) -> bool {
    attribute.path().is_ident(name)
}
