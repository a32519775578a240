//! The unit's end of the line: what the host sends, by the unit's half of the control matrix, and the frames that go back.
//!
//! Written from the specification, as the driver's own is, and shares nothing with it.

const STX: u8 = 0x02;
const ETX: u8 = 0x03;
const EOT: u8 = 0x04;
const ENQ: u8 = 0x05;
const DLE: u8 = 0x10;

/// Acknowledges a command.
pub(super) const ACK: [u8; 2] = [DLE, 0x06];
/// Refuses a damaged one.
pub(super) const NAK: [u8; 2] = [DLE, 0x15];

/// The longest command: `C`, two characters, 2,054 bytes of parameters.
const TEXT_BYTES_MAX: usize = 2_057;

/// What the host made the unit do.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Cue {
    /// A whole command.
    Command(Vec<u8>),
    /// A damaged one.
    Damaged,
    /// Execute, or say it again.
    Enquiry,
    /// Break off.
    Interrupt,
}

/// The unit's ear.
#[derive(Debug, Default)]
pub(super) struct Ear {
    /// The command so far, as it came, `10 02` left out; `None` between commands.
    frame: Option<Vec<u8>>,
    /// The last byte was a `10` that has not found its partner.
    open_dle: bool,
    /// `10 03` has come: the next byte is the check.
    check_due: bool,
}

impl Ear {
    /// A command has begun and not ended.
    pub(super) fn is_inside(&self) -> bool {
        self.frame.is_some()
    }

    /// Nothing came for too long inside a command.
    pub(super) fn give_up(&mut self) {
        *self = Self::default();
    }

    pub(super) fn hear(&mut self, byte: u8) -> Option<Cue> {
        if std::mem::take(&mut self.check_due) {
            let frame = self.frame.take().unwrap_or_default();
            let check = frame.iter().fold(ETX, |sum, byte| sum ^ byte);
            let good = check == byte && frame.len() <= TEXT_BYTES_MAX && frame.first() == Some(&b'C');
            return Some(if good { Cue::Command(frame) } else { Cue::Damaged });
        }
        if !std::mem::take(&mut self.open_dle) {
            if byte == DLE {
                self.open_dle = true;
            } else if let Some(frame) = &mut self.frame {
                frame.push(byte);
            }
            return None;
        }
        match (byte, &mut self.frame) {
            (STX, frame) => *frame = Some(Vec::new()),
            (EOT, _) => {
                self.give_up();
                return Some(Cue::Interrupt);
            }
            (ENQ, None) => return Some(Cue::Enquiry),
            (ETX, Some(_)) => self.check_due = true,
            (DLE, Some(frame)) => frame.push(DLE),
            _ => {}
        }
        None
    }
}

/// An answer as it goes over the line.
pub(super) fn frame(text: &[u8]) -> Vec<u8> {
    let doubled = text.iter().flat_map(|byte| std::iter::repeat_n(*byte, if *byte == DLE { 2 } else { 1 }));
    let check = text.iter().fold(ETX, |sum, byte| sum ^ byte);
    [DLE, STX].into_iter().chain(doubled).chain([DLE, ETX, check]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(bytes: &[u8]) -> Vec<Cue> {
        let mut ear = Ear::default();
        bytes.iter().filter_map(|byte| ear.hear(*byte)).collect()
    }

    #[test]
    fn commands_of_the_specification_are_heard() {
        for (text, bytes) in [
            (&b"C00"[..], "1002433030100340"),
            (b"C:1", "1002433a3110034b"),
            (b"CF1\x00\x20\x00\x80\x041234", "1002434631002000800431323334100397"),
        ] {
            let bytes = hex::decode(bytes).unwrap();
            assert_eq!(heard(&bytes), [Cue::Command(text.to_vec())]);
            assert_eq!(frame(text), bytes);
        }
    }

    #[test]
    fn a_doubled_dle_is_one_and_a_wrong_check_is_damage() {
        let mut bytes = frame(b"CF1\x10\x10\x02\x10\x03");
        assert_eq!(heard(&bytes), [Cue::Command(b"CF1\x10\x10\x02\x10\x03".to_vec())]);
        *bytes.last_mut().unwrap() ^= 1;
        assert_eq!(heard(&bytes), [Cue::Damaged]);
        assert_eq!(heard(b"\x10\x05\x41\x10\x04\x10\x06"), [Cue::Enquiry, Cue::Interrupt]);
        // Inside a command an enquiry is ignored and a new beginning begins anew.
        assert_eq!(heard(b"\x10\x02CX\x10\x05\x10\x02C00\x10\x03\x40"), [Cue::Command(b"C00".to_vec())]);
    }
}
