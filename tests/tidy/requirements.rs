//! `docs/requirements.md` is true: every requirement and every code is there with tests, each test exists, and each test of
//! a code speaks of it.
//!
//! `UPDATE_DOCS=1 cargo test -p myna-tests --test tidy requirements` writes what comes from the program (which codes there
//! are, in which order, and the customer's titles). Which tests reach a code is knowledge of people and stays as it is.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use myna_atm::catalogue::{CODES, Catalogue, Language};
use myna_atm::config::Helpline;
use proc_macro2::{TokenStream, TokenTree};
use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};
use transaction::{Outcome, Refusal, Rejection};

use crate::tree::{read, root};

const DOCUMENT: &str = "docs/requirements.md";
const REQUIREMENTS: u32 = 16;
/// Runs each row of README's table of cards: what it speaks of stands there.
const README_TESTS: &str = "tests/end_to_end/personas.rs";

fn document() -> String {
    read(Path::new(DOCUMENT))
}

/// What stands between `<!-- name: begin … -->` and `<!-- name: end -->`, with what is before and after it.
fn part<'a>(text: &'a str, name: &str) -> [&'a str; 3] {
    let mark = text.find(&format!("<!-- {name}: begin")).expect("the part begins");
    let begin = mark + text[mark..].find("-->\n").expect("its mark is closed") + "-->\n".len();
    let end = begin + text[begin..].find(&format!("<!-- {name}: end -->")).expect("the part ends");
    [&text[..begin], &text[begin..end], &text[end..]]
}

/// The cells of a table's rows, its two head lines left out.
fn rows(table: &str) -> Vec<Vec<String>> {
    let lines = table.lines().filter(|line| line.starts_with('|')).skip(2);
    lines
        .map(|line| line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect())
        .collect()
}

/// A named test: file, function.
type Named = (String, String);

/// The tests that a cell names: `` `file.rs: function` ``.
fn tests(cell: &str) -> Vec<Named> {
    let quoted = cell.split('`').skip(1).step_by(2);
    let named = |text: &str| {
        let (file, function) = text.split_once(".rs: ")?;
        Some((format!("{file}.rs"), function.to_owned()))
    };
    quoted.filter_map(named).collect()
}

/// One test function, and the words of the constants that it names.
#[derive(Default)]
struct Spoken {
    strings: BTreeSet<String>,
    names: BTreeSet<String>,
}

impl Spoken {
    fn take(&mut self, tokens: TokenStream) {
        for token in tokens {
            match token {
                TokenTree::Group(group) => self.take(group.stream()),
                TokenTree::Ident(name) => {
                    self.names.insert(name.to_string());
                }
                TokenTree::Literal(literal) => {
                    if let Ok(text) = syn::parse_str::<syn::LitStr>(&literal.to_string()) {
                        self.strings.insert(text.value());
                    }
                }
                TokenTree::Punct(_) => {}
            }
        }
    }

    /// The code as a string of its own, or as the variant that is named like it: `too-late`, `TooLate`.
    fn says(&self, code: &str) -> bool {
        let capital = |word: &str| word[..1].to_uppercase() + &word[1..];
        let variant: String = code.split('-').map(capital).collect();
        self.strings.contains(code) || self.names.contains(&variant)
    }
}

/// The tests and constants of one file, by name, in whatever module they are.
struct File<'t> {
    text: &'t str,
    tests: BTreeMap<String, TokenStream>,
    constants: BTreeMap<String, TokenStream>,
}

impl<'t> File<'t> {
    fn read(path: &str, text: &'t str) -> Self {
        let parsed = syn::parse_file(text).unwrap_or_else(|error| panic!("{path}: {error}"));
        let mut file = Self { text, tests: BTreeMap::new(), constants: BTreeMap::new() };
        file.visit_file(&parsed);
        file
    }

    /// The tokens of an item, comments left out.
    fn tokens(&self, span: proc_macro2::Span) -> TokenStream {
        self.text[span.byte_range()].parse().expect("what was parsed once")
    }

