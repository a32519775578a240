//! The card unit's desk: one session at a time, and the unit's own doings around it.
//!
//! Invariants:
//! - The machine's thread never waits here: what can take time runs on a thread of its own.
//! - A card is given back after its session has ended and after it was powered off, where that was asked for, or after
//!   the wait for that has ended.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use devices::port::{CancelToken, CardUnit, Presence as Found, Retained, Return, WatchGuard};
use transaction::{
    Answer, CardAnswer, CardEvent, Device, EffectNo, Event, Fault, FaultKind, PadAnswer, Presence,
    RetainAnswer, SafeAnswer, SignAnswer, VerifyAnswer, VisitId,
};

use crate::card_words::OUT_OF_ORDER;
use crate::card_worker::{CardWork, CardWorker};
use crate::desks::CardSide;
use crate::queue::{Mailbox, Message, Story, told, told_card_event};

/// A session that is told to end needs two commands; a reader that needs longer for them is stuck.
const SESSION_END_MAX: Duration = Duration::from_secs(2);

/// A unit that needs longer to move a card out is stuck.
const RETURN_MAX: Duration = Duration::from_secs(20);

const NO_THREADS: Fault = Fault { device: Device::Terminal, kind: FaultKind::Broken, code: "no-threads" };

/// Without a token to give the reader up, nobody is asked at its pad.
const NO_DESCRIPTORS: Fault =
    Fault { device: Device::PinPad, kind: FaultKind::Broken, code: "no-file-descriptors" };

/// The desk.
pub(crate) struct CardDesk {
    work: CardWork,
    worker: Option<CardWorker>,
    /// Hangs up when the last session has ended.
    ending: Option<Receiver<()>>,
    /// Hangs up when a card that was found has no power, or when nobody can see to that.
    powering_off: Option<Receiver<()>>,
    watch: Arc<Mutex<Option<WatchGuard>>>,
    make_safe_limit: Duration,
    /// A thread is giving the card back; reminders do not heap up behind a unit that hangs.
    returning: Arc<AtomicBool>,
    /// Hangs up when the unit has given the card back, or has failed to.
    returned: Option<Receiver<()>>,
}

/// Says that the card is not being given back any more, when it goes out of scope: after a bug, too.
struct Returning(Arc<AtomicBool>);

impl Drop for Returning {
    fn drop(&mut self) {
        self.0.store(false, Ordering::SeqCst);
    }
}

impl CardDesk {
    pub(crate) fn new(work: CardWork, make_safe_limit: Duration) -> Self {
        Self {
            work,
            worker: None,
            ending: None,
            powering_off: None,
            watch: Arc::default(),
            make_safe_limit,
            returning: Arc::default(),
            returned: None,
        }
    }

    fn reply(&self, to: EffectNo, answer: Answer) {
        self.work.mailbox.event(Event::Answer { to, answer });
    }
}

impl CardSide for CardDesk {
    fn make_safe(&mut self, to: Option<EffectNo>) {
        let (unit, mailbox, watch) =
            (Arc::clone(&self.work.unit), self.work.mailbox.clone(), Arc::clone(&self.watch));
        let limit = self.make_safe_limit;
        let (working, done) = channel();
        self.powering_off = Some(done);
        let started = std::thread::Builder::new().name("card-unit".to_owned()).spawn(move || {
            let powering_off: Sender<()> = working;
            let (answer, story) = match unit.make_safe(limit) {
                Ok(Found::Absent) => (SafeAnswer::Safe(Presence::Empty), Story::default()),
                Ok(Found::PoweredOff | Found::Mute) => {
                    (SafeAnswer::Safe(Presence::CardInside), Story::default())
                }
                Err(fault) => {
                    let (fault, story) = told(Device::CardUnit, &fault);
                    (SafeAnswer::Failed(fault), story)
                }
            };
            drop(powering_off);
            if let Some(to) = to {
                mailbox.post(Message::Event(Event::Answer { to, answer: Answer::Safe(answer) }), story);
            }
            begin_watch(&*unit, &mailbox, &watch);
        });
        if let (Err(_), Some(to)) = (started, to) {
            self.reply(to, Answer::Safe(SafeAnswer::Failed(NO_THREADS)));
        }
    }

    fn permit_entry(&mut self, permitted: bool) {
        self.work.unit.permit_entry(permitted);
    }

    fn read(&mut self, to: EffectNo, visit: VisitId) {
        self.end();
        match CardWorker::read(self.work.clone(), to, visit) {
            Ok(worker) => self.worker = Some(worker),
            Err(_) => self.reply(to, Answer::Card(CardAnswer::Failed(NO_THREADS))),
        }
    }

