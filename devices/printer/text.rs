//! The receipt as text of a fixed number of columns; a Japanese character takes two.

use super::format::Format;
use super::layout::Align;
use super::line_break::columns;
use super::receipt::{Receipt, Variant};
use super::sheet::{self, Line, Metrics, TextLine, width};

/// Has every character, in one size.
struct Typewriter;

impl Metrics for Typewriter {
    fn is_foreign(&self, _text: &str) -> bool {
        false
    }

    fn columns(&self, character: char, _cells: [u8; 2], _foreign: bool) -> f32 {
        // 0, 1 or 2.
        columns(character) as f32
    }
}

/// Renders the receipt, in one size: large print is the same text. Every line ends with a newline; lines have no trailing spaces.
pub(super) fn render(receipt: &Receipt, format: Format) -> String {
    let mut text = String::new();
    let receipt = Receipt { variant: Variant::Normal, ..receipt.clone() };
    for line in sheet::set(&receipt, format, &Typewriter) {
        match line {
            Line::Rule(sign) => text.extend(std::iter::repeat_n(sign, format.columns)),
            Line::Text(line) => text.push_str(plain(&line, format.columns).trim_end()),
            // The address stands below in letters.
            Line::Code { .. } => continue,
        }
        text.push('\n');
    }
    text
}

/// A line with its spaces, as plain characters.
fn plain(line: &TextLine, columns: usize) -> String {
    let left = |text: &str| match line.align {
        Align::Left => 0,
        Align::Centre => columns.saturating_sub(width(text)) / 2,
        Align::Right => columns.saturating_sub(width(text)),
    };
    match &line.right {
        None => format!("{}{}", " ".repeat(left(&line.text)), line.indented()),
        Some(right) => {
            let gap = columns.saturating_sub(width(&line.text) + width(right));
            format!("{}{}{right}", line.text, " ".repeat(gap))
        }
    }
}
