//! A printer's own letters: cells of 12 by 24 and 24 by 24 dots.
//!
//! The outlines are those of Noto Sans CJK, in the subset that the receipt's pictures use; how they are set here, one to a
//! cell, has nothing to do with how pictures are set.

use swash::FontRef;
use swash::scale::image::Image;
use swash::scale::{Render, ScaleContext, Source};
use swash::zeno::Transform;

const COMMON: &[u8] = include_bytes!("../../printer/fonts/receipt-regular.otf");
const RARE: &[u8] = include_bytes!("../../printer/fonts/receipt-rare.otf");

/// Height of a cell.
pub(super) const CELL_HIGH: usize = 24;

/// Draws letters.
pub(super) struct Letters {
    faces: Vec<FontRef<'static>>,
    context: ScaleContext,
}

impl std::fmt::Debug for Letters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Letters").field("faces", &self.faces.len()).finish_non_exhaustive()
    }
}

impl Letters {
    pub(super) fn new() -> Self {
        let faces = [COMMON, RARE].into_iter().filter_map(|bytes| FontRef::from_index(bytes, 0)).collect();
        Self { faces, context: ScaleContext::with_max_entries(2) }
    }

    /// The black dots of a letter in its cell of `wide` by 24 dots, as (x, y).
    pub(super) fn dots(&mut self, character: char, wide: usize) -> Vec<(usize, usize)> {
        let found = self.faces.iter().find_map(|face| match face.charmap().map(character) {
            0 => None,
            glyph => Some((*face, glyph)),
        });
        let Some((face, glyph)) = found else { return Vec::new() };
        // Letters of a proportional face keep their height, and wide ones are condensed into their cell.
        let (size, baseline) = if wide == CELL_HIGH { (24.0, 21) } else { (22.0, 19) };
        let advance = face.glyph_metrics(&[]).scale(size).advance_width(glyph);
        let room = (wide as f32 / advance.max(1.0)).min(1.0);
        let mut image = Image::new();
        let mut scaler = self.context.builder(face).size(size).build();
        let drawn = Render::new(&[Source::Outline]).transform(Some(Transform::scale(room, 1.0))).render_into(
            &mut scaler,
            glyph,
            &mut image,
        );
        if !drawn {
            return Vec::new();
        }
        let left = ((wide as f32 - advance * room) / 2.0).round() as i32 + image.placement.left;
        let top = baseline - image.placement.top;
        let columns = image.placement.width as usize;
        if columns == 0 {
            return Vec::new();
        }
        let mut dots = Vec::new();
        for (y, row) in image.data.chunks_exact(columns).enumerate() {
            for (x, _) in row.iter().enumerate().filter(|(_, covered)| **covered >= 120) {
                let place = (usize::try_from(left + x as i32), usize::try_from(top + y as i32));
                if let (Ok(x), Ok(y)) = place
                    && x < wide
                    && y < CELL_HIGH
                {
                    dots.push((x, y));
                }
            }
        }
        dots
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Top and bottom row, and the number of columns, of a letter in a narrow cell.
    fn extent(character: char) -> (usize, usize, usize) {
        let dots = Letters::new().dots(character, 12);
        let rows = || dots.iter().map(|(_, y)| *y);
        let columns: std::collections::BTreeSet<usize> = dots.iter().map(|(x, _)| *x).collect();
        (rows().min().unwrap(), rows().max().unwrap(), columns.len())
    }

    #[test]
    fn a_wide_letter_is_as_high_as_a_narrow_one_and_nothing_is_cut_off() {
        let (top, bottom, _) = extent('I');
        for wide in ['M', 'W', 'H', 'D'] {
            let (its_top, its_bottom, columns) = extent(wide);
            assert!(its_top.abs_diff(top) <= 1 && its_bottom.abs_diff(bottom) <= 1, "{wide}");
            assert!((8..=12).contains(&columns), "{wide}: {columns} columns");
        }
        for below in ['g', 'p', 'Q'] {
            let (_, its_bottom, _) = extent(below);
            assert!((bottom + 2..CELL_HIGH).contains(&its_bottom), "{below}");
        }
    }
}
