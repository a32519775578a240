//! The decision itself: a pure function from a verified request and the facts of the books to an outcome.
//!
//! Invariants:
//! - No IO, no clock, no books: the same claim over the same facts is the same outcome.
//! - What is refused for the terminal's or the customer's conduct is refused before anything is said about the card, and
//!   "cannot decide now" comes only where the revocation source would have made the difference.

use jiff::{SignedDuration, Timestamp};
use request::{Decision, RejectReason};

use crate::store::{ChallengeState, Facts, InsurerState};
use crate::terms::Terms;

/// What the request says, verified.
#[derive(Clone, Debug)]
pub struct Claim {
    /// When the card signed, by the terminal's clock, whole seconds.
    pub signed_at: Timestamp,
    /// When the customer confirmed the terms, by the terminal's clock.
    pub consented_at: Timestamp,
    /// When the request arrived, by the host's clock.
    pub arrived_at: Timestamp,
    /// Version of the terms shown.
    pub terms_version: String,
    /// Their language.
    pub terms_language: String,
    /// SHA-256 of the text shown.
    pub terms_sha256: [u8; 32],
    /// What is to be said about the card's certificate.
    pub card: CardVerdict,
}

/// What is to be said about the card's certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CardVerdict {
    /// Profile, path, dates and revocation are in order.
    Good,
    /// It is refused.
    Refused(RejectReason),
    /// Its revocation cannot be asked now; stable code of the fault.
    CannotTell(&'static str),
}

/// The outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A decision.
    Decided(Decision),
    /// None now; why.
    NotNow(&'static str),
}

/// Rules over a claim.
///
/// `skew` is by how much the terminal's clock may differ from the host's.
#[must_use]
pub fn decide(claim: &Claim, facts: &Facts, terms: &Terms, skew: SignedDuration) -> Outcome {
    if let Err(reason) = conduct(claim, &facts.challenge, terms, skew) {
        return Outcome::Decided(Decision::Rejected(reason));
    }
    match claim.card {
        CardVerdict::Refused(reason) => return Outcome::Decided(Decision::Rejected(reason)),
        CardVerdict::CannotTell(why) => return Outcome::NotNow(why),
        CardVerdict::Good => {}
    }
    Outcome::Decided(match (facts.insurer, facts.registered) {
        (Some(InsurerState::NoInsurerData), _) => Decision::Rejected(RejectReason::NoInsurerData),
        (Some(InsurerState::InsurerBlocked), _) => Decision::Rejected(RejectReason::InsurerBlocked),
        (None, Some(_)) => Decision::AlreadyRegistered,
        (None, None) => Decision::Registered,
    })
}

/// Challenge, times and terms.
fn conduct(
    claim: &Claim,
    challenge: &ChallengeState,
    terms: &Terms,
    skew: SignedDuration,
) -> Result<(), RejectReason> {
    let ChallengeState::Open { issued_at, consent_by, accept_until, terms_version } = challenge else {
        return Err(match challenge {
            ChallengeState::Used => RejectReason::ChallengeUsed,
            _ => RejectReason::ChallengeUnknown,
        });
    };
    if claim.arrived_at > *accept_until {
        return Err(RejectReason::TooLate);
    }
    // A signature from before its challenge is as far outside the window as one from after it: the clock that made it
    // says nothing. CMS times are cut to the second, which the second added here makes good.
    let earliest = moved(*issued_at, -skew - SignedDuration::from_secs(1));
    let latest = moved(*consent_by, skew);
    let within = |at: Timestamp| (earliest..=latest).contains(&at);
    if !within(claim.signed_at) || !within(claim.consented_at) {
        return Err(RejectReason::ConsentTooLate);
    }
    let shown = terms.has(&claim.terms_version, &claim.terms_language, &claim.terms_sha256);
    if claim.terms_version != *terms_version || !shown {
        return Err(RejectReason::TermsNotCurrent);
    }
    Ok(())
}

