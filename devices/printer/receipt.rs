//! What is on a receipt.

use jiff::civil::DateTime;

/// Receipt paper by its width, printed at 203 dots per inch (8 dots a mm).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paper {
    /// 58 mm paper, 48 mm printed.
    Mm58,
    /// 80 mm paper, 72 mm printed.
    Mm80,
}

impl Paper {
    /// The paper of that width in mm, if there is one.
    pub const fn from_mm(mm: u32) -> Option<Self> {
        match mm {
            58 => Some(Self::Mm58),
            80 => Some(Self::Mm80),
            _ => None,
        }
    }

    /// The printed width in dots.
    pub const fn dots(self) -> u32 {
        match self {
            Self::Mm58 => 384,
            Self::Mm80 => 576,
        }
    }

    /// The printed width in columns of 12 dots; a Japanese character takes two.
    pub const fn columns(self) -> usize {
        match self {
            Self::Mm58 => 32,
            Self::Mm80 => 48,
        }
    }
}

/// One customer's receipt: sentences of the catalogue in the customer's language, and values of known kinds.
///
/// Invariant: nothing on it identifies the holder. There is no field for a name, a number of the card or the certificate,
/// or the certificate's dates (a certificate ends on a birthday of its holder).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Above all else, white on black, when this is no real registration.
    pub banner: Option<String>,
    /// The service.
    pub title: String,
    /// What this paper is.
    pub subtitle: String,
    /// The result in a few words, printed large.
    pub result: String,
    /// The result in a sentence or two.
    pub explanation: Vec<String>,
    /// What, when and where.
    pub rows: Vec<Row>,
    /// Heading of the notices.
    pub notices_heading: String,
    /// What the customer should know or do next.
    pub notices: Vec<String>,
    /// Whom to call.
    pub helpline: HelpLine,
    /// Small print.
    pub footer: Vec<String>,
}

/// A label and its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// In the customer's language.
    pub label: String,
    /// The value.
    pub value: Value,
}

/// Whom to call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HelpLine {
    /// What the number is for.
    pub heading: String,
    /// The telephone number, printed large.
    pub number: String,
    /// What to press, and the hours.
    pub lines: Vec<String>,
}

/// How a date is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DateStyle {
    /// 2026年11月21日 18:05
    Japanese,
    /// 21 November 2026, 18:05
    English,
}

/// A text that is not of the kind it was given for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no {kind}")]
pub struct NotPrintable {
    kind: &'static str,
    text: String,
}

/// What a row can say. There is no constructor from free text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value {
    text: String,
    strong: bool,
}

const ENGLISH_MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

impl Value {
    /// Date and time in the place's own time.
    pub fn moment(at: DateTime, style: DateStyle) -> Self {
        let time = format!("{:02}:{:02}", at.hour(), at.minute());
        let text = match style {
            DateStyle::Japanese => format!("{}年{}月{}日 {time}", at.year(), at.month(), at.day()),
            DateStyle::English => {
                let month = usize::try_from(at.month()).ok().and_then(|month| ENGLISH_MONTHS.get(month - 1));
                format!("{} {} {}, {time}", at.day(), month.copied().unwrap_or_default(), at.year())
            }
        };
        Self { text, strong: false }
    }

    /// The place's name.
    ///
    /// # Errors
    /// Control characters, nothing, or more than 40 characters.
    pub fn place(name: &str) -> Result<Self, NotPrintable> {
        let fits = (1..=40).contains(&name.chars().count()) && !name.chars().any(char::is_control);
        Self::checked("place's name", name, fits, false)
    }

    /// The terminal's id.
    ///
    /// # Errors
    /// Anything but 1 to 32 of `A-Z`, `0-9`, `-`.
    pub fn terminal(id: &str) -> Result<Self, NotPrintable> {
        Self::checked("terminal id", id, is_number(id, 32), false)
    }

