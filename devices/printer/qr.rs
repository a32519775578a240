//! A QR code (ISO/IEC 18004) as modules: for pictures, and for printers without a command of their own for it.

use qrcodegen::{QrCode, QrCodeEcc};

/// White modules that the standard wants on each side.
pub(super) const QUIET: i32 = 4;

/// The rows of a code, a set module being black, without the quiet zone. `None` when the text is too long, which the
/// limits of [`super::StatusPage`] exclude.
pub(super) fn modules(text: &str) -> Option<Vec<Vec<bool>>> {
    let code = QrCode::encode_text(text, QrCodeEcc::Medium).ok()?;
    let side = code.size();
    Some((0..side).map(|y| (0..side).map(|x| code.get_module(x, y)).collect()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_its_three_corners() {
        let rows = modules("https://myna.go.jp/").unwrap();
        assert_eq!(rows.len(), 25, "version 2");
        let last = rows.len() - 1;
        for (x, y) in [(0, 0), (last, 0), (0, last)] {
            assert!(rows[y][x] && rows[y.min(last - 6) + 3][x.min(last - 6) + 3]);
        }
    }

    #[test]
    fn the_longest_page_fits_on_narrow_paper() {
        let url = format!("https://{}", "a".repeat(72));
        let side = modules(&url).unwrap().len() as i32 + 2 * QUIET;
        assert!(side * 6 <= 384 - 16, "{side} modules");
    }

    #[test]
    fn what_is_too_long_is_none() {
        assert!(modules(&"a".repeat(4_000)).is_none());
    }
}
