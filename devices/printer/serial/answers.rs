//! What a printer sends, byte by byte.
//!
//! Implemented from the appendix on kinds of replies in Epson's TM-T88III specification and from Custom's KPM210 manual.
//!
//! Invariant: any bytes at all give answers or garbage, in constant memory; nothing here waits or fails.

use super::super::profile::StatusFamily;

/// Longest block that a printer sends: an identity string of `GS I`.
const BLOCK_BYTES_MAX: usize = 96;

/// One answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// To `DLE EOT n`.
    RealTime(u8),
    /// Sent by itself, after `GS a`.
    Automatic([u8; 4]),
    /// To `GS r` or `GS I`, in the order of the data.
    Ordered(u8),
    /// Header and identifier, then the data, without the NUL at the end.
    Block([u8; 2], Vec<u8>),
    /// To `DLE EOT 20`: paper, user, recoverable, unrecoverable.
    Full([u8; 4]),
    /// XON or XOFF: the system heeds them where they are switched on; here they are only no garbage.
    Flow,
    /// Belongs to nothing.
    Garbage,
}

/// Where in an answer the stream is.
#[derive(Debug)]
enum State {
    Between,
    Automatic { bytes: [u8; 4], have: usize },
    Block { header: u8, bytes: Vec<u8> },
    Full { bytes: [u8; 4], have: usize },
    FullBegun,
}

/// Puts bytes together to answers.
#[derive(Debug)]
pub(super) struct Parser {
    family: StatusFamily,
    state: State,
}

impl Parser {
    pub(super) fn new(family: StatusFamily) -> Self {
        Self { family, state: State::Between }
    }

    /// Forgets a half answer.
    pub(super) fn reset(&mut self) {
        self.state = State::Between;
    }

    /// Takes one byte; an answer is complete, or is not yet.
    pub(super) fn take(&mut self, byte: u8) -> Option<Answer> {
        match std::mem::replace(&mut self.state, State::Between) {
            State::Between if self.family == StatusFamily::CustomFull => self.between_full(byte),
            State::Between => self.between(byte),
            State::Automatic { bytes, have } => self.automatic(bytes, have, byte),
            State::Block { header, bytes } => self.block(header, bytes, byte),
            State::FullBegun if byte == 0x0f => {
                self.state = State::Full { bytes: [0; 4], have: 0 };
                None
            }
            State::FullBegun => Some(Answer::Garbage),
            State::Full { bytes, have } => self.full(bytes, have, byte),
        }
    }

    fn between(&mut self, byte: u8) -> Option<Answer> {
        match byte {
            0x11 | 0x13 => Some(Answer::Flow),
            0x35 | 0x37 | 0x3b | 0x3d | 0x53 | 0x5f => {
                self.state = State::Block { header: byte, bytes: Vec::new() };
                None
            }
            _ if byte & 0x93 == 0x12 => Some(Answer::RealTime(byte)),
            _ if byte & 0x93 == 0x10 => {
                self.state = State::Automatic { bytes: [byte, 0, 0, 0], have: 1 };
                None
            }
            _ if byte & 0x90 == 0x00 => Some(Answer::Ordered(byte)),
            _ => Some(Answer::Garbage),
        }
    }

    fn between_full(&mut self, byte: u8) -> Option<Answer> {
        match byte {
            0x10 => {
                self.state = State::FullBegun;
                None
            }
            0x11 | 0x13 => Some(Answer::Flow),
            _ => Some(Answer::Garbage),
        }
    }

    /// The bytes after the first are of the form 0xx0xxxx; only flow control may come between.
    fn automatic(&mut self, mut bytes: [u8; 4], have: usize, byte: u8) -> Option<Answer> {
        if matches!(byte, 0x11 | 0x13) {
            self.state = State::Automatic { bytes, have };
            return Some(Answer::Flow);
        }
        if byte & 0x90 != 0 {
            // The beginning was none, or the rest is lost: this byte may begin something.
            return self.between(byte).or(Some(Answer::Garbage));
        }
        if let Some(place) = bytes.get_mut(have) {
            *place = byte;
        }
        if have >= 3 {
            return Some(Answer::Automatic(bytes));
        }
        self.state = State::Automatic { bytes, have: have + 1 };
        None
    }

