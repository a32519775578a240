//! How long a card takes to answer. EVERY FIGURE HERE IS AN ASSUMPTION: no measurement of this card's signature or
//! certificate read is public. One published client log shows 12 ms for a refused four-byte READ BINARY on contacts.
//!
//! | | contact | contactless | where from |
//! |---|---|---|---|
//! | any command | 10 ms | 5 ms | assumed, from the one published 12 ms |
//! | a byte, either way | 256 µs | 94 µs | arithmetic: TA1 = 13 at 4 MHz, 11 etu a byte; 106 kbit/s, 10 bits a byte |
//! | VERIFY, CHANGE, in addition | 30 ms | 30 ms | assumed: two writes to non-volatile memory |
//! | a signature, in addition | 500 ms | 500 ms | assumed: RSA-2048 in a smart card |

use std::time::Duration;

/// A row of figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timing {
    /// As fast as this machine is.
    None,
    /// As assumed for a contact reader.
    Contact,
    /// As assumed for a contactless reader.
    Contactless,
}

/// Microseconds.
struct Figures {
    command: u64,
    byte: u64,
    pin: u64,
    signature: u64,
}

const NONE: Figures = Figures { command: 0, byte: 0, pin: 0, signature: 0 };
const CONTACT: Figures = Figures { command: 10_000, byte: 256, pin: 30_000, signature: 500_000 };
const CONTACTLESS: Figures = Figures { command: 5_000, byte: 94, pin: 30_000, signature: 500_000 };

impl Timing {
    /// By the name that levers use.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        [Self::None, Self::Contact, Self::Contactless].into_iter().find(|timing| timing.name() == name)
    }

    /// The name that levers use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Contact => "contact",
            Self::Contactless => "contactless",
        }
    }

    /// How much later than at once `answer` to `command` comes.
    #[must_use]
    pub fn delay(self, command: &[u8], answer: &[u8]) -> Duration {
        let figures = match self {
            Self::None => NONE,
            Self::Contact => CONTACT,
            Self::Contactless => CONTACTLESS,
        };
        let bytes = u64::try_from(command.len() + answer.len()).unwrap_or(u64::MAX);
        let extra = match command {
            [_, 0x20, _, _, _, ..] | [_, 0x24 | 0x32, ..] => figures.pin,
            [_, 0x2A | 0x88, ..] if answer.ends_with(&[0x90, 0x00]) => figures.signature,
            _ => 0,
        };
        Duration::from_micros((figures.byte.saturating_mul(bytes)).saturating_add(figures.command + extra))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_takes_longest_and_a_query_costs_no_write() {
        let sign = [0x80, 0x2A, 0, 0x80, 1, 0, 0];
        assert_eq!(Timing::None.delay(&sign, &[0x90, 0]), Duration::ZERO);
        assert_eq!(Timing::Contact.delay(&sign, &[0x90, 0]), Duration::from_micros(510_000 + 9 * 256));
        assert_eq!(Timing::Contact.delay(&sign, &[0x69, 0x82]), Duration::from_micros(10_000 + 9 * 256));
        let query = [0, 0x20, 0, 0x80];
        assert_eq!(Timing::Contactless.delay(&query, &[0x63, 0xC3]), Duration::from_micros(5_000 + 6 * 94));
    }
}