    fn spoken(&self, test: &str) -> Option<Spoken> {
        let mut spoken = Spoken::default();
        spoken.take(self.tests.get(test)?.clone());
        let named: Vec<_> = self
            .constants
            .iter()
            .filter(|(name, _)| spoken.names.contains(*name))
            .map(|(_, value)| value.clone())
            .collect();
        named.into_iter().for_each(|constant| spoken.take(constant));
        Some(spoken)
    }
}

impl<'ast> Visit<'ast> for File<'_> {
    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        if function.attrs.iter().any(|attribute| attribute.path().is_ident("test")) {
            let body = self.tokens(function.block.span());
            let before = self.tests.insert(function.sig.ident.to_string(), body);
            assert!(before.is_none(), "{} stands twice in one file", function.sig.ident);
        }
        visit::visit_item_fn(self, function);
    }

    fn visit_item_const(&mut self, constant: &'ast syn::ItemConst) {
        let value = self.tokens(constant.expr.span());
        self.constants.insert(constant.ident.to_string(), value);
    }
}

/// The words of each named test; a list of those that are not there.
fn look_up(named: &BTreeSet<Named>) -> (BTreeMap<Named, Spoken>, Vec<String>) {
    let mut found = BTreeMap::new();
    let mut missing = Vec::new();
    let files: BTreeSet<&String> = named.iter().map(|(file, _)| file).collect();
    for path in files {
        let Ok(text) = std::fs::read_to_string(root().join(path)) else {
            missing.push(format!("there is no file {path}"));
            continue;
        };
        let file = File::read(path, &text);
        for test in named.iter().filter(|(of, _)| of == path) {
            match file.spoken(&test.1) {
                Some(spoken) => drop(found.insert(test.clone(), spoken)),
                None => missing.push(format!("{path} has no test {}", test.1)),
            }
        }
    }
    (found, missing)
}

/// The customer's title of each outcome that has one of its own; the words of a fault are those of its device.
fn titles() -> BTreeMap<&'static str, String> {
    let words = Catalogue::new(Language::En, &Helpline::default()).expect("the texts");
    let mut outcomes = vec![Outcome::Registered, Outcome::AlreadyRegistered, Outcome::Pending];
    outcomes.extend(Refusal::ALL.map(Outcome::Refused));
    outcomes.extend(Rejection::ALL.map(Outcome::Rejected));
    let title = |outcome: &Outcome| (outcome.code(), words.ending(outcome, &Default::default()).title);
    outcomes.iter().map(title).collect()
}

/// The table of codes, with the tests that a person wrote beside each.
fn table_of_codes(tests: &BTreeMap<String, String>) -> String {
    let titles = titles();
    let mut table = "| code | kind | the customer reads | tests |\n|---|---|---|---|\n".to_owned();
    for code in CODES {
        let title = titles.get(code.code).map_or("-", String::as_str);
        let tests = tests.get(code.code).map_or("", String::as_str);
        table.push_str(&format!("| `{}` | {} | {title} | {tests} |\n", code.code, code.class.word()));
    }
    table
}

