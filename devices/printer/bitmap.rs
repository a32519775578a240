//! Black dots on white paper, one bit each, and their PNG.

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

    /// Writes the picture as a PNG of one bit a dot, with its true size in the file.
    ///
    /// # Errors
    /// When `to` cannot be written.
    pub fn write_png(&self, to: impl std::io::Write) -> Result<(), png::EncodingError> {
        let mut encoder = png::Encoder::new(to, self.width, self.height);
        encoder.set_color(png::ColorType::Grayscale);
        encoder.set_depth(png::BitDepth::One);
        // 8 dots a mm.
        let dots_a_metre = png::PixelDimensions { xppu: 8_000, yppu: 8_000, unit: png::Unit::Meter };
        encoder.set_pixel_dims(Some(dots_a_metre));
        let mut writer = encoder.write_header()?;
        // In PNG a set bit is white.
        let inverted: Vec<u8> = self.bits.iter().map(|byte| !byte).collect();
        writer.write_image_data(&inverted)?;
        writer.finish()
    }
}
