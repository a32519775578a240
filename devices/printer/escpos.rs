//! The receipt as ESC/POS for a printer with a certain profile.
//!
//! Implemented from Epson's public command reference and the documents that each profile names; tried against our own
//! simulator and an interpreter of somebody else's, never against a printer.
//!
//! Invariants:
//! - Nothing depends on the printer's state before: a job begins with `ESC @`, and `FS C` follows it, because `ESC @` puts
//!   the kanji system back to JIS.
//! - What the printer has no letters for is sent as a picture of the whole line, never as a wrong letter.
//! - A unit of a job is whole commands: between two units, and only there, real-time commands may be sent.
//! - No picture contains the bytes of a real-time command (see `Bitmap::break_commands`).

mod bands;
mod charset;

use super::bitmap::Bitmap;
use super::glyphs::{Faces, Style};
use super::layout::Align;
use super::page::draw_line;
use super::profile::{Profile, QrCommand, StatusFamily, TextMode};
use super::qr;
use super::receipt::{Receipt, Variant};
use super::sheet::{self, Line, Metrics, TextLine};
use charset::Charset;

/// A printer's own letters are so high, in dots, whatever its resolution.
const CELL_DOTS: f32 = 24.0;
/// A column is so wide.
const COLUMN_DOTS: f32 = 12.0;

/// From one drawn line to the next, in sizes, at least: Thai has marks above and below.
const DRAWN_LEADING: f32 = 1.55;

/// One receipt, ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    units: Vec<Vec<u8>>,
    length_mm: u32,
}

impl Job {
    /// Pieces of whole commands, in order.
    pub fn units(&self) -> &[Vec<u8>] {
        &self.units
    }

    /// All of it.
    pub fn bytes(&self) -> Vec<u8> {
        self.units.concat()
    }

    /// How many bytes it has.
    pub fn byte_count(&self) -> usize {
        self.units.iter().map(Vec::len).sum()
    }

    /// About how long the paper will be.
    pub fn length_mm(&self) -> u32 {
        self.length_mm
    }
}

/// Encodes a receipt: initialisation, contents, cut, handing out.
pub fn encode(receipt: &Receipt, profile: &Profile) -> Job {
    let mut faces = Faces::new();
    let mut encoder = Encoder::new(profile);
    encoder.initialise();
    if profile.text == TextMode::Raster {
        encoder.picture(&super::draw(receipt, profile.format(), &mut faces));
    } else {
        encoder.large = receipt.variant == Variant::Large;
        let metrics = PrinterMetrics { charset: encoder.charset, faces: &faces, large: encoder.large };
        let lines = sheet::set(receipt, profile.format(), &metrics);
        lines.iter().for_each(|line| encoder.line(line, &mut faces));
    }
    encoder.cut()
}

/// Lines that are set in letters keep to columns; those sent as pictures are as wide as their letters are drawn.
struct PrinterMetrics<'f> {
    charset: Charset,
    faces: &'f Faces,
    large: bool,
}

impl Metrics for PrinterMetrics<'_> {
    fn is_foreign(&self, text: &str) -> bool {
        !self.charset.has(text)
    }

    fn columns(&self, character: char, cells: [u8; 2], foreign: bool) -> f32 {
        // 0, 1 or 2.
        let set = super::line_break::columns(character) as f32;
        if !foreign {
            return set;
        }
        // A line of a foreign text may be set all the same, so both must fit.
        let drawn = self.faces.advance(character, drawn_style(cells, false, self.large));
        set.max(drawn / COLUMN_DOTS / f32::from(cells[0].max(1)))
    }
}

/// The letters of a drawn line: as high as the printer's own; where those are only higher, not wider, in between. Large print
/// is a whole multiple of the printer's own letters; what is drawn need not be, and takes its dots' time on the line.
fn drawn_style(cells: [u8; 2], bold: bool, large: bool) -> Style {
    const LARGE_SHARE: f32 = 0.78;
    let [wide, high] = cells.map(f32::from);
    let share = if large { LARGE_SHARE } else { 1.0 };
    Style { size: (CELL_DOTS * share * (wide + high) / 2.0).floor(), bold }
}

struct Encoder<'p> {
    profile: &'p Profile,
    charset: Charset,
    units: Vec<Vec<u8>>,
    dots: u32,
    state: Letters,
    large: bool,
}

