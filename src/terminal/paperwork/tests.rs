//! The office alone: what it refuses, and by which code.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use request::{AnchorKind, FileKey, SignFault, load_anchor_file};

use super::*;
use crate::clock;
use crate::test_support::card::{TestCard, trust};
use crate::test_support::people::challenge;
use crate::test_support::pki;

const SKEW: SignedDuration = SignedDuration::from_secs(30);
const SECOND: SignedDuration = SignedDuration::from_secs(1);

#[test]
fn a_host_time_within_the_exchange_is_no_skew() {
    let at = |second| Timestamp::from_second(second).unwrap();
    assert_eq!(skew(at(10), at(12), at(11)), SignedDuration::ZERO);
    assert_eq!(skew(at(10), at(12), at(40)), SignedDuration::from_secs(28));
    assert_eq!(skew(at(10), at(12), at(4)), SignedDuration::from_secs(6));
}

fn office() -> Office {
    let files = pki().terminal("T0001").unwrap().evidence;
    Office {
        terminal_id: "T0001".to_owned(),
        language: Language::Ja,
        evidence: Box::new(FileKey::load(&files.certificate, &files.key).unwrap()),
        card_trust: std::sync::Arc::new(trust()),
        terminal_anchors: load_anchor_file(&pki().layout().terminal_anchor(), AnchorKind::Service).unwrap(),
        clock_skew_ms_max: 30_000,
    }
}

fn moment() -> Moment {
    Moment { wall: clock::now(), steady: clock::instant() }
}

/// So much later, on both clocks.
fn later(than: Moment, by: SignedDuration) -> Moment {
    let steady = than.steady + Duration::try_from(by).unwrap();
    Moment { wall: than.wall + by, steady }
}

fn code(fault: &Fault) -> &'static str {
    fault.code
}

/// The terms as they came just now.
fn terms(office: &Office, came: Moment) -> Terms {
    office.take_challenge(came.wall, came, &challenge(came.wall)).map_err(|(answer, _)| answer).unwrap()
}

fn prepare(
    office: &Office,
    terms: &Terms,
    card: &CardCertificate,
    now: Moment,
) -> Result<Prepared, PrepareAnswer> {
    let request = RequestId(uuid::Builder::from_unix_timestamp_millis(1, &[7; 10]).into_uuid().into_bytes());
    let consented = Consented { request, terms, consent_time: terms.came.wall, card };
    office.prepare(&consented, now).map_err(|(answer, _)| answer)
}

/// From the consent to the assembled file, which comes at `now`; the card signs with the key of `signs`.
fn assemble(office: &Office, card: &TestCard, signs: &TestCard, now: Moment) -> Result<Vec<u8>, SignAnswer> {
    let came = moment();
    let terms = terms(office, came);
    let prepared = prepare(office, &terms, &card.certificate(), came).unwrap();
    let signature = signs.sign(prepared.to_be_signed().as_bytes());
    office.assemble(prepared, &signature, &terms, now).map_err(|(answer, _)| answer)
}

#[test]
fn a_request_is_put_together_and_passes_the_hosts_own_verifier() {
    let card = TestCard::new();
    let file = assemble(&office(), &card, &card, moment()).unwrap();
    assert!(file.len() > 1_000);
}

#[test]
fn a_clock_that_differs_from_the_hosts_stops_the_visit_before_the_pin() {
    let (office, came) = (office(), moment());
    for off in [SKEW + SECOND, -(SKEW + SECOND)] {
        let refused = office.take_challenge(came.wall, came, &challenge(came.wall + off));
        let Err((ChallengeAnswer::Failed(fault), story)) = refused else { panic!("{off:?} was taken") };
        assert_eq!((fault.device, code(&fault)), (Device::Clock, "clock-skew"));
        assert!(story.what.unwrap().contains("31 s"));
    }
    for off in [SKEW, -SKEW] {
        assert!(office.take_challenge(came.wall, came, &challenge(came.wall + off)).is_ok());
    }
}

