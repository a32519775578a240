//! Lines of Japanese, Latin and Thai text.
//!
//! Invariants:
//! - No line begins with what may not begin one (closing brackets, full stops, small kana, 「ー」) or ends with an opening
//!   bracket, unless a single unbreakable piece is wider than the line.
//! - There are no more lines than are needed. Among those, a line ends rather at the end of a phrase than inside one, if that
//!   does not leave much of it empty: readers of a receipt are often not young. Else it ends at the end of a word. A word is
//!   broken only when it is wider than the line: kanji that belong together, a word in katakana, a Latin
//!   word, a number with its counter.
//! - Where the writing does not show where a word ends (Thai, long kana endings, compounds), the text says so with
//!   [`WORD_END`]. It has no width and is in no line.
//! - A Thai word without such marks that is too wide is broken where a syllable surely begins or ends as it is written, else
//!   between clusters: a vowel or tone mark never comes away from its consonant.
//! - No character is lost but the spaces at a break and the marks; every line fits.

use super::glyphs::is_thai;

/// Ends a word where the writing does not show it: ZERO WIDTH SPACE.
pub const WORD_END: char = '\u{200b}';

/// May not begin a line (JIS X 4051, the common subset).
const NOT_FIRST: &str = "、。，．・：；？！゛゜ヽヾゝゞ々ー）」』】〕〉》］｝ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮヵヶ…‥’”)]},.:;?!%～〜ๆฯ";

/// May not end a line.
const NOT_LAST: &str = "（「『【〔〈《［｛‘“([{¥№";

/// A reader pauses after these.
const PHRASE_END: &str = "、。，．！？；・…）」』】〕〉》］｝)";

/// Particles of one letter.
const PARTICLES: &str = "のをにがはとでもへや";

/// The text without its marks, for what is set without being broken.
pub(super) fn unmarked(text: &str) -> String {
    text.replace(WORD_END, "")
}

/// Whether lines of this width break no word of `text`.
pub(super) fn keeps_words(text: &str, width: f32, measure: impl Fn(char) -> f32) -> bool {
    split(text, ends_word).iter().all(|word| wanted(word, &measure) <= width)
}

/// How much of a line a text takes; a space at its end takes nothing there, and a mark nowhere.
fn wanted(text: &str, measure: impl Fn(char) -> f32) -> f32 {
    let seen = text.trim_end_matches([' ', WORD_END]).chars();
    seen.filter(|character| *character != WORD_END).map(measure).sum()
}

/// Breaks `text` into lines that are at most `width` wide by `measure`, which gives the width of one character.
pub(super) fn lines(text: &str, width: f32, measure: impl Fn(char) -> f32) -> Vec<String> {
    best(&atoms(text, width, &measure), width, false)
}

/// The same for what stands in the middle: the lines are as even as they can be.
pub(super) fn balanced(text: &str, width: f32, measure: impl Fn(char) -> f32) -> Vec<String> {
    best(&atoms(text, width, &measure), width, true)
}

/// What stays on one line.
struct Atom {
    text: String,
    wide: f32,
    /// Without the space at its end.
    wide_at_end: f32,
    /// What a line costs that ends before it.
    cost: f32,
}

/// What a line costs: one more of them, one that ends inside a phrase, inside a word; and the square of the share of it that is
/// empty. The last may be short, but should not be a lone ending.
const LINE: f32 = 4.0;
const INSIDE_PHRASE: f32 = 0.5;
const INSIDE_WORD: f32 = 8.0;
const LONE_SHARE: f32 = 0.2;
const LONE: f32 = 0.3;

/// The smallest parts of a text that have to be told apart: words, and what a word wider than the line is broken into.
fn atoms(text: &str, width: f32, measure: &impl Fn(char) -> f32) -> Vec<Atom> {
    let mut atoms = Vec::new();
    let mut add = |text: &str, cost: f32| {
        let seen = unmarked(text);
        let wide = seen.chars().map(measure).sum();
        atoms.push(Atom { wide, wide_at_end: wanted(text, measure), text: seen, cost });
    };
    // The first of the parts of something is where that something begins.
    let costs = |first: f32, others: f32| std::iter::once(first).chain(std::iter::repeat(others));
    for phrase in split(text, ends_phrase) {
        for (word, cost) in split(&phrase, ends_word).iter().zip(costs(0.0, INSIDE_PHRASE)) {
            if wanted(word, measure) <= width {
                add(word, cost);
                continue;
            }
            for (piece, cost) in split(word, may_break).iter().zip(costs(cost, INSIDE_WORD)) {
                if wanted(piece, measure) <= width {
                    add(piece, cost);
                    continue;
                }
                let clusters = split(piece, |place| !is_thai_mark(place.after));
                clusters.iter().zip(costs(cost, 2.0 * INSIDE_WORD)).for_each(|(part, cost)| add(part, cost));
            }
        }
    }
    atoms
}

