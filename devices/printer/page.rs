//! The blocks as dots: what stands where, then drawn.
//!
//! Invariant: everything is laid out before anything is drawn, so the page knows its height and nothing is cut off.

use super::bitmap::Bitmap;
use super::blocks::Block;
use super::glyphs::{Faces, Style};
use super::line_break::lines;
use super::receipt::{Paper, Value};

/// Something on the page. `y` grows downwards; `baseline` is where letters stand.
enum Item {
    Text { x: f32, baseline: i32, style: Style, text: String, white: bool },
    Black { x: i32, y: i32, width: i32, height: i32 },
    Frame { y: i32, height: i32, stroke: i32 },
    DottedLine { y: i32 },
}

/// A page, ready to be drawn.
pub(super) struct Page {
    width: i32,
    margin: i32,
    height: i32,
    items: Vec<Item>,
}

/// Sizes in dots. One step of the scale per purpose, the same on both papers but for what would not fit.
#[derive(Clone, Copy)]
struct Sizes {
    margin: i32,
    body: f32,
    small: f32,
    heading: f32,
    title_max: f32,
    result_max: f32,
    number: f32,
}

const fn sizes(paper: Paper) -> Sizes {
    match paper {
        Paper::Mm58 => Sizes {
            margin: 8,
            body: 23.0,
            small: 19.0,
            heading: 25.0,
            title_max: 26.0,
            result_max: 44.0,
            number: 38.0,
        },
        Paper::Mm80 => Sizes {
            margin: 14,
            body: 25.0,
            small: 20.0,
            heading: 28.0,
            title_max: 32.0,
            result_max: 52.0,
            number: 50.0,
        },
    }
}

/// Display text shrinks to fit on one line, but not below this; then it is broken.
const DISPLAY_SIZE_MIN: f32 = 22.0;
/// From the top of one line of text to the next, in sizes.
const LEADING: f32 = 1.42;
/// From the top of a character's box to its baseline, in sizes; that of the font.
const BASELINE: f32 = 0.88;

#[derive(Clone, Copy)]
enum Align {
    Left,
    Centre,
    Right,
}

pub(super) fn lay_out(blocks: &[Block<'_>], paper: Paper, faces: &Faces) -> Page {
    let sizes = sizes(paper);
    // A paper's width is far smaller than i32.
    let width = paper.dots() as i32;
    let mut setter = Setter { faces, sizes, width, y: 20, items: Vec::new() };
    for block in blocks {
        setter.block(block);
    }
    Page { width, margin: sizes.margin, height: setter.y + 24, items: setter.items }
}

struct Setter<'f> {
    faces: &'f Faces,
    sizes: Sizes,
    width: i32,
    y: i32,
    items: Vec<Item>,
}

