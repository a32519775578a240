//! The negative control: mistakes put in on purpose, around the real machine or into the model. Each must be found.

use transaction::*;

use crate::model::Model;
use crate::truth::Law;
use crate::world::Up;

/// A mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bug {
    /// The records of a step become durable only after its effects.
    EffectsBeforeTheRecord,
    /// The host decides again when the same request comes again.
    HostDecidesAgain,
    /// An attempt without a decision is shown as a registration.
    RegisteredOnNoDecision,
    /// The card is not let out.
    CardNotReturned,
    /// The session is not ended, so the card comes back with power on.
    CardLeftOn,
    /// VERIFY is sent again when its answer does not come.
    VerifyRepeated,
    /// A restart does not deliver the outbox.
    RestartForgetsOutbox,
    /// One pass over the outbox, and no other when something is left.
    OutboxGivesUp,
    /// Cancel is obeyed after the point of no return.
    StopsAfterSigning,
    /// An answer is taken whatever number it quotes.
    AnyNumberIsAccepted,
    /// A decision that comes when nobody waits is thrown away.
    LateDecisionForgotten,
    /// 「確認」 counts as the yes to the last try.
    ConfirmUsesTheLastTry,
    /// A card that is not taken is kept, though the bank does not want that.
    RetainsUnasked,
}

impl Bug {
    pub(crate) const ALL: [Self; 13] = [
        Self::EffectsBeforeTheRecord,
        Self::HostDecidesAgain,
        Self::RegisteredOnNoDecision,
        Self::CardNotReturned,
        Self::CardLeftOn,
        Self::VerifyRepeated,
        Self::RestartForgetsOutbox,
        Self::OutboxGivesUp,
        Self::StopsAfterSigning,
        Self::AnyNumberIsAccepted,
        Self::LateDecisionForgotten,
        Self::ConfirmUsesTheLastTry,
        Self::RetainsUnasked,
    ];

    /// The law that it breaks first.
    pub(crate) const fn breaks(self) -> Law {
        match self {
            Self::EffectsBeforeTheRecord => Law::RecordedFirst,
            Self::HostDecidesAgain => Law::DecidedOnce,
            Self::RegisteredOnNoDecision => Law::NothingFalse,
            Self::CardNotReturned | Self::CardLeftOn | Self::RetainsUnasked => Law::CardComesBack,
            Self::VerifyRepeated | Self::ConfirmUsesTheLastTry => Law::NoSurpriseLock,
            Self::RestartForgetsOutbox | Self::OutboxGivesUp | Self::LateDecisionForgotten => {
                Law::BothSidesAgree
            }
            Self::StopsAfterSigning => Law::PointOfNoReturn,
            Self::AnyNumberIsAccepted => Law::AnswersFindTheirQuestion,
        }
    }
}

/// A refusal that nobody was to see.
const CANCELLED: Outcome = Outcome::Refused(Refusal::Cancelled);

impl Model {
    /// The event that the machine gets.
    pub(crate) fn mistaken_event(&self, up: &Up, event: Event) -> Event {
        match (self.bug, &event, up.machine.state()) {
            (Some(Bug::LateDecisionForgotten), Event::HostDecided { .. }, "AwaitCustomer") => {
                Event::Fault(crate::world::HOST_FAULT)
            }
            (Some(Bug::ConfirmUsesTheLastTry), Event::Key(Key::Confirm), "AwaitLastTryYes") => {
                Event::Key(Key::Yes)
            }
            _ => event,
        }
    }

    /// The effects that are done.
    pub(crate) fn mistaken_effects(
        &self,
        from: &str,
        event: &Event,
        mut effects: Vec<Numbered<Effect>>,
    ) -> Vec<Numbered<Effect>> {
        let Some(bug) = self.bug else { return effects };
        let mut more = |act| effects.push(Numbered { no: EffectNo(u32::MAX), what: Effect::Act(act) });
        match (bug, event, from) {
            (
                Bug::RegisteredOnNoDecision,
                Event::Answer { answer: Answer::Host(HostAnswer::NoDecision(_)), .. },
                "AwaitHostDecision",
            ) => more(Act::Show(Screen::Result {
                outcome: Outcome::Registered,
                expires_soon: false,
                receipt: false,
            })),
            (Bug::VerifyRepeated, Event::Expired(_), "AwaitPinVerified") => more(Act::VerifyPin),
            (Bug::StopsAfterSigning, Event::Key(Key::Cancel), "AwaitHostDecision" | "AwaitResend") => {
                more(Act::Show(Screen::Stopped { outcome: CANCELLED }));
            }
            (Bug::RetainsUnasked, Event::Expired(_), "AwaitCardTaken") => more(Act::RetainCard),
            (Bug::CardNotReturned, ..) => {
                effects.retain(|effect| effect.what != Effect::Release(Release::ReturnCard));
            }
            (Bug::CardLeftOn, ..) => {
                effects.retain(|effect| effect.what != Effect::Release(Release::EndCard))
            }
            (Bug::RestartForgetsOutbox, _, "AwaitStart") => {
                effects.retain(|effect| effect.what != Effect::Act(Act::DeliverOutbox));
            }
            _ => {}
        }
        effects
    }
}