/// The lines that cost least together.
fn best(atoms: &[Atom], width: f32, even: bool) -> Vec<String> {
    // For each number of atoms: what their lines cost, and where the last of these lines begins.
    let mut found: Vec<(f32, usize)> = vec![(0.0, 0)];
    for (end, last) in atoms.iter().enumerate() {
        let mut least = (f32::INFINITY, end);
        let mut before = 0.0;
        for (start, first) in atoms.iter().enumerate().take(end + 1).rev() {
            if start < end {
                before += first.wide;
            }
            let wide = before + last.wide_at_end;
            if wide > width && start < end {
                break;
            }
            let Some((earlier, _)) = found.get(start) else { break };
            let empty = ((width - wide) / width).max(0.0);
            let next = atoms.get(end + 1);
            let cost = match next {
                None if !even => {
                    if end > 0 && start > 0 && empty > 1.0 - LONE_SHARE {
                        LONE
                    } else {
                        0.0
                    }
                }
                _ => empty * empty,
            };
            let cost = earlier + LINE + cost + next.map_or(0.0, |next| next.cost);
            if cost < least.0 {
                least = (cost, start);
            }
        }
        found.push(least);
    }
    let mut lines = Vec::new();
    let mut end = atoms.len();
    while let Some((_, start)) = found.get(end).filter(|_| end > 0) {
        let line: String =
            atoms.get(*start..end).unwrap_or_default().iter().map(|atom| atom.text.as_str()).collect();
        lines.push(line.trim_end_matches(' ').to_owned());
        end = *start;
    }
    lines.reverse();
    lines
}

/// A place in a text between two characters, with their neighbours.
#[derive(Clone, Copy)]
struct Place {
    earlier: Option<char>,
    before: char,
    after: char,
    next: Option<char>,
    /// The text says that a word ends here.
    marked: bool,
}

/// The text in parts, cut where `cut` allows it. Marks stay at the ends of their parts.
fn split(text: &str, cut: impl Fn(Place) -> bool) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    let (mut earlier, mut previous, mut marked) = (None, None, false);
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        if character == WORD_END {
            marked = true;
            parts.last_mut().into_iter().for_each(|part| part.push(character));
            continue;
        }
        let next = rest.clone().find(|character| *character != WORD_END);
        let place = previous.map(|before| Place { earlier, before, after: character, next, marked });
        match (place, parts.last_mut()) {
            (Some(place), Some(part)) if !cut(place) => part.push(character),
            _ => parts.push(character.to_string()),
        }
        (earlier, previous, marked) = (previous, Some(character), false);
    }
    parts
}

fn may_break(Place { before, after, marked, .. }: Place) -> bool {
    if after == ' ' || NOT_FIRST.contains(after) || NOT_LAST.contains(before) {
        return false;
    }
    marked || before == ' ' || is_wide(before) || is_wide(after) || is_thai_boundary(before, after)
}

/// Where a word ends as far as the writing shows it, or as the text says: where a phrase ends, and where kanji, katakana and
/// others meet. What follows in hiragana belongs to the word; so does a counter to its number, and 30分 to 9時.
fn ends_word(place: Place) -> bool {
    let Place { earlier, before, after, marked, .. } = place;
    let other_letters = match (Letter::of(before), Letter::of(after)) {
        (Letter::Kanji | Letter::Katakana, Letter::Narrow) => !earlier.is_some_and(|c| c.is_ascii_digit()),
        (Letter::Kanji, Letter::Katakana) | (Letter::Katakana, Letter::Kanji) => true,
        (Letter::Sign, _) | (_, Letter::Sign) => true,
        (Letter::Kanji, Letter::Kanji) | (Letter::Katakana, Letter::Katakana) => false,
        (Letter::Hiragana | Letter::Narrow, _) | (_, Letter::Hiragana) => false,
    };
    may_break(place) && (marked || before == ' ' || other_letters || ends_phrase(place))
}

