//! The faces of the receipt, and lines of text as dots.
//!
//! Invariant: outlines are read from the embedded file when they are drawn and forgotten after the page; nothing of the
//! font is decoded in advance, so a terminal that prints no receipt pays nothing.
//!
//! Thai is shaped: vowels and tone marks stand above and below their consonant where the font's tables put them. Everything
//! else is set character by character.

use super::line_break::WORD_END;
use super::memory;
use swash::scale::{Render, ScaleContext, Source, image::Image};
use swash::shape::ShapeContext;
use swash::text::Script;
use swash::{FontRef, GlyphId};

const REGULAR: &[u8] = include_bytes!("fonts/receipt-regular.otf");
/// Rare kanji, in regular weight only.
const RARE: &[u8] = include_bytes!("fonts/receipt-rare.otf");
const BOLD: &[u8] = include_bytes!("fonts/receipt-bold.otf");
const THAI: &[u8] = include_bytes!("fonts/thai-regular.ttf");
const THAI_BOLD: &[u8] = include_bytes!("fonts/thai-bold.ttf");

/// Thai letters are smaller in their box than Japanese ones: so much larger they read as the same size.
const THAI_SCALE: f32 = 1.14;

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
    thai: Option<FontRef<'static>>,
    thai_bold: Option<FontRef<'static>>,
    scale: ScaleContext,
    shape: ShapeContext,
    image: Image,
}

/// A glyph on the line: which, of which face, and where.
struct Placed {
    face: FontRef<'static>,
    glyph: GlyphId,
    size: f32,
    x: f32,
    y: f32,
}

fn size_of(character: char, style: Style) -> f32 {
    if is_thai(character) { style.size * THAI_SCALE } else { style.size }
}

/// A space that does not break a line looks like any other.
const fn drawn(character: char) -> char {
    match character {
        '\u{a0}' => ' ',
        other => other,
    }
}

pub(super) const fn is_thai(character: char) -> bool {
    matches!(character, '\u{e01}'..='\u{e3a}' | '\u{e40}'..='\u{e5b}')
}

impl Faces {
    pub(super) fn new() -> Self {
        let face = |bytes: &'static [u8]| FontRef::from_index(bytes, 0);
        Self {
            // Tests hold that all parse; without a face nothing would be drawn, and nothing would panic.
            regular: face(REGULAR),
            bold: face(BOLD),
            rare: face(RARE),
            thai: face(THAI),
            thai_bold: face(THAI_BOLD),
            scale: ScaleContext::with_max_entries(3),
            shape: ShapeContext::with_max_entries(2),
            image: Image::new(),
        }
    }

    const fn thai(&self, bold: bool) -> Option<FontRef<'static>> {
        if bold { self.thai_bold } else { self.thai }
    }

    fn glyph(&self, character: char, bold: bool) -> Option<(FontRef<'static>, GlyphId)> {
        let common = if bold { self.bold } else { self.regular };
        let find = |wanted: char| {
            [common, self.rare, self.thai(bold)].into_iter().flatten().find_map(|face| {
                match face.charmap().map(drawn(wanted)) {
                    0 => None,
                    glyph => Some((face, glyph)),
                }
            })
        };
        find(character).or_else(|| find(GETA))
    }

    /// How far the next character begins, in dots.
    pub(super) fn advance(&self, character: char, style: Style) -> f32 {
        if character == WORD_END {
            return 0.0;
        }
        let size = size_of(character, style);
        self.glyph(character, style.bold)
            .map_or(0.0, |(face, glyph)| face.glyph_metrics(&[]).scale(size).advance_width(glyph))
    }

    /// How far a text reaches, in dots.
    pub(super) fn measure(&self, text: &str, style: Style) -> f32 {
        text.chars().map(|character| self.advance(character, style)).sum()
    }

    /// Calls `dot` for every black dot of a text that begins at (`x`, `baseline`), y growing downwards.
    pub(super) fn draw(
        &mut self,
        text: &str,
        style: Style,
        (x, baseline): (f32, i32),
        mut dot: impl FnMut(i32, i32),
    ) {
        for placed in self.place(text, style) {
            self.draw_glyph(&placed, (x + placed.x, baseline), &mut dot);
        }
    }

    fn place(&mut self, text: &str, style: Style) -> Vec<Placed> {
        let mut placed = Vec::new();
        let mut x = 0.0;
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let thai = is_thai(first);
            let end = rest.find(|character| is_thai(character) != thai).unwrap_or(rest.len());
            let (run, after) = rest.split_at(end);
            rest = after;
            match self.thai(style.bold).filter(|_| thai) {
                Some(face) => {
                    let size = size_of(first, style);
                    let mut shaper = self.shape.builder(face).script(Script::Thai).size(size).build();
                    shaper.add_str(run);
                    shaper.shape_with(|cluster| {
                        for glyph in cluster.glyphs {
                            placed.push(Placed { face, glyph: glyph.id, size, x: x + glyph.x, y: glyph.y });
                            x += glyph.advance;
                        }
                    });
                }
                None => {
                    for character in run.chars() {
                        if let Some((face, glyph)) = self.glyph(character, style.bold) {
                            placed.push(Placed { face, glyph, size: style.size, x, y: 0.0 });
                        }
                        x += self.advance(character, style);
                    }
                }
            }
        }
        placed
    }

    fn draw_glyph(&mut self, placed: &Placed, (x, baseline): (f32, i32), dot: &mut impl FnMut(i32, i32)) {
        // More than this share of a dot covered makes it black; under a half, since thermal paper loses thin strokes.
        const COVERED_MIN: u8 = 108;
        let mut scaler = self.scale.builder(placed.face).size(placed.size).hint(false).build();
        let left = x.round() as i32;
        let baseline = baseline - placed.y.round() as i32;
        self.image.clear();
        if !Render::new(&[Source::Outline]).render_into(&mut scaler, placed.glyph, &mut self.image) {
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
        for font in [REGULAR, BOLD, RARE, THAI, THAI_BOLD] {
            memory::give_back(font);
        }
    }
}

