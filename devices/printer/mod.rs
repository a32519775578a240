//! Receipt printers, and the receipt itself.
//!
//! Invariants:
//! - A [`Receipt`] has no field that could hold who the customer is; values come from the constructors of [`Value`] only.
//! - One layout (`layout/receipt.toml`) is the receipt: the text, the picture and a printer's bytes are renderings of it, so
//!   none says what the others do not.
//! - A receipt is on the paper completely or not at all: what cannot be printed is a [`crate::port::Fault`].

mod bitmap;
mod escpos;
mod file;
mod format;
mod glyphs;
mod layout;
mod line_break;
mod memory;
mod page;
mod profile;
mod qr;
mod receipt;
pub mod serial;
mod sheet;
mod text;

pub use bitmap::Bitmap;
pub use escpos::{Job, encode};
pub use file::FilePrinter;
pub use format::{Format, Paper};
pub use glyphs::missing_glyphs;
pub use line_break::WORD_END;
pub use profile::{
    Completion, CutAndPresent, Flow, LineDefaults, Profile, ProfileFault, QrCommand, StatusFamily, TextMode,
};
pub use receipt::{DateStyle, HelpLine, NotPrintable, Receipt, Row, StatusPage, Value, Variant};

/// The receipt as text, as wide as the paper's 12-dot columns: for logs of the bench, and for those who listen.
pub fn render_text(receipt: &Receipt, format: impl Into<Format>) -> String {
    text::render(receipt, format.into())
}

/// The receipt as dots, black on white, as wide as the paper.
pub fn render_bitmap(receipt: &Receipt, format: impl Into<Format>) -> Bitmap {
    let mut faces = glyphs::Faces::new();
    draw(receipt, format.into(), &mut faces)
}

fn draw(receipt: &Receipt, format: Format, faces: &mut glyphs::Faces) -> Bitmap {
    let mut dots = page::lay_out(receipt, format, faces).draw(faces);
    dots.break_commands();
    dots
}
