//! The paper: dots, and the text that was set in letters.
//!
//! Invariant: nothing is printed twice or lost between two cuts; what is cut off is one [`Sheet`].

use encoding_rs::SHIFT_JIS;
use qrcodegen::{QrCode, QrCodeEcc};

use super::command::{KanjiSystem, Order};
use super::letters::{CELL_HIGH, Letters};

/// What came off at one cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sheet {
    /// Width in dots.
    pub width: usize,
    /// Rows from the top, of whole bytes, a set bit being black.
    pub rows: Vec<Vec<u8>>,
    /// The lines that were set in letters.
    pub text: Vec<String>,
    /// The texts of QR codes that the printer made.
    pub codes: Vec<String>,
    /// Lines of pictures.
    pub picture_rows: usize,
}

impl Sheet {
    /// Writes it as a PNG of one bit a dot, with the paper's edges, where no head reaches.
    ///
    /// # Errors
    /// When `to` cannot be written.
    pub fn write_png(&self, to: impl std::io::Write) -> Result<(), png::EncodingError> {
        let side = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
        let (width, height) = (self.width + 16 * EDGE_BYTES, self.rows.len() + 16 * EDGE_BYTES);
        let mut encoder = png::Encoder::new(to, side(width), side(height));
        encoder.set_color(png::ColorType::Grayscale);
        encoder.set_depth(png::BitDepth::One);
        let mut writer = encoder.write_header()?;
        let blank = vec![0xff; width.div_ceil(8) * 8 * EDGE_BYTES];
        let edge = [0xff; EDGE_BYTES];
        let rows =
            self.rows.iter().flat_map(|row| edge.into_iter().chain(row.iter().map(|byte| !byte)).chain(edge));
        let white: Vec<u8> = blank.iter().copied().chain(rows).chain(blank.iter().copied()).collect();
        writer.write_image_data(&white)?;
        writer.finish()
    }
}

#[derive(Debug)]
struct Cell {
    character: char,
    columns: usize,
    wide: usize,
    high: usize,
    bold: bool,
    reversed: bool,
}

impl Cell {
    fn dots_wide(&self) -> usize {
        self.columns * 12 * self.wide
    }
}

/// The edge all around a picture: 4 mm at 203 dots an inch, as on paper of 80 mm.
const EDGE_BYTES: usize = 4;

/// Longest strip without a cut, in rows: the printer's memory is not the bank's.
const ROWS_MAX: usize = 60_000;

/// Paper under a head.
#[derive(Debug)]
pub struct Paper {
    width: usize,
    line_dots: usize,
    letters: Letters,
    sheet: Sheet,
    line: Vec<Cell>,
    modes: Modes,
    sheets: Vec<Sheet>,
}

#[derive(Clone, Debug)]
struct Modes {
    kanji: KanjiSystem,
    page: u8,
    international: u8,
    align: u8,
    wide: u8,
    high: u8,
    bold: bool,
    reversed: bool,
    spacing: Option<u8>,
    module: u8,
    code: Vec<u8>,
}

impl Default for Modes {
    fn default() -> Self {
        Self {
            kanji: KanjiSystem::Jis { on: false },
            page: 0,
            international: 0,
            align: 0,
            wide: 1,
            high: 1,
            bold: false,
            reversed: false,
            spacing: None,
            module: 3,
            code: Vec::new(),
        }
    }
}

impl Paper {
    /// Paper of so many dots, at so many dots an inch.
    pub fn new(width: usize, dpi: usize) -> Self {
        Self {
            width,
            line_dots: dpi / 6,
            letters: Letters::new(),
            sheet: blank(width),
            line: Vec::new(),
            modes: Modes::default(),
            sheets: Vec::new(),
        }
    }

    /// What was cut off and not taken yet.
    pub fn take_sheets(&mut self) -> Vec<Sheet> {
        std::mem::take(&mut self.sheets)
    }

