//! The end of a visit: the reason or the receipt, and the card back to its owner.
//!
//! Invariant: every way out of this file passes [`give_back`], which leaves a card in the unit to nobody.

use crate::machine::{Asked, Await, CardPlace, Cx, Next, Timer, wrong_kind};
use crate::states::{State, start};
use crate::{
    Act, Answer, CardEvent, Decision, Device, EffectNo, Fault, Key, Limit, Outcome, PrintAnswer, Record,
    Release, RequestId, ReturnOrder, Screen, Visit,
};

/// What the customer was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) visit: Visit,
    pub(super) outcome: Outcome,
    pub(super) expires_soon: bool,
}

/// What is left to do when the card is out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AfterCard {
    Print,
    Close,
}

/// The receipt is being printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AwaitPrinted {
    told: Told,
    print: Asked,
    deadline: Timer,
}

/// The reason why the visit stopped is on the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AwaitNoticeRead {
    told: Told,
    deadline: Timer,
}

/// The card is offered to the customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AwaitCardTaken {
    told: Told,
    reminder: Timer,
    then: AfterCard,
}

/// Ends a visit before the point of no return: nothing was sent, and nothing will be.
pub(super) fn stop(visit: Visit, outcome: Outcome, cx: &mut Cx) -> State {
    cx.record(Record::Stopped { visit, outcome });
    cx.release(Release::ForgetPin);
    cx.release(Release::EndCard);
    cx.show(Screen::Stopped { outcome });
    let told = Told { visit, outcome, expires_soon: false };
    AwaitNoticeRead { told, deadline: cx.arm(Limit::Notice) }.into()
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
    let Told { visit, outcome, expires_soon } = told;
    let print = cx.ask(Act::PrintReceipt { visit, outcome, expires_soon });
    AwaitPrinted { told, print, deadline: cx.arm(Limit::Print) }.into()
}

fn give_back(told: Told, then: AfterCard, cx: &mut Cx) -> State {
    match cx.place() {
        CardPlace::In | CardPlace::InMute => {
            cx.record(Record::CardReturning(told.visit));
            cx.release(Release::ReturnCard);
            cx.show(Screen::TakeCard);
            AwaitCardTaken { told, reminder: cx.arm(Limit::CardTake), then }.into()
        }
        CardPlace::Out | CardPlace::Unseen => after_card(told, then, cx),
        CardPlace::Unknown(_) => {
            cx.record(Record::CardUnseen(told.visit));
            cx.release(Release::ReturnCard);
            after_card(told, then, cx)
        }
    }
}

fn after_card(told: Told, then: AfterCard, cx: &mut Cx) -> State {
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
    /// A card that is still in, or was put in again, goes back; then the visit is over.
    fn go_on(self, cx: &mut Cx) -> Next {
        Ok(give_back(self.told, AfterCard::Close, cx))
    }

    fn failed(self, fault: Fault, cx: &mut Cx) -> Next {
        cx.record(Record::Fault(fault));
        cx.show(Screen::NoReceipt);
        self.go_on(cx)
    }
}

impl Await for AwaitPrinted {
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
                self.go_on(cx)
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

impl Await for AwaitNoticeRead {
    fn key(self, key: Key, cx: &mut Cx) -> Next {
        match key {
            Key::Confirm | Key::Cancel => {
                cx.disarm(self.deadline);
                Ok(give_back(self.told, AfterCard::Close, cx))
            }
            Key::Yes | Key::No => self.ignore(key, cx),
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
        if !self.deadline.is(timer) {
            return self.stale(timer, cx);
        }
        Ok(give_back(self.told, AfterCard::Close, cx))
    }
}

impl Await for AwaitCardTaken {
    /// A receipt that is still to come says what is known by then.
    fn decided(self, request: RequestId, decision: Decision, cx: &mut Cx) -> Next {
        cx.decided(request, decision);
        if request != self.told.visit.request || self.then != AfterCard::Print {
            return self.stay();
        }
        let told = Told { outcome: decision.into(), ..self.told };
        Ok(Self { told, ..self }.into())
    }

    fn key(self, key: Key, cx: &mut Cx) -> Next {
        self.ignore(key, cx)
    }

    fn card(self, event: CardEvent, cx: &mut Cx) -> Next {
        match event {
            CardEvent::Removed => {
                cx.disarm(self.reminder);
                cx.record(Record::CardTaken(self.told.visit));
                Ok(after_card(self.told, self.then, cx))
            }
            CardEvent::Inserted | CardEvent::Mute | CardEvent::UnitLost(_) | CardEvent::UnitBack => {
                self.stay()
            }
        }
    }

    fn answer(self, to: EffectNo, _answer: Answer, cx: &mut Cx) -> Next {
        self.stale(to, cx)
    }

    fn expired(self, timer: EffectNo, cx: &mut Cx) -> Next {
        if !self.reminder.is(timer) {
            return self.stale(timer, cx);
        }
        match cx.place() {
            CardPlace::In | CardPlace::InMute => {
                cx.record(Record::CardNotTaken(Some(self.told.visit.id)));
                cx.release(Release::ReturnCard);
                Ok(Self { reminder: cx.arm(Limit::CardTake), ..self }.into())
            }
            // Nobody can see any more whether it was taken, or it went while the unit was away.
            CardPlace::Unknown(_) | CardPlace::Out | CardPlace::Unseen => {
                cx.record(Record::CardUnseen(self.told.visit));
                Ok(after_card(self.told, self.then, cx))
            }
        }
    }
}
