//! One card's session, on a thread of its own: the channel and the card live on its stack from SELECT to the end.
//!
//! Invariants:
//! - However the session ends (asked to, by an error, because nobody asks any more), the applet is left and the card
//!   powered off.
//! - A VERIFY is sent once for each order to verify. When its answer is lost the session ends.
//! - A reader that waits for keys at its own pad is given up when the session is told to end: nothing else stops it. It keeps
//!   the card then and takes its power when it comes back; that is told once, by the answer to the entry.
//! - A thread that is stuck in the reader is abandoned, never joined: the machine's own deadline goes on.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use devices::port::{CancelToken, CardSession, CardUnit};
use jpki::{
    Card, CardFault, Channel, ChannelError, Command, PadLimits, PadOutcome, PadTemplate, PinVerified,
    Response, Selected, StatusWord, VerifyOutcome,
};
use request::{TrustPolicy, check_card_certificate};
use transaction::{
    Answer, CardAnswer, Device, EffectNo, Event, NotPresented, PadAnswer, PinAt, SignAnswer, Tries,
    TriesLeft, VerifyAnswer, VisitId,
};

use crate::card_words::{self, Unusable};
use crate::clock;
use crate::pin_desk::SlotPlace;
use crate::queue::{CardTally, Mailbox, Message, Story, chain, told};

/// How long a reader waits at its own pad for the first key, and after it.
pub(crate) const PAD_KEY_S: u8 = 30;

/// Beyond this a reader that waits at its own pad is given up. Its driver gives it up before: libccid after 90 seconds.
pub(crate) const PAD_WHOLE_MS_MAX: u32 = 100_000;

/// What a session is told to do after the reading.
enum Order {
    Verify { to: EffectNo },
    VerifyOnPad { to: EffectNo, cancel: CancelToken },
    Sign { to: EffectNo, input: Vec<u8> },
    End,
}

/// What every session needs.
#[derive(Clone)]
pub(crate) struct CardWork {
    pub(crate) unit: Arc<dyn CardUnit>,
    pub(crate) trust: Arc<TrustPolicy>,
    pub(crate) slot: SlotPlace,
    /// Where PINs are typed. At the reader none passes through the slot.
    pub(crate) pin_at: PinAt,
    pub(crate) mailbox: Mailbox,
    /// The longest wait for others who hold the card.
    pub(crate) open_limit: Duration,
}

/// A running session.
pub(crate) struct CardWorker {
    orders: Sender<Order>,
    ended: Receiver<()>,
    /// The last entry at the reader's own pad.
    at_pad: Option<CancelToken>,
}

impl CardWorker {
    /// Opens the session and reads the card; the answer to `to` says what came of it.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(crate) fn read(work: CardWork, to: EffectNo, visit: VisitId) -> std::io::Result<Self> {
        let (orders, inbox) = channel();
        let (alive, ended) = channel();
        std::thread::Builder::new().name("card".to_owned()).spawn(move || {
            let _hangs_up_at_the_end: Sender<()> = alive;
            run(&work, to, visit, &inbox);
        })?;
        Ok(Self { orders, ended, at_pad: None })
    }

    /// Checks the PIN in the slot.
    pub(crate) fn verify(&self, to: EffectNo) {
        self.order(Order::Verify { to });
    }

    /// Lets the reader's own pad take the PIN. `cancel` gives the reader up.
    pub(crate) fn verify_on_pad(&mut self, to: EffectNo, cancel: CancelToken) {
        self.at_pad = Some(cancel.clone());
        self.order(Order::VerifyOnPad { to, cancel });
    }

    /// Signs what was prepared.
    pub(crate) fn sign(&self, to: EffectNo, input: Vec<u8>) {
        self.order(Order::Sign { to, input });
    }

    /// Leaves the applet and powers the card off. The receiver hangs up when that is done. A reader that waits at its own pad
    /// is given up; it takes the card's power when it comes back.
    pub(crate) fn end(self) -> Receiver<()> {
        if let Some(cancel) = &self.at_pad {
            cancel.cancel();
        }
        self.order(Order::End);
        self.ended
    }

    fn order(&self, order: Order) {
        // A session that has ended has said why already.
        let _ended = self.orders.send(order);
    }
}