#[test]
fn every_requirement_has_tests_that_exist() {
    let text = document();
    let [_, table, _] = part(&text, "requirements");
    let rows = rows(table);
    let numbers: Vec<String> = rows.iter().map(|row| row[0].clone()).collect();
    let wanted: Vec<String> = (1..=REQUIREMENTS).map(|number| format!("R{number}")).collect();
    assert_eq!(numbers, wanted, "each requirement once, in order");
    let mut named = BTreeSet::new();
    for row in &rows {
        assert_eq!(row.len(), 5, "{}: number, requirement, source, how it is met, tests", row[0]);
        let tests = tests(&row[4]);
        assert!(!tests.is_empty(), "{} has no test", row[0]);
        named.extend(tests);
    }
    let (_, missing) = look_up(&named);
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn every_code_is_reached_by_tests_that_speak_of_it() {
    let text = document();
    let [before, found, after] = part(&text, "codes");
    let written: Vec<(String, String)> =
        rows(found).into_iter().map(|row| (row[0].trim_matches('`').to_owned(), row[3].clone())).collect();
    let cells: BTreeMap<String, String> = written.iter().cloned().collect();
    assert_eq!(cells.len(), written.len(), "a code stands twice in {DOCUMENT}");
    let wanted = table_of_codes(&cells);
    if found != wanted && std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(root().join(DOCUMENT), format!("{before}{wanted}{after}")).expect("it can be written");
    } else if let Some((here, there)) = found.lines().zip(wanted.lines()).find(|(here, there)| here != there)
    {
        panic!("{DOCUMENT} differs from the program; UPDATE_DOCS=1 writes it anew:\n{here}\n{there}");
    } else {
        assert_eq!(found.lines().count(), wanted.lines().count(), "{DOCUMENT} has another number of codes");
    }

    let of: BTreeMap<&str, Vec<Named>> = CODES
        .iter()
        .map(|code| (code.code, tests(cells.get(code.code).map_or("", String::as_str))))
        .collect();
    let (spoken, mut wrong) = look_up(&of.values().flatten().cloned().collect());
    let readme = readme_codes();
    for (code, tests) in &of {
        if tests.is_empty() {
            wrong.push(format!("no test reaches {code}"));
        }
        for test in tests {
            let Some(spoken) = spoken.get(test) else { continue };
            let by_readme = test.0 == README_TESTS && readme.contains(*code);
            if !by_readme && !spoken.says(code) {
                wrong.push(format!("{code}: {}: {} does not speak of it", test.0, test.1));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let requirements = rows(part(&text, "requirements")[1]).len();
    let all: BTreeSet<&Named> = of.values().flatten().collect();
    myna_tests::prove(&format!(
        "proof 6: {requirements} requirements and {} codes, each with a test that exists and speaks of it: {} tests",
        of.len(),
        all.len()
    ));
}

/// The last column of README's table of cards.
fn readme_codes() -> BTreeSet<String> {
    let text = read(Path::new("README.md"));
    let (_, table) =
        text.split_once("| persona | what it is | outcome | code |").expect("the table of cards");
    let lines = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    lines.filter_map(|line| Some(line.trim_matches('|').rsplit('|').next()?.trim().to_owned())).collect()
}

#[test]
fn public_refusals_lead_to_codes_of_ours() {
    let text = document();
    let [_, table, _] = part(&text, "refusals");
    let rows = rows(table);
    assert!(rows.len() >= 12, "the refusals of the real services");
    for row in rows {
        let codes: Vec<&str> = row[2].split('`').skip(1).step_by(2).collect();
        assert!(!codes.is_empty(), "{}: no code of ours", row[0]);
        for code in codes {
            assert!(CODES.iter().any(|entry| entry.code == code), "{}: {code} is no code", row[0]);
        }
    }
}

#[test]
fn a_test_speaks_by_its_strings_its_names_and_its_constants_and_not_by_its_comments() {
    let text = r#"
        const TABLE: [&str; 1] = ["in-a-constant"];
        const OTHER: &str = "of-nobody";
        mod inside {
            #[test]
            fn speaks() {
                // "in-a-comment", InAComment
                assert_eq!(told(TABLE), ["in-a-string"], "{}", Refusal::InAName.code());
            }
        }
        fn helper() { told("in-a-helper"); }
    "#;
    let file = File::read("a test", text);
    let spoken = file.spoken("speaks").expect("it is found");
    for code in ["in-a-string", "in-a-constant", "in-a-name"] {
        assert!(spoken.says(code), "{code}");
    }
    for code in ["in-a-comment", "in-a-helper", "of-nobody", "a-string", "speaks"] {
        assert!(!spoken.says(code), "{code}");
    }
    assert!(file.spoken("helper").is_none(), "a function that is no test");
}