/// The characters of `text` that the receipt cannot print and replaces by 〓.
pub fn missing_glyphs(text: &str) -> Vec<char> {
    let faces = Faces::new();
    let has = |character: char| {
        let all = [faces.regular, faces.rare, faces.thai];
        all.into_iter().flatten().any(|face| face.charmap().map(drawn(character)) != 0)
    };
    text.chars().filter(|character| *character != WORD_END && !has(*character)).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const STYLE: Style = Style { size: 40.0, bold: false };

    #[test]
    fn all_faces_parse_and_have_their_characters() {
        assert!(missing_glyphs("マイナンバーカードの健康保険証利用 0120-95-0178 (ABC) ～。鬱").is_empty());
        assert!(missing_glyphs("กรุณานำบัตรไปด้วยทุกครั้ง ๆ ฯ ฿").is_empty());
        assert_eq!(missing_glyphs("髙島屋纊"), ['髙', '纊']);
        let faces = Faces::new();
        let bold = Style { size: 20.0, bold: true };
        assert_eq!(faces.advance('証', bold), 20.0);
        // A rare kanji comes in regular weight, an unknown one as the replacement sign.
        assert_eq!(faces.advance('鬱', bold), 20.0);
        assert_eq!(faces.advance('髙', bold), 20.0);
    }

    fn dots(text: &str) -> BTreeSet<(i32, i32)> {
        let mut dots = BTreeSet::new();
        Faces::new().draw(text, STYLE, (0.0, 0), |x, y| {
            dots.insert((x, y));
        });
        dots
    }

    #[test]
    fn a_tone_mark_stands_above_its_vowel_and_not_in_it() {
        // ที่ is a consonant, a vowel above it and a tone mark above that.
        let top = |text: &str| dots(text).into_iter().map(|(_, y)| y).min().unwrap();
        assert!(top("ท") > top("ที") && top("ที") > top("ที่"), "{} {} {}", top("ท"), top("ที"), top("ที่"));
        // Without a vowel the mark comes down.
        assert!(top("ท่") > top("ที่"));
        // A vowel below goes below the line.
        assert!(dots("กู").into_iter().any(|(_, y)| y > 3));
    }

    #[test]
    fn a_shaped_line_is_as_wide_as_it_was_measured() {
        let faces = Faces::new();
        for text in ["กรุณานำบัตรไปด้วย", "ที่ตู้นี้ ABC 123", "น้ำ", "健康 ก่อน 2569"]
        {
            let right = dots(text).into_iter().map(|(x, _)| x).max().unwrap();
            let measured = faces.measure(text, STYLE);
            assert!((right as f32) < measured + 1.0, "{text}: {right} of {measured}");
            assert!((right as f32) > measured - 16.0, "{text}: {right} of {measured}");
        }
    }
}