    fn block(&mut self, header: u8, mut bytes: Vec<u8>, byte: u8) -> Option<Answer> {
        if byte == 0 {
            return Some(match bytes.split_first() {
                Some((identifier, data)) => Answer::Block([header, *identifier], data.to_vec()),
                None => Answer::Garbage,
            });
        }
        if bytes.len() >= BLOCK_BYTES_MAX {
            return Some(Answer::Garbage);
        }
        bytes.push(byte);
        self.state = State::Block { header, bytes };
        None
    }

    fn full(&mut self, mut bytes: [u8; 4], have: usize, byte: u8) -> Option<Answer> {
        if let Some(place) = bytes.get_mut(have) {
            *place = byte;
        }
        if have >= 3 {
            return Some(Answer::Full(bytes));
        }
        self.state = State::Full { bytes, have: have + 1 };
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn answers(family: StatusFamily, bytes: &[u8]) -> Vec<Answer> {
        let mut parser = Parser::new(family);
        bytes.iter().filter_map(|byte| parser.take(*byte)).collect()
    }

    #[test]
    fn each_kind_is_told_by_its_bits() {
        let found = answers(StatusFamily::Epson, &[0x12, 0x16, 0x72, 0x03, 0x11, 0x13, 0x80]);
        let kinds = [
            Answer::RealTime(0x12),
            Answer::RealTime(0x16),
            Answer::RealTime(0x72),
            Answer::Ordered(0x03),
            Answer::Flow,
            Answer::Flow,
            Answer::Garbage,
        ];
        assert_eq!(found, kinds);
    }

    #[test]
    fn an_automatic_status_is_four_bytes_and_an_xoff_may_slip_in() {
        let found = answers(StatusFamily::Epson, &[0x14, 0x00, 0x13, 0x03, 0x0f, 0x12]);
        assert_eq!(
            found,
            [Answer::Flow, Answer::Automatic([0x14, 0x00, 0x03, 0x0f]), Answer::RealTime(0x12)]
        );
    }

    #[test]
    fn an_automatic_status_that_is_cut_short_loses_no_next_answer() {
        assert_eq!(answers(StatusFamily::Epson, &[0x10, 0x00, 0x12]), [Answer::RealTime(0x12)]);
        let whole = [Answer::Garbage, Answer::Automatic([0x18, 0, 0, 0])];
        assert_eq!(answers(StatusFamily::Epson, &[0x10, 0x18, 0, 0, 0]), whole);
    }

    #[test]
    fn an_id_comes_back_in_a_block() {
        let found = answers(StatusFamily::Epson, b"\x37\x22AB01\x00\x12");
        assert_eq!(found, [Answer::Block([0x37, 0x22], b"AB01".to_vec()), Answer::RealTime(0x12)]);
        assert_eq!(answers(StatusFamily::Epson, b"\x37\x00"), [Answer::Garbage]);
    }

    #[test]
    fn a_full_status_is_six_bytes() {
        let bytes = [0x10, 0x0f, 0x20, 0x00, 0x40, 0x00, 0x10, 0x44];
        assert_eq!(
            answers(StatusFamily::CustomFull, &bytes),
            [Answer::Full([0x20, 0, 0x40, 0]), Answer::Garbage]
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_taken(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            for family in [StatusFamily::Epson, StatusFamily::EpsonPresenter, StatusFamily::CustomFull] {
                prop_assert!(answers(family, &bytes).len() <= bytes.len());
            }
        }

        #[test]
        fn after_any_bytes_and_a_reset_answers_are_understood(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let mut parser = Parser::new(StatusFamily::Epson);
            bytes.iter().for_each(|byte| drop(parser.take(*byte)));
            parser.reset();
            prop_assert_eq!(parser.take(0x12), Some(Answer::RealTime(0x12)));
        }
    }
}
