//! The machine: one state at a time, consumed by each event.
//!
//! Invariant: this file decides what holds in every state (where the card is, which numbers were given out); all
//! that depends on the state is in `states/`, one method for each kind of event, without a catch-all.

use alloc::vec::Vec;
use core::num::NonZeroU8;

pub(crate) use crate::cx::{Asked, CardPlace, Cx, Shared, Timer};
use crate::patience::{Patience, Waited};
use crate::states::State;
use crate::{
    Act, Answer, CardEvent, Closed, Decision, EffectNo, Event, Fault, Key, LanguageNo, Mode, Numbered, Order,
    Printing, Record, Recovery, Release, RequestId, Screen, Step, Violation, Visit,
};

/// What the bank may choose about a visit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Policy {
    /// Which comes back first.
    pub return_order: ReturnOrder,
    /// After so many reminders a card that is not taken is kept in the machine; `None`: never.
    pub retain_after: Option<NonZeroU8>,
    /// How often the time of one screen can be made longer.
    pub time_extensions_max: u8,
    /// How often the reader's own pad is asked in one piece of the customer's time, when its own time is over, and how often
    /// after entries of a wrong length while nobody touches anything else. A yes to the last try starts no new count. A bound
    /// for readers that come back at once.
    pub pad_entries_max: u8,
}

/// The order of card and receipt at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReturnOrder {
    /// The receipt is printed, then the card comes back.
    ReceiptThenCard,
    /// The card comes back, and when it is taken the receipt is printed.
    CardThenReceipt,
}

/// One customer's visit at a time, from the start of the process on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Machine {
    shared: Shared,
    state: State,
}