/// The modes that the printer is in.
#[derive(Clone, Copy, PartialEq)]
struct Letters {
    cells: [u8; 2],
    bold: bool,
    reversed: bool,
    align: Align,
}

const PLAIN: Letters = Letters { cells: [1, 1], bold: false, reversed: false, align: Align::Left };

impl<'p> Encoder<'p> {
    fn new(profile: &'p Profile) -> Self {
        let charset = Charset::of(profile);
        Self { profile, charset, units: Vec::new(), dots: 0, state: PLAIN, large: false }
    }

    fn initialise(&mut self) {
        let mut bytes = vec![0x1b, 0x40];
        if let (TextMode::Ascii | TextMode::ShiftJis, Some(page)) =
            (self.profile.text, self.profile.code_page)
        {
            bytes.extend([0x1b, 0x74, page]);
        }
        if self.profile.text == TextMode::ShiftJis {
            bytes.extend([0x1c, 0x43, 0x01]);
        }
        if let (TextMode::Ascii | TextMode::ShiftJis, Some(set)) =
            (self.profile.text, self.profile.international)
        {
            bytes.extend([0x1b, 0x52, set]);
        }
        if self.profile.status != StatusFamily::CustomFull {
            // The printer is to report by itself what happens. Not every document says whether ESC @ ends that, so each
            // job begins it anew.
            bytes.extend([0x1d, 0x61, 0xff]);
        }
        bytes.extend(&self.profile.cut.setup.0);
        self.units.push(bytes);
    }

    fn line(&mut self, line: &Line, faces: &mut Faces) {
        match line {
            Line::Rule(sign) => self.rule(*sign),
            Line::Code { url, module } => self.code(url, *module),
            Line::Text(line) => self.text_line(line, faces),
        }
    }

    /// From edge to edge: a drawn line where the printer has the letters of JIS X 0208, row 8.
    fn rule(&mut self, sign: char) {
        if sign == '*' {
            // What stands between them is white on black, which says enough: white around it makes it stand out.
            if self.dots > 0 {
                self.text(PLAIN, "");
            }
            return;
        }
        let drawn = match sign {
            '=' => '━',
            '-' => '─',
            other => other,
        };
        let text = if drawn != sign && self.charset.has(&drawn.to_string()) {
            std::iter::repeat_n(drawn, self.profile.columns / 2).collect()
        } else {
            std::iter::repeat_n(sign, self.profile.columns).collect::<String>()
        };
        self.text(PLAIN, &text);
    }

    fn text_line(&mut self, line: &TextLine, faces: &mut Faces) {
        let text = line.indented();
        let all = line.right.iter().fold(text.clone(), |all, right| all + right);
        if !self.charset.has(&all) {
            return self.drawn(line, faces);
        }
        let letters =
            Letters { cells: line.cells, bold: line.bold, reversed: line.reversed, align: line.align };
        let free = (self.profile.columns).saturating_sub(line.width_of(&all));
        let spaces = |columns: usize| " ".repeat(columns / usize::from(line.cells[0].max(1)));
        match (&line.right, line.reversed) {
            (Some(right), _) => self.text(letters, &format!("{text}{}{right}", spaces(free))),
            // The black reaches from edge to edge.
            (None, true) => {
                let text = format!("{}{text}{}", spaces(free / 2), spaces(free - free / 2));
                self.text(Letters { align: Align::Left, ..letters }, &text);
            }
            (None, false) => self.text(letters, &text),
        }
    }

    /// A line in the printer's own letters.
    fn text(&mut self, letters: Letters, text: &str) {
        let mut bytes = Vec::new();
        let before = std::mem::replace(&mut self.state, letters);
        if before.align != letters.align {
            bytes.extend([0x1b, 0x61, align_number(letters.align)]);
        }
        if before.cells != letters.cells {
            let [wide, high] = letters.cells.map(|times| times.clamp(1, 8) - 1);
            bytes.extend([0x1d, 0x21, wide << 4 | high]);
        }
        if before.bold != letters.bold {
            bytes.extend([0x1b, 0x45, u8::from(letters.bold)]);
        }
        if before.reversed != letters.reversed {
            bytes.extend([0x1d, 0x42, u8::from(letters.reversed)]);
        }
        self.charset.encode(text, &mut bytes);
        bytes.push(b'\n');
        self.units.push(bytes);
        self.dots += self.line_dots(letters.cells);
    }

