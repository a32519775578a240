//! Documents: one title, and links that lead somewhere.

use std::path::Path;

use crate::tree::{files, read, root};

#[test]
fn each_document_has_one_title() {
    for path in files(&["md"]) {
        let text = read(&path);
        let mut fenced = false;
        let titles = text
            .lines()
            .filter(|line| {
                if line.trim_start().starts_with("```") {
                    fenced = !fenced;
                }
                !fenced && line.starts_with("# ")
            })
            .count();
        assert_eq!(titles, 1, "{}: one line that starts with '# '", path.display());
    }
}

#[test]
fn links_lead_somewhere() {
    let mut broken = Vec::new();
    for path in files(&["md"]) {
        let text = read(&path);
        let folder = path.parent().unwrap_or(Path::new(""));
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target = target.split('#').next().unwrap_or_default();
            let outside = target.contains("://") || target.starts_with("mailto:") || target.is_empty();
            if !outside && !root().join(folder).join(target).exists() {
                broken.push(format!("{}: {target}", path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "links to nowhere: {broken:#?}");
}

/// The names of screens are an interface: those of the program, each in the integrator's page.
#[test]
fn the_integrators_page_has_every_screen() {
    let program = read(Path::new("src/terminal/screen.rs"));
    let names: Vec<_> = program
        .lines()
        .filter_map(|line| line.split_once("=> \"").or_else(|| line.split_once("&str = \"")))
        .filter_map(|(_, rest)| rest.split('"').next())
        .collect();
    assert!(names.len() >= 16, "the names moved: {names:?}");
    let page = read(Path::new("docs/integrating.md"));
    for name in names {
        assert!(page.contains(&format!("\n| `{name}` |")), "docs/integrating.md has no row for {name}");
    }
}

#[test]
fn the_changelog_has_this_version() {
    let text = read(Path::new("CHANGELOG.md"));
    assert!(
        text.contains("## [Unreleased]") || text.contains(concat!("## [", env!("CARGO_PKG_VERSION"), "]"))
    );
}