/// Our bug, in words; becomes a [`Violation`].
#[derive(Debug)]
pub(crate) struct Broken(pub(crate) &'static str);

/// The state after an event.
pub(crate) type Next = Result<State, Broken>;

/// What a state does with each kind of event. Kinds without a default depend on the state.
pub(crate) trait Await: Into<State> + Sized {
    /// Sorts the event by its kind.
    fn on(self, event: Event, cx: &mut Cx) -> Next {
        match event {
            Event::Start(recovery) => self.start(recovery, cx),
            Event::Begin(visit) => self.begin(visit, cx),
            Event::Key(Key::Help) => self.help(cx),
            Event::Key(Key::More) => self.more(Some(Key::More), cx),
            Event::Key(key) => self.key(key, cx),
            Event::Language(language) => self.language(language, cx),
            Event::Mode(mode) => self.mode(mode, cx),
            Event::PadTouched => self.pad_touched(cx),
            Event::Order(order) => self.order(order, cx),
            Event::Printing(printing) => self.printing(printing, cx),
            Event::Unfit(fault) => self.unfit(fault, cx),
            Event::Card(event) => {
                cx.card(event);
                self.card(event, cx)
            }
            Event::Answer { to, answer } => self.answer(to, answer, cx),
            Event::Expired(timer) => self.time(timer, cx),
            Event::HostDecided { request, decision } => self.decided(request, decision, cx),
            Event::Fault(fault) => self.fault(fault, cx),
            Event::OutboxPassed { left } => self.outbox_passed(left, cx),
        }
    }

    /// What the customer sees as long as this state lasts; `None`: what was there before stays.
    fn screen(&self) -> Option<Screen>;
    /// A key of the customer, other than those that mean the same everywhere.
    fn key(self, key: Key, cx: &mut Cx) -> Next;
    /// The card unit noticed something; place and record are already up to date.
    fn card(self, event: CardEvent, cx: &mut Cx) -> Next;
    /// An effect has an answer.
    fn answer(self, to: EffectNo, answer: Answer, cx: &mut Cx) -> Next;
    /// A deadline of a device or of the host is over.
    fn expired(self, timer: EffectNo, cx: &mut Cx) -> Next;

    /// Where a person is waited for: how long.
    fn patience(&mut self) -> Option<&mut Patience> {
        None
    }

    /// The customer's time is over.
    fn time_over(self, _cx: &mut Cx) -> Next {
        Err(Broken("a person's time is over where none is waited for"))
    }

    /// The service is to stop as soon as nothing is lost by it. After the point of no return a visit goes on to its end.
    fn stop_now(self, _cx: &mut Cx) -> Next {
        Ok(self.into())
    }

    /// The service is to stop when no visit is going on.
    fn stop_soon(self, _cx: &mut Cx) -> Next {
        Ok(self.into())
    }

    /// The service may go on.
    fn resume(self, _cx: &mut Cx) -> Next {
        Ok(self.into())
    }

    /// The whole time was given again: somebody is there.
    fn time_renewed(&mut self) {}

    /// A deadline is over: a person is warned first.
    fn time(mut self, timer: EffectNo, cx: &mut Cx) -> Next {
        let screen = self.screen();
        let waited = self.patience().map_or(Waited::Other, |patience| patience.expired(timer, screen, cx));
        match waited {
            Waited::Other => self.expired(timer, cx),
            Waited::Warned => self.stay(),
            Waited::Over => self.time_over(cx),
        }
    }

    /// More time. A touch of the pad that asks for none leaves no trace.
    fn more(mut self, key: Option<Key>, cx: &mut Cx) -> Next {
        if self.patience().is_some_and(|patience| patience.extend(cx)) {
            self.time_renewed();
            return self.show_again(cx);
        }
        match key {
            Some(key) => self.ignore(key, cx),
            None => self.stay(),
        }
    }

    /// Somebody is at the pad: that is as good as the key for more time. When it is pressed is not recorded otherwise.
    fn pad_touched(self, _cx: &mut Cx) -> Next {
        self.stay()
    }

    /// More words about what is seen.
    fn help(self, cx: &mut Cx) -> Next {
        match self.screen() {
            Some(screen) => {
                cx.record(Record::HelpShown);
                cx.act(Act::Help(screen));
                self.stay()
            }
            None => self.ignore(Key::Help, cx),
        }
    }

    /// The same in another language, with the whole time to read it.
    fn language(mut self, language: LanguageNo, cx: &mut Cx) -> Next {
        cx.record(Record::LanguageChosen(language));
        cx.use_language(language);
        if let Some(patience) = self.patience() {
            patience.restart(cx);
        }
        self.time_renewed();
        self.show_again(cx)
    }

    /// The same by voice or by screen, with the time that takes.
    fn mode(mut self, mode: Mode, cx: &mut Cx) -> Next {
        cx.set_mode(mode);
        if let Some(patience) = self.patience() {
            patience.restart(cx);
        }
        self.time_renewed();
        self.show_again(cx)
    }

    /// The operator wants something.
    fn order(self, order: Order, cx: &mut Cx) -> Next {
        cx.ordered(order);
        match order {
            Order::StopAfterVisit => self.stop_soon(cx),
            Order::StopNow => self.stop_now(cx),
            Order::Resume => self.resume(cx),
        }
    }

    /// A person must look first. The present visit goes on to its end.
    fn unfit(self, fault: Fault, cx: &mut Cx) -> Next {
        cx.record(Record::Fault(fault));
        cx.close_for(Closed::Fault(fault));
        self.stop_soon(cx)
    }

    /// Whether receipts can be printed: known to every state, asked by one.
    fn printing(self, printing: Printing, cx: &mut Cx) -> Next {
        cx.set_printing(printing);
        self.stay()
    }

    /// Puts this state's screen before the customer again.
    fn show_again(self, cx: &mut Cx) -> Next {
        if let Some(screen) = self.screen() {
            cx.show(screen);
        }
        self.stay()
    }

    /// The journal is open: once, in the first state.
    fn start(self, _recovery: Recovery, _cx: &mut Cx) -> Next {
        Err(Broken("started twice"))
    }

    /// The service is chosen: only an idle machine begins a visit, elsewhere it is a second press.
    fn begin(self, visit: Visit, cx: &mut Cx) -> Next {
        cx.record(Record::BeginIgnored(visit));
        Ok(self.into())
    }

    /// A decision is always taken. Where nobody waits for it, taking it is all.
    fn decided(self, request: RequestId, decision: Decision, cx: &mut Cx) -> Next {
        cx.decided(request, decision);
        Ok(self.into())
    }

    /// A fault that answers no question: recorded. What a state depends on fails by its answer or its deadline.
    fn fault(self, fault: Fault, cx: &mut Cx) -> Next {
        cx.record(Record::Fault(fault));
        Ok(self.into())
    }

    /// The outbox works beside the visits.
    fn outbox_passed(self, left: u32, cx: &mut Cx) -> Next {
        cx.record(Record::OutboxPassed { left });
        Ok(self.into())
    }

    /// For keys that mean nothing here.
    fn ignore(self, key: Key, cx: &mut Cx) -> Next {
        cx.record(Record::KeyIgnored(key));
        Ok(self.into())
    }

    /// For what changes nothing.
    fn stay(self) -> Next {
        Ok(self.into())
    }

    /// For an answer that no question of this state has, and for deadlines of states that are over.
    fn stale(self, to: EffectNo, cx: &mut Cx) -> Next {
        cx.stale(to)?;
        Ok(self.into())
    }
}

impl Machine {
    /// A machine that awaits [`Event::Start`].
    #[must_use]
    pub fn new(policy: Policy) -> Self {
        Self { shared: Shared::new(policy), state: State::first() }
    }

    /// The name of the state: that of its struct.
    #[must_use]
    pub fn state(&self) -> &'static str {
        self.state.name()
    }

    /// How the customer is served.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.shared.mode()
    }

    /// Gives up: nothing can be recorded any more. What may still be done.
    #[must_use]
    pub fn abandon(self) -> Vec<Numbered<Release>> {
        Cx::new(self.shared).rescue()
    }

    /// Takes one event.
    ///
    /// # Errors
    /// A [`Violation`] when the event cannot happen here: a bug of ours, after which there is no machine.
    pub fn handle(self, event: Event) -> Result<Step, Violation> {
        let state_name = self.state.name();
        let mut cx = Cx::new(self.shared);
        match self.state.on(event, &mut cx) {
            Ok(state) => {
                let rescue = cx.rescue();
                Ok(Step::seal(Self { shared: cx.shared, state }, cx.records, cx.effects, rescue))
            }
            Err(Broken(report)) => Err(Violation { state: state_name, report, release: cx.rescue() }),
        }
    }
}

/// The answer's number fits the question and its kind does not.
pub(crate) fn wrong_kind() -> Next {
    Err(Broken("an answer of another kind than the question"))
}
