//! Every text that a customer reads, by key, in every language.

mod language;

pub use language::Language;
