//! A card unit whose reader has a PIN pad of its own, with a good card in it: the test says what the reader answers.

use std::collections::VecDeque;
use std::os::fd::BorrowedFd;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use devices::port::{
    Action, CardEventSink, CardSession, CardUnit, CardUnitStatus, DeviceState, Fault, FaultKind, MediaState,
    Presence, Return, WatchGuard,
};
use jpki::{Channel, ChannelError, Command, PadLimits, PadTemplate, Response, StatusWord};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// What the reader does with an entry.
#[derive(Clone, Copy)]
pub(crate) enum Entry {
    /// It answers so.
    Answers(u16),
    /// The card is pulled out meanwhile.
    CardGone,
    /// It waits for keys until it is given up.
    Waits,
}

/// The unit.
#[derive(Clone)]
pub(crate) struct PadUnit {
    certificate: Arc<Vec<u8>>,
    state: Arc<Mutex<State>>,
}

struct State {
    has_pad: bool,
    tries: u8,
    entries: VecDeque<Entry>,
    done: Vec<&'static str>,
    /// The reader was given up, and has the card.
    kept: bool,
}

impl PadUnit {
    /// With a card of this certificate and three tries; these entries are made at its pad.
    pub(crate) fn new(certificate: Vec<u8>, entries: impl IntoIterator<Item = Entry>) -> Self {
        let entries = entries.into_iter().collect();
        let state = State { has_pad: true, tries: 3, entries, done: Vec::new(), kept: false };
        Self { certificate: Arc::new(certificate), state: Arc::new(Mutex::new(state)) }
    }

    /// The reader has no pad.
    pub(crate) fn without_pad(self) -> Self {
        self.state.lock().unwrap().has_pad = false;
        self
    }

    /// The card has so many tries now.
    pub(crate) fn set_tries(&self, tries: u8) {
        self.state.lock().unwrap().tries = tries;
    }

    /// What was asked of reader and card, in order; reading left out.
    pub(crate) fn done(&self) -> Vec<&'static str> {
        self.state.lock().unwrap().done.clone()
    }
}

impl CardUnit for PadUnit {
    fn name(&self) -> &str {
        "reader with a pad"
    }

    fn watch(&self, _sink: CardEventSink) -> Result<WatchGuard, Fault> {
        Ok(WatchGuard::new(|| ()))
    }

    fn open(&self, _limit: Duration) -> Result<Box<dyn CardSession>, Fault> {
        Ok(Box::new(self.clone()))
    }

    fn make_safe(&self, _limit: Duration) -> Result<Presence, Fault> {
        Ok(Presence::PoweredOff)
    }

    fn return_card(&self) -> Result<Return, Fault> {
        self.state.lock().unwrap().done.push("return");
        Ok(Return::TakeIt)
    }

    fn status(&self) -> CardUnitStatus {
        CardUnitStatus { reader: None, device: DeviceState::Online, media: MediaState::Present, reason: None }
    }
}

impl Channel for PadUnit {
    fn transmit(&mut self, command: &Command<'_>) -> Result<Response, ChannelError> {
        let mut state = self.state.lock().unwrap();
        let header = command.header();
        let answer = match (header.ins, header.p1) {
            // The query: a VERIFY with digits never comes here.
            (0x20, _) => {
                assert!(!command.is_sensitive());
                state.done.push("tries");
                vec![0x63, 0xC0 | state.tries]
            }
            (0xB0, 0x86) => [&b"JPKIAPICCTOKEN2"[..], &[b' '; 145], &[0x90, 0x00]].concat(),
            (0xB0, p1) => {
                let block = if p1 == 0x8A { 0 } else { usize::from(p1) };
                let bytes = self.certificate.chunks(256).nth(block).unwrap_or_default();
                [bytes, &[0x90, 0x00]].concat()
            }
            (0x2A, _) => {
                state.done.push("sign");
                [&[0x5A; 64][..], &[0x90, 0x00]].concat()
            }
            _ => vec![0x90, 0x00],
        };
        Ok(Response::parse(&answer).unwrap())
    }

    fn offers_pad(&mut self) -> Result<bool, ChannelError> {
        let mut state = self.state.lock().unwrap();
        state.done.push("pad?");
        Ok(state.has_pad)
    }

    fn verify_on_pad(
        &mut self,
        template: &PadTemplate,
        limits: PadLimits<'_>,
    ) -> Result<StatusWord, ChannelError> {
        assert_eq!(template.apdu()[..4], [0x00, 0x20, 0x00, 0x98]);
        assert_eq!((limits.first_key_s, limits.next_key_s), (30, 30));
        let entry = {
            let mut state = self.state.lock().unwrap();
            state.done.push("entry");
            state.entries.pop_front().expect("no further entry is wanted")
        };
        match entry {
            Entry::Answers(status) => Ok(StatusWord(status)),
            Entry::CardGone => Err(ChannelError::CardRemoved),
            Entry::Waits => {
                wait(limits.cancel.expect("it can be given up"));
                self.state.lock().unwrap().kept = true;
                Err(ChannelError::PadKeepsCard)
            }
        }
    }
}

fn wait(cancel: BorrowedFd<'_>) {
    let mut waiting = [PollFd::new(cancel, PollFlags::POLLIN)];
    poll(&mut waiting, PollTimeout::from(20_000_u16)).expect("the token can be waited for");
}

impl CardSession for PadUnit {
    fn power_off(self: Box<Self>) -> Result<(), Fault> {
        let mut state = self.state.lock().unwrap();
        state.done.push("power off");
        if !state.kept {
            return Ok(());
        }
        Err(Fault {
            kind: FaultKind::Broken,
            device: "card unit",
            code: "reader-busy",
            action: Action::Maintenance,
            what: "powering the card off, which the reader keeps".to_owned(),
            source: None,
        })
    }
}
