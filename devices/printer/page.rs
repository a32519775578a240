//! The blocks as dots: what stands where, then drawn.
//!
//! Invariant: everything is laid out before anything is drawn, so the page knows its height and nothing is cut off.

use super::bitmap::Bitmap;
use super::format::Format;
use super::glyphs::{Faces, Style};
use super::layout::{Align, Block, Content, Fit, Layout, Letters, Part};
use super::line_break::{balanced, keeps_words, lines, unmarked};
use super::qr;
use super::receipt::{Receipt, Row};

/// Something on the page. `y` grows downwards; `baseline` is where letters stand.
enum Item {
    Text { x: f32, baseline: i32, style: Style, text: String, white: bool },
    Black { x: i32, y: i32, width: i32, height: i32 },
    Frame { y: i32, height: i32, stroke: i32 },
    DottedLine { y: i32 },
    Code { x: i32, y: i32, module: i32, rows: Vec<Vec<bool>> },
}

/// A page, ready to be drawn.
pub(super) struct Page {
    format: Format,
    margin: i32,
    height: i32,
    items: Vec<Item>,
}

/// Display text shrinks to fit on one line, but not below this; then it is broken. Dots at 203 an inch.
const DISPLAY_SIZE_MIN: f32 = 22.0;
/// From the top of one line of text to the next, in sizes.
const LEADING: f32 = 1.42;
/// From the top of a character's box to its baseline, in sizes; that of the font.
const BASELINE: f32 = 0.88;

pub(super) fn lay_out(receipt: &Receipt, format: Format, faces: &Faces) -> Page {
    let layout = Layout::built_in();
    let margin = layout.page.margin(format);
    let y = format.scaled(layout.page.top);
    // A paper's width is far smaller than i32.
    let width = format.dots as i32;
    let mut setter = Setter { faces, format, margin, width, y, indent: 0, white: false, items: Vec::new() };
    for block in layout.blocks(receipt, format) {
        setter.block(&block);
    }
    Page { format, margin, height: setter.y + format.scaled(layout.page.bottom), items: setter.items }
}

/// One line of text, as wide as the paper and `height` high: what a printer's own letters cannot say. What stands at the left
/// begins behind `indent` dots.
pub(super) fn draw_line(
    parts: &[(Align, &str)],
    indent: f32,
    style: Style,
    (width, height): (u32, u32),
    faces: &mut Faces,
) -> Bitmap {
    let mut paper = Bitmap::white(width, height);
    let baseline = ((height as f32 - style.size) / 2.0 + style.size * BASELINE).round() as i32;
    for (align, text) in parts {
        let free = width as f32 - faces.measure(text, style);
        let x = match align {
            Align::Left => indent,
            Align::Centre => free / 2.0,
            Align::Right => free,
        };
        faces.draw(text, style, (x.max(0.0).floor(), baseline), |x, y| paper.set(x, y, true));
    }
    paper
}

struct Setter<'f> {
    faces: &'f Faces,
    format: Format,
    margin: i32,
    width: i32,
    y: i32,
    /// Additional margin inside a frame.
    indent: i32,
    white: bool,
    items: Vec<Item>,
}

