//! The blocks as lines of a fixed number of columns: what a text file shows, and what a printer sets in its own letters.
//!
//! Invariant: no line is wider than the paper, be it set in the printer's letters or sent as a picture.

use super::format::Format;
use super::layout::{Align, Block, Content, Fit, Layout, Part};
use super::line_break::{balanced, columns, keeps_words, lines, unmarked};
use super::receipt::{Receipt, Row};

/// One line, or something in its place.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Line {
    Rule(char),
    Text(TextLine),
    /// A QR code.
    Code {
        url: String,
        module: i32,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct TextLine {
    /// How many times wider and higher than a plain character.
    pub(super) cells: [u8; 2],
    pub(super) bold: bool,
    pub(super) reversed: bool,
    pub(super) align: Align,
    /// It stands behind as much white as this takes: the sign of its paragraph's first line.
    pub(super) behind: &'static str,
    pub(super) text: String,
    /// At the right end of the same line.
    pub(super) right: Option<String>,
}

impl TextLine {
    /// The text with the white before it, in letters.
    pub(super) fn indented(&self) -> String {
        " ".repeat(width(self.behind)) + &self.text
    }

    /// The columns that a text takes at this line's width.
    pub(super) fn width_of(&self, text: &str) -> usize {
        width(text) * usize::from(self.cells[0])
    }
}

/// What a text takes on the paper it is set for.
pub(super) trait Metrics {
    /// Whether a text has a character that the printer does not have, so that its lines may be sent as pictures.
    fn is_foreign(&self, text: &str) -> bool;

    /// The columns of a character, in columns as wide as `cells` says.
    fn columns(&self, character: char, cells: [u8; 2], foreign: bool) -> f32;
}

/// Sets the receipt.
pub(super) fn set(receipt: &Receipt, format: Format, metrics: &dyn Metrics) -> Vec<Line> {
    let layout = Layout::built_in();
    let mut sheet = Sheet { columns: format.columns, metrics, lines: Vec::new() };
    for block in layout.blocks(receipt, format) {
        sheet.block(&block);
    }
    sheet.lines
}

struct Sheet<'m> {
    columns: usize,
    metrics: &'m dyn Metrics,
    lines: Vec<Line>,
}

