//! The commands of contacts and chip.

use std::time::Duration;

use super::machine::{Executed, Machine, Place};
use crate::slot::Outcome;

/// Result codes of an exchange.
const COMPLETE: [u8; 2] = *b"20";
const MORE: [u8; 2] = *b"21";

impl Machine {
    pub(super) fn obey_chip(&mut self, code: &[u8; 2], parameters: &[u8], late: &mut Duration) -> Executed {
        match code {
            b"C0" => self.press(),
            b"C1" => self.release(),
            b"C2" | b"C5" if matches!(parameters.len(), 0 | 2) => {
                if code == b"C5" {
                    self.press()?;
                }
                let (_, atr) = self.activate()?;
                Ok((self.here().0, atr))
            }
            b"C3" => {
                self.deactivate();
                Ok(self.here())
            }
            b"C6" => {
                self.deactivate();
                self.release()
            }
            b"E0" | b"E1" | b"G1" => {
                let [b'0'] = parameters else { return Err(*b"02") };
                match code {
                    b"G1" => drop(self.press()?),
                    b"E1" if self.active.is_none() => return Err(*b"01"),
                    b"E1" => self.slot.reset(),
                    _ => {}
                }
                let (protocol, atr) = self.activate()?;
                Ok((self.here().0, [&[protocol], &atr[..]].concat()))
            }
            b"F0" | b"F1" | b"F6" => {
                let least = if code == b"F6" { 5 } else { 4 };
                let most = if code == b"F0" { 261 } else { 360 };
                let wanted = if code == b"F0" { b'0' } else { b'1' };
                if self.active != Some(wanted) {
                    return Err(*b"01");
                }
                if !(least..=most).contains(&parameters.len()) {
                    return Err(*b"02");
                }
                self.exchange(parameters, late)
            }
            b"F3" if !self.rest.is_empty() => Ok(self.next_part()),
            b"F3" => Err(*b"01"),
            b"C2" | b"C5" => Err(*b"02"),
            _ => Err(*b"00"),
        }
    }

    fn press(&mut self) -> Executed {
        if self.place != Place::Inside {
            return Err(*b"01");
        }
        if self.levers.contacts_stuck {
            return self.broken(*b"81");
        }
        if !self.pressed {
            self.pressed = true;
            self.slot.insert();
        }
        Ok(self.here())
    }

    fn release(&mut self) -> Executed {
        if !self.pressed {
            return Err(*b"01");
        }
        if self.levers.contacts_stuck {
            return self.broken(*b"81");
        }
        self.without_power();
        Ok(self.here())
    }

    /// Power, and the answer to reset with the protocol that both sides can.
    fn activate(&mut self) -> Result<(u8, Vec<u8>), [u8; 2]> {
        if !self.pressed {
            return Err(*b"01");
        }
        self.slot.power_off();
        self.slot.power_on();
        let atr = self.slot.atr().filter(|_| !self.levers.no_atr).map(<[u8]>::to_vec);
        let Some(atr) = atr else {
            self.deactivate();
            return Err(*b"82");
        };
        let protocol = protocol(&atr).ok_or(*b"87")?;
        self.active = Some(protocol);
        Ok((protocol, atr))
    }

    pub(super) fn deactivate(&mut self) {
        self.slot.power_off();
        self.active = None;
        self.rest.clear();
    }

    fn exchange(&mut self, apdu: &[u8], late: &mut Duration) -> Executed {
        if let Some(ins) = apdu.get(1) {
            self.counts.apdus.push((*ins, apdu.len()));
        }
        let exchange = self.slot.transmit(apdu);
        *late += exchange.delay;
        match exchange.outcome {
            Outcome::Answer(answer) => {
                self.rest = answer;
                Ok(self.next_part())
            }
            Outcome::Removed => {
                self.torn_out();
                Err(*b"14")
            }
            // The card lost its contact: the unit notices that nothing comes.
            Outcome::Reset => {
                self.deactivate();
                Err(*b"84")
            }
        }
    }

    fn next_part(&mut self) -> ([u8; 2], Vec<u8>) {
        let rest = self.rest.split_off(self.rest.len().min(self.levers.part));
        let part = std::mem::replace(&mut self.rest, rest);
        (if self.rest.is_empty() { COMPLETE } else { MORE }, part)
    }
}

/// The protocol by ISO/IEC 7816-3, 8.2.3: T=1 where the interface bytes offer it, else T=0.
fn protocol(atr: &[u8]) -> Option<u8> {
    let (first, interface) = atr.split_first()?;
    if !matches!(first, 0x3B | 0x3F) {
        return None;
    }
    let (format, mut rest) = interface.split_first()?;
    let mut following = format >> 4;
    let mut chosen = b'0';
    // TA, TB and TC are passed over; each TD tells a protocol and what follows it.
    while following & 0b1000 != 0 {
        let before = usize::try_from((following & 0b0111).count_ones()).ok()?;
        let td = *rest.get(before)?;
        rest = rest.get(before + 1..)?;
        if td & 0x0F == 1 {
            chosen = b'1';
        }
        following = td >> 4;
    }
    Some(chosen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_protocol_is_read_from_the_answer_to_reset() {
        let atr = |text: &str| protocol(&hex::decode(text).unwrap());
        assert_eq!(atr("3BE000FF8131FE4514"), Some(b'1'));
        assert_eq!(atr("3B0000"), Some(b'0'));
        assert_eq!(atr("3B8001"), Some(b'1'));
        assert_eq!(atr("3B80"), None, "it ends in the middle");
        assert_eq!(atr("4200"), None);
        assert_eq!(protocol(&[]), None);
    }
}
