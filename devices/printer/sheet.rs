//! The blocks as lines of a fixed number of columns: what a text file shows, and what a printer sets in its own letters.
//!
//! Invariant: no line is wider than the paper, be it set in the printer's letters or sent as a picture.

use super::format::Format;
use super::layout::{Align, Block, Content, Layout, Part};
use super::line_break::{columns, lines};
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
        let foreign = self.metrics.is_foreign(text);
        let mut cells = part.letters.cells;
        // Display text is set narrower before it is broken.
        if part.narrows && self.wanted(text, cells, foreign) * f32::from(cells[0]) > self.columns as f32 {
            cells[0] = 1;
        }
        let template = TextLine {
            cells,
            bold: part.letters.bold,
            reversed,
            align: part.align,
            behind: "",
            text: String::new(),
            right: None,
        };
        // Columns are few: the conversion is exact.
        let room = (self.columns / usize::from(cells[0].max(1))) as f32;
        let broken = self.broken(text, room - self.wanted(sign, cells, foreign), cells, foreign);
        for (index, line) in broken.into_iter().enumerate() {
            self.lines.push(Line::Text(match index {
                0 => TextLine { text: sign.to_owned() + &line, ..template.clone() },
                _ => TextLine { behind: sign, text: line, ..template.clone() },
            }));
        }
    }

    fn row(&mut self, row: &Row, part: &Part<'_>, bold: bool) {
        let value = row.value.text();
        let cells = [1, part.letters.cells[1]];
        let foreign = self.metrics.is_foreign(&row.label) || self.metrics.is_foreign(value);
        let line = |align, text: &str, right: Option<&str>| {
            let (text, right) = (text.to_owned(), right.map(str::to_owned));
            Line::Text(TextLine { cells, bold, reversed: false, align, behind: "", text, right })
        };
        let both = self.wanted(&row.label, cells, foreign) + self.wanted(value, cells, foreign) + 1.0;
        if both <= self.columns as f32 {
            self.lines.push(line(Align::Left, &row.label, Some(value)));
            return;
        }
        for text in self.broken(&row.label, self.columns as f32, cells, foreign) {
            self.lines.push(line(Align::Left, &text, None));
        }
        for text in self.broken(value, self.columns as f32, cells, foreign) {
            self.lines.push(line(Align::Right, &text, None));
        }
    }

    fn wanted(&self, text: &str, cells: [u8; 2], foreign: bool) -> f32 {
        text.chars().map(|character| self.metrics.columns(character, cells, foreign)).sum()
    }

    fn broken(&self, text: &str, columns: f32, cells: [u8; 2], foreign: bool) -> Vec<String> {
        lines(text, columns, |character| self.metrics.columns(character, cells, foreign))
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
    use super::super::receipt::Variant;
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
        assert_eq!(of_result(&receipt), [[2, 2], [2, 2]]);
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
