//! What a printer reports, put together: what keeps it from printing, and its paper.

use super::super::profile::StatusFamily;
use crate::port::{Action, FaultKind, PaperState, ReceiptState};

/// The last that is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Condition {
    pub(super) off_line: bool,
    pub(super) cover_open: bool,
    pub(super) paper_out: bool,
    pub(super) paper_low: bool,
    pub(super) cutter: bool,
    /// Goes away by an order of ours after its cause is gone.
    pub(super) recoverable: bool,
    pub(super) unrecoverable: bool,
    /// Goes away by itself: the head is too hot.
    pub(super) heat: bool,
    pub(super) jam: bool,
    /// A receipt is in the mouth.
    pub(super) presented: bool,
    /// Something is printed, or waits to be.
    pub(super) busy: bool,
}

/// What keeps a printer from printing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Obstacle {
    pub(super) code: &'static str,
    pub(super) kind: FaultKind,
    pub(super) action: Action,
    pub(super) what: &'static str,
    /// The printer has stopped at a place of the receipt that is known: it is not out, or not cut off.
    pub(super) definite: bool,
}

const fn obstacle(
    code: &'static str,
    kind: FaultKind,
    action: Action,
    what: &'static str,
    definite: bool,
) -> Option<Obstacle> {
    Some(Obstacle { code, kind, action, what, definite })
}

impl Condition {
    /// Takes the answer to `DLE EOT n`.
    pub(super) fn real_time(&mut self, n: u8, family: StatusFamily, byte: u8) {
        let has = |bits: u8| byte & bits == bits;
        match n {
            1 => self.off_line = has(0x08),
            2 => {
                self.cover_open = has(0x04);
                self.paper_out = has(0x20);
            }
            3 => {
                // Where there is a presenter, the mechanical error is its own.
                (self.jam, self.recoverable) = mechanical(family, has(0x04));
                self.cutter = has(0x08);
                self.unrecoverable = has(0x20);
                self.heat = has(0x40);
            }
            4 => {
                self.paper_low = has(0x0c);
                self.paper_out |= has(0x60);
            }
            _ => {}
        }
    }

    /// Takes an automatic status.
    pub(super) fn automatic(&mut self, family: StatusFamily, [first, second, third, _]: [u8; 4]) {
        let presenter = family == StatusFamily::EpsonPresenter;
        self.off_line = first & 0x08 != 0;
        self.cover_open = first & 0x20 != 0;
        (self.jam, self.recoverable) = mechanical(family, second & 0x04 != 0);
        self.cutter = second & 0x08 != 0;
        self.unrecoverable = second & 0x20 != 0;
        self.heat = second & 0x40 != 0;
        self.paper_low = third & 0x03 == 0x03;
        // Units with a presenter use one of the two bits of the paper's end for paper at the presenter.
        self.paper_out = if presenter { third & 0x04 != 0 } else { third & 0x0c == 0x0c };
        self.presented = presenter && third & 0x08 != 0;
    }

    /// Takes a full status.
    pub(super) fn full(&mut self, [paper, user, recoverable, unrecoverable]: [u8; 4]) {
        *self = Self {
            off_line: false,
            cover_open: user & 0x03 != 0,
            paper_out: paper & 0x01 != 0,
            paper_low: paper & 0x44 != 0,
            cutter: unrecoverable & 0x01 != 0,
            recoverable: recoverable & 0xaa != 0,
            unrecoverable: unrecoverable & 0x8e != 0,
            heat: recoverable & 0x01 != 0,
            jam: recoverable & 0x40 != 0,
            presented: paper & 0x20 != 0,
            busy: user & 0x0c != 0,
        };
    }

    pub(super) fn paper(&self) -> PaperState {
        match self {
            Self { jam: true, .. } => PaperState::Jammed,
            Self { paper_out: true, .. } => PaperState::Out,
            Self { paper_low: true, .. } => PaperState::Low,
            _ => PaperState::Full,
        }
    }

    /// What lies in the mouth of a printer that has one.
    pub(super) fn media(&self) -> ReceiptState {
        match self {
            Self { jam: true, .. } => ReceiptState::Jammed,
            Self { presented: true, .. } => ReceiptState::Present,
            _ => ReceiptState::NotPresent,
        }
    }