    /// The default line spacing is a sixth of an inch, and higher letters take more.
    fn line_dots(&self, cells: [u8; 2]) -> u32 {
        self.profile.dpi / 6 + (u32::from(cells[1].max(1)) - 1) * CELL_DOTS as u32
    }

    /// A line that the printer has no letters for.
    fn drawn(&mut self, line: &TextLine, faces: &mut Faces) {
        let mut style = drawn_style(line.cells, line.bold, self.large);
        let texts = [line.behind, &line.text].into_iter().chain(line.right.as_deref());
        let all: f32 = texts.map(|text| faces.measure(text, style)).sum();
        // Bold letters may be wider than those that were measured when the line was broken.
        let width = self.profile.dots as f32;
        if all > width {
            style.size = (style.size * width / all).floor();
        }
        let mut parts = vec![(line.align, line.text.as_str())];
        parts.extend(line.right.as_deref().map(|right| (Align::Right, right)));
        let least = if self.large { 0 } else { self.line_dots(line.cells) };
        let height = least.max((style.size * DRAWN_LEADING) as u32);
        let indent = faces.measure(line.behind, style);
        let mut dots = draw_line(&parts, indent, style, (self.profile.dots, height), faces);
        if line.reversed {
            dots.invert();
        }
        dots.break_commands();
        self.picture(&dots);
    }

    fn code(&mut self, url: &str, module: i32) {
        let Some(rows) = qr::modules(url) else { return };
        // A code has fewer than 200 modules.
        let side = rows.len() as i32 + 2 * qr::QUIET;
        let module = module.min(self.profile.dots as i32 / side).clamp(1, 16);
        if self.profile.qr == QrCommand::Raster {
            let mut dots = Bitmap::white(self.profile.dots, (side * module).unsigned_abs());
            let left = (self.profile.dots as i32 - side * module) / 2;
            dots.draw_modules(&rows, (left + qr::QUIET * module, qr::QUIET * module), module);
            dots.break_commands();
            return self.picture(&dots);
        }
        let medium = if self.profile.qr == QrCommand::GsK { 49 } else { 50 };
        // At most 80 characters: see StatusPage.
        let length = (url.len() as u16 + 3).to_le_bytes();
        // A printer leaves no white around the code: an empty line above and below is most of what the standard wants.
        self.text(PLAIN, "");
        let mut bytes = Vec::new();
        if self.state.align != Align::Centre {
            bytes.extend([0x1b, 0x61, align_number(Align::Centre)]);
            self.state.align = Align::Centre;
        }
        bytes.extend([0x1d, 0x28, 0x6b, 4, 0, 0x31, 0x41, 0x32, 0]);
        bytes.extend([0x1d, 0x28, 0x6b, 3, 0, 0x31, 0x43, module as u8]);
        bytes.extend([0x1d, 0x28, 0x6b, 3, 0, 0x31, 0x45, medium]);
        bytes.extend([0x1d, 0x28, 0x6b, length[0], length[1], 0x31, 0x50, 0x30]);
        bytes.extend(url.as_bytes());
        bytes.extend([0x1d, 0x28, 0x6b, 3, 0, 0x31, 0x51, 0x30]);
        self.units.push(bytes);
        self.dots += (side * module).unsigned_abs();
        self.text(Letters { align: Align::Centre, ..PLAIN }, "");
    }

    /// A picture in bands: a cover that is opened in the middle costs one of them.
    fn picture(&mut self, dots: &Bitmap) {
        if self.state.align != Align::Left {
            self.units.push(vec![0x1b, 0x61, 0]);
            self.state.align = Align::Left;
        }
        self.units.extend(bands::of(dots, self.profile.band_rows as usize));
        self.dots += dots.height();
    }

    fn cut(mut self) -> Job {
        /// From the head to the cutter, at most, as units of the kind are built.
        const CUTTER_MM: u32 = 20;
        let cut = &self.profile.cut;
        self.units.push([&cut.cut.0[..], &cut.present.0].concat());
        let length_mm = self.dots * 254 / (self.profile.dpi.max(1) * 10) + CUTTER_MM;
        Job { units: self.units, length_mm }
    }
}

const fn align_number(align: Align) -> u8 {
    match align {
        Align::Left => 0,
        Align::Centre => 1,
        Align::Right => 2,
    }
}
