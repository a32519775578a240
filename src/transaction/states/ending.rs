//! The end of a visit: the reason or the receipt, and the card back to its owner.
//!
//! Invariant: every way out of this file passes [`give_back`], which leaves a card in the unit to nobody.

use crate::machine::{Asked, Await, CardPlace, Cx, Next, Timer, wrong_kind};
use crate::patience::Patience;
use crate::states::{State, start, taking};
use crate::{
    Act, Answer, CardEvent, Decision, Device, EffectNo, Fault, Key, Limit, Outcome, PrintAnswer, Record,
    Release, RequestId, ReturnOrder, Screen, TriesLeft, Visit,
};

/// What the customer was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Told {
    pub(super) visit: Visit,
    pub(super) outcome: Outcome,
    pub(super) expires_soon: bool,
    /// The PIN's counter, where it fell during the visit and nothing is left open.
    pub(super) tries_left: Option<TriesLeft>,
}

/// What is left to do when the card is out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum AfterCard {
    Print,
    Close,
}

/// What there is to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Page {
    /// Why the visit stopped.
    Stopped,
    /// There is no receipt; here are the numbers.
    NoReceipt,
    /// The card is kept; this is whom to call.
    Retained,
}

/// The receipt is being printed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct AwaitPrinted {
    told: Told,
    print: Asked,
    deadline: Timer,
}

/// Something is on the screen that the customer should read.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct AwaitNoticeRead {
    told: Told,
    page: Page,
    then: AfterCard,
    patience: Patience,
}

/// Ends a visit before the point of no return: nothing was sent, and nothing will be.
pub(super) fn stop(visit: Visit, outcome: Outcome, cx: &mut Cx) -> State {
    stop_and_tell(visit, outcome, None, cx)
}

/// The same for a visit in which the PIN's counter may have fallen, and is known.
pub(super) fn stop_and_tell(
    visit: Visit,
    outcome: Outcome,
    tries_left: Option<TriesLeft>,
    cx: &mut Cx,
) -> State {
    cx.record(Record::Stopped { visit, outcome });
    cx.release(Release::ForgetPin);
    cx.release(Release::EndCard);
    let told = Told { visit, outcome, expires_soon: false, tries_left };
    notice(told, Page::Stopped, AfterCard::Close, cx)
}

/// Lets the customer read something, then goes on with the card.
pub(super) fn notice(told: Told, page: Page, then: AfterCard, cx: &mut Cx) -> State {
    cx.show(page.screen(told));
    AwaitNoticeRead { told, page, then, patience: Patience::begin(Limit::Notice, cx) }.into()
}

/// Goes on after the question for a receipt.
pub(super) fn receipt_chosen(told: Told, wanted: bool, cx: &mut Cx) -> State {
    cx.record(Record::ReceiptChosen { visit: told.visit, wanted });
    if !wanted {
        return give_back(told, AfterCard::Close, cx);
    }
    match cx.policy().return_order {
        ReturnOrder::ReceiptThenCard => print(told, cx),
        ReturnOrder::CardThenReceipt => give_back(told, AfterCard::Print, cx),
    }
}

fn print(told: Told, cx: &mut Cx) -> State {
    cx.show(Screen::Printing);
    let Told { visit, outcome, expires_soon, tries_left: _ } = told;
    let print = cx.ask(Act::PrintReceipt { visit, outcome, expires_soon });
    AwaitPrinted { told, print, deadline: cx.arm(Limit::Print) }.into()
}

fn give_back(told: Told, then: AfterCard, cx: &mut Cx) -> State {
    match cx.place() {
        CardPlace::In | CardPlace::InMute => taking::offer(taking::Whose::Customer { told, then }, cx),
        CardPlace::Out | CardPlace::Unseen => after_card(told, then, cx),
        CardPlace::Unknown(_) => {
            cx.record(Record::CardUnseen(told.visit));
            cx.release(Release::ReturnCard);
            after_card(told, then, cx)
        }
    }
}

/// Goes on when the card is out of the customer's way.
pub(super) fn after_card(told: Told, then: AfterCard, cx: &mut Cx) -> State {
    match then {
        AfterCard::Print => print(told, cx),
        AfterCard::Close => close(told, cx),
    }
}

