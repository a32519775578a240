//! Who stands around the machine's thread in a test: a customer at the screen, a host, a card and a pad, each answering at
//! once, with the papers that the real ones bring. The office, the journal and the printer are the product's.

use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use transaction::{
    Answer, CardEvent, Decision, EffectNo, Event, HostAnswer, Key, PadAnswer, PinAnswer, PinAt, RequestId,
    Screen, Tries, TriesLeft, VerifyAnswer, VisitId,
};
use wire::{ChallengeAnswer, TermsText, TermsVersion, WireTime};

use super::card::TestCard;
use crate::catalogue::Catalogue;
use crate::clock;
use crate::desks::{CardSide, HostSide, PinSide};
use crate::host_client::{Job, Recorded};
use crate::queue::{AnswerPaper, Mailbox, Message, Story};
use crate::report::Report;
use crate::screen::{CustomerScreen, Facts, name};

/// What the customer saw: the name of each screen, with the words that speak of whom to call.
pub(crate) type Seen = Arc<Mutex<Vec<(&'static str, Option<String>)>>>;

/// A customer who goes on at every screen: confirms, puts the card in, wants a receipt, takes the card.
pub(crate) struct Customer {
    mailbox: Mailbox,
    put_in: Box<dyn Fn()>,
    takes_card: bool,
    /// Chooses the service at the menu, once.
    pub(crate) begins: bool,
    seen: Seen,
}

impl Customer {
    /// Who puts the card in by `put_in`, and takes it when it is offered, or leaves it.
    pub(crate) fn new(mailbox: Mailbox, put_in: impl Fn() + 'static, takes_card: bool) -> (Self, Seen) {
        let seen = Seen::default();
        let customer =
            Self { mailbox, put_in: Box::new(put_in), takes_card, begins: false, seen: Arc::clone(&seen) };
        (customer, seen)
    }

    fn press(&self, key: Key) {
        self.mailbox.event(Event::Key(key));
    }
}

impl CustomerScreen for Customer {
    fn show(&mut self, screen: &Screen, facts: &Facts<'_>) {
        self.seen.lock().unwrap().push((name(screen), facts.words.call.clone()));
        match screen {
            Screen::Menu if self.begins => {
                self.begins = false;
                self.press(Key::Confirm);
            }
            Screen::Terms | Screen::Stopped { .. } | Screen::NoReceipt | Screen::Retained => {
                self.press(Key::Confirm);
            }
            Screen::InsertCard => (self.put_in)(),
            Screen::LastTry | Screen::Result { .. } => self.press(Key::Yes),
            Screen::TakeCard if self.takes_card => self.mailbox.event(Event::Card(CardEvent::Removed)),
            _ => {}
        }
    }

    fn out_of_service(&mut self) {}

    fn dots(&mut self, _entered: u8) {}

    fn help(&mut self, _screen: &Screen, _facts: &Facts<'_>) {}

    fn warn_time(&mut self, _screen: &Screen, _more: bool, _facts: &Facts<'_>) {}

    fn call_to_take_card(&mut self) {}

    fn card_at_other_reader(&mut self) {}

    fn speak(&mut self, _catalogue: Arc<Catalogue>) {}

    fn report(&mut self, _report: &Report) {}
}

/// What the host does with requests.
#[derive(Clone, Copy)]
pub(crate) enum Decides {
    /// Registers, under this number.
    Registered(&'static str),
    /// Nothing: the line is dead.
    Never(HostAnswer),
}

/// A host that gives challenges and decides. What it gives was not sent over a line, and is no less outside data.
pub(crate) struct FakeHost {
    pub(crate) mailbox: Mailbox,
    pub(crate) decides: Decides,
}

/// A good challenge of a host whose clock says `host_time`.
pub(crate) fn challenge(host_time: Timestamp) -> ChallengeAnswer {
    let text = TermsText::new("ja".parse().unwrap(), "同意していただく内容".to_owned()).unwrap();
    ChallengeAnswer {
        challenge: wire::Challenge::from_bytes([7; 32]),
        host_time: WireTime::from_timestamp(host_time).unwrap(),
        consent_by_s: 900,
        accept_until_days: 30,
        terms: TermsVersion::new("2026_11".parse().unwrap(), vec![text]).unwrap(),
    }
}

impl FakeHost {
    fn decide(&self, recorded: &Recorded, to: Option<EffectNo>) {
        match (self.decides, to) {
            (Decides::Registered(number), _) => {
                let paper = AnswerPaper {
                    request: recorded.request,
                    decision: Decision::Registered,
                    acceptance_number: Some(number.to_owned()),
                    der: b"the host's signed answer".to_vec(),
                };
                self.mailbox.post(Message::Decided(Box::new(paper)), Story::default());
            }
            (Decides::Never(answer), Some(to)) => {
                self.mailbox.event(Event::Answer { to, answer: Answer::Host(answer) });
            }
            (Decides::Never(_), None) => {}
        }
    }
}

impl HostSide for FakeHost {
    fn give(&self, job: Job) {
        match job {
            Job::Challenge { to, visit } => {
                let now = clock::now();
                let challenge = Box::new(challenge(now));
                self.mailbox
                    .post(Message::Challenge { to, visit, asked_at: now, challenge }, Story::default());
            }
            Job::Send { to, recorded } | Job::AskOrResend { to, recorded } => {
                self.decide(&recorded, Some(to))
            }
            Job::Outbox { entries } => {
                entries.iter().for_each(|recorded| self.decide(recorded, None));
                let left = match self.decides {
                    Decides::Registered(_) => 0,
                    Decides::Never(_) => u32::try_from(entries.len()).unwrap(),
                };
                self.mailbox.event(Event::OutboxPassed { left });
            }
            Job::Checkpoint(_) => {}
        }
        self.mailbox.post(Message::HostJobDone, Story::default());
    }
}

/// A good card in a good unit.
pub(crate) struct FakeCardSide {
    pub(crate) mailbox: Mailbox,
    pub(crate) card: TestCard,
    pub(crate) visit: Mutex<Option<VisitId>>,
    pub(crate) pin_at: PinAt,
}

impl FakeCardSide {
    fn answer(&self, to: EffectNo, answer: Answer) {
        self.mailbox.event(Event::Answer { to, answer });
    }
}

impl CardSide for FakeCardSide {
    fn permit_entry(&mut self, _permitted: bool) {}

    fn make_safe(&mut self, to: Option<EffectNo>) {
        if let Some(to) = to {
            let empty = transaction::SafeAnswer::Safe(transaction::Presence::Empty);
            self.answer(to, Answer::Safe(empty));
        }
    }

    fn read(&mut self, to: EffectNo, visit: VisitId) {
        *self.visit.lock().unwrap() = Some(visit);
        let card = Box::new(self.card.certificate());
        let tries = Tries::Left(TriesLeft::new(3).unwrap());
        let pin_at = self.pin_at;
        self.mailbox.post(Message::CardRead { to, visit, card, tries, pin_at }, Story::default());
    }

    fn verify(&self, to: EffectNo) {
        self.answer(to, Answer::Verify(VerifyAnswer::Verified));
    }

    fn verify_on_pad(&mut self, to: EffectNo) {
        self.answer(to, Answer::Pad(PadAnswer::Verified));
    }

    fn sign(&self, to: EffectNo, input: Vec<u8>) {
        let visit = self.visit.lock().unwrap().unwrap();
        let signature = self.card.sign(&input);
        self.mailbox.post(Message::Signature { to, visit, signature }, Story::default());
    }

    fn end(&mut self) {}

    fn return_card(&mut self) {}

    fn retain(&mut self, _to: EffectNo) {
        panic!("nobody configured it");
    }

    fn close(&mut self) {}
}

/// A pad at which the PIN is entered at once.
pub(crate) struct FakePinSide {
    pub(crate) mailbox: Mailbox,
}

impl PinSide for FakePinSide {
    fn ask(&mut self, to: EffectNo) {
        self.mailbox.event(Event::Answer { to, answer: Answer::Pin(PinAnswer::Entered) });
    }

    fn forget(&mut self) {}
}

/// A request that was recorded by an earlier process.
pub(crate) fn undecided(n: u8) -> journal::OutboxChange {
    let id = uuid::Uuid::from_bytes([n; 16]);
    let accept_until = clock::now() + jiff::SignedDuration::from_hours(24);
    journal::OutboxChange::Put { request_id: id, visit: id, cms: vec![n; 64], accept_until }
}

/// Its name.
pub(crate) fn undecided_request(n: u8) -> RequestId {
    RequestId([n; 16])
}
