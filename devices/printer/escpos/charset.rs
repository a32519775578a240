//! Which characters a printer has letters for, and their bytes.
//!
//! Invariant: a character is encoded only where the printer is sure to have it: ASCII, half-width kana on the page for
//! them, and JIS X 0208. What makers added to it (①, 髙) is in some printers and not in others, so it is drawn.

use encoding_rs::SHIFT_JIS;

use crate::printer::profile::{Profile, TextMode};

/// The page of single bytes with half-width kana.
const KATAKANA_PAGE: u8 = 1;
/// The international set of Japan.
const JAPAN: u8 = 8;

#[derive(Clone, Copy)]
pub(super) struct Charset {
    text: TextMode,
    katakana: bool,
    japan: bool,
}

impl Charset {
    pub(super) fn of(profile: &Profile) -> Self {
        Self {
            text: profile.text,
            katakana: profile.code_page == Some(KATAKANA_PAGE),
            japan: profile.international == Some(JAPAN),
        }
    }

    /// Whether all characters are there.
    pub(super) fn has(self, text: &str) -> bool {
        text.chars().all(|character| self.bytes(character).is_some())
    }

    /// Appends the bytes of a text; what is not there is left out.
    pub(super) fn encode(self, text: &str, to: &mut Vec<u8>) {
        for (bytes, length) in text.chars().filter_map(|character| self.bytes(character)) {
            to.extend(bytes.into_iter().take(length));
        }
    }

    fn bytes(self, character: char) -> Option<([u8; 2], usize)> {
        let single = |byte: u8| Some(([byte, 0], 1));
        match character {
            _ if self.text == TextMode::Raster => None,
            '\\' | '~' if self.japan => None,
            '¥' if self.japan => single(b'\\'),
            '\u{a0}' => single(b' '),
            ' '..='~' => u8::try_from(character).ok().and_then(single),
            // The order of JIS X 0201.
            '｡'..='ﾟ' if self.katakana => {
                u8::try_from(u32::from(character) - 0xFF61 + 0xA1).ok().and_then(single)
            }
            _ if self.text == TextMode::ShiftJis => jis_x_0208(character).map(|bytes| (bytes, 2)),
            _ => None,
        }
    }
}

/// The Shift_JIS bytes of a character of JIS X 0208.
fn jis_x_0208(character: char) -> Option<[u8; 2]> {
    // Unicode has two of some characters, and the table of the encoder takes the other one.
    let character = match character {
        '〜' => '～',
        '—' => '―',
        '‖' => '∥',
        '−' => '－',
        other => other,
    };
    let mut encoder = SHIFT_JIS.new_encoder();
    let mut bytes = [0; 4];
    let text = &mut [0; 4];
    let (_, _, written) =
        encoder.encode_from_utf8_without_replacement(character.encode_utf8(text), &mut bytes, true);
    let [lead, trail, ..] = bytes;
    if written != 2 {
        return None;
    }
    // A lead byte holds two rows of the standard.
    let pair = u32::from(lead) - if lead < 0xA0 { 0x81 } else { 0xC1 };
    let row = 2 * pair + if trail < 0x9F { 1 } else { 2 };
    matches!(row, 1..=8 | 16..=84).then_some([lead, trail])
}

#[cfg(test)]
mod tests {
    use super::*;

    const JAPANESE: Charset = Charset { text: TextMode::ShiftJis, katakana: true, japan: true };

    fn encoded(charset: Charset, text: &str) -> Vec<u8> {
        let mut bytes = Vec::new();
        charset.encode(text, &mut bytes);
        bytes
    }

    #[test]
    fn japanese_is_shift_jis() {
        assert_eq!(encoded(JAPANESE, "A亜ｱ¥"), [b'A', 0x88, 0x9f, 0xb1, 0x5c]);
        assert_eq!(encoded(JAPANESE, "熙～－・"), [0xea, 0xa4, 0x81, 0x60, 0x81, 0x7c, 0x81, 0x45]);
        assert!(JAPANESE.has("マイナンバーカードの健康保険証利用の申込み"));
    }

    #[test]
    fn unicode_s_other_waves_and_dashes_are_the_same_characters() {
        assert_eq!(encoded(JAPANESE, "〜—−‖"), encoded(JAPANESE, "～―－∥"));
        assert_eq!(encoded(JAPANESE, "〜—−‖").len(), 8);
    }

    #[test]
    fn what_only_some_printers_have_is_not_sent_as_a_letter() {
        for text in ["髙", "①", "㈱", "№", "纊", "ก", "é", "한", "𠮷", "\\", "~", "\t"] {
            assert!(!JAPANESE.has(text), "{text}");
            assert!(encoded(JAPANESE, text).is_empty(), "{text}");
        }
    }

    #[test]
    fn a_printer_without_kanji_has_ascii() {
        let ascii = Charset { text: TextMode::Ascii, katakana: false, japan: false };
        assert!(ascii.has("Registered ~ \\") && !ascii.has("登") && !ascii.has("ｱ"));
        let raster = Charset { text: TextMode::Raster, ..JAPANESE };
        assert!(!raster.has("A"));
    }

    #[test]
    fn all_of_the_standard_is_there_and_nothing_else() {
        let count = (0..=0xFFFF_u32).filter_map(char::from_u32).filter(|c| jis_x_0208(*c).is_some()).count();
        // 6879 characters, and four of them under a second number.
        assert_eq!(count, 6_879 + 4);
    }
}
