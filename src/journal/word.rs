//! The only strings a log entry can hold: words that are known when the program is built, and three kinds of bounded
//! text.
//!
//! Invariants:
//! - A [`Word`] is made from a string literal or another `&'static str`; nothing that was typed, read from a card or
//!   received can become one.
//! - None of these needs escaping in JSON, in SQL or on a terminal.
//! - A [`Detail`] never shows four digits in a row nor eight hexadecimal digits: no PIN, serial or APDU fits through.

use std::borrow::Cow;
use std::fmt;

/// Bytes of the longest [`Word`].
pub const WORD_BYTES_MAX: usize = 64;
/// Bytes of the longest [`TerminalId`] and [`AcceptanceNumber`].
pub const ID_BYTES_MAX: usize = 32;
/// Bytes of the longest [`Language`] (RFC 5646 section 4.4.1).
pub const LANGUAGE_BYTES_MAX: usize = 35;
/// Bytes of the longest [`Detail`].
pub const DETAIL_BYTES_MAX: usize = 120;

const DIGITS_IN_A_ROW_MAX: usize = 3;
const HEX_IN_A_ROW_MAX: usize = 7;
/// A list of numbers as programs print it has a comma and a space between two.
const SEPARATORS_MAX: usize = 2;

/// A text is not what this place takes. The text itself is not repeated: it may not be fit to be shown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a valid {what}: {must_be}")]
pub struct BadText {
    /// What it was meant to be.
    pub what: &'static str,
    /// What is taken.
    pub must_be: &'static str,
}

/// True for a text that a [`Word`] can hold: a letter, then letters, digits, `-` and `.`, at most [`WORD_BYTES_MAX`].
#[must_use]
pub const fn is_word(text: &str) -> bool {
    let mut rest = text.as_bytes();
    if rest.len() > WORD_BYTES_MAX || !matches!(rest.first(), Some(first) if first.is_ascii_alphabetic()) {
        return false;
    }
    while let [byte, after @ ..] = rest {
        if !(byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.')) {
            return false;
        }
        rest = after;
    }
    true
}

/// A word of a published vocabulary: a code, a step, an XFS4IoT object or value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Word(Cow<'static, str>);

/// A [`Word`] from a literal, checked when the program is built.
///
/// ```
/// assert_eq!(journal::word!("cardReader.media").as_str(), "cardReader.media");
/// ```
/// ```compile_fail
/// let _ = journal::word!("no spaces");
/// ```
#[macro_export]
macro_rules! word {
    ($text:literal) => {{
        const { assert!($crate::is_word($text), "not a word: see journal::is_word") };
        $crate::Word::or_unknown($text)
    }};
}

impl Word {
    /// What [`Word::or_unknown`] makes of a text that is not a word.
    pub const UNKNOWN: Self = Self(Cow::Borrowed("unknown-word"));

    /// Takes a word.
    ///
    /// # Errors
    /// When [`is_word`] says no.
    pub const fn new(text: &'static str) -> Result<Self, BadText> {
        if is_word(text) {
            return Ok(Self(Cow::Borrowed(text)));
        }
        Err(BadText { what: "word", must_be: "a letter, then at most 63 of a-z A-Z 0-9 - ." })
    }

    /// Takes a word; what is not one becomes [`Word::UNKNOWN`], so that an entry is always written.
    #[must_use]
    pub fn or_unknown(text: &'static str) -> Self {
        Self::new(text).unwrap_or(Self::UNKNOWN)
    }

    /// A word that was stored. Not public: outside text must not become a word.
    pub(crate) fn stored(text: &str) -> Option<Self> {
        is_word(text).then(|| Self(Cow::Owned(text.to_owned())))
    }

    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

fn of_capitals(text: &str) -> bool {
    (1..=ID_BYTES_MAX).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'-')
}

