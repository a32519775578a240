//! Receipt printers, and the receipt itself.
//!
//! Invariants:
//! - A [`Receipt`] has no field that could hold who the customer is; values come from the constructors of [`Value`] only.
//! - One list of blocks is the receipt: the text and the picture are two renderings of it, so neither says what the other
//!   does not.
//! - A receipt is on the paper completely or not at all: what cannot be printed is a [`crate::port::Fault`].

mod bitmap;
mod blocks;
mod file;
mod glyphs;
mod line_break;
mod memory;
mod page;
mod receipt;
mod text;

pub use bitmap::Bitmap;
pub use file::FilePrinter;
pub use glyphs::missing_glyphs;
pub use receipt::{DateStyle, HelpLine, NotPrintable, Paper, Receipt, Row, Value};

/// The receipt as text, as wide as the paper's 12-dot columns: for logs of the bench, and for those who listen.
pub fn render_text(receipt: &Receipt, paper: Paper) -> String {
    text::render(&blocks::of(receipt), paper.columns())
}

/// The receipt as dots, black on white, as wide as the paper.
pub fn render_bitmap(receipt: &Receipt, paper: Paper) -> Bitmap {
    let mut faces = glyphs::Faces::new();
    let page = page::lay_out(&blocks::of(receipt), paper, &faces);
    page.draw(&mut faces)
}