    /// Whether anything was printed since the last cut.
    pub fn hangs_out(&self) -> bool {
        !self.sheet.rows.is_empty() || !self.line.is_empty()
    }

    pub(super) fn kanji(&self) -> KanjiSystem {
        self.modes.kanji
    }

    /// As after switching on: the paper stays.
    pub(super) fn power_on(&mut self) {
        self.modes = Modes::default();
        self.line.clear();
    }

    /// Carries out what has to do with paper.
    pub(super) fn carry_out(&mut self, order: Order) {
        match order {
            Order::Single(byte) => {
                let character = self.single(byte);
                self.set(character, 1);
            }
            Order::Double(lead, trail) => {
                let character = self.double(lead, trail);
                self.set(character, 2);
            }
            Order::LineFeed => self.end_line(),
            Order::Initialise => {
                self.line.clear();
                self.modes = Modes::default();
            }
            Order::CodePage(n) => self.modes.page = n,
            Order::International(n) => self.modes.international = n,
            Order::Kanji(system) => self.modes.kanji = system,
            Order::Align(n) => self.modes.align = n,
            Order::Size { wide, high } => (self.modes.wide, self.modes.high) = (wide, high),
            Order::Bold(on) => self.modes.bold = on,
            Order::Reversed(on) => self.modes.reversed = on,
            Order::LineSpacing(n) => self.modes.spacing = n,
            Order::Feed(n) => {
                self.flush();
                self.feed(usize::from(n));
            }
            Order::FeedLines(n) => {
                self.flush();
                self.feed(usize::from(n) * self.spacing());
            }
            Order::Raster { bytes_per_row, data } => {
                self.flush();
                self.raster(bytes_per_row, &data);
            }
            Order::QrModule(n) => self.modes.module = n,
            Order::QrStore(data) => self.modes.code = data,
            Order::QrPrint => self.code(),
            Order::Cut(feed) => self.cut(usize::from(feed)),
            _ => {}
        }
    }

    fn single(&self, byte: u8) -> char {
        match byte {
            b'\\' if self.modes.international == 8 => '¥',
            b'~' if self.modes.international == 8 => '￣',
            0x20..0x7f => char::from(byte),
            0xa1..=0xdf if self.modes.page == 1 => {
                char::from_u32(0xff61 + u32::from(byte) - 0xa1).unwrap_or('?')
            }
            // Other pages have no letters here.
            _ => '?',
        }
    }

    fn double(&self, lead: u8, trail: u8) -> char {
        let bytes = match self.modes.kanji {
            KanjiSystem::ShiftJis => [lead, trail],
            KanjiSystem::Jis { .. } => shift(lead, trail),
        };
        let (text, _, wrong) = SHIFT_JIS.decode(&bytes);
        text.chars().next().filter(|_| !wrong).unwrap_or('?')
    }

    fn set(&mut self, character: char, columns: usize) {
        let Modes { wide, high, bold, reversed, .. } = self.modes;
        let cell = Cell { character, columns, wide: wide.into(), high: high.into(), bold, reversed };
        let used: usize = self.line.iter().map(Cell::dots_wide).sum();
        if used + cell.dots_wide() > self.width {
            self.end_line();
        }
        self.line.push(cell);
    }

    fn spacing(&self) -> usize {
        self.modes.spacing.map_or(self.line_dots, usize::from)
    }

    fn flush(&mut self) {
        if !self.line.is_empty() {
            self.end_line();
        }
    }

    fn offset(&self, used: usize) -> usize {
        let free = self.width.saturating_sub(used);
        match self.modes.align % 48 {
            1 => free / 2,
            2 => free,
            _ => 0,
        }
    }