impl Setter<'_> {
    fn block(&mut self, block: &Block<'_>) {
        self.y += block.before;
        let top = self.y;
        let at = self.items.len();
        self.y += block.padding;
        self.indent = if block.frame > 0 || block.reversed { self.format.scaled(16) } else { 0 };
        self.white = block.reversed;
        block.parts.iter().for_each(|part| self.part(part));
        (self.indent, self.white) = (0, false);
        self.y += block.padding;
        let height = self.y - top;
        if block.reversed {
            // The black goes in first, the letters over it.
            let (x, width) = (self.margin, self.width - 2 * self.margin);
            self.items.insert(at, Item::Black { x, y: top, width, height });
        } else if block.frame > 0 {
            self.items.push(Item::Frame { y: top, height, stroke: block.frame });
        }
        self.y += block.after;
    }

    fn part(&mut self, part: &Part<'_>) {
        self.y += part.before;
        match &part.content {
            Content::Texts(texts) => {
                for text in texts {
                    let style = match part.fit {
                        Fit::Break => style(part.letters),
                        Fit::Shrink { rows_max } => self.display(text, part.letters, rows_max.is_some()),
                    };
                    self.paragraph(text, style, part.align, 0);
                    self.y += part.between;
                }
            }
            Content::Bullets(texts) => {
                for text in texts {
                    self.bullet(text, style(part.letters));
                    self.y += part.between;
                }
            }
            Content::Rows { rows, label, strong } => {
                self.rows(rows, (part.letters, *label, *strong), part.between);
            }
            Content::Code { url, module } => self.code(url, *module),
        }
    }

    /// Width between the margins.
    fn inner(&self) -> f32 {
        (self.width - 2 * (self.margin + self.indent)) as f32
    }

    /// The largest style up to `letters` in which `text` fits on one line. In large print it does not become much smaller for
    /// that, but is broken.
    fn display(&self, text: &str, letters: Letters, large: bool) -> Style {
        /// What large print may lose.
        const LARGE_SHARE_MIN: f32 = 0.8;
        let full = style(letters);
        let (wanted, there) = (self.faces.measure(text, full), self.inner());
        let least = self.format.scaled_size(DISPLAY_SIZE_MIN);
        let size = if wanted <= there { full.size } else { (full.size * there / wanted).floor() };
        let words = || keeps_words(text, there, |character| self.faces.advance(character, full));
        if large && size < full.size * LARGE_SHARE_MIN && words() {
            return full;
        }
        // What has to be broken all the same need not be that small.
        let broken = full.size.min(least * 1.2).floor();
        Style { size: if size >= least { size } else { broken }, ..full }
    }

    fn line(&mut self, text: String, style: Style, align: Align, indent: i32) {
        let margin = (self.margin + self.indent + indent) as f32;
        let free = self.width as f32 - self.faces.measure(&text, style);
        let x = match align {
            Align::Left => margin,
            Align::Centre => free / 2.0,
            Align::Right => free - margin,
        };
        let height = (style.size * LEADING).round() as i32;
        let baseline = self.y + ((height as f32 - style.size) / 2.0 + style.size * BASELINE).round() as i32;
        self.items.push(Item::Text { x, baseline, style, text, white: self.white });
        self.y += height;
    }

    fn paragraph(&mut self, text: &str, style: Style, align: Align, indent: i32) {
        let width = self.inner() - indent as f32;
        let measure = |character| self.faces.advance(character, style);
        let broken = match align {
            Align::Left | Align::Right => lines(text, width, measure),
            Align::Centre => balanced(text, width, measure),
        };
        for line in broken {
            self.line(line, style, align, indent);
        }
    }

    fn rows(&mut self, rows: &[Row], letters: (Letters, Letters, Letters), between: i32) {
        self.items.push(Item::DottedLine { y: self.y });
        for row in rows {
            self.y += between;
            self.row(row, letters);
            self.y += between;
            self.items.push(Item::DottedLine { y: self.y });
        }
    }

    /// On one line where both fit, else the value below its label.
    fn row(&mut self, row: &Row, (plain, label, strong): (Letters, Letters, Letters)) {
        let label_style = style(label);
        let value_style = if row.value.strong() { style(strong) } else { style(plain) };
        let value = row.value.text();
        let gap = self.format.scaled(20) as f32;
        let both = self.faces.measure(&row.label, label_style) + gap + self.faces.measure(value, value_style);
        if both > self.inner() {
            self.paragraph(&row.label, label_style, Align::Left, 0);
            self.paragraph(value, value_style, Align::Right, 0);
            return;
        }
        // The label stands on the value's baseline.
        let x = self.margin as f32;
        self.line(unmarked(value), value_style, Align::Right, 0);
        if let Some(Item::Text { baseline, .. }) = self.items.last() {
            let (baseline, text) = (*baseline, unmarked(&row.label));
            self.items.push(Item::Text { x, baseline, style: label_style, text, white: false });
        }
    }

    fn bullet(&mut self, text: &str, style: Style) {
        let indent = style.size.round() as i32;
        let top = self.y;
        self.paragraph(text, style, Align::Left, indent);
        let side = (style.size * 0.36).round() as i32;
        let y = top + ((style.size * LEADING - side as f32) / 2.0).round() as i32;
        self.items.push(Item::Black { x: self.margin + 2, y, width: side, height: side });
    }

    /// Centred, in modules of `module` dots, or smaller ones where the paper is too narrow.
    fn code(&mut self, url: &str, module: i32) {
        let Some(rows) = qr::modules(url) else { return };
        // A code has fewer than 200 modules.
        let side = rows.len() as i32;
        let module = module.min((self.width - 2 * self.margin) / (side + 2 * qr::QUIET)).max(1);
        let x = (self.width - side * module) / 2;
        self.items.push(Item::Code { x, y: self.y + module, module, rows });
        // The white lines above and below are most of the quiet zone.
        self.y += (side + 2) * module;
    }
}

const fn style(letters: Letters) -> Style {
    Style { size: letters.size, bold: letters.bold }
}

impl Page {
    pub(super) fn draw(&self, faces: &mut Faces) -> Bitmap {
        // Both are positive and small: a page is some metres long at most.
        let mut paper = Bitmap::white(self.format.dots, self.height.unsigned_abs());
        for item in &self.items {
            self.draw_item(item, faces, &mut paper);
        }
        paper
    }

    fn draw_item(&self, item: &Item, faces: &mut Faces, paper: &mut Bitmap) {
        let (left, right) = (self.margin, self.format.dots as i32 - self.margin);
        match item {
            Item::Text { x, baseline, style, text, white } => {
                faces.draw(text, *style, (*x, *baseline), |x, y| paper.set(x, y, !white));
            }
            Item::Black { x, y, width, height } => fill(paper, (*x, x + width), (*y, y + height)),
            Item::Frame { y, height, stroke } => {
                fill(paper, (left, right), (*y, y + stroke));
                fill(paper, (left, right), (y + height - stroke, y + height));
                fill(paper, (left, left + stroke), (*y, y + height));
                fill(paper, (right - stroke, right), (*y, y + height));
            }
            Item::DottedLine { y } => {
                for x in (left..right).filter(|x| (x - left) % 6 < 2) {
                    fill(paper, (x, x + 1), (*y, y + 2));
                }
            }
            Item::Code { x, y, module, rows } => paper.draw_modules(rows, (*x, *y), *module),
        }
    }
}

fn fill(paper: &mut Bitmap, (left, right): (i32, i32), (top, bottom): (i32, i32)) {
    for y in top..bottom {
        for x in left..right {
            paper.set(x, y, true);
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