/// Where the conversation came to its end.
enum Ended {
    /// The applet is left.
    Left,
    /// The applet may still be selected.
    NotLeft,
}

fn run(work: &CardWork, to: EffectNo, visit: VisitId, orders: &Receiver<Order>) {
    let started = clock::instant();
    let mut session = match work.unit.open(work.open_limit) {
        Ok(session) => session,
        Err(fault) => {
            let Unusable { answer, story } = card_words::not_opened(&fault);
            return work.reply(to, Answer::Card(answer), story.took(started));
        }
    };
    let tally = Rc::new(Cell::new(CardTally { card_us: micros_since(started), ..CardTally::default() }));
    let mut metered = Meter { session: &mut *session, tally: Rc::clone(&tally) };
    let talk = Talk { work, visit, tally: &tally, kept: Cell::new(false) };
    let ended = talk.converse(to, started, &mut metered, orders);
    let kept = talk.kept.get();
    if let (Ended::NotLeft, false) = (ended, kept)
        && let Err(error) = jpki::leave(&mut metered)
    {
        tracing::debug!(error = %chain(&error), "the applet was not left; power-off follows");
    }
    match session.power_off() {
        Ok(()) => {}
        Err(fault) if kept => {
            tracing::debug!(error = %chain(&fault), "the reader that was given up has the card")
        }
        Err(fault) => {
            let (fault, story) = told(Device::CardUnit, &fault);
            work.mailbox.post(Message::Event(Event::Fault(fault)), story);
        }
    }
    work.mailbox.post(Message::CardTally { visit, tally: tally.get() }, Story::default());
}

impl CardWork {
    fn reply(&self, to: EffectNo, answer: Answer, story: Story) {
        self.mailbox.post(Message::Event(Event::Answer { to, answer }), story);
    }
}

/// The card between two orders.
enum Held<'c> {
    Selected(Card<'c, Selected>),
    Verified(Card<'c, PinVerified>),
}

/// One session's conversation.
struct Talk<'a> {
    work: &'a CardWork,
    visit: VisitId,
    tally: &'a Rc<Cell<CardTally>>,
    /// The reader waits for keys, was given up, and has the card.
    kept: Cell<bool>,
}

