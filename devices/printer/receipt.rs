//! What is on a receipt.

use jiff::civil::DateTime;

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
    /// Where the customer can look later, as a code for a telephone's camera.
    pub status_page: Option<StatusPage>,
    /// Small print.
    pub footer: Vec<String>,
    /// How large everything is.
    pub variant: Variant,
}

/// How large a receipt is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Variant {
    /// As most people read it.
    #[default]
    Normal,
    /// A third larger in pictures, twice as large in a printer's own letters, on longer paper.
    Large,
}

/// A public page, the same for everybody: it carries nothing of this visit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusPage {
    label: String,
    url: String,
}

impl StatusPage {
    /// `label` says what the page is; `url` is its address.
    ///
    /// # Errors
    /// Anything but `https://` and at most 80 ASCII characters without `?`, `#`, `@`, `\\`, `~`: a query, a fragment or a user
    /// could carry who the customer is, and the last two are other signs in a Japanese printer.
    pub fn new(label: &str, url: &str) -> Result<Self, NotPrintable> {
        let plain = url.bytes().all(|byte| byte.is_ascii_graphic() && !br"?#@\~".contains(&byte));
        let host =
            url.strip_prefix("https://").is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'));
        if plain && host && url.len() <= 80 {
            Ok(Self { label: label.to_owned(), url: url.to_owned() })
        } else {
            Err(NotPrintable { kind: "public page's address", text: url.chars().take(64).collect() })
        }
    }

    /// What the page is.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// Its address, as the code holds it and as it is printed below it.
    pub fn url(&self) -> &str {
        &self.url
    }
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
    /// 21 พฤศจิกายน 2569 (2026) 18:05 น.: the year of the Buddhist era, as in Thailand, and the common one beside it.
    Thai,
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

const THAI_MONTHS: [&str; 12] = [
    "มกราคม",
    "กุมภาพันธ์",
    "มีนาคม",
    "เมษายน",
    "พฤษภาคม",
    "มิถุนายน",
    "กรกฎาคม",
    "สิงหาคม",
    "กันยายน",
    "ตุลาคม",
    "พฤศจิกายน",
    "ธันวาคม",
];

/// The Buddhist era, as Thailand counts since 1941, is ahead of the common era by so many years.
const BUDDHIST_ERA: i16 = 543;

impl Value {
    /// Date and time in the place's own time.
    pub fn moment(at: DateTime, style: DateStyle) -> Self {
        let time = format!("{:02}:{:02}", at.hour(), at.minute());
        let name = |months: [&'static str; 12]| {
            let month = usize::try_from(at.month()).ok().and_then(|month| months.get(month - 1).copied());
            month.unwrap_or_default()
        };
        let text = match style {
            DateStyle::Japanese => format!("{}年{}月{}日 {time}", at.year(), at.month(), at.day()),
            DateStyle::English => format!("{} {} {}, {time}", at.day(), name(ENGLISH_MONTHS), at.year()),
            DateStyle::Thai => {
                let era = at.year().saturating_add(BUDDHIST_ERA);
                format!("{} {} {era} ({}) {time}\u{a0}น.", at.day(), name(THAI_MONTHS), at.year())
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
    fn a_status_page_is_one_for_everybody() {
        assert_eq!(StatusPage::new("x", "https://myna.go.jp/").unwrap().url(), "https://myna.go.jp/");
        for url in [
            "http://myna.go.jp/",
            "https://",
            "https:///path",
            "https://a/?id=1",
            "https://a/#1",
            "https://user@a/",
            "https://a/ b",
            "https://a/~b",
            "https://日本/",
        ] {
            assert!(StatusPage::new("x", url).is_err(), "{url}");
        }
        assert!(StatusPage::new("x", &format!("https://{}", "a".repeat(73))).is_err());
    }

    #[test]
    fn a_reference_is_the_random_tail_of_the_id() {
        let id = [1, 2, 3, 4, 5, 6, 0x70, 8, 0x80, 10, 0x1a, 0x2b, 0x3c, 0x4d, 0x5e, 0x6f];
        assert_eq!(Value::reference(id).text(), "FSHT-JWKX-LYMZ");
    }

    #[test]
    fn moments_in_all_styles() {
        let at = jiff::civil::date(2026, 11, 1).at(9, 5, 59, 0);
        assert_eq!(Value::moment(at, DateStyle::Japanese).text(), "2026年11月1日 09:05");
        assert_eq!(Value::moment(at, DateStyle::English).text(), "1 November 2026, 09:05");
        assert_eq!(Value::moment(at, DateStyle::Thai).text(), "1 พฤศจิกายน 2569 (2026) 09:05\u{a0}น.");
    }
}
