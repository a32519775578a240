//! Lines of Japanese, Latin and Thai text.
//!
//! Invariants:
//! - No line begins with what may not begin one (closing brackets, full stops, small kana, 「ー」) or ends with an opening
//!   bracket, unless a single unbreakable piece is wider than the line.
//! - A line ends at the end of a phrase where one fits: readers of a receipt are often not young.
//! - Latin words and numbers are not broken, unless wider than the line.
//! - Thai has no spaces between words and is broken without a dictionary: at a space where that does not leave half a line
//!   empty, else where a syllable surely begins or ends as it is written, else between clusters. So a line may end inside
//!   a word; a vowel or tone mark never comes away from its consonant.
//! - No character is lost but the spaces at a break; every line fits.

use super::glyphs::is_thai;

/// May not begin a line (JIS X 4051, the common subset).
const NOT_FIRST: &str = "、。，．・：；？！゛゜ヽヾゝゞ々ー）」』】〕〉》］｝ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮヵヶ…‥’”)]},.:;?!%～〜ๆฯ";

/// May not end a line.
const NOT_LAST: &str = "（「『【〔〈《［｛‘“([{¥№";

/// A reader pauses after these.
const PHRASE_END: &str = "、。，．！？；・…）」』】〕〉》］｝)";

/// Particles of one letter.
const PARTICLES: &str = "のをにがはとでもへや";

/// A Thai phrase is moved to the next line only if this share of the line is filled already.
const THAI_FILLED_MIN: f32 = 0.6;

/// Breaks `text` into lines that are at most `width` wide by `measure`, which gives the width of one character.
pub(super) fn lines(text: &str, width: f32, measure: impl Fn(char) -> f32) -> Vec<String> {
    let mut filler = Filler { width, measure, used: 0.0, line: String::new(), lines: Vec::new() };
    for phrase in split(text, ends_phrase) {
        filler.phrase(&phrase);
    }
    if !filler.line.is_empty() {
        filler.end_line();
    }
    filler.lines
}

struct Filler<M> {
    width: f32,
    measure: M,
    used: f32,
    line: String,
    lines: Vec<String>,
}

impl<M: Fn(char) -> f32> Filler<M> {
    /// A phrase goes where it fits whole; one wider than a line is broken between pieces, and a piece between characters.
    fn phrase(&mut self, phrase: &str) {
        let thai = phrase.chars().any(is_thai);
        let fits_here = self.used + self.wanted(phrase) <= self.width;
        if (!thai || fits_here || self.used >= self.width * THAI_FILLED_MIN) && self.make_room(phrase) {
            return self.push(phrase);
        }
        for piece in split(phrase, may_break) {
            if self.make_room(&piece) {
                self.push(&piece);
                continue;
            }
            for cluster in split(&piece, |place| !is_thai_mark(place.after)) {
                // Spaces may hang over the end; they are dropped there.
                if cluster != " " && self.used + self.wanted(&cluster) > self.width && !self.line.is_empty() {
                    self.end_line();
                }
                self.push(&cluster);
            }
        }
    }

    /// Begins a new line if `text` does not fit on this one; false if it fits on none.
    fn make_room(&mut self, text: &str) -> bool {
        let wanted = self.wanted(text);
        if wanted > self.width {
            return false;
        }
        if self.used + wanted > self.width && !self.line.is_empty() {
            self.end_line();
        }
        true
    }

    /// How much of a line a text takes; a space at its end takes nothing there.
    fn wanted(&self, text: &str) -> f32 {
        text.trim_end_matches(' ').chars().map(&self.measure).sum()
    }

    fn push(&mut self, text: &str) {
        self.line.push_str(text);
        self.used += text.chars().map(&self.measure).sum::<f32>();
    }

    fn end_line(&mut self) {
        self.lines.push(self.line.trim_end_matches(' ').to_owned());
        self.line.clear();
        self.used = 0.0;
    }
}