fn close(told: Told, cx: &mut Cx) -> State {
    let Told { visit, outcome, .. } = told;
    cx.record(Record::VisitClosed { visit, outcome });
    cx.act(Act::Finish { visit, outcome });
    match outcome {
        Outcome::Pending => cx.act(Act::DeliverOutbox),
        Outcome::Registered
        | Outcome::AlreadyRegistered
        | Outcome::Rejected(_)
        | Outcome::Refused(_)
        | Outcome::Fault(_) => {}
    }
    start::idle(cx)
}

impl AwaitPrinted {
    fn failed(self, fault: Fault, cx: &mut Cx) -> Next {
        cx.record(Record::Fault(fault));
        Ok(notice(self.told, Page::NoReceipt, AfterCard::Close, cx))
    }
}

impl Await for AwaitPrinted {
    fn screen(&self) -> Option<Screen> {
        Some(Screen::Printing)
    }

    fn key(self, key: Key, cx: &mut Cx) -> Next {
        self.ignore(key, cx)
    }

    fn card(self, event: CardEvent, _cx: &mut Cx) -> Next {
        match event {
            CardEvent::Inserted
            | CardEvent::Mute
            | CardEvent::Removed
            | CardEvent::UnitLost(_)
            | CardEvent::UnitBack => self.stay(),
        }
    }

    fn answer(self, to: EffectNo, answer: Answer, cx: &mut Cx) -> Next {
        if !self.print.is(to) {
            return self.stale(to, cx);
        }
        let Answer::Print(answer) = answer else { return wrong_kind() };
        cx.disarm(self.deadline);
        match answer {
            PrintAnswer::Printed => {
                cx.record(Record::ReceiptPrinted(self.told.visit));
                // A card that is still in, or was put in again, goes back; then the visit is over.
                Ok(give_back(self.told, AfterCard::Close, cx))
            }
            PrintAnswer::Failed(fault) => self.failed(fault, cx),
        }
    }

    fn expired(self, timer: EffectNo, cx: &mut Cx) -> Next {
        if !self.deadline.is(timer) {
            return self.stale(timer, cx);
        }
        self.failed(Fault::no_answer(Device::Printer), cx)
    }
}

impl AfterCard {
    /// What a receipt that is still to come will say, after a decision.
    pub(super) fn told(self, told: Told, request: RequestId, decision: Decision) -> Told {
        match self {
            Self::Print if told.visit.request == request => Told { outcome: Outcome::from(decision), ..told },
            Self::Print | Self::Close => told,
        }
    }
}

impl Page {
    const fn screen(self, told: Told) -> Screen {
        match self {
            Self::Stopped => Screen::Stopped { outcome: told.outcome, tries_left: told.tries_left },
            Self::NoReceipt => Screen::NoReceipt,
            Self::Retained => Screen::Retained,
        }
    }
}

impl Await for AwaitNoticeRead {
    fn screen(&self) -> Option<Screen> {
        Some(self.page.screen(self.told))
    }

    fn patience(&mut self) -> Option<&mut Patience> {
        Some(&mut self.patience)
    }

    fn time_over(self, cx: &mut Cx) -> Next {
        Ok(give_back(self.told, self.then, cx))
    }

    fn stop_now(self, cx: &mut Cx) -> Next {
        self.patience.end(cx);
        Ok(give_back(self.told, self.then, cx))
    }

    /// A receipt that is still to come says what is known by then.
    fn decided(self, request: RequestId, decision: Decision, cx: &mut Cx) -> Next {
        cx.decided(request, decision);
        Ok(Self { told: self.then.told(self.told, request, decision), ..self }.into())
    }

    fn key(self, key: Key, cx: &mut Cx) -> Next {
        match key {
            Key::Confirm | Key::Cancel => {
                self.patience.end(cx);
                Ok(give_back(self.told, self.then, cx))
            }
            Key::Yes | Key::No | Key::More | Key::Help => self.ignore(key, cx),
        }
    }

    fn card(self, event: CardEvent, _cx: &mut Cx) -> Next {
        match event {
            CardEvent::Inserted
            | CardEvent::Mute
            | CardEvent::Removed
            | CardEvent::UnitLost(_)
            | CardEvent::UnitBack => self.stay(),
        }
    }

    fn answer(self, to: EffectNo, _answer: Answer, cx: &mut Cx) -> Next {
        self.stale(to, cx)
    }

    fn expired(self, timer: EffectNo, cx: &mut Cx) -> Next {
        self.stale(timer, cx)
    }
}
