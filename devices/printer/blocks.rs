//! The receipt as a list of blocks, top to bottom: the one layout that text and picture share.

use super::receipt::{Receipt, Value};

/// A part of the page, over its whole width.
pub(super) enum Block<'a> {
    /// White on black.
    Banner(&'a str),
    /// The service's name.
    Title(&'a str),
    /// Small and centred.
    Subtitle(&'a str),
    /// Large, in a frame.
    Result(&'a str),
    /// Running text.
    Paragraph(&'a str),
    /// Label left, value right, with a line between each two.
    Rows(Vec<(&'a str, &'a Value)>),
    /// A heading over running text.
    Heading(&'a str),
    /// A point of a list.
    Bullet(&'a str),
    /// The helpline, in a frame: heading, number, what to know.
    Helpline { heading: &'a str, number: &'a str, lines: Vec<&'a str> },
    /// Small print.
    Footer(&'a str),
}

pub(super) fn of(receipt: &Receipt) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    blocks.extend(receipt.banner.as_deref().map(Block::Banner));
    blocks.push(Block::Title(&receipt.title));
    blocks.push(Block::Subtitle(&receipt.subtitle));
    blocks.push(Block::Result(&receipt.result));
    blocks.extend(receipt.explanation.iter().map(|text| Block::Paragraph(text)));
    blocks.push(Block::Rows(receipt.rows.iter().map(|row| (row.label.as_str(), &row.value)).collect()));
    if !receipt.notices.is_empty() {
        blocks.push(Block::Heading(&receipt.notices_heading));
        blocks.extend(receipt.notices.iter().map(|text| Block::Bullet(text)));
    }
    blocks.push(Block::Helpline {
        heading: &receipt.helpline.heading,
        number: &receipt.helpline.number,
        lines: receipt.helpline.lines.iter().map(String::as_str).collect(),
    });
    blocks.extend(receipt.footer.iter().map(|text| Block::Footer(text)));
    blocks
}