/// A place in a text between two characters, with their neighbours.
#[derive(Clone, Copy)]
struct Place {
    earlier: Option<char>,
    before: char,
    after: char,
    next: Option<char>,
}

/// The text in parts, cut where `cut` allows it.
fn split(text: &str, cut: impl Fn(Place) -> bool) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    let (mut earlier, mut previous) = (None, None);
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        let place =
            previous.map(|before| Place { earlier, before, after: character, next: rest.clone().next() });
        match (place, parts.last_mut()) {
            (Some(place), Some(part)) if !cut(place) => part.push(character),
            _ => parts.push(character.to_string()),
        }
        (earlier, previous) = (previous, Some(character));
    }
    parts
}

fn may_break(Place { before, after, .. }: Place) -> bool {
    if after == ' ' || NOT_FIRST.contains(after) || NOT_LAST.contains(before) {
        return false;
    }
    before == ' ' || is_wide(before) || is_wide(after) || is_thai_boundary(before, after)
}

/// Where one syllable ends or the next begins, as far as the writing alone tells: before a vowel that is written before
/// its consonant; after a sign that can only end a syllable; between Thai and anything else.
fn is_thai_boundary(before: char, after: char) -> bool {
    let leads = |character: char| matches!(character, '\u{e40}'..='\u{e44}');
    match (is_thai(before), is_thai(after)) {
        (true, true) => !leads(before) && !is_thai_mark(after) && (leads(after) || "ะำๆฯ".contains(before)),
        (true, false) => after.is_alphanumeric(),
        (false, true) => before.is_alphanumeric(),
        (false, false) => false,
    }
}

/// Belongs to the consonant before it: vowels above, below and after, tone marks, the signs of repetition and omission.
const fn is_thai_mark(character: char) -> bool {
    matches!(character, '\u{e2f}'..='\u{e3a}' | '\u{e45}'..='\u{e4e}')
}

/// Where a reader pauses: after a sign or space, where kana endings pass into the next word, before a polite お or ご. One
/// letter between two kanji is such an ending when it is a particle (登録の内容); else it is the middle of a word (受け付け).
fn ends_phrase(place: Place) -> bool {
    let Place { earlier, before, after, next } = place;
    let inside_a_word = is_kanji(after) && earlier.is_some_and(is_kanji) && !PARTICLES.contains(before);
    let polite = |character: char| matches!(character, 'お' | 'ご');
    let next_word =
        if polite(after) { next.is_some_and(is_kanji) } else { !is_hiragana(after) && !polite(before) };
    may_break(place)
        && (before == ' '
            || PHRASE_END.contains(before)
            || NOT_LAST.contains(after)
            || is_hiragana(before) && next_word && !inside_a_word)
}

fn is_hiragana(character: char) -> bool {
    matches!(character, 'ぁ'..='ゖ')
}

fn is_kanji(character: char) -> bool {
    matches!(character, '々' | '一'..='龠')
}

/// Columns of a fixed-width line: 2 for Japanese, none for what stands above or below another character.
pub(super) fn columns(character: char) -> usize {
    match character {
        '\u{e31}' | '\u{e34}'..='\u{e3a}' | '\u{e47}'..='\u{e4e}' => 0,
        wide if is_wide(wide) => 2,
        _ => 1,
    }
}

