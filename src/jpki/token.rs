//! EF 0006, the token information: a PKCS#11 `CK_TOKEN_INFO` of 160 bytes, numbers as 32-bit big-endian.
//!
//! Only what tells kinds of tokens apart, and what helps an operator, is taken. The serial number is left out on purpose:
//! nothing needs it, and it may name a card.

use crate::limits::TOKEN_INFO_BYTES;

/// Which kind of thing carries the JPKI application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// `JPKIAPICCTOKEN2`: a My Number Card.
    MyNumberCard,
    /// `JPKIAPICCTOKEN`: the older 住基カード generation.
    OlderCard,
    /// `JPKIAPGPSETOKEN`: an Android phone's secure element.
    AndroidPhone,
    /// `JPKIAPIOSTOKEN`: an iPhone.
    IPhone,
    /// Any other label.
    Unknown,
}

impl TokenKind {
    /// Whether the certificate lies behind the PIN.
    pub const fn is_phone(self) -> bool {
        matches!(self, TokenKind::AndroidPhone | TokenKind::IPhone)
    }
}

/// The token's own description. Its text comes from the card: printable ASCII only, but otherwise not to be trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenInfo {
    kind: TokenKind,
    label: String,
    model: String,
}

impl TokenInfo {
    /// `None` when it is shorter than 160 bytes. What follows them is filler.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let info = bytes.get(..TOKEN_INFO_BYTES)?;
        let label = text(info.get(..32)?);
        let kind = match label.as_str() {
            "JPKIAPICCTOKEN2" => TokenKind::MyNumberCard,
            "JPKIAPICCTOKEN" => TokenKind::OlderCard,
            "JPKIAPGPSETOKEN" => TokenKind::AndroidPhone,
            "JPKIAPIOSTOKEN" => TokenKind::IPhone,
            _ => TokenKind::Unknown,
        };
        Some(Self { kind, label, model: text(info.get(64..80)?) })
    }

    /// What kind of thing it is.
    pub const fn kind(&self) -> TokenKind {
        self.kind
    }

    /// The label, without padding.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// The model, without padding.
    pub fn model(&self) -> &str {
        &self.model
    }
}

/// A field padded with spaces or NULs; what is not printable ASCII becomes `?`, so that no log or terminal is fooled.
fn text(field: &[u8]) -> String {
    field
        .trim_ascii_end()
        .split(|&byte| byte == 0)
        .next()
        .unwrap_or_default()
        .trim_ascii_end()
        .iter()
        .map(|&byte| if byte == b' ' || byte.is_ascii_graphic() { char::from(byte) } else { '?' })
        .collect()
}