/// `at` moved by `by`, at most to the end of time.
fn moved(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.saturating_add(by).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::acceptance_number::AcceptanceNumber;

    const SKEW: SignedDuration = SignedDuration::from_secs(30);

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn terms() -> Terms {
        Terms::load(None).unwrap()
    }

    fn claim() -> Claim {
        Claim {
            signed_at: at(60),
            consented_at: at(30),
            arrived_at: at(61),
            terms_version: "1".to_owned(),
            terms_language: "ja".to_owned(),
            terms_sha256: *terms().current().text("ja").unwrap().sha256().as_bytes(),
            card: CardVerdict::Good,
        }
    }

    fn facts() -> Facts {
        Facts {
            challenge: ChallengeState::Open {
                issued_at: at(0),
                consent_by: at(900),
                accept_until: at(86_400),
                terms_version: "1".to_owned(),
            },
            insurer: None,
            registered: None,
            free_number: AcceptanceNumber::from_random(1),
        }
    }

    fn rule(claim: &Claim, facts: &Facts) -> Outcome {
        decide(claim, facts, &terms(), SKEW)
    }

    fn rejected(reason: RejectReason) -> Outcome {
        Outcome::Decided(Decision::Rejected(reason))
    }

    #[test]
    fn a_good_claim_registers() {
        assert_eq!(rule(&claim(), &facts()), Outcome::Decided(Decision::Registered));
    }

    #[test]
    fn a_registered_holder_is_already_registered() {
        let facts = Facts { registered: Some(AcceptanceNumber::from_random(2)), ..facts() };
        assert_eq!(rule(&claim(), &facts), Outcome::Decided(Decision::AlreadyRegistered));
    }

    #[test]
    fn the_challenge_must_be_open() {
        let unknown = Facts { challenge: ChallengeState::Unknown, ..facts() };
        assert_eq!(rule(&claim(), &unknown), rejected(RejectReason::ChallengeUnknown));
        let used = Facts { challenge: ChallengeState::Used, ..facts() };
        assert_eq!(rule(&claim(), &used), rejected(RejectReason::ChallengeUsed));
    }

    #[test]
    fn arrival_ends_with_accept_until() {
        let on_time = Claim { arrived_at: at(86_400), ..claim() };
        assert_eq!(rule(&on_time, &facts()), Outcome::Decided(Decision::Registered));
        let late = Claim { arrived_at: at(86_401), ..claim() };
        assert_eq!(rule(&late, &facts()), rejected(RejectReason::TooLate));
    }

    #[test]
    fn signing_and_consent_lie_in_the_window_with_skew() {
        for second in [-31, -30, 0, 900, 930] {
            let claim = Claim { signed_at: at(second), ..claim() };
            assert_eq!(rule(&claim, &facts()), Outcome::Decided(Decision::Registered), "{second}");
        }
        for second in [-32, 931, 100_000] {
            let signed = Claim { signed_at: at(second), ..claim() };
            assert_eq!(rule(&signed, &facts()), rejected(RejectReason::ConsentTooLate), "{second}");
            let consented = Claim { consented_at: at(second), ..claim() };
            assert_eq!(rule(&consented, &facts()), rejected(RejectReason::ConsentTooLate), "{second}");
        }
    }

    #[test]
    fn the_terms_are_those_of_the_challenge() {
        for wrong in [
            Claim { terms_version: "2".to_owned(), ..claim() },
            Claim { terms_language: "en".to_owned(), ..claim() },
            Claim { terms_sha256: [0; 32], ..claim() },
        ] {
            assert_eq!(rule(&wrong, &facts()), rejected(RejectReason::TermsNotCurrent));
        }
    }

    #[test]
    fn the_insurer_comes_before_already_registered() {
        for (state, reason) in [
            (InsurerState::NoInsurerData, RejectReason::NoInsurerData),
            (InsurerState::InsurerBlocked, RejectReason::InsurerBlocked),
        ] {
            let facts =
                Facts { insurer: Some(state), registered: Some(AcceptanceNumber::from_random(2)), ..facts() };
            assert_eq!(rule(&claim(), &facts), rejected(reason));
            assert_eq!(state.code(), reason.code());
        }
    }

    #[test]
    fn a_refused_card_is_rejected_with_its_reason() {
        let claim = Claim { card: CardVerdict::Refused(RejectReason::CertificateRevoked), ..claim() };
        assert_eq!(rule(&claim, &facts()), rejected(RejectReason::CertificateRevoked));
    }

    #[test]
    fn not_now_only_where_revocation_would_have_decided() {
        let claim = Claim { card: CardVerdict::CannotTell("crl"), ..claim() };
        assert_eq!(rule(&claim, &facts()), Outcome::NotNow("crl"));
        let used = Facts { challenge: ChallengeState::Used, ..facts() };
        assert_eq!(rule(&claim, &used), rejected(RejectReason::ChallengeUsed));
    }
}