    fn end_line(&mut self) {
        let cells = std::mem::take(&mut self.line);
        let high = cells.iter().map(|cell| cell.high * CELL_HIGH).max().unwrap_or(0);
        let top = self.sheet.rows.len();
        // Letters twice as high take so much more, and the space between lines stays.
        let line = self.spacing().max(CELL_HIGH) + high.saturating_sub(CELL_HIGH);
        self.feed(line);
        let used: usize = cells.iter().map(Cell::dots_wide).sum();
        let mut x = self.offset(used);
        let mut text = " ".repeat(x / 12);
        for cell in &cells {
            self.draw(cell, x, top + high - cell.high * CELL_HIGH);
            text.push(cell.character);
            x += cell.dots_wide();
        }
        self.sheet.text.push(text.trim_end().to_owned());
    }

    fn draw(&mut self, cell: &Cell, left: usize, top: usize) {
        let dots = self.letters.dots(cell.character, cell.columns * 12);
        if cell.reversed {
            for y in 0..cell.high * CELL_HIGH {
                (0..cell.dots_wide()).for_each(|x| self.dot(left + x, top + y, true));
            }
        }
        for (x, y) in dots {
            for (across, down) in (0..cell.wide).flat_map(|a| (0..cell.high).map(move |d| (a, d))) {
                let (x, y) = (left + x * cell.wide + across, top + y * cell.high + down);
                self.dot(x, y, !cell.reversed);
                if cell.bold {
                    self.dot(x + 1, y, !cell.reversed);
                }
            }
        }
    }

    fn dot(&mut self, x: usize, y: usize, black: bool) {
        if x >= self.width {
            return;
        }
        if let Some(byte) = self.sheet.rows.get_mut(y).and_then(|row| row.get_mut(x / 8)) {
            let bit = 0x80 >> (x % 8);
            *byte = if black { *byte | bit } else { *byte & !bit };
        }
    }

    fn feed(&mut self, rows: usize) {
        let there = self.sheet.rows.len();
        let rows = rows.min(ROWS_MAX.saturating_sub(there));
        self.sheet.rows.resize(there + rows, vec![0; self.width.div_ceil(8)]);
    }

    fn raster(&mut self, bytes_per_row: usize, data: &[u8]) {
        if bytes_per_row == 0 {
            return;
        }
        let left = self.offset(bytes_per_row * 8);
        for row in data.chunks_exact(bytes_per_row) {
            let y = self.sheet.rows.len();
            self.feed(1);
            self.sheet.picture_rows += 1;
            for (index, byte) in row.iter().enumerate().filter(|(_, byte)| **byte != 0) {
                for bit in (0..8).filter(|bit| byte & (0x80 >> bit) != 0) {
                    self.dot(left + index * 8 + bit, y, true);
                }
            }
        }
    }

    fn code(&mut self) {
        self.flush();
        let text = String::from_utf8_lossy(&self.modes.code).into_owned();
        let Ok(code) = QrCode::encode_text(&text, QrCodeEcc::Medium) else { return };
        let module = usize::from(self.modes.module.max(1));
        // A code has at most 177 modules.
        let side = usize::try_from(code.size()).unwrap_or(0);
        // One that is too wide is not printed.
        if side * module > self.width {
            return;
        }
        let (left, top) = (self.offset(side * module), self.sheet.rows.len());
        self.feed(side * module);
        for y in 0..side * module {
            for x in 0..side * module {
                let place = (i32::try_from(x / module), i32::try_from(y / module));
                if let (Ok(column), Ok(row)) = place
                    && code.get_module(column, row)
                {
                    self.dot(left + x, top + y, true);
                }
            }
        }
        self.sheet.codes.push(text);
    }

    fn cut(&mut self, feed: usize) {
        self.flush();
        if self.sheet.rows.is_empty() {
            return;
        }
        self.feed(feed);
        self.sheets.push(std::mem::replace(&mut self.sheet, blank(self.width)));
    }
}

fn blank(width: usize) -> Sheet {
    Sheet { width, rows: Vec::new(), text: Vec::new(), codes: Vec::new(), picture_rows: 0 }
}

