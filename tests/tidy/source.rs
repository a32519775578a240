//! Source files: length, who may read clocks, who may name adapters, how errors are written.

use std::path::{Path, PathBuf};

use proc_macro2::Span;
use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};

use crate::tree::{files, is_test_code, read};

const FILE_LINES_MAX: usize = 500;
const FUNCTION_LINES_MAX: usize = 70;
/// Test files hold tables; they may be longer, and say what they are for all the same.
const TEST_FILE_LINES_MAX: usize = 900;

fn rust_files() -> Vec<(PathBuf, String)> {
    files(&["rs"]).into_iter().map(|path| (path.clone(), read(&path))).collect()
}

fn product_files() -> Vec<(PathBuf, String)> {
    rust_files().into_iter().filter(|(path, _)| !is_test_code(path)).collect()
}

#[test]
fn files_are_short_and_open_with_what_they_are_for() {
    for (path, text) in rust_files() {
        let most = if is_test_code(&path) { TEST_FILE_LINES_MAX } else { FILE_LINES_MAX };
        let lines = text.lines().count();
        assert!(lines <= most, "{} has {lines} lines, {most} at most: split it by purpose", path.display());
        // A fuzz target's first line belongs to its runner.
        let opening = text.lines().find(|line| !line.starts_with("#!")).unwrap_or_default();
        assert!(opening.starts_with("//!"), "{} opens with '//!' and what it is for", path.display());
    }
}

struct Functions {
    long: Vec<(String, usize)>,
}

impl Functions {
    fn note(&mut self, name: &syn::Ident, span: Span) {
        let lines = span.end().line - span.start().line + 1;
        if lines > FUNCTION_LINES_MAX {
            self.long.push((name.to_string(), lines));
        }
    }
}

impl<'ast> Visit<'ast> for Functions {
    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        self.note(&function.sig.ident, function.block.span());
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        self.note(&function.sig.ident, function.block.span());
        visit::visit_impl_item_fn(self, function);
    }

    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        let of_tests = module.attrs.iter().any(|attribute| {
            attribute.path().is_ident("cfg")
                && attribute.meta.require_list().is_ok_and(|list| list.tokens.to_string().contains("test"))
        });
        if !of_tests {
            visit::visit_item_mod(self, module);
        }
    }
}

#[test]
fn functions_fit_on_a_screen() {
    let mut long = Vec::new();
    for (path, text) in product_files() {
        let file = syn::parse_file(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let mut functions = Functions { long: Vec::new() };
        functions.visit_file(&file);
        long.extend(
            functions.long.into_iter().map(|(name, lines)| format!("{}: {name}: {lines}", path.display())),
        );
    }
    assert!(long.is_empty(), "functions over {FUNCTION_LINES_MAX} lines: {long:#?}");
}

/// Product code without its `mod tests`, comments left in.
fn without_tests(text: &str) -> &str {
    text.split("\n#[cfg(test)]").next().unwrap_or(text)
}

#[test]
fn only_clock_files_read_clocks() {
    let reads =
        ["SystemTime::now", "Instant::now", "Timestamp::now", "Zoned::now", "now_v7", "thread::sleep"];
    for (path, text) in product_files() {
        if path.file_name().is_some_and(|name| name == "clock.rs") {
            continue;
        }
        for line in without_tests(&text).lines().filter(|line| !line.trim_start().starts_with("//")) {
            for read in reads {
                assert!(!line.contains(read), "{}: {read} outside clock.rs: {line}", path.display());
            }
        }
    }
}

#[test]
fn the_journal_is_made_durable_in_one_place() {
    let places: Vec<String> = product_files()
        .iter()
        .filter(|(_, text)| {
            without_tests(text).lines().any(|line| line.contains("Durable for ") && line.contains("impl"))
        })
        .map(|(path, _)| path.display().to_string())
        .collect();
    assert_eq!(places.len(), 1, "one implementation of transaction::Durable outside tests: {places:?}");
    assert!(places[0].starts_with("src/terminal/"), "{places:?}");
}

#[test]
fn only_compose_names_concrete_adapters() {
    let adapters =
        ["devices::card::", "devices::pinpad::", "devices::printer::file", "FilePrinter", "PcscUnit"];
    for (path, text) in product_files() {
        // The doctor looks at this machine's hardware; that is its job (docs/architecture.md).
        let exempt = path == Path::new("src/terminal/compose.rs")
            || path.starts_with("src/terminal/compose")
            || path == Path::new("src/terminal/doctor.rs")
            || path.starts_with("src/terminal/doctor");
        if !path.starts_with("src/terminal") || exempt {
            continue;
        }
        for adapter in adapters {
            assert!(
                !without_tests(&text).contains(adapter),
                "{}: {adapter} is named outside compose.rs",
                path.display()
            );
        }
    }
}

#[test]
fn sides_of_the_terminal_do_not_import_each_other() {
    let sides = ["host_client", "screen", "service", "operations"];
    for (path, text) in product_files() {
        let Ok(inside) = path.strip_prefix("src/terminal") else { continue };
        let first = inside.components().next().map(|c| c.as_os_str().to_string_lossy().into_owned());
        let own = first.unwrap_or_default().trim_end_matches(".rs").to_owned();
        if !sides.contains(&own.as_str()) {
            continue;
        }
        for other in sides.iter().filter(|other| **other != own) {
            assert!(
                !without_tests(&text).contains(&format!("crate::{other}")),
                "{}: {own} imports {other}",
                path.display()
            );
        }
    }
}

#[test]
fn errors_do_not_repeat_their_source() {
    for (path, text) in product_files() {
        for (number, line) in text.lines().enumerate() {
            let at = format!("{}:{}", path.display(), number + 1);
            if line.contains("#[error(") {
                assert!(!line.contains("{source"), "{at}: Display repeats the source");
            }
            if line.trim_start().starts_with("#[from]") || line.contains("(#[from]") {
                let above = text.lines().skip(number.saturating_sub(3)).take(4).collect::<String>();
                assert!(above.contains("transparent"), "{at}: #[from] only with #[error(transparent)]");
            }
        }
    }
}

#[test]
fn unsafe_says_why() {
    for (path, text) in product_files() {
        let lines: Vec<&str> = text.lines().collect();
        for (number, line) in lines.iter().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            if code.contains("unsafe {") || code.contains("unsafe impl") || code.contains("unsafe fn") {
                let above = lines[number.saturating_sub(6)..number].join("\n");
                assert!(
                    above.contains("SAFETY:"),
                    "{}:{}: unsafe without SAFETY",
                    path.display(),
                    number + 1
                );
            }
        }
    }
}

#[test]
fn nothing_is_left_for_later() {
    let this = Path::new("tests/tidy/source.rs");
    for (path, text) in rust_files().into_iter().filter(|(path, _)| path != this) {
        for word in ["todo!(", "unimplemented!(", "#[ignore", "FIXME", "dbg!("] {
            assert!(!text.contains(word), "{}: {word}", path.display());
        }
    }
}