fn of_language(text: &str) -> bool {
    (2..=LANGUAGE_BYTES_MAX).contains(&text.len())
        && text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

macro_rules! bounded_text {
    ($(#[doc = $doc:literal])+ $name:ident, $what:literal, $must_be:literal, $check:ident) => {
        $(#[doc = $doc])+
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub struct $name(String);

        impl $name {
            /// Checks and takes the text.
            ///
            /// # Errors
            /// When it is out of bounds.
            pub fn parse(text: &str) -> Result<Self, BadText> {
                if $check(text) {
                    return Ok(Self(text.to_owned()));
                }
                Err(BadText { what: $what, must_be: $must_be })
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    };
}

bounded_text! {
    /// The terminal's name, for example `T0001`.
    TerminalId, "terminal id", "1 to 32 of A-Z 0-9 -", of_capitals
}
bounded_text! {
    /// The number that the host gave an accepted registration.
    AcceptanceNumber, "acceptance number", "1 to 32 of A-Z 0-9 -", of_capitals
}
bounded_text! {
    /// The language the customer chose, a BCP 47 tag such as `ja`.
    Language, "language tag", "a letter, then letters, digits and -; 2 to 35 in all", of_language
}

/// A short note for operators: the one place of an entry where a text made at run time can stand, such as the name of
/// a reader. Any text is taken and made harmless: printable ASCII without `"` and `\`, at most [`DETAIL_BYTES_MAX`]
/// bytes; digits that follow each other (with up to two of space, comma, colon and hyphen between them) show only when they
/// are three at most, hexadecimal digits in one piece only when they are seven at most. The name of a port, from `/dev/` to the next
/// space, shows whole.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Detail(String);

impl Detail {
    /// Makes a text harmless.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let mut bytes: Vec<u8> = text
            .chars()
            .map(|c| match u8::try_from(c) {
                Ok(byte @ b' '..=b'~') if !matches!(byte, b'"' | b'\\') => byte,
                _ => b'?',
            })
            .take(DETAIL_BYTES_MAX)
            .collect();
        let shown = bytes.clone();
        mask(&mut bytes, HEX_IN_A_ROW_MAX, |byte| byte.is_ascii_hexdigit(), |_| false);
        mask(&mut bytes, DIGITS_IN_A_ROW_MAX, |byte| byte.is_ascii_digit(), |byte| b" ,:-".contains(&byte));
        show_ports(&mut bytes, &shown);
        // All bytes are ASCII.
        Self(bytes.into_iter().map(char::from).collect())
    }

    pub(crate) fn stored(text: &str) -> Option<Self> {
        Some(Self::of(text)).filter(|detail| detail.0 == text)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Detail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A port's name is the machine's and no secret, and two ports may differ in nothing but digits: what begins with `/dev/` shows
/// whole, up to the next space.
fn show_ports(bytes: &mut [u8], shown: &[u8]) {
    const PORT: &[u8] = b"/dev/";
    let mut from = 0;
    while let Some(at) =
        shown.get(from..).and_then(|rest| rest.windows(PORT.len()).position(|part| part == PORT))
    {
        let start = from + at;
        let rest = shown.get(start..).unwrap_or_default();
        let end = start + rest.iter().position(|byte| *byte == b' ').unwrap_or(rest.len());
        if let (Some(to), Some(port)) = (bytes.get_mut(start..end), shown.get(start..end)) {
            to.copy_from_slice(port);
        }
        from = end;
    }
}

/// Replaces the members of every run of more than `most` members by `#`. Separators between two members do not end it.
fn mask(bytes: &mut [u8], most: usize, member: impl Fn(u8) -> bool, separator: impl Fn(u8) -> bool) {
    let mut rest = bytes;
    while let Some(start) = rest.iter().position(|byte| member(*byte)) {
        let run = rest.get_mut(start..).unwrap_or_default();
        let mut end = 0;
        let mut members = 0;
        let mut separators = 0;
        for (at, byte) in run.iter().enumerate() {
            if member(*byte) {
                members += 1;
                end = at + 1;
                separators = 0;
            } else if separator(*byte) && separators < SEPARATORS_MAX {
                separators += 1;
            } else {
                break;
            }
        }
        let (run, after) = run.split_at_mut(end);
        if members > most {
            run.iter_mut().filter(|byte| member(**byte)).for_each(|byte| *byte = b'#');
        }
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn words_are_words() {
        for good in ["a", "pin-wrong", "cardReader.media", "notPresent", "R5"] {
            assert!(is_word(good), "{good}");
        }
        for bad in ["", "1234", "-a", "a b", "a_b", "ä", "a\n", &"a".repeat(65)] {
            assert!(!is_word(bad), "{bad}");
        }
        assert_eq!(Word::or_unknown("a b"), Word::UNKNOWN);
    }

    #[test]
    fn a_detail_shows_no_number_that_could_be_secret() {
        let cases = [
            ("Virtual PCD 00 00", "Virtual PCD ## ##"),
            ("reader 2 of 3", "reader 2 of 3"),
            (
                "pad at /dev/serial/by-path/pci-0000:00:14.0-usb-0:4:1.0-port0: silent 1234",
                "pad at /dev/serial/by-path/pci-0000:00:14.0-usb-0:4:1.0-port0: silent ####",
            ),
            ("/dev/tty1234 /dev/tty5678", "/dev/tty1234 /dev/tty5678"),
            ("pin 1234", "pin ####"),
            ("31 32 33 34", "## ## ## ##"),
            ("[49, 50, 51, 52]", "[##, ##, ##, ##]"),
            ("serial 00c0ffee99", "serial ##########"),
            ("タイムアウト \"x\"", "?????? ?x?"),
        ];
        for (text, shown) in cases {
            assert_eq!(Detail::of(text).as_str(), shown);
        }
    }

    proptest! {
        #[test]
        fn a_detail_is_stable_and_within_bounds(text in any::<String>()) {
            let detail = Detail::of(&text);
            prop_assert!(detail.as_str().len() <= DETAIL_BYTES_MAX);
            prop_assert_eq!(Detail::stored(detail.as_str()), Some(detail));
        }

        #[test]
        fn no_pin_passes_through_a_detail(pin in "[0-9]{4}", before in "[ -~]{0,20}", after in "[ -~]{0,20}", separator in "[ ,:-]{0,2}") {
            let spread: Vec<String> = pin.chars().map(String::from).collect();
            let detail = Detail::of(&format!("{before}{}{after}", spread.join(&separator)));
            prop_assert!(!detail.as_str().contains(&spread.join(&separator)));
        }
    }
}