/// The Shift_JIS bytes of a JIS pair: two rows share a lead byte.
fn shift(row: u8, cell: u8) -> [u8; 2] {
    let (row, cell) = (row.wrapping_sub(0x21), cell.wrapping_sub(0x21));
    let lead = 0x81_u8.wrapping_add(row / 2);
    let lead = if lead > 0x9f { lead.wrapping_add(0x40) } else { lead };
    let trail = if row % 2 == 1 {
        cell.wrapping_add(0x9f)
    } else {
        cell.wrapping_add(if cell >= 0x3f { 0x41 } else { 0x40 })
    };
    [lead, trail]
}

#[cfg(test)]
mod tests {
    use super::super::command::{Dialect, Parsed, parse};
    use super::*;

    fn printed(mut bytes: &[u8]) -> Vec<Sheet> {
        let mut paper = Paper::new(576, 203);
        while let Parsed::Command(order, length) = parse(bytes, paper.kanji(), Dialect::Epson) {
            paper.carry_out(order);
            bytes = &bytes[length..];
        }
        paper.take_sheets()
    }

    #[test]
    fn text_is_read_back() {
        let sheets = printed(b"\x1b@\x1bt\x01\x1cC\x01\x1bR\x08A\\\xb1\x88\x9f\n\x1ba\x01AB\n\x1dV\x42\x00");
        assert_eq!(sheets.len(), 1);
        assert_eq!(sheets[0].text, ["A¥ｱ亜".to_owned(), " ".repeat(23) + "AB"]);
        assert_eq!(sheets[0].rows.len(), 2 * 33);
    }

    #[test]
    fn after_initialising_the_kanji_system_is_jis() {
        let sheets = printed(b"\x1cC\x01\x1b@\x88\x9f\n\x1c&0!\x1c.\n\x1dV\x00");
        assert_eq!(sheets[0].text, ["??", "亜"]);
    }

    #[test]
    fn a_line_that_is_full_goes_on_below() {
        let long = [b"\x1b@".to_vec(), vec![b'x'; 50], b"\n\x1dV\x00".to_vec()].concat();
        assert_eq!(printed(&long)[0].text, ["x".repeat(48), "xx".to_owned()]);
    }

    #[test]
    fn a_picture_is_its_dots() {
        let sheets = printed(b"\x1dv0\x00\x02\x00\x01\x00\x80\x01\x1dV\x00");
        let row = &sheets[0].rows[0];
        assert_eq!((row[0], row[1], row[2..].iter().all(|byte| *byte == 0)), (0x80, 0x01, true));
        assert_eq!((sheets[0].rows.len(), sheets[0].picture_rows), (1, 1));
    }

    #[test]
    fn a_code_is_printed_and_remembered() {
        let sheets = printed(
            b"\x1d(k\x03\x00\x31\x43\x04\x1d(k\x05\x00\x31\x50\x30hi\x1d(k\x03\x00\x31\x51\x30\x1dV\x00",
        );
        assert_eq!(sheets[0].codes, ["hi"]);
        assert_eq!(sheets[0].rows.len(), 21 * 4);
    }

    #[test]
    fn nothing_is_cut_off_blank_paper() {
        assert!(printed(b"\x1b@\x1dV\x42\x00\x1dV\x42\x00").is_empty());
    }

    #[test]
    fn a_picture_shows_the_edges_of_the_paper() {
        let sheets = printed(
            b"\x1dv0\x00\x48\x00\x01\x00"
                .iter()
                .copied()
                .chain([0xff; 72])
                .chain(*b"\x1dV\x00")
                .collect::<Vec<u8>>()
                .as_slice(),
        );
        let mut png = Vec::new();
        sheets[0].write_png(&mut png).unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(png)).read_info().unwrap();
        let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut bytes).unwrap();
        assert_eq!((info.width, info.height), (576 + 64, 1 + 64));
        let rows: Vec<&[u8]> = bytes.chunks_exact(80).collect();
        assert!(rows[31].iter().chain(rows[33]).all(|byte| *byte == 0xff));
        assert_eq!((rows[32][3], rows[32][4], rows[32][75], rows[32][76]), (0xff, 0, 0, 0xff));
    }
}
