//! The negative control: mistakes put in on purpose, around the real machine or into the model. Each must be found.

use transaction::*;

use crate::model::Model;
use crate::scenarios::{Scenario, at_readers_pad, two_crashes};
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
    /// The reader's pad is asked, and that is not recorded.
    PadUnrecorded,
    /// The reader's pad is asked again when a deadline ends while it still works.
    PadRepeated,
    /// The reader's pad takes the last try without a yes.
    PadTakesTheLastTry,
    /// That the card has fewer tries, though the reader says that it presented nothing, is not heard.
    TriesLostUnheard,
    /// Who cancelled while the pad locked the card is told that it was cancelled.
    LockUntold,
}

impl Bug {
    pub(crate) const ALL: [Self; 18] = [
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
        Self::PadUnrecorded,
        Self::PadRepeated,
        Self::PadTakesTheLastTry,
        Self::TriesLostUnheard,
        Self::LockUntold,
    ];

    /// Where it is looked for: in the smallest scenario in which it can be made.
    pub(crate) fn scenario(self) -> Scenario {
        match self {
            Self::PadUnrecorded
            | Self::PadRepeated
            | Self::PadTakesTheLastTry
            | Self::TriesLostUnheard
            | Self::LockUntold => at_readers_pad(),
            Self::EffectsBeforeTheRecord
            | Self::HostDecidesAgain
            | Self::RegisteredOnNoDecision
            | Self::CardNotReturned
            | Self::CardLeftOn
            | Self::VerifyRepeated
            | Self::RestartForgetsOutbox
            | Self::OutboxGivesUp
            | Self::StopsAfterSigning
            | Self::AnyNumberIsAccepted
            | Self::LateDecisionForgotten
            | Self::ConfirmUsesTheLastTry
            | Self::RetainsUnasked => two_crashes(),
        }
    }

    /// The law that it breaks first.
    pub(crate) const fn breaks(self) -> Law {
        match self {
            Self::EffectsBeforeTheRecord | Self::PadUnrecorded => Law::RecordedFirst,
            Self::HostDecidesAgain => Law::DecidedOnce,
            Self::RegisteredOnNoDecision | Self::TriesLostUnheard => Law::NothingFalse,
            Self::CardNotReturned | Self::CardLeftOn | Self::RetainsUnasked => Law::CardComesBack,
            Self::VerifyRepeated
            | Self::ConfirmUsesTheLastTry
            | Self::PadRepeated
            | Self::PadTakesTheLastTry
            | Self::LockUntold => Law::NoSurpriseLock,
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
            (
                Some(Bug::TriesLostUnheard),
                Event::Answer { to, answer: Answer::Pad(PadAnswer::NotPresented { why, .. }) },
                "AwaitPinOnPad",
            ) => {
                let tries = TriesLeft::new(up.pin.shown).map_or(Tries::Blocked, Tries::Left);
                let answer = Answer::Pad(PadAnswer::NotPresented { why: *why, tries });
                Event::Answer { to: *to, answer }
            }
            _ => event,
        }
    }

    /// The records that are kept.
    pub(crate) fn mistaken_records(&self, records: &mut Vec<Record>) {
        match self.bug {
            Some(Bug::PadUnrecorded) => {
                records.retain(|record| !matches!(record, Record::PinAskedAtReader(_)));
            }
            Some(Bug::LockUntold)
                if records.iter().any(|record| matches!(record, Record::PinWrong { .. })) =>
            {
                for record in records {
                    if let Record::Stopped { outcome, .. } = record {
                        *outcome = CANCELLED;
                    }
                }
            }
            _ => {}
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
        let last_try = Effect::Act(Act::Show(Screen::LastTry));
        if bug == Bug::PadTakesTheLastTry
            && let Some(shown) = effects.iter_mut().find(|effect| effect.what == last_try)
        {
            let before = EntryBefore::Nothing;
            let at_pad = TriesLeft::new(1).map(|tries_left| Screen::EnterPinAtReader { tries_left, before });
            shown.what = at_pad.map_or(last_try, |screen| Effect::Act(Act::Show(screen)));
            effects.push(Numbered { no: EffectNo(u32::MAX), what: Effect::Act(Act::VerifyOnPad) });
            return effects;
        }
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
                more(Act::Show(Screen::Stopped { outcome: CANCELLED, tries_left: None }));
            }
            (Bug::RetainsUnasked, Event::Expired(_), "AwaitCardTaken") => more(Act::RetainCard),
            (Bug::PadRepeated, Event::Expired(_), "AwaitPinOnPad") => more(Act::VerifyOnPad),
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