    /// The request's reference number: its short form, 48 random bits of the id as letters, `FSHT-JWKX-LYMZ`. Letters, so
    /// that nobody takes it for the acceptance number and no log that hides numbers hides it; no vowels, so that it is
    /// never a word; none of the letters that sound like another on the telephone (B, D, G, P, V).
    pub fn reference(request_id: [u8; 16]) -> Self {
        Self { text: reference_number(request_id), strong: true }
    }

    /// The host's acceptance number.
    ///
    /// # Errors
    /// Anything but 1 to 32 of `A-Z`, `0-9`, `-`: the host's answer is signed, but it is still outside data.
    pub fn acceptance(number: &str) -> Result<Self, NotPrintable> {
        Self::checked("acceptance number", number, is_number(number, 32), true)
    }

    /// The version of the terms.
    ///
    /// # Errors
    /// Anything but 1 to 32 of ASCII letters, digits, `.`, `-`, `_`: what a host may call its terms.
    pub fn terms_version(version: &str) -> Result<Self, NotPrintable> {
        let known = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
        let fits = (1..=32).contains(&version.len()) && version.bytes().all(known);
        Self::checked("version of terms", version, fits, false)
    }

    /// The stable code of a refusal or fault: for the person at the other end of the helpline.
    pub fn code(code: &'static str) -> Self {
        Self { text: code.to_owned(), strong: false }
    }

    /// As printed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it is what a customer would be asked for, and so printed bold.
    pub(crate) fn strong(&self) -> bool {
        self.strong
    }

    fn checked(kind: &'static str, text: &str, fits: bool, strong: bool) -> Result<Self, NotPrintable> {
        if fits {
            Ok(Self { text: text.to_owned(), strong })
        } else {
            Err(NotPrintable { kind, text: text.chars().take(64).collect() })
        }
    }
}

fn is_number(text: &str, length_max: usize) -> bool {
    let known = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=length_max).contains(&text.len()) && text.bytes().all(known)
}

fn reference_number(request_id: [u8; 16]) -> String {
    /// One for each value of four bits.
    const LETTERS: [char; 16] =
        ['C', 'F', 'H', 'J', 'K', 'L', 'M', 'N', 'Q', 'R', 'S', 'T', 'W', 'X', 'Y', 'Z'];
    let [.., a, b, c, d, e, f] = request_id;
    let letter = |bits: u8| LETTERS.get(usize::from(bits)).copied().unwrap_or_default();
    let group = |pair: [u8; 2]| pair.into_iter().flat_map(|byte| [letter(byte >> 4), letter(byte & 15)]);
    [[a, b], [c, d], [e, f]].map(|pair| group(pair).collect::<String>()).join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_take_their_own_kind_only() {
        assert_eq!(Value::terminal("T0001").unwrap().text(), "T0001");
        for text in ["", "t0001", "T 1", "T0001\n", "山田太郎"] {
            assert!(Value::terminal(text).is_err(), "{text:?}");
            assert!(Value::acceptance(text).is_err(), "{text:?}");
        }
        assert!(Value::terms_version("2026-11.1_b").is_ok());
        assert!(Value::terms_version("1 or 2").is_err());
        assert!(Value::place("ベイサイド店").is_ok());
        assert!(Value::place("a\u{1b}b").is_err());
        assert!(Value::place(&"店".repeat(41)).is_err());
    }

    #[test]
    fn a_reference_is_the_random_tail_of_the_id() {
        let id = [1, 2, 3, 4, 5, 6, 0x70, 8, 0x80, 10, 0x1a, 0x2b, 0x3c, 0x4d, 0x5e, 0x6f];
        assert_eq!(Value::reference(id).text(), "FSHT-JWKX-LYMZ");
    }

    #[test]
    fn moments_in_both_styles() {
        let at = jiff::civil::date(2026, 11, 1).at(9, 5, 59, 0);
        assert_eq!(Value::moment(at, DateStyle::Japanese).text(), "2026年11月1日 09:05");
        assert_eq!(Value::moment(at, DateStyle::English).text(), "1 November 2026, 09:05");
    }
}
