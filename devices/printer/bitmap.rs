//! Black dots on white paper, one bit each, and their PNG.

/// Whether a printer acts on two bytes at once, wherever they stand: DLE EOT, DLE ENQ, DLE DC4.
pub(super) const fn is_command(byte: u8, next: u8) -> bool {
    byte == 0x10 && matches!(next, 0x04 | 0x05 | 0x14)
}

/// A picture of one bit a dot; rows are padded to whole bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Bitmap {
    width: u32,
    height: u32,
    bytes_per_row: usize,
    /// A set bit is black; the highest bit of a byte is its leftmost dot.
    bits: Vec<u8>,
}

impl std::fmt::Debug for Bitmap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bitmap")
            .field("width", &self.width)
            .field("height", &self.height)
            .finish_non_exhaustive()
    }
}

impl Bitmap {
    /// White paper.
    pub(super) fn white(width: u32, height: u32) -> Self {
        let bytes_per_row = width.div_ceil(8) as usize;
        Self { width, height, bytes_per_row, bits: vec![0; bytes_per_row * height as usize] }
    }

    /// Width in dots.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Height in dots.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// Whether a dot is black. Outside the paper nothing is.
    pub fn is_black(&self, x: u32, y: u32) -> bool {
        let inside = x < self.width && y < self.height;
        let byte = self.bits.get(y as usize * self.bytes_per_row + x as usize / 8);
        inside && byte.is_some_and(|byte| byte & (0x80 >> (x % 8)) != 0)
    }

    /// The rows from the top, each of whole bytes, a set bit being black: what a raster printer takes.
    pub fn rows(&self) -> impl Iterator<Item = &[u8]> {
        self.bits.chunks_exact(self.bytes_per_row)
    }

    /// Sets a dot; outside the paper nothing happens.
    pub(super) fn set(&mut self, x: i32, y: i32, black: bool) {
        let (Ok(x), Ok(y)) = (u32::try_from(x), u32::try_from(y)) else { return };
        if x >= self.width || y >= self.height {
            return;
        }
        if let Some(byte) = self.bits.get_mut(y as usize * self.bytes_per_row + x as usize / 8) {
            let bit = 0x80 >> (x % 8);
            *byte = if black { *byte | bit } else { *byte & !bit };
        }
    }

    /// Draws modules of a code, the first at (`x`, `y`), each a square of `module` dots.
    pub(super) fn draw_modules(&mut self, rows: &[Vec<bool>], (x, y): (i32, i32), module: i32) {
        for (row, y) in rows.iter().zip((0..).map(|index| y + index * module)) {
            let black = row.iter().zip((0..).map(|index| x + index * module));
            for (_, x) in black.filter(|(black, _)| **black) {
                for (x, y) in (y..y + module).flat_map(|y| (x..x + module).map(move |x| (x, y))) {
                    self.set(x, y, true);
                }
            }
        }
    }

    /// Black becomes white.
    pub(super) fn invert(&mut self) {
        self.bits.iter_mut().for_each(|byte| *byte = !*byte);
    }

    /// A printer acts on some pairs of bytes even inside a picture (DLE EOT, DLE ENQ, DLE DC4). Where two neighbouring bytes
    /// are such a pair, one dot more is set, in every rendering alike: the picture stays the same everywhere.
    pub(super) fn break_commands(&mut self) {
        let mut before = 0;
        for byte in &mut self.bits {
            if is_command(before, *byte) {
                *byte |= 0x08;
            }
            before = *byte;
        }
    }

    /// Writes the picture as a PNG of one bit a dot.
    ///
    /// # Errors
    /// When `to` cannot be written.
    pub fn write_png(&self, to: impl std::io::Write) -> Result<(), png::EncodingError> {
        let mut encoder = png::Encoder::new(to, self.width, self.height);
        encoder.set_color(png::ColorType::Grayscale);
        encoder.set_depth(png::BitDepth::One);
        // True size on the screen for 8 dots a mm, which most printers have.
        let dots_a_metre = png::PixelDimensions { xppu: 8_000, yppu: 8_000, unit: png::Unit::Meter };
        encoder.set_pixel_dims(Some(dots_a_metre));
        let mut writer = encoder.write_header()?;
        // In PNG a set bit is white.
        let inverted: Vec<u8> = self.bits.iter().map(|byte| !byte).collect();
        writer.write_image_data(&inverted)?;
        writer.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(bytes: &[u8]) -> Bitmap {
        Bitmap { width: 16, height: bytes.len() as u32 / 2, bytes_per_row: 2, bits: bytes.to_vec() }
    }

    #[test]
    fn no_picture_has_a_command_in_it() {
        let mut dots = bytes(&[0x10, 0x04, 0x01, 0x10, 0x14, 0x10, 0x05, 0x00, 0x10, 0x10, 0x04, 0x04]);
        dots.break_commands();
        assert_eq!(dots.bits, [0x10, 0x0c, 0x01, 0x10, 0x1c, 0x10, 0x0d, 0x00, 0x10, 0x10, 0x0c, 0x04]);
        let mut other = bytes(&[0x10, 0x06, 0x04, 0x10]);
        other.break_commands();
        assert_eq!(other.bits, [0x10, 0x06, 0x04, 0x10], "what is no command stays");
    }
}
