//! The blocks as text of a fixed number of columns; a Japanese character takes two.

use super::blocks::Block;
use super::line_break::{is_wide, lines};

/// Renders the blocks. Every line ends with a newline; lines have no trailing spaces.
pub(super) fn render(blocks: &[Block<'_>], columns: usize) -> String {
    let mut sheet = Sheet { columns, text: String::new() };
    for block in blocks {
        sheet.block(block);
    }
    sheet.text
}

struct Sheet {
    columns: usize,
    text: String,
}

impl Sheet {
    fn block(&mut self, block: &Block<'_>) {
        match block {
            Block::Banner(text) => {
                self.rule('*');
                self.centred(text);
                self.rule('*');
            }
            Block::Title(text) | Block::Subtitle(text) => self.centred(text),
            Block::Result(text) => {
                self.rule('=');
                self.centred(text);
                self.rule('=');
            }
            Block::Paragraph(text) => self.hanging("", text),
            Block::Rows(rows) => {
                self.rule('-');
                rows.iter().for_each(|(label, value)| self.row(label, value.text()));
                self.rule('-');
            }
            Block::Heading(text) => self.line(text),
            Block::Bullet(text) => self.hanging("・", text),
            Block::Helpline { heading, number, lines } => {
                self.rule('-');
                self.centred(heading);
                self.centred(number);
                lines.iter().for_each(|line| self.centred(line));
                self.rule('-');
            }
            Block::Footer(text) => self.hanging("", text),
        }
    }

    fn line(&mut self, text: &str) {
        self.text.push_str(text.trim_end());
        self.text.push('\n');
    }

    fn rule(&mut self, sign: char) {
        let rule: String = std::iter::repeat_n(sign, self.columns).collect();
        self.line(&rule);
    }

    fn broken(&self, text: &str, columns: usize) -> Vec<String> {
        // Columns are few: the conversion is exact.
        lines(text, columns as f32, |character| if is_wide(character) { 2.0 } else { 1.0 })
    }

    fn centred(&mut self, text: &str) {
        for line in self.broken(text, self.columns) {
            let left = self.columns.saturating_sub(width(&line)) / 2;
            self.line(&format!("{}{line}", " ".repeat(left)));
        }
    }

    fn hanging(&mut self, sign: &str, text: &str) {
        let indent = width(sign);
        for (index, line) in self.broken(text, self.columns.saturating_sub(indent)).iter().enumerate() {
            let start = if index == 0 { sign.to_owned() } else { " ".repeat(indent) };
            self.line(&format!("{start}{line}"));
        }
    }

    fn row(&mut self, label: &str, value: &str) {
        let gap = self.columns.saturating_sub(width(label) + width(value));
        if gap >= 1 {
            self.line(&format!("{label}{}{value}", " ".repeat(gap)));
            return;
        }
        self.line(label);
        for line in self.broken(value, self.columns) {
            let left = self.columns.saturating_sub(width(&line));
            self.line(&format!("{}{line}", " ".repeat(left)));
        }
    }
}

fn width(text: &str) -> usize {
    text.chars().map(|character| if is_wide(character) { 2 } else { 1 }).sum()
}
