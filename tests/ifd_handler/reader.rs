//! The reader: the card in it, its features, and what a client's orders come to.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use emulator::{Card, Outcome, Persona, Slot, clock};
use test_pki::Pki;
use zeroize::Zeroizing;

use crate::order::{Order, Refused};
use crate::pad::{DIGITS_MAX, Entry, Keys};

/// The library's control codes, as libccid has them: 42330000 and the tag.
const GET_FEATURES: u64 = 0x4200_0D48;
const VERIFY_PIN_DIRECT: u64 = 0x4233_0006;
const IFD_PIN_PROPERTIES: u64 = 0x4233_000A;
const GET_TLV_PROPERTIES: u64 = 0x4233_0012;

/// What a control code came to.
pub(crate) enum Controlled {
    Answer(Vec<u8>),
    /// The reader does not know the code, or does not take its data.
    NotSupported,
    /// The card went away, or did not answer.
    NoCard,
}

pub(crate) struct Reader {
    folder: PathBuf,
    slot: Arc<Mutex<Slot>>,
    keys: Keys,
}

impl Reader {
    /// Puts the folder's card in; where the folder has a file `absent`, it is in the customer's hand.
    pub(crate) fn open(folder: &Path) -> Result<Self, Box<dyn std::error::Error>> {
        let named = std::fs::read_to_string(folder.join("persona")).unwrap_or_else(|_| "valid".to_owned());
        let pki = Pki::open_or_create(&folder.join("pki"), clock::now())?;
        let card = Card::load(&Persona::find(named.trim())?, folder, &pki, clock::now())?;
        let mut slot = Slot::new(card);
        slot.trace_to(&folder.join("trace"))?;
        if folder.join("absent").exists() {
            slot.remove();
        }
        let slot = Arc::new(Mutex::new(slot));
        let shared = Arc::clone(&slot);
        let keys = Keys::listen(&folder.join("keys"), move |inside| {
            let mut slot = lock(&shared);
            if inside { slot.insert() } else { slot.remove() }
        })?;
        Ok(Self { folder: folder.to_owned(), slot, keys })
    }

    pub(crate) fn atr(&self) -> Option<Vec<u8>> {
        lock(&self.slot).atr().map(<[u8]>::to_vec)
    }

    pub(crate) fn power(&self, on: bool) {
        let mut slot = lock(&self.slot);
        if on { slot.power_on() } else { slot.power_off() }
    }

    pub(crate) fn reset(&self) {
        lock(&self.slot).reset();
    }

    pub(crate) fn is_inserted(&self) -> bool {
        lock(&self.slot).is_inserted()
    }

    pub(crate) fn transmit(&self, command: &[u8]) -> Option<Vec<u8>> {
        match lock(&self.slot).transmit_and_wait(command) {
            Outcome::Answer(answer) => Some(answer),
            Outcome::Removed | Outcome::Reset => None,
        }
    }

    pub(crate) fn control(&self, code: u64, data: &[u8]) -> Controlled {
        if self.folder.join("no-pad").exists() {
            return Controlled::NotSupported;
        }
        match code {
            GET_FEATURES => Controlled::Answer(
                [(0x06, VERIFY_PIN_DIRECT), (0x0A, IFD_PIN_PROPERTIES), (0x12, GET_TLV_PROPERTIES)]
                    .into_iter()
                    .flat_map(|(tag, code)| {
                        let [_, _, _, _, code @ ..] = code.to_be_bytes();
                        [&[tag, 4][..], &code].concat()
                    })
                    .collect(),
            ),
            // No display; Enter; a second time limit.
            IFD_PIN_PROPERTIES => Controlled::Answer(vec![0x00, 0x00, 0x02, 0x01]),
            GET_TLV_PROPERTIES => {
                let longest = u8::try_from(DIGITS_MAX).unwrap_or(u8::MAX);
                Controlled::Answer(vec![1, 2, 0, 0, 2, 1, 2, 3, 1, 1, 6, 1, 4, 7, 1, longest])
            }
            VERIFY_PIN_DIRECT => self.verify(data),
            _ => Controlled::NotSupported,
        }
    }

    fn verify(&self, data: &[u8]) -> Controlled {
        let order = match Order::parse(data) {
            Some(Ok(order)) => order,
            Some(Err(Refused)) => return Controlled::Answer(vec![0x6B, 0x80]),
            None => return Controlled::NotSupported,
        };
        match self.keys.enter(&order, || self.is_inserted(), || lock(&self.slot).remove()) {
            Entry::TimedOut => Controlled::Answer(vec![0x64, 0x00]),
            Entry::Cancelled => Controlled::Answer(vec![0x64, 0x01]),
            Entry::CardGone => Controlled::NoCard,
            Entry::Done(pin) => {
                let Some(digits) = pin.fitting(&order) else { return Controlled::Answer(vec![0x64, 0x03]) };
                let length = u8::try_from(digits.len()).unwrap_or(u8::MAX);
                let command = Zeroizing::new([&order.header[..], &[length], digits].concat());
                self.transmit(&command).map_or(Controlled::NoCard, Controlled::Answer)
            }
        }
    }
}

fn lock(slot: &Mutex<Slot>) -> MutexGuard<'_, Slot> {
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}