/// What a character is to words.
#[derive(Clone, Copy)]
enum Letter {
    Kanji,
    Katakana,
    Hiragana,
    /// A sign as wide as a kanji.
    Sign,
    Narrow,
}

impl Letter {
    fn of(character: char) -> Self {
        match character {
            kanji if is_kanji(kanji) => Self::Kanji,
            'ァ'..='ヺ' | 'ー' => Self::Katakana,
            hiragana if is_hiragana(hiragana) => Self::Hiragana,
            wide if is_wide(wide) => Self::Sign,
            _ => Self::Narrow,
        }
    }
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
    let Place { earlier, before, after, next, marked: _ } = place;
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

/// Columns of a fixed-width line: 2 for Japanese, none for what stands above or below another character, or for a mark.
pub(super) fn columns(character: char) -> usize {
    match character {
        WORD_END | '\u{e31}' | '\u{e34}'..='\u{e3a}' | '\u{e47}'..='\u{e4e}' => 0,
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
    fn a_word_goes_whole_to_the_next_line_where_it_fits() {
        // Kanji that belong together with their kana, katakana, a number with its counter.
        assert_eq!(broken("マイナ保険証で受診いただけないことがあります。", 18.0)[0], "マイナ保険証で");
        assert_eq!(broken("試験用音声ガイダンス", 14.0), ["試験用音声", "ガイダンス"]);
        assert_eq!(broken("番号は5番です", 8.0), ["番号は", "5番です"]);
        assert_eq!(broken("平日9時30分～20時00分", 16.0), ["平日9時30分～", "20時00分"]);
    }

    #[test]
    fn a_line_ends_inside_a_phrase_rather_than_nearly_empty() {
        let words = "登録を使えるように\u{200b}なるまでに、少々";
        assert_eq!(broken(words, 18.0), ["登録を使えるように", "なるまでに、少々"]);
        assert_eq!(broken("忘れずにお持ち\u{200b}ください。", 22.0), ["忘れずに", "お持ちください。"]);
    }

    #[test]
    fn marks_are_where_lines_may_end_and_nothing_else() {
        let marked = "บัตร\u{200b}มายนัมเบอร์\u{200b}เป็น\u{200b}บัตร\u{200b}ประกันสุขภาพ";
        let found = broken(marked, 18.0);
        assert_eq!(found, ["บัตรมายนัมเบอร์เป็นบัตร", "ประกันสุขภาพ"]);
        assert_eq!(super::columns(WORD_END), 0);
        assert!(keeps_words(marked, 11.0, columns) && !keeps_words(&unmarked(marked), 11.0, columns));
        // Not at a full stop, mark or no mark.
        assert_eq!(broken("会意有得\u{200b}。", 8.0), ["会意有", "得。"]);
        assert_eq!(broken("\u{200b}", 8.0), Vec::<String>::new());
    }

    #[test]
    fn lines_in_the_middle_are_even() {
        let even = |text: &str, width: f32| balanced(text, width, columns);
        assert_eq!(even("one two three four five", 20.0), ["one two three", "four five"]);
        assert_eq!(broken("one two three four five", 20.0), ["one two three four", "five"]);
        assert_eq!(even("one two", 20.0), ["one two"]);
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
            text in "[ a-zA-Z0-9あ-んア-ン一-龠、。「」（）ー\u{200b}]{0,80}", width in 2u8..60, even in any::<bool>()
        ) {
            let width_of = f32::from(width);
            let found = if even { balanced(&text, width_of, columns) } else { broken(&text, width_of) };
            prop_assert!(!found.concat().contains(WORD_END));
            let text = unmarked(&text);
            for line in &found {
                prop_assert!(line.chars().map(columns).sum::<f32>() <= f32::from(width), "{line:?}");
            }
            let without_spaces = |text: &str| text.replace(' ', "");
            prop_assert_eq!(without_spaces(&found.concat()), without_spaces(&text));
        }
    }
}