    /// The gravest thing first.
    pub(super) fn obstacle(&self) -> Option<Obstacle> {
        use Action::{Clear, Maintenance, Reset, Suspend};
        use FaultKind::{Broken, NeedsOperator, Transient};
        if self.unrecoverable {
            obstacle("printer-error", Broken, Maintenance, "an error that does not go away is reported", true)
        } else if self.cutter {
            obstacle("cutter-failed", NeedsOperator, Clear, "the cutter is stuck", true)
        } else if self.jam {
            obstacle("paper-jammed", NeedsOperator, Clear, "paper is stuck", true)
        } else if self.cover_open {
            obstacle("cover-open", NeedsOperator, Clear, "the cover is open", false)
        } else if self.paper_out {
            obstacle("paper-out", NeedsOperator, Clear, "there is no paper", false)
        } else if self.recoverable {
            obstacle("printer-error", Transient, Reset, "an error is reported that can be taken back", true)
        } else if self.heat {
            obstacle("printer-error", Transient, Suspend, "it has to cool down", false)
        } else if self.off_line {
            obstacle("printer-error", Transient, Clear, "it is off-line, and does not say why", false)
        } else {
            None
        }
    }
}

/// The presenter's error, or the printer's own.
const fn mechanical(family: StatusFamily, reported: bool) -> (bool, bool) {
    match family {
        StatusFamily::EpsonPresenter => (reported, false),
        StatusFamily::Epson | StatusFamily::CustomFull => (false, reported),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(condition: Condition) -> Option<&'static str> {
        condition.obstacle().map(|obstacle| obstacle.code)
    }

    #[test]
    fn all_well_is_no_obstacle() {
        let mut condition = Condition::default();
        for n in 1..=4 {
            condition.real_time(n, StatusFamily::Epson, 0x12);
        }
        condition.automatic(StatusFamily::Epson, [0x14, 0x00, 0x00, 0x0f]);
        assert_eq!((code(condition), condition.paper()), (None, PaperState::Full));
    }

    #[test]
    fn each_bit_of_a_real_time_status_has_its_code() {
        for (n, byte, wanted) in [
            (1, 0x1a, Some("printer-error")),
            (2, 0x16, Some("cover-open")),
            (2, 0x32, Some("paper-out")),
            (3, 0x16, Some("printer-error")),
            (3, 0x1a, Some("cutter-failed")),
            (3, 0x32, Some("printer-error")),
            (3, 0x52, Some("printer-error")),
            (4, 0x72, Some("paper-out")),
            (4, 0x1e, None),
        ] {
            let mut condition = Condition::default();
            condition.real_time(n, StatusFamily::Epson, byte);
            assert_eq!(code(condition), wanted, "DLE EOT {n} answered {byte:02x}");
        }
        let mut condition = Condition::default();
        condition.real_time(4, StatusFamily::Epson, 0x1e);
        assert_eq!(condition.paper(), PaperState::Low);
    }

    #[test]
    fn each_bit_of_an_automatic_status_has_its_code() {
        for (bytes, wanted) in [
            ([0x18, 0, 0, 0], "printer-error"),
            ([0x38, 0, 0, 0], "cover-open"),
            ([0x18, 0x04, 0, 0], "printer-error"),
            ([0x18, 0x08, 0, 0], "cutter-failed"),
            ([0x18, 0x20, 0, 0], "printer-error"),
            ([0x18, 0, 0x0c, 0], "paper-out"),
        ] {
            let mut condition = Condition::default();
            condition.automatic(StatusFamily::Epson, bytes);
            assert_eq!(code(condition), Some(wanted), "{bytes:02x?}");
        }
    }

    #[test]
    fn a_presenter_uses_bits_of_its_own() {
        let mut condition = Condition::default();
        condition.automatic(StatusFamily::EpsonPresenter, [0x10, 0, 0x08, 0]);
        assert_eq!((code(condition), condition.media()), (None, ReceiptState::Present));
        condition.automatic(StatusFamily::EpsonPresenter, [0x18, 0x04, 0, 0]);
        assert_eq!((code(condition), condition.media()), (Some("paper-jammed"), ReceiptState::Jammed));
    }

    #[test]
    fn each_bit_of_a_full_status_has_its_code() {
        for (bytes, wanted) in [
            ([0x01, 0, 0, 0], Some("paper-out")),
            ([0, 0x02, 0, 0], Some("cover-open")),
            ([0, 0, 0x01, 0], Some("printer-error")),
            ([0, 0, 0x40, 0], Some("paper-jammed")),
            ([0, 0, 0, 0x01], Some("cutter-failed")),
            ([0, 0, 0, 0x80], Some("printer-error")),
            ([0x24, 0x0c, 0, 0], None),
        ] {
            let mut condition = Condition::default();
            condition.full(bytes);
            assert_eq!(code(condition), wanted, "{bytes:02x?}");
        }
        let mut condition = Condition::default();
        condition.full([0x24, 0x0c, 0, 0]);
        assert!(condition.presented && condition.busy && condition.paper_low);
    }
}
