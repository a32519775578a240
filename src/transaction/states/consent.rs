//! Challenge and terms from the host, and the customer's consent to exactly these.

use crate::machine::{Asked, Await, Cx, Next, Timer, wrong_kind};
use crate::patience::Patience;
use crate::states::{State, card, ending};
use crate::{
    Act, Answer, CardEvent, ChallengeAnswer, EffectNo, Key, Limit, Outcome, Record, Refusal, Screen, Visit,
};

/// The host is asked for challenge, time and terms.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct AwaitChallenge {
    visit: Visit,
    challenge: Asked,
    deadline: Timer,
}

/// The terms are on the screen.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct AwaitConsent {
    visit: Visit,
    patience: Patience,
}

pub(super) fn fetch_challenge(visit: Visit, cx: &mut Cx) -> State {
    cx.show(Screen::Connecting);
    let challenge = cx.ask(Act::FetchChallenge(visit));
    AwaitChallenge { visit, challenge, deadline: cx.arm(Limit::Challenge) }.into()
}

impl AwaitChallenge {
    fn stop(self, outcome: Outcome, cx: &mut Cx) -> Next {
        cx.disarm(self.deadline);
        Ok(ending::stop(self.visit, outcome, cx))
    }
}

impl Await for AwaitChallenge {
    fn screen(&self) -> Option<Screen> {
        Some(Screen::Connecting)
    }

    fn stop_now(self, cx: &mut Cx) -> Next {
        self.stop(Outcome::Refused(Refusal::ServiceStopped), cx)
    }

    fn key(self, key: Key, cx: &mut Cx) -> Next {
        match key {
            Key::Cancel => self.stop(Outcome::Refused(Refusal::Cancelled), cx),
            Key::Confirm | Key::Yes | Key::No | Key::More | Key::Help => self.ignore(key, cx),
        }
    }

    fn card(self, event: CardEvent, _cx: &mut Cx) -> Next {
        match event {
            // A card may be put in early; it is read when the terms are confirmed.
            CardEvent::Inserted
            | CardEvent::Mute
            | CardEvent::Removed
            | CardEvent::UnitLost(_)
            | CardEvent::UnitBack => self.stay(),
        }
    }

    fn answer(self, to: EffectNo, answer: Answer, cx: &mut Cx) -> Next {
        if !self.challenge.is(to) {
            return self.stale(to, cx);
        }
        let Answer::Challenge(answer) = answer else { return wrong_kind() };
        match answer {
            ChallengeAnswer::Received => {
                cx.disarm(self.deadline);
                cx.record(Record::ChallengeReceived(self.visit));
                cx.show(Screen::Terms);
                Ok(AwaitConsent { visit: self.visit, patience: Patience::begin(Limit::Terms, cx) }.into())
            }
            ChallengeAnswer::Refused(refusal) => self.stop(Outcome::Refused(refusal), cx),
            ChallengeAnswer::Failed(fault) => self.stop(Outcome::Fault(fault), cx),
        }
    }

    fn expired(self, timer: EffectNo, cx: &mut Cx) -> Next {
        if !self.deadline.is(timer) {
            return self.stale(timer, cx);
        }
        Ok(ending::stop(self.visit, Outcome::Refused(Refusal::HostUnreachable), cx))
    }
}

impl AwaitConsent {
    fn stop(self, refusal: Refusal, cx: &mut Cx) -> Next {
        self.patience.end(cx);
        Ok(ending::stop(self.visit, Outcome::Refused(refusal), cx))
    }
}

impl Await for AwaitConsent {
    fn screen(&self) -> Option<Screen> {
        Some(Screen::Terms)
    }

    fn patience(&mut self) -> Option<&mut Patience> {
        Some(&mut self.patience)
    }

    fn time_over(self, cx: &mut Cx) -> Next {
        Ok(ending::stop(self.visit, Outcome::Refused(Refusal::TimedOut), cx))
    }

    fn stop_now(self, cx: &mut Cx) -> Next {
        self.stop(Refusal::ServiceStopped, cx)
    }

    fn key(self, key: Key, cx: &mut Cx) -> Next {
        match key {
            Key::Confirm => {
                self.patience.end(cx);
                cx.record(Record::Consented(self.visit));
                cx.act(Act::KeepConsent(self.visit));
                Ok(card::ask_card(self.visit, cx))
            }
            Key::Cancel => self.stop(Refusal::Cancelled, cx),
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