impl Talk<'_> {
    fn converse(
        &self,
        to: EffectNo,
        started: Instant,
        channel: &mut dyn Channel,
        orders: &Receiver<Order>,
    ) -> Ended {
        let mut held = match self.read(to, started, channel) {
            Ok(card) => Held::Selected(card),
            Err(Unusable { answer, story }) => {
                self.work.reply(to, Answer::Card(answer), story.took(started));
                return Ended::NotLeft;
            }
        };
        loop {
            let next = match (orders.recv().unwrap_or(Order::End), held) {
                (Order::Verify { to }, Held::Selected(card)) => self.verify(to, card),
                (Order::VerifyOnPad { to, cancel }, Held::Selected(card)) => {
                    self.verify_on_pad(to, &cancel, card)
                }
                (Order::Sign { to, input }, Held::Verified(card)) => self.sign(to, &input, card),
                (Order::VerifyOnPad { to, .. }, Held::Verified(_)) => {
                    let answer = PadAnswer::Failed(card_words::OUT_OF_ORDER);
                    self.work.reply(to, Answer::Pad(answer), Story::default());
                    None
                }
                (Order::Verify { to }, Held::Verified(_)) => {
                    let answer = VerifyAnswer::Failed(card_words::OUT_OF_ORDER);
                    self.work.reply(to, Answer::Verify(answer), Story::default());
                    None
                }
                (Order::Sign { to, .. }, Held::Selected(_)) => {
                    let answer = SignAnswer::Failed(card_words::OUT_OF_ORDER);
                    self.work.reply(to, Answer::Sign(answer), Story::default());
                    None
                }
                (Order::End, Held::Selected(card)) => return left(card.end()),
                (Order::End, Held::Verified(card)) => return left(card.end()),
            };
            match next {
                Some(next) => held = next,
                None => return Ended::NotLeft,
            }
        }
    }

    /// Everything that can be known before the PIN.
    fn read<'c>(
        &self,
        to: EffectNo,
        started: Instant,
        channel: &'c mut dyn Channel,
    ) -> Result<Card<'c, Selected>, Unusable<CardAnswer>> {
        let mut card = Card::select(channel).map_err(|error| card_words::not_read(&error))?;
        let examined = card.examine().map_err(|error| card_words::not_read(&error))?;
        if let Some(token) = &examined.token {
            tracing::debug!(?token, "token");
        }
        let certificate = check_card_certificate(&examined.certificate, &self.work.trust, clock::now())
            .map_err(|refused| card_words::certificate_refused(&refused))?;
        let pin_at = self.work.pin_at;
        match pin_at {
            PinAt::Slot => {}
            PinAt::Reader => match card.offers_pad() {
                Ok(true) => {}
                Ok(false) => return Err(card_words::no_pad()),
                Err(error) => return Err(card_words::not_read(&error)),
            },
        }
        let (visit, tries) = (self.visit, counted(examined.tries));
        let message = Message::CardRead { to, visit, card: Box::new(certificate), tries, pin_at };
        self.work.mailbox.post(message, Story::default().took(started));
        Ok(card)
    }

    fn verify<'c>(&self, to: EffectNo, card: Card<'c, Selected>) -> Option<Held<'c>> {
        let started = clock::instant();
        let Some(slot) = self.work.slot.take() else {
            let answer = VerifyAnswer::Failed(card_words::SLOT_LOST);
            self.work.reply(to, Answer::Verify(answer), Story::default());
            return None;
        };
        let before = self.tally.get();
        let (slot, outcome) = card.verify(slot);
        self.work.slot.put_back(slot);
        // What comes from here on, up to the signature, is what the customer waits for after the last digit.
        let now = self.tally.get();
        self.tally.set(CardTally { apdus_after_pin: now.apdus.saturating_sub(before.apdus), ..now });
        let (held, answer, story) = match outcome {
            Ok(VerifyOutcome::Verified(card)) => {
                (Some(Held::Verified(card)), VerifyAnswer::Verified, Story::default())
            }
            Ok(VerifyOutcome::Wrong { card, tries_left: count }) => {
                (Some(Held::Selected(card)), VerifyAnswer::Wrong(tries_left(count)), Story::default())
            }
            Ok(VerifyOutcome::Blocked { card }) => {
                (Some(Held::Selected(card)), VerifyAnswer::Wrong(Tries::Blocked), Story::default())
            }
            Err(error) => {
                let Unusable { answer, story } = card_words::not_verified(&error);
                (None, answer, story)
            }
        };
        self.work.reply(to, Answer::Verify(answer), story.took(started));
        held
    }

    /// One entry at the reader's own pad. How long the customer takes for it is nobody's business, nor the log's.
    fn verify_on_pad<'c>(
        &self,
        to: EffectNo,
        cancel: &CancelToken,
        card: Card<'c, Selected>,
    ) -> Option<Held<'c>> {
        let limits = PadLimits {
            first_key_s: PAD_KEY_S,
            next_key_s: PAD_KEY_S,
            whole_ms_max: PAD_WHOLE_MS_MAX,
            cancel: Some(cancel.as_fd()),
        };
        let (answer, held) = match card.verify_on_pad(limits) {
            Ok(PadOutcome::Verified(card)) => {
                // VERIFY, which the reader sends after the last key.
                self.tally.set(CardTally { apdus_after_pin: 1, ..self.tally.get() });
                (PadAnswer::Verified, Held::Verified(card))
            }
            Ok(PadOutcome::Wrong { card, tries_left: count }) => {
                (PadAnswer::Wrong(tries_left(count)), Held::Selected(card))
            }
            Ok(PadOutcome::Blocked { card }) => (PadAnswer::Wrong(Tries::Blocked), Held::Selected(card)),
            Ok(PadOutcome::Cancelled { card }) => {
                return self.not_presented(to, NotPresented::Cancelled, card);
            }
            Ok(PadOutcome::TimedOut { card }) => {
                return self.not_presented(to, NotPresented::TimedOut, card);
            }
            Ok(PadOutcome::WrongLength { card }) => {
                return self.not_presented(to, NotPresented::WrongLength, card);
            }
            Ok(PadOutcome::Refused { card }) => {
                return self.not_presented(to, NotPresented::Refused, card);
            }
            Err(error) => return self.lost_at_pad(to, &error),
        };
        self.work.reply(to, Answer::Pad(answer), Story::default());
        Some(held)
    }

    /// The reader says that no PIN was presented; the card's counter says whether that is so.
    fn not_presented<'c>(
        &self,
        to: EffectNo,
        why: NotPresented,
        mut card: Card<'c, Selected>,
    ) -> Option<Held<'c>> {
        match card.tries_left() {
            Ok(tries) => {
                let answer = PadAnswer::NotPresented { why, tries: counted(tries) };
                self.work.reply(to, Answer::Pad(answer), Story::default());
                Some(Held::Selected(card))
            }
            Err(error) => self.lost_at_pad(to, &error),
        }
    }

    fn lost_at_pad<'c>(&self, to: EffectNo, error: &jpki::CardError) -> Option<Held<'c>> {
        let keeps = matches!(
            error,
            jpki::CardError::Fault(CardFault::VerifyUnanswered { source: ChannelError::PadKeepsCard })
        );
        self.kept.set(keeps);
        let Unusable { answer, story } = card_words::not_verified_on_pad(error);
        self.work.reply(to, Answer::Pad(answer), story);
        None
    }

    fn sign<'c>(&self, to: EffectNo, input: &[u8], mut card: Card<'c, PinVerified>) -> Option<Held<'c>> {
        let started = clock::instant();
        let before = self.tally.get();
        match card.sign(input) {
            Ok(signature) => {
                let now = self.tally.get();
                let after_pin = before.apdus_after_pin.saturating_add(now.apdus.saturating_sub(before.apdus));
                self.tally.set(CardTally { apdus_after_pin: after_pin, ..now });
                let tally = Message::CardTally { visit: self.visit, tally: self.tally.get() };
                self.work.mailbox.post(tally, Story::default());
                let signature = signature.as_bytes().to_vec();
                let message = Message::Signature { to, visit: self.visit, signature };
                self.work.mailbox.post(message, Story::default().took(started));
                Some(Held::Verified(card))
            }
            Err(error) => {
                let Unusable { answer, story } = card_words::not_signed(&error);
                self.work.reply(to, Answer::Sign(answer), story.took(started));
                None
            }
        }
    }
}