impl Setter<'_> {
    fn block(&mut self, block: &Block<'_>) {
        let Sizes { body, small, heading, title_max, .. } = self.sizes;
        match block {
            Block::Banner(text) => self.banner(text),
            Block::Title(text) => {
                let style = self.display(text, title_max, self.inner());
                self.paragraph(text, style, Align::Centre, 0);
            }
            Block::Subtitle(text) => {
                self.y += 2;
                self.paragraph(text, regular(small), Align::Centre, 0);
            }
            Block::Result(text) => self.result(text),
            Block::Paragraph(text) => {
                self.paragraph(text, regular(body), Align::Left, 0);
                self.y += 8;
            }
            Block::Rows(rows) => self.rows(rows),
            Block::Heading(text) => {
                self.y += 14;
                self.paragraph(text, bold(heading), Align::Left, 0);
                self.y += 4;
            }
            Block::Bullet(text) => self.bullet(text),
            Block::Helpline { heading, number, lines } => self.helpline(heading, number, lines),
            Block::Footer(text) => self.paragraph(text, regular(small), Align::Left, 0),
        }
    }

    /// Width between the margins.
    fn inner(&self) -> f32 {
        (self.width - 2 * self.sizes.margin) as f32
    }

    fn measure(&self, text: &str, style: Style) -> f32 {
        text.chars().map(|character| self.faces.advance(character, style)).sum()
    }

    /// The largest bold style in which `text` fits on one line of `width`.
    fn display(&self, text: &str, size_max: f32, width: f32) -> Style {
        let full = self.measure(text, bold(size_max));
        let size = if full <= width { size_max } else { (size_max * width / full).floor() };
        if size >= DISPLAY_SIZE_MIN { bold(size) } else { bold(size_max.min(DISPLAY_SIZE_MIN + 4.0)) }
    }

    fn line(&mut self, text: String, style: Style, align: Align, indent: i32, white: bool) {
        let margin = (self.sizes.margin + indent) as f32;
        let x = match align {
            Align::Left => margin,
            Align::Centre => (self.width as f32 - self.measure(&text, style)) / 2.0,
            Align::Right => self.width as f32 - margin - self.measure(&text, style),
        };
        let height = (style.size * LEADING).round() as i32;
        let baseline = self.y + ((height as f32 - style.size) / 2.0 + style.size * BASELINE).round() as i32;
        self.items.push(Item::Text { x, baseline, style, text, white });
        self.y += height;
    }

    fn broken(&self, text: &str, style: Style, width: f32) -> Vec<String> {
        lines(text, width, |character| self.faces.advance(character, style))
    }

    fn paragraph(&mut self, text: &str, style: Style, align: Align, indent: i32) {
        let sides = if matches!(align, Align::Left) { indent } else { 2 * indent };
        for line in self.broken(text, style, self.inner() - sides as f32) {
            self.line(line, style, align, indent, false);
        }
    }

    fn banner(&mut self, text: &str) {
        let style = bold(self.sizes.heading);
        let top = self.y;
        let lines = self.broken(text, style, self.inner() - 24.0);
        // The black goes in first, the letters over it.
        let at = self.items.len();
        self.y += 10;
        for line in lines {
            self.line(line, style, Align::Centre, 0, true);
        }
        self.y += 10;
        let margin = self.sizes.margin;
        let black = Item::Black { x: margin, y: top, width: self.width - 2 * margin, height: self.y - top };
        self.items.insert(at, black);
        self.y += 18;
    }

    fn result(&mut self, text: &str) {
        self.y += 14;
        let top = self.y;
        let style = self.display(text, self.sizes.result_max, self.inner() - 40.0);
        self.y += 16;
        self.paragraph(text, style, Align::Centre, 16);
        self.y += 16;
        self.items.push(Item::Frame { y: top, height: self.y - top, stroke: 4 });
        self.y += 16;
    }

    fn rows(&mut self, rows: &[(&str, &Value)]) {
        self.y += 6;
        self.items.push(Item::DottedLine { y: self.y });
        for (label, value) in rows {
            self.y += 6;
            self.row(label, value);
            self.y += 6;
            self.items.push(Item::DottedLine { y: self.y });
        }
        self.y += 6;
    }

    /// On one line where both fit, else the value below its label.
    fn row(&mut self, label: &str, value: &Value) {
        let label_style = regular(self.sizes.small + 1.0);
        let style = if value.strong() { bold(self.sizes.heading) } else { regular(self.sizes.body) };
        let both = self.measure(label, label_style) + 20.0 + self.measure(value.text(), style);
        if both > self.inner() {
            self.paragraph(label, label_style, Align::Left, 0);
            self.paragraph(value.text(), style, Align::Right, 0);
            return;
        }
        // The label stands on the value's baseline.
        let x = self.sizes.margin as f32;
        self.line(value.text().to_owned(), style, Align::Right, 0, false);
        if let Some(Item::Text { baseline, .. }) = self.items.last() {
            let item = Item::Text {
                x,
                baseline: *baseline,
                style: label_style,
                text: label.to_owned(),
                white: false,
            };
            self.items.push(item);
        }
    }

    fn bullet(&mut self, text: &str) {
        let style = regular(self.sizes.body);
        let indent = style.size.round() as i32;
        let top = self.y;
        self.paragraph(text, style, Align::Left, indent);
        let side = (style.size * 0.36).round() as i32;
        let y = top + ((style.size * LEADING - side as f32) / 2.0).round() as i32;
        self.items.push(Item::Black { x: self.sizes.margin + 2, y, width: side, height: side });
        self.y += 8;
    }

    fn helpline(&mut self, heading: &str, number: &str, lines: &[&str]) {
        self.y += 14;
        let top = self.y;
        self.y += 14;
        let style = self.display(heading, self.sizes.heading, self.inner() - 32.0);
        self.paragraph(heading, style, Align::Centre, 16);
        let style = self.display(number, self.sizes.number, self.inner() - 40.0);
        self.paragraph(number, style, Align::Centre, 16);
        self.y += 2;
        for line in lines {
            self.paragraph(line, regular(self.sizes.small), Align::Centre, 16);
        }
        self.y += 14;
        self.items.push(Item::Frame { y: top, height: self.y - top, stroke: 2 });
        self.y += 14;
    }
}

const fn regular(size: f32) -> Style {
    Style { size, bold: false }
}

const fn bold(size: f32) -> Style {
    Style { size, bold: true }
}

impl Page {
    pub(super) fn draw(&self, faces: &mut Faces) -> Bitmap {
        // Both are positive and small: a page is some metres long at most.
        let mut paper = Bitmap::white(self.width.unsigned_abs(), self.height.unsigned_abs());
        for item in &self.items {
            self.draw_item(item, faces, &mut paper);
        }
        paper
    }

    fn draw_item(&self, item: &Item, faces: &mut Faces, paper: &mut Bitmap) {
        let (left, right) = (self.margin, self.width - self.margin);
        match item {
            Item::Text { x, baseline, style, text, white } => {
                let mut x = *x;
                for character in text.chars() {
                    faces.draw(character, *style, (x, *baseline), |x, y| paper.set(x, y, !white));
                    x += faces.advance(character, *style);
                }
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
