// SPDX-License-Identifier: GPL-2.0-only

//! Dependencies run one way: the modules of a crate have no cycle, and only tests and fuzz targets
//! depend on acsctl.

mod common;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use syn::{ItemUse, UseTree, visit::Visit};

use common::root;

const CRATES: [&str; 5] = [
    "src/rules",
    "tools/topology/src",
    "tools/grouping/src",
    "tools/quirk-data/src",
    "tools/acsctl/src",
];

/// The top-level modules of a crate, and the modules that each one names.
type Graph = BTreeMap<String, BTreeSet<String>>;

/// The names after `crate::` in a file, or after `super::` in a top-level module.
struct Names {
    roots: &'static [&'static str],
    found: BTreeSet<String>,
}

impl Names {
    fn add(&mut self, tree: &UseTree) {
        match tree {
            UseTree::Path(path) => {
                self.found.insert(path.ident.to_string());
            }
            UseTree::Name(name) => {
                self.found.insert(name.ident.to_string());
            }
            UseTree::Rename(name) => {
                self.found.insert(name.ident.to_string());
            }
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.add(tree)),
            UseTree::Glob(_) => {}
        }
    }
}

impl<'ast> Visit<'ast> for Names {
    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        if let UseTree::Path(path) = &item.tree {
            if self.roots.iter().any(|root| path.ident == root) {
                self.add(&path.tree);
            }
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let mut segments = path.segments.iter();
        let is_root = |first: &syn::PathSegment| self.roots.iter().any(|root| first.ident == root);
        if segments.next().is_some_and(is_root) {
            self.found
                .extend(segments.next().map(|next| next.ident.to_string()));
        }
        syn::visit::visit_path(self, path);
    }

    /// Skip test modules, which may name any module.
    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        if module.ident != "tests" {
            syn::visit::visit_item_mod(self, module);
        }
    }
}

/// The source files below a folder, each with its top-level module.
fn files(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(at) = folders.pop() {
        for entry in fs::read_dir(at).expect("the folder is there") {
            let path = entry.expect("it can be read").path();
            let below = path
                .strip_prefix(folder)
                .expect("it is below")
                .to_path_buf();
            let top = below.iter().next().expect("it has a name");
            let top = top.to_string_lossy().trim_end_matches(".rs").to_owned();
            if path.is_dir() {
                // Tests and benches next to the source are separate crates.
                if !["tests", "benches"].contains(&top.as_str()) {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                found.push((path, top));
            }
        }
    }
    found
}

fn graph(folder: &Path) -> Graph {
    let mut graph = Graph::new();
    for (path, module) in files(folder) {
        let text = fs::read_to_string(&path).expect("it can be read");
        let file = syn::parse_file(&text).expect("it compiles");
        let is_top = path.parent() == Some(folder) && path.file_stem() != Some("mod".as_ref());
        let mut names = Names {
            roots: if is_top {
                &["crate", "super"]
            } else {
                &["crate"]
            },
            found: BTreeSet::new(),
        };
        names.visit_file(&file);
        graph.entry(module).or_default().extend(names.found);
    }
    let modules: BTreeSet<_> = graph.keys().cloned().collect();
    for (module, named) in &mut graph {
        named.retain(|other| other != module && modules.contains(other));
    }
    graph
}

/// The modules of a cycle. Removes, again and again, modules that name no remaining module; the
/// rest is a cycle.
fn cycle(mut graph: Graph) -> Vec<String> {
    loop {
        let left: BTreeSet<_> = graph.keys().cloned().collect();
        let before = graph.len();
        graph.retain(|_, named| named.iter().any(|other| left.contains(other)));
        if graph.len() == before {
            return graph.into_keys().collect();
        }
    }
}

#[test]
fn modules_form_no_cycle() {
    for folder in CRATES {
        let graph = graph(&root().join(folder));
        let edges: usize = graph.values().map(BTreeSet::len).sum();
        assert!(edges > 3, "{folder} has modules that name each other");
        let found = cycle(graph);
        assert!(
            found.is_empty(),
            "{folder}: in a cycle, or above one: {found:?}"
        );
    }
}

/// The control: the check finds two modules that name each other, and not a module that is only
/// named.
#[test]
fn a_cycle_is_found() {
    let graph = |edges: &[(&str, &str)]| {
        let mut graph = Graph::new();
        for (from, to) in edges {
            graph
                .entry((*from).to_owned())
                .or_default()
                .insert((*to).to_owned());
            graph.entry((*to).to_owned()).or_default();
        }
        graph
    };
    assert!(cycle(graph(&[("why", "host"), ("host", "paths")])).is_empty());
    let round = graph(&[("why", "host"), ("host", "why"), ("host", "paths")]);
    assert_eq!(cycle(round), ["host", "why"]);
}

#[test]
fn none_but_tests_depends_on_acsctl() {
    let named = |manifest: &str| {
        let text = fs::read_to_string(root().join(manifest)).expect("it is there");
        text.lines().any(|line| line.starts_with("acsctl = "))
    };
    for manifest in [
        "src/rules",
        "tools/topology",
        "tools/grouping",
        "tools/quirk-data",
    ] {
        assert!(!named(&format!("{manifest}/Cargo.toml")), "{manifest}");
    }
    assert!(named("tests/boot/Cargo.toml"), "the control");
}
