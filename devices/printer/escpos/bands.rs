//! A picture as raster commands (`GS v 0`), without the white at its right and with little for the white between its lines:
//! on a slow line most of a receipt's time is its white.
//!
//! Invariants:
//! - The dots on the paper are those of the picture, row for row.
//! - No command has more rows than the profile allows: a cover that is opened in the middle costs one of them.
//! - No two neighbouring bytes of the picture are a command that a printer acts on at once (DLE EOT, DLE ENQ, DLE DC4), also
//!   not where a row's white was left out.

use super::super::bitmap::{Bitmap, is_command};

/// White rows that are worth a command of their own: its head has eight bytes, and so has the next one.
const WHITE_ROWS_MIN: usize = 4;

/// The commands, in order.
pub(super) fn of(dots: &Bitmap, band_rows: usize) -> Vec<Vec<u8>> {
    let rows: Vec<&[u8]> = dots.rows().collect();
    let pieces = rows.chunk_by(|one, next| is_white(one) == is_white(next)).collect::<Vec<_>>();
    let mut bands = Vec::new();
    let (mut from, mut at) = (0, 0);
    for piece in pieces {
        if is_white_gap(piece) {
            band(&rows, from..at, band_rows, &mut bands);
            band(&rows, at..at + piece.len(), band_rows, &mut bands);
            from = at + piece.len();
        }
        at += piece.len();
    }
    band(&rows, from..at, band_rows, &mut bands);
    bands
}

fn is_white(row: &[u8]) -> bool {
    row.iter().all(|byte| *byte == 0)
}

fn is_white_gap(piece: &[&[u8]]) -> bool {
    piece.len() >= WHITE_ROWS_MIN && piece.first().is_some_and(|row| is_white(row))
}

fn band(rows: &[&[u8]], range: std::ops::Range<usize>, band_rows: usize, bands: &mut Vec<Vec<u8>>) {
    for rows in rows.get(range).unwrap_or_default().chunks(band_rows) {
        let width = width(rows);
        // At most 256 rows and 255 bytes: the profile was checked.
        let ([x_low, x_high], [y_low, y_high]) =
            ((width as u16).to_le_bytes(), (rows.len() as u16).to_le_bytes());
        let mut bytes = vec![0x1d, 0x76, 0x30, 0, x_low, x_high, y_low, y_high];
        rows.iter().for_each(|row| bytes.extend_from_slice(row.get(..width).unwrap_or(row)));
        bands.push(bytes);
    }
}

/// In bytes: up to the last dot of any row, at least one; more where a row's end and the next one's beginning would be a
/// command.
fn width(rows: &[&[u8]]) -> usize {
    let whole = rows.first().map_or(0, |row| row.len());
    let ends = rows.iter().filter_map(|row| row.iter().rposition(|byte| *byte != 0));
    let needed = ends.max().map_or(1, |last| last + 1);
    let makes_a_command = |width: usize| {
        let meets = |pair: &[&[u8]]| match pair {
            [one, next] => match (one.get(width - 1), next.first()) {
                (Some(last), Some(first)) => is_command(*last, *first),
                _ => false,
            },
            _ => false,
        };
        rows.windows(2).any(meets)
    };
    (needed..whole).find(|width| !makes_a_command(*width)).unwrap_or(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rows of the picture that the commands make, whole width.
    fn rows(bands: &[Vec<u8>], bytes_per_row: usize) -> Vec<Vec<u8>> {
        let mut all = Vec::new();
        for band in bands {
            let (head, data) = band.split_at(8);
            assert_eq!(&head[..4], [0x1d, 0x76, 0x30, 0]);
            let size = |low: usize| usize::from(u16::from_le_bytes([head[low], head[low + 1]]));
            assert_eq!(data.len(), size(4) * size(6));
            for row in data.chunks(size(4)) {
                all.push([row, &vec![0; bytes_per_row - row.len()]].concat());
            }
        }
        all
    }

    #[test]
    fn the_white_is_left_out_and_the_dots_stay() {
        let mut dots = Bitmap::white(80, 40);
        dots.set(3, 9, true);
        dots.set(17, 12, true);
        dots.set(70, 30, true);
        let bands = of(&dots, 16);
        assert_eq!(rows(&bands, 10), dots.rows().map(<[u8]>::to_vec).collect::<Vec<_>>());
        let heads: Vec<[u8; 2]> = bands.iter().map(|band| [band[4], band[6]]).collect();
        assert_eq!(heads, [[1, 9], [3, 4], [1, 16], [1, 1], [9, 1], [1, 9]]);
    }

    #[test]
    fn a_command_that_would_come_about_at_a_rows_end_does_not() {
        let mut dots = Bitmap::white(32, 2);
        dots.set(3, 0, true);
        dots.set(5, 1, true);
        let both: Vec<u8> = dots.rows().flatten().copied().collect();
        assert_eq!(both, [0x10, 0, 0, 0, 0x04, 0, 0, 0]);
        let bands = of(&dots, 8);
        assert_eq!(bands, [[0x1d, 0x76, 0x30, 0, 2, 0, 2, 0, 0x10, 0, 0x04, 0].to_vec()]);
    }

    proptest::proptest! {
        #[test]
        fn any_picture_is_the_same_picture(
            rows_of in proptest::collection::vec(proptest::collection::vec(proptest::sample::select(vec![0_u8, 0, 0, 0x10, 4, 5, 0x14, 0xff]), 3), 0..60),
            band_rows in 1_usize..20,
        ) {
            let mut dots = Bitmap::white(24, rows_of.len() as u32);
            for (y, row) in rows_of.iter().enumerate() {
                for x in 0..24 {
                    if row[x / 8] & (0x80 >> (x % 8)) != 0 {
                        dots.set(x as i32, y as i32, true);
                    }
                }
            }
            dots.break_commands();
            let bands = of(&dots, band_rows);
            proptest::prop_assert_eq!(rows(&bands, 3), dots.rows().map(<[u8]>::to_vec).collect::<Vec<_>>());
            for band in &bands {
                proptest::prop_assert!(usize::from(band[6]) <= band_rows);
                proptest::prop_assert!(!band[8..].windows(2).any(|pair| is_command(pair[0], pair[1])), "{:x?}", band);
            }
        }
    }
}