fn tries_left(count: u8) -> Tries {
    TriesLeft::new(count).map_or(Tries::Blocked, Tries::Left)
}

fn counted(tries: jpki::Tries) -> Tries {
    match tries {
        jpki::Tries::Left(count) => tries_left(count),
        jpki::Tries::Blocked => Tries::Blocked,
    }
}

fn left(ended: Result<(), jpki::CardError>) -> Ended {
    if let Err(error) = ended {
        // Power-off follows in any case, and that takes the PIN's state away.
        tracing::debug!(error = %chain(&error), "the applet was not left; power-off follows");
    }
    Ended::Left
}

fn micros_since(start: Instant) -> u64 {
    u64::try_from(clock::instant().saturating_duration_since(start).as_micros()).unwrap_or(u64::MAX)
}

/// Counts commands and the time in the card. It sees commands and does not look into them.
struct Meter<'s> {
    session: &'s mut dyn CardSession,
    tally: Rc<Cell<CardTally>>,
}

impl Channel for Meter<'_> {
    fn transmit(&mut self, command: &Command<'_>) -> Result<Response, ChannelError> {
        let started = clock::instant();
        let answer = self.session.transmit(command);
        let tally = self.tally.get();
        self.tally.set(CardTally {
            apdus: tally.apdus.saturating_add(1),
            card_us: tally.card_us.saturating_add(micros_since(started)),
            ..tally
        });
        answer
    }
    fn offers_pad(&mut self) -> Result<bool, ChannelError> {
        self.session.offers_pad()
    }

    /// One command, whose time is the customer's: it does not count as the card's.
    fn verify_on_pad(
        &mut self,
        template: &PadTemplate,
        limits: PadLimits<'_>,
    ) -> Result<StatusWord, ChannelError> {
        let tally = self.tally.get();
        self.tally.set(CardTally { apdus: tally.apdus.saturating_add(1), ..tally });
        self.session.verify_on_pad(template, limits)
    }
}