/// Takes two columns of a fixed-width line: kana, kanji, full-width signs.
pub(super) fn is_wide(character: char) -> bool {
    matches!(
        u32::from(character),
        0x1100..=0x115F | 0x2010..=0x2027 | 0x2030..=0x205E | 0x2103 | 0x2116 | 0x2121 | 0x2150..=0x218F
            | 0x2190..=0x27BF | 0x2E80..=0xA4CF | 0xAC00..=0xD7A3 | 0xF900..=0xFAFF | 0xFE30..=0xFE6F
            | 0xFF00..=0xFF60 | 0xFFE0..=0xFFE6 | 0x20000..=0x3FFFD
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn columns(character: char) -> f32 {
        super::columns(character) as f32
    }

    fn broken(text: &str, width: f32) -> Vec<String> {
        lines(text, width, columns)
    }

    #[test]
    fn japanese_breaks_anywhere_but_where_it_may_not() {
        assert_eq!(broken("健康保険証利用申込", 8.0), ["健康保険", "証利用申", "込"]);
        // The full stop and the closing bracket stay with the character before.
        assert_eq!(broken("会意有得。下記", 8.0), ["会意有", "得。下記"]);
        assert_eq!(broken("会意有「得」尾", 8.0), ["会意有", "「得」尾"]);
        assert_eq!(broken("カードリーダー", 4.0), ["カー", "ド", "リー", "ダー"]);
    }

    #[test]
    fn lines_end_where_a_reader_pauses() {
        let title = "マイナンバーカードの健康保険証利用の申込み";
        assert_eq!(broken(title, 24.0), ["マイナンバーカードの", "健康保険証利用の申込み"]);
        let notice = "手続きが終わるまで、ご利用いただけません。";
        assert_eq!(broken(notice, 28.0), ["手続きが終わるまで、", "ご利用いただけません。"]);
        assert_eq!(broken("音声にしたがってお進みください", 20.0), ["音声にしたがって", "お進みください"]);
        assert_eq!(broken("申込みを受け付けました", 16.0), ["申込みを", "受け付けました"]);
        assert_eq!(broken("登録の内容", 8.0), ["登録の", "内容"]);
    }

    #[test]
    fn words_and_numbers_stay_whole() {
        assert_eq!(broken("Please take your card", 11.0), ["Please take", "your card"]);
        assert_eq!(broken("電話は0120-95-0178です", 13.0), ["電話は", "0120-95-0178", "です"]);
        assert_eq!(broken("ABCDEFGHIJ", 4.0), ["ABCD", "EFGH", "IJ"]);
    }

    #[test]
    fn thai_breaks_at_spaces_and_at_syllables_that_can_be_seen() {
        assert_eq!(broken("กรุณานำบัตรไป ด้วยทุกครั้ง", 14.0), ["กรุณานำบัตรไป", "ด้วยทุกครั้ง"]);
        // Before a vowel written first, after one that ends a syllable.
        assert_eq!(broken("บัตรเดิม", 5.0), ["บัตร", "เดิม"]);
        assert_eq!(broken("กรุณานำบัตร", 8.0), ["กรุณานำ", "บัตร"]);
        // Nothing but consonants: between clusters, and no mark begins a line.
        assert_eq!(broken("ตู้นี้", 1.0), ["ตู้", "นี้"]);
        assert_eq!(broken("ทำ", 1.0), ["ทำ"]);
    }

    #[test]
    fn nothing_has_no_lines() {
        assert!(broken("", 10.0).is_empty());
        assert_eq!(broken("   ", 2.0), [""]);
    }

    proptest! {
        #[test]
        fn no_thai_mark_comes_away_from_its_consonant(text in "[ กขตรเแไาิู้ำๆ]{0,60}", width in 4u8..40) {
            let found = broken(&text, f32::from(width));
            for line in found.iter().skip(1) {
                let first = line.chars().next();
                prop_assert!(first.is_none_or(|first| !is_thai_mark(first) || text.contains(&format!(" {line}"))), "{found:?}");
            }
            let without_spaces = |text: &str| text.replace(' ', "");
            prop_assert_eq!(without_spaces(&found.concat()), without_spaces(&text));
        }

        #[test]
        fn every_line_fits_and_no_character_is_lost(
            text in "[ a-zA-Z0-9あ-んア-ン一-龠、。「」（）ー]{0,80}", width in 2u8..60
        ) {
            let found = broken(&text, f32::from(width));
            for line in &found {
                prop_assert!(line.chars().map(columns).sum::<f32>() <= f32::from(width), "{line:?}");
            }
            let without_spaces = |text: &str| text.replace(' ', "");
            prop_assert_eq!(without_spaces(&found.concat()), without_spaces(&text));
        }
    }
}
