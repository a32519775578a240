//! The faces of the receipt, and one glyph at a time as dots.
//!
//! Invariant: outlines are read from the embedded file when they are drawn and forgotten after the page; nothing of the
//! font is decoded in advance, so a terminal that prints no receipt pays nothing.

use super::memory;
use swash::scale::{Render, ScaleContext, Source, image::Image};
use swash::{FontRef, GlyphId};

const REGULAR: &[u8] = include_bytes!("fonts/receipt-regular.otf");
/// Rare kanji, in regular weight only.
const RARE: &[u8] = include_bytes!("fonts/receipt-rare.otf");
const BOLD: &[u8] = include_bytes!("fonts/receipt-bold.otf");

/// The sign that Japanese printers set for a character they do not have.
const GETA: char = '〓';

/// A face at a size in dots.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Style {
    pub(super) size: f32,
    pub(super) bold: bool,
}

/// The faces, with the buffers that drawing needs.
pub(super) struct Faces {
    regular: Option<FontRef<'static>>,
    bold: Option<FontRef<'static>>,
    rare: Option<FontRef<'static>>,
    context: ScaleContext,
    image: Image,
}

impl Faces {
    pub(super) fn new() -> Self {
        Self {
            // Tests hold that all parse; without a face nothing would be drawn, and nothing would panic.
            regular: FontRef::from_index(REGULAR, 0),
            bold: FontRef::from_index(BOLD, 0),
            rare: FontRef::from_index(RARE, 0),
            context: ScaleContext::with_max_entries(3),
            image: Image::new(),
        }
    }

    fn glyph(&self, character: char, bold: bool) -> Option<(FontRef<'static>, GlyphId)> {
        let common = if bold { self.bold } else { self.regular };
        let find = |wanted: char| {
            [common, self.rare].into_iter().flatten().find_map(|face| match face.charmap().map(wanted) {
                0 => None,
                glyph => Some((face, glyph)),
            })
        };
        find(character).or_else(|| find(GETA))
    }

    /// How far the next character begins, in dots.
    pub(super) fn advance(&self, character: char, style: Style) -> f32 {
        self.glyph(character, style.bold)
            .map_or(0.0, |(face, glyph)| face.glyph_metrics(&[]).scale(style.size).advance_width(glyph))
    }

    /// Calls `dot` for every black dot of a character whose origin is at (`x`, `baseline`), y growing downwards.
    pub(super) fn draw(
        &mut self,
        character: char,
        style: Style,
        (x, baseline): (f32, i32),
        mut dot: impl FnMut(i32, i32),
    ) {
        // More than this share of a dot covered makes it black; under a half, since thermal paper loses thin strokes.
        const COVERED_MIN: u8 = 108;
        let Some((face, glyph)) = self.glyph(character, style.bold) else { return };
        let mut scaler = self.context.builder(face).size(style.size).hint(false).build();
        let left = x.round() as i32;
        self.image.clear();
        if !Render::new(&[Source::Outline]).render_into(&mut scaler, glyph, &mut self.image) {
            return; // a space
        }
        let placement = self.image.placement;
        let row_length = placement.width as usize;
        if row_length == 0 {
            return;
        }
        for (row, covered) in self.image.data.chunks_exact(row_length).enumerate() {
            for (column, _) in covered.iter().enumerate().filter(|(_, covered)| **covered >= COVERED_MIN) {
                // A glyph is far smaller than i32 in both directions.
                dot(left + placement.left + column as i32, baseline - placement.top + row as i32);
            }
        }
    }
}

impl Drop for Faces {
    fn drop(&mut self) {
        for font in [REGULAR, BOLD, RARE] {
            memory::give_back(font);
        }
    }
}

/// The characters of `text` that the receipt cannot print and replaces by 〓.
pub fn missing_glyphs(text: &str) -> Vec<char> {
    let faces = Faces::new();
    let has = |character: char| {
        [faces.regular, faces.rare].into_iter().flatten().any(|face| face.charmap().map(character) != 0)
    };
    text.chars().filter(|character| !has(*character)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_faces_parse_and_have_their_characters() {
        assert!(missing_glyphs("マイナンバーカードの健康保険証利用 0120-95-0178 (ABC) ～。鬱").is_empty());
        assert_eq!(missing_glyphs("髙島屋纊"), ['髙', '纊']);
        let faces = Faces::new();
        let bold = Style { size: 20.0, bold: true };
        assert_eq!(faces.advance('証', bold), 20.0);
        // A rare kanji comes in regular weight, an unknown one as the replacement sign.
        assert_eq!(faces.advance('鬱', bold), 20.0);
        assert_eq!(faces.advance('髙', bold), 20.0);
    }
}