    fn verify(&self, to: EffectNo) {
        match &self.worker {
            Some(worker) => worker.verify(to),
            None => self.reply(to, Answer::Verify(VerifyAnswer::Failed(OUT_OF_ORDER))),
        }
    }

    fn verify_on_pad(&mut self, to: EffectNo) {
        let failed = match (&mut self.worker, CancelToken::new()) {
            (Some(worker), Ok(cancel)) => return worker.verify_on_pad(to, cancel),
            (Some(_), Err(_)) => NO_DESCRIPTORS,
            (None, _) => OUT_OF_ORDER,
        };
        self.reply(to, Answer::Pad(PadAnswer::Failed(failed)));
    }

    fn sign(&self, to: EffectNo, input: Vec<u8>) {
        match &self.worker {
            Some(worker) => worker.sign(to, input),
            None => self.reply(to, Answer::Sign(SignAnswer::Failed(OUT_OF_ORDER))),
        }
    }

    fn end(&mut self) {
        if let Some(worker) = self.worker.take() {
            self.ending = Some(worker.end());
        }
    }

    fn return_card(&mut self) {
        self.end();
        if self.returning.swap(true, Ordering::SeqCst) {
            return;
        }
        let returning = Returning(Arc::clone(&self.returning));
        let (unit, mailbox, ending) =
            (Arc::clone(&self.work.unit), self.work.mailbox.clone(), self.ending.take());
        let (powering_off, limit) = (self.powering_off.take(), self.make_safe_limit);
        let (given_back, returned) = channel();
        self.returned = Some(returned);
        let started = std::thread::Builder::new().name("card-return".to_owned()).spawn(move || {
            let _given_back: Sender<()> = given_back;
            let _until_it_ends = returning;
            wait_for(ending, SESSION_END_MAX);
            wait_for(powering_off, limit);
            match unit.return_card() {
                // For who waits for it to be taken.
                Ok(Return::NoCard) => mailbox.event(Event::Card(CardEvent::Removed)),
                Ok(_) => {}
                Err(fault) => {
                    let (fault, story) = told(Device::CardUnit, &fault);
                    mailbox.post(Message::Event(Event::Fault(fault)), story);
                }
            }
        });
        if started.is_err() {
            self.work.mailbox.event(Event::Fault(NO_THREADS));
        }
    }

    fn retain(&mut self, to: EffectNo) {
        self.end();
        let (unit, mailbox, ending) =
            (Arc::clone(&self.work.unit), self.work.mailbox.clone(), self.ending.take());
        let started = std::thread::Builder::new().name("card-retain".to_owned()).spawn(move || {
            wait_for(ending, SESSION_END_MAX);
            let answer = |answer| Message::Event(Event::Answer { to, answer: Answer::Retain(answer) });
            match unit.retain() {
                Ok(Retained::Kept { place }) => {
                    mailbox.post(Message::Retained { to, place }, Story::default());
                }
                Ok(Retained::NoCard) => mailbox.post(answer(RetainAnswer::NoCard), Story::default()),
                Err(fault) => {
                    let (fault, story) = told(Device::CardUnit, &fault);
                    mailbox.post(answer(RetainAnswer::Failed(fault)), story);
                }
            }
        });
        if started.is_err() {
            self.reply(to, Answer::Retain(RetainAnswer::Failed(NO_THREADS)));
        }
    }

    /// The last session gets its time to leave the card without power, and a unit that is giving a card back gets its
    /// own: nobody else gives it back once this process is gone.
    fn close(&mut self) {
        self.end();
        wait_for(self.returned.take(), SESSION_END_MAX + self.make_safe_limit + RETURN_MAX);
        wait_for(self.ending.take(), SESSION_END_MAX);
        drop(self.watch.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

fn wait_for(end: Option<Receiver<()>>, limit: Duration) {
    if let Some(end) = end {
        // Hung up is what is waited for; nothing is ever sent.
        let _ended = end.recv_timeout(limit);
    }
}

fn begin_watch(unit: &dyn CardUnit, mailbox: &Mailbox, watch: &Mutex<Option<WatchGuard>>) {
    let mut watch = watch.lock().unwrap_or_else(PoisonError::into_inner);
    if watch.is_some() {
        return;
    }
    let events = mailbox.clone();
    let sink = Box::new(move |event| {
        let (event, story) = told_card_event(event);
        events.post(Message::Event(event), story);
    });
    match unit.watch(sink) {
        Ok(guard) => *watch = Some(guard),
        Err(fault) => {
            let (fault, story) = told(Device::CardUnit, &fault);
            mailbox.post(Message::Event(Event::Card(CardEvent::UnitLost(fault))), story);
        }
    }
}

#[cfg(test)]
mod tests;