#[test]
fn nothing_is_dated_by_a_clock_that_jumped() {
    let (office, came, card) = (office(), moment(), TestCard::new());
    let terms = terms(&office, came);
    for jump in [SKEW + SECOND, -(SKEW + SECOND)] {
        let jumped = Moment { wall: came.wall + jump, ..came };
        let refused = prepare(&office, &terms, &card.certificate(), jumped).err().unwrap();
        let PrepareAnswer::Failed(fault) = refused else { panic!("{refused:?}") };
        assert_eq!((fault.device, code(&fault)), (Device::Clock, "clock-jumped"));

        let prepared = prepare(&office, &terms, &card.certificate(), came).unwrap();
        let signature = card.sign(prepared.to_be_signed().as_bytes());
        let (refused, _) = office.assemble(prepared, &signature, &terms, jumped).unwrap_err();
        let SignAnswer::Failed(fault) = refused else { panic!("{refused:?}") };
        assert_eq!(code(&fault), "clock-jumped");
    }
    // Time that passed on both clocks is no jump.
    assert!(prepare(&office, &terms, &card.certificate(), later(came, SKEW * 2)).is_ok());
}

#[test]
fn who_reads_longer_than_the_host_allows_took_too_long() {
    let (office, came, card) = (office(), moment(), TestCard::new());
    let terms = terms(&office, came);
    let last = later(came, SignedDuration::from_secs(900));
    assert!(prepare(&office, &terms, &card.certificate(), last).is_ok());
    let refused = prepare(&office, &terms, &card.certificate(), later(last, SECOND)).err();
    assert_eq!(refused, Some(PrepareAnswer::Refused(Refusal::TookTooLong)));
}

#[test]
fn a_signature_of_another_key_is_the_cards_refusal() {
    let refused = assemble(&office(), &TestCard::new(), &TestCard::new(), moment()).unwrap_err();
    assert_eq!(refused, SignAnswer::Refused(Refusal::CardKeyMismatch));
}

#[test]
fn a_certificate_that_ends_during_the_visit_is_refused_before_anything_is_recorded() {
    let now = clock::now();
    // Long enough to be read here, over by the time of the signature.
    let card = TestCard::valid_until(now + SECOND * 20);
    let signed = later(moment(), SECOND * 25);
    let refused = assemble(&office(), &card, &card, signed).unwrap_err();
    assert_eq!(refused, SignAnswer::Refused(Refusal::CertificateExpired));
}

/// A token that was pulled out.
struct NoToken(Vec<u8>);

impl EvidenceSigner for NoToken {
    fn certificate_der(&self) -> &[u8] {
        &self.0
    }

    fn sign(&self, _message: &[u8]) -> Result<Vec<u8>, SignFault> {
        Err(SignFault("the token is gone".into()))
    }
}

/// A key whose certificate is another's.
struct AnothersCertificate(FileKey, Vec<u8>);

impl EvidenceSigner for AnothersCertificate {
    fn certificate_der(&self) -> &[u8] {
        &self.1
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignFault> {
        self.0.sign(message)
    }
}

#[test]
fn an_evidence_key_that_does_not_sign_or_is_anothers_is_told() {
    let own = office();
    let files = pki().terminal("T0002").unwrap().evidence;
    let other = FileKey::load(&files.certificate, &files.key).unwrap();
    let certificate = own.evidence.certificate_der().to_vec();
    let keys: [Box<dyn EvidenceSigner>; 3] = [
        Box::new(NoToken(certificate.clone())),
        Box::new(AnothersCertificate(other, certificate)),
        Box::new(NoToken(vec![0x30, 0x00])),
    ];
    for evidence in keys {
        let office = Office { evidence, ..office() };
        let card = TestCard::new();
        let refused = assemble(&office, &card, &card, moment()).unwrap_err();
        let SignAnswer::Failed(fault) = refused else { panic!("{refused:?}") };
        assert_eq!((fault.device, fault.kind), (Device::Terminal, FaultKind::NeedsOperator));
        assert_eq!(code(&fault), "evidence-key");
    }
}

#[test]
fn a_request_that_the_host_would_refuse_is_never_recorded() {
    // Another terminal's key, and a trust.terminal_ca that did not issue ours.
    let files = pki().terminal("T0002").unwrap().evidence;
    let others = Box::new(FileKey::load(&files.certificate, &files.key).unwrap());
    let wrong_ca = load_anchor_file(&pki().layout().host_anchor(), AnchorKind::Service).unwrap();
    for office in [Office { evidence: others, ..office() }, Office { terminal_anchors: wrong_ca, ..office() }]
    {
        let card = TestCard::new();
        let refused = assemble(&office, &card, &card, moment()).unwrap_err();
        let SignAnswer::Failed(fault) = refused else { panic!("{refused:?}") };
        assert_eq!(code(&fault), "own-request-invalid");
    }
}
