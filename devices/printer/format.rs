//! Paper: how wide it is, in dots, columns and millimetres.

/// The dots of an inch at which sizes of the layout are given: 8 dots a mm.
pub(super) const BASE_DPI: u32 = 203;

/// What a receipt is set for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Format {
    /// The printed width in dots.
    pub dots: u32,
    /// Dots of an inch.
    pub dpi: u32,
    /// The printed width in columns; a Japanese character takes two.
    pub columns: usize,
}

impl Format {
    /// A length of the layout in dots of this paper; nothing that is something becomes nothing.
    pub(super) fn scaled(self, length: i32) -> i32 {
        let exact = f64::from(length) * f64::from(self.dpi) / f64::from(BASE_DPI);
        let rounded = exact.round() as i32;
        if rounded == 0 { length.signum() } else { rounded }
    }

    /// The same for a size of letters.
    pub(super) fn scaled_size(self, size: f32) -> f32 {
        (size * self.dpi as f32 / BASE_DPI as f32).round()
    }

    /// Paper of 58 mm: less than 60 mm are printed.
    pub(super) fn is_narrow(self) -> bool {
        self.dots * 254 < self.dpi * 600
    }
}

/// Receipt paper by its width, printed at 203 dots per inch (8 dots a mm).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paper {
    /// 58 mm paper, 48 mm printed.
    Mm58,
    /// 80 mm paper, 72 mm printed.
    Mm80,
}

impl Paper {
    /// The paper of that width in mm, if there is one.
    pub const fn from_mm(mm: u32) -> Option<Self> {
        match mm {
            58 => Some(Self::Mm58),
            80 => Some(Self::Mm80),
            _ => None,
        }
    }

    /// The printed width in dots.
    pub const fn dots(self) -> u32 {
        match self {
            Self::Mm58 => 384,
            Self::Mm80 => 576,
        }
    }

    /// The printed width in columns of 12 dots; a Japanese character takes two.
    pub const fn columns(self) -> usize {
        match self {
            Self::Mm58 => 32,
            Self::Mm80 => 48,
        }
    }
}

impl From<Paper> for Format {
    fn from(paper: Paper) -> Self {
        Self { dots: paper.dots(), dpi: BASE_DPI, columns: paper.columns() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_keep_their_millimetres() {
        let coarse = Format { dots: 512, dpi: 180, columns: 42 };
        assert_eq!(coarse.scaled(100), 89);
        assert_eq!(coarse.scaled_size(25.0), 22.0);
        assert_eq!((Format { dpi: 90, ..coarse }.scaled(1), coarse.scaled(0)), (1, 0));
        assert_eq!(Format::from(Paper::Mm80).scaled(14), 14);
        assert!(!coarse.is_narrow() && !Format::from(Paper::Mm80).is_narrow());
        assert!(Format::from(Paper::Mm58).is_narrow());
        assert!(Format { dots: 360, ..coarse }.is_narrow());
    }
}