impl Sheet<'_> {
    fn block(&mut self, block: &Block<'_>) {
        let sign = match (block.reversed, block.frame) {
            (true, _) => Some('*'),
            (false, 3..) => Some('='),
            (false, 1..) => Some('-'),
            (false, _) => None,
        };
        if block.apart {
            self.space();
        }
        sign.into_iter().for_each(|sign| self.rule(sign));
        block.parts.iter().for_each(|part| self.part(part, block.reversed));
        sign.into_iter().for_each(|sign| self.rule(sign));
    }

    /// An empty line, where there is anything before it.
    fn space(&mut self) {
        if !self.lines.is_empty() {
            self.lines.push(Line::Text(TextLine {
                cells: [1, 1],
                bold: false,
                reversed: false,
                align: Align::Left,
                behind: "",
                text: String::new(),
                right: None,
            }));
        }
    }

    fn rule(&mut self, sign: char) {
        let rule = Line::Rule(sign);
        if self.lines.last() != Some(&rule) {
            self.lines.push(rule);
        }
    }

    fn part(&mut self, part: &Part<'_>, reversed: bool) {
        match &part.content {
            Content::Texts(texts) => texts.iter().for_each(|text| self.paragraph("", text, part, reversed)),
            Content::Bullets(texts) => {
                texts.iter().for_each(|text| self.paragraph("・", text, part, reversed))
            }
            Content::Rows { rows, strong, .. } => {
                self.rule('-');
                for row in *rows {
                    self.row(row, part, row.value.strong() && strong.bold);
                }
                self.rule('-');
            }
            Content::Code { url, module } => {
                self.lines.push(Line::Code { url: (*url).to_owned(), module: *module });
            }
        }
    }

    fn paragraph(&mut self, sign: &'static str, text: &str, part: &Part<'_>, reversed: bool) {
        let foreign = self.is_foreign(text);
        let cells = match part.fit {
            Fit::Break => part.letters.cells,
            // White on black is one bar.
            Fit::Shrink { rows_max } => {
                self.fitting(text, part.letters.cells, foreign, rows_max.filter(|_| !reversed))
            }
        };
        let template = TextLine {
            cells,
            bold: part.letters.bold,
            reversed,
            align: part.align,
            behind: "",
            text: String::new(),
            right: None,
        };
        let room = self.room(cells);
        let measure = |character| self.metrics.columns(character, cells, foreign);
        let broken = match part.align {
            Align::Left | Align::Right => lines(text, room - self.wanted(sign, cells, foreign), measure),
            Align::Centre => balanced(text, room, measure),
        };
        for (index, line) in broken.into_iter().enumerate() {
            self.lines.push(Line::Text(match index {
                0 => TextLine { text: sign.to_owned() + &line, ..template.clone() },
                _ => TextLine { behind: sign, text: line, ..template.clone() },
            }));
        }
    }

    /// On one line where both fit, else the value below its label.
    fn row(&mut self, row: &Row, part: &Part<'_>, bold: bool) {
        let (label, value) = (unmarked(&row.label), row.value.text());
        let cells = part.letters.cells;
        let foreign = self.is_foreign(&label) || self.is_foreign(value);
        let line = |cells, align, text: &str, right: Option<&str>| {
            let (text, right) = (text.to_owned(), right.map(str::to_owned));
            Line::Text(TextLine { cells, bold, reversed: false, align, behind: "", text, right })
        };
        let both = self.wanted(&label, cells, foreign) + self.wanted(value, cells, foreign) + 1.0;
        if both <= self.room(cells) {
            self.lines.push(line(cells, Align::Left, &label, Some(value)));
            return;
        }
        for (text, align) in [(row.label.as_str(), Align::Left), (value, Align::Right)] {
            let cells = self.fitting(text, cells, foreign, Some(usize::MAX));
            let measure = |character| self.metrics.columns(character, cells, foreign);
            let broken = lines(text, self.room(cells), measure);
            self.lines.extend(broken.iter().map(|text| line(cells, align, text, None)));
        }
    }

    /// The largest letters up to `cells` in which no word is broken and the lines take at most so many rows; else the narrowest.
    fn fitting(&self, text: &str, cells: [u8; 2], foreign: bool, rows_max: Option<usize>) -> [u8; 2] {
        let [wide, high] = cells;
        // Letters twice as high as wide are the narrowest that look well.
        let mut narrower =
            (1..=wide).rev().map(|less| [less, if less < wide { high.min(less.max(2)) } else { high }]);
        let lines_max = |[_, high]: [u8; 2]| rows_max.map_or(1, |rows| rows / usize::from(high.max(1)));
        let fits = |cells: &[u8; 2]| {
            let measure = |character| self.metrics.columns(character, *cells, foreign);
            keeps_words(text, self.room(*cells), measure)
                && lines(text, self.room(*cells), measure).len() <= lines_max(*cells)
        };
        narrower.clone().find(fits).or(narrower.next_back()).unwrap_or(cells)
    }

    /// The columns of a line in such letters. They are few: the conversion is exact.
    fn room(&self, cells: [u8; 2]) -> f32 {
        (self.columns / usize::from(cells[0].max(1))) as f32
    }

    fn is_foreign(&self, text: &str) -> bool {
        self.metrics.is_foreign(&unmarked(text))
    }

    fn wanted(&self, text: &str, cells: [u8; 2], foreign: bool) -> f32 {
        text.chars().map(|character| self.metrics.columns(character, cells, foreign)).sum()
    }
}

/// The columns of a text.
pub(super) fn width(text: &str) -> usize {
    text.chars().map(columns).sum()
}

#[cfg(test)]
mod tests {
    use super::super::Paper;
    use super::super::page::tests::sample;
    use super::super::receipt::{Value, Variant};
    use super::*;

    /// Sets Latin letters and draws the rest, half as wide again in large print.
    struct Half;

    impl Metrics for Half {
        fn is_foreign(&self, text: &str) -> bool {
            !text.is_ascii()
        }

        fn columns(&self, character: char, cells: [u8; 2], foreign: bool) -> f32 {
            let set = columns(character) as f32;
            if foreign && cells[1] > 1 { set * 1.5 } else { set }
        }
    }

    fn texts(receipt: &Receipt) -> Vec<TextLine> {
        let lines = set(receipt, Paper::Mm80.into(), &Half).into_iter();
        lines.filter_map(|line| if let Line::Text(line) = line { Some(line) } else { None }).collect()
    }

    #[test]
    fn what_follows_a_bullet_stands_behind_as_much_white() {
        let mut receipt = sample();
        receipt.notices = vec!["転職・転居等により保険者が変わり、手続きが終了していない場合など".to_owned()];
        for variant in [Variant::Normal, Variant::Large] {
            receipt.variant = variant;
            let lines = texts(&receipt);
            let first = lines.iter().position(|line| line.text.starts_with('・')).unwrap();
            assert_eq!((lines[first].behind, lines[first + 1].behind), ("", "・"));
            assert!(lines[first + 1].indented().starts_with("  "));
            let room = 48.0;
            for line in &lines[first..first + 2] {
                let wide: f32 = line
                    .behind
                    .chars()
                    .chain(line.text.chars())
                    .map(|character| Half.columns(character, line.cells, true))
                    .sum();
                assert!(wide <= room, "{wide}: {line:?}");
            }
        }
    }

    #[test]
    fn a_long_result_is_narrower_and_in_large_print_takes_another_line() {
        let mut receipt = sample();
        receipt.result = "A result of more than twenty-four".to_owned();
        let of_result = |receipt: &Receipt| -> Vec<[u8; 2]> {
            let lines = texts(receipt);
            let words = lines.iter().filter(|line| line.bold && receipt.result.contains(&line.text));
            words.map(|line| line.cells).collect()
        };
        receipt.variant = Variant::Normal;
        assert_eq!(of_result(&receipt), [[1, 2]]);
        receipt.variant = Variant::Large;
        assert_eq!(of_result(&receipt), [[3, 3], [3, 3]]);
    }

    #[test]
    fn large_print_is_wide_as_well_as_high_and_shrinks_before_a_word_is_broken() {
        let mut receipt = sample();
        receipt.variant = Variant::Large;
        let cells = |receipt: &Receipt, paper: Paper, text: &str| {
            let lines = set(receipt, paper.into(), &Half).into_iter();
            let mut found =
                lines.filter_map(|line| if let Line::Text(line) = line { Some(line) } else { None });
            found.find(|line| line.text.starts_with(text)).unwrap().cells
        };
        assert_eq!(cells(&receipt, Paper::Mm80, "0120-95-0178"), [3, 3]);
        assert_eq!(cells(&receipt, Paper::Mm58, "0120-95-0178"), [2, 2]);
        assert_eq!(cells(&receipt, Paper::Mm80, "A-0000123456"), [2, 2]);
        receipt.rows[3].value = Value::code("certificate-not-yet-valid");
        assert_eq!(cells(&receipt, Paper::Mm80, "certificate-not-yet-valid"), [1, 2]);
        // White on black stays one bar.
        receipt.banner = Some("TEST - not a real application".to_owned());
        assert_eq!(cells(&receipt, Paper::Mm58, "TEST - not a real application"), [1, 2]);
    }

    #[test]
    fn marks_of_word_ends_are_on_no_line() {
        let mut receipt = sample();
        receipt.rows[0].label = "วัน\u{200b}และ\u{200b}เวลา".to_owned();
        receipt.title = "one\u{200b}two".to_owned();
        assert!(texts(&receipt).iter().all(|line| !line.text.contains('\u{200b}')));
        assert!(texts(&receipt).iter().any(|line| line.text == "onetwo"));
    }

    #[test]
    fn the_footer_stands_apart() {
        let receipt = sample();
        let lines = texts(&receipt);
        let footer =
            lines.iter().position(|line| receipt.footer[0].starts_with(&line.text) && !line.text.is_empty());
        assert_eq!(lines[footer.unwrap() - 1].text, "");
    }
}
