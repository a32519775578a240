//! What goes wrong with a card, in the core's words: a refusal for the customer or a fault for the operator.
//!
//! Invariant: one function for each question, so that no error of one step is taken for another's.

use devices::port;
use jpki::{CardError, CardFault, ChannelError};
use request::CertificateRefused;
use transaction::{CardAnswer, Device, Fault, FaultKind, PadAnswer, Refusal, SignAnswer, VerifyAnswer};

use crate::queue::{Story, told};

/// The machine asked for a step of the session that cannot come now: our bug, told as a fault of this machine.
pub(crate) const OUT_OF_ORDER: Fault =
    Fault { device: Device::Terminal, kind: FaultKind::Broken, code: "card-step-out-of-order" };

/// The PIN slot is with a thread that did not come back.
pub(crate) const SLOT_LOST: Fault =
    Fault { device: Device::Terminal, kind: FaultKind::Broken, code: "pin-slot-lost" };

/// An answer that ends the session, and its story.
pub(crate) struct Unusable<A> {
    pub(crate) answer: A,
    pub(crate) story: Story,
}

/// A refusal or a fault, before it is known which question it answers.
enum Because {
    Refusal(Refusal),
    Fault(Fault),
}

/// The session could not be opened.
pub(crate) fn not_opened(fault: &port::Fault) -> Unusable<CardAnswer> {
    let (core, story) = told(Device::CardUnit, fault);
    let answer = match fault.code {
        "card-removed" => CardAnswer::Refused(Refusal::CardRemoved),
        "card-mute" => CardAnswer::Refused(Refusal::CardUnreadable),
        _ => CardAnswer::Failed(core),
    };
    Unusable { answer, story }
}

/// The card could not be read.
pub(crate) fn not_read(error: &CardError) -> Unusable<CardAnswer> {
    let answer = match because(error) {
        Because::Refusal(refusal) => CardAnswer::Refused(refusal),
        Because::Fault(fault) => CardAnswer::Failed(fault),
    };
    Unusable { answer, story: story(error) }
}

/// The certificate cannot be used.
pub(crate) fn certificate_refused(refused: &CertificateRefused) -> Unusable<CardAnswer> {
    let (refusal, story) = refused_certificate(refused);
    Unusable { answer: CardAnswer::Refused(refusal), story }
}

/// The refusal of a certificate, and a story that says nothing of its holder.
pub(crate) fn refused_certificate(refused: &CertificateRefused) -> (Refusal, Story) {
    let refusal = match refused.code() {
        "certificate-expired" => Refusal::CertificateExpired,
        "certificate-not-yet-valid" => Refusal::CertificateNotYetValid,
        "certificate-damaged" => Refusal::CertificateDamaged,
        "certificate-test-root" => Refusal::CertificateTestRoot,
        _ => Refusal::CertificateUntrusted,
    };
    // The clause, not the error: its text may name what stands in the certificate, the last day being a birthday.
    let what = format!("certificate clause: {}", refused.clause());
    (refusal, Story { what: Some(what), ..Story::default() })
}

/// VERIFY brought neither yes nor no.
pub(crate) fn not_verified(error: &CardError) -> Unusable<VerifyAnswer> {
    let answer = match because(error) {
        Because::Refusal(refusal) => VerifyAnswer::Refused(refusal),
        Because::Fault(fault) => VerifyAnswer::Failed(fault),
    };
    Unusable { answer, story: story(error) }
}

/// An entry at the reader's own pad brought neither yes nor no, nor the word that nothing was presented.
pub(crate) fn not_verified_on_pad(error: &CardError) -> Unusable<PadAnswer> {
    let answer = match because(error) {
        Because::Refusal(refusal) => PadAnswer::Refused(refusal),
        Because::Fault(fault) => PadAnswer::Failed(fault),
    };
    Unusable { answer, story: story(error) }
}

/// PINs are typed at the reader, says the configuration, and the reader has no pad for them.
pub(crate) fn no_pad() -> Unusable<CardAnswer> {
    let error = CardError::Fault(CardFault::NoPad);
    let action = Some(port::Action::Configuration.word());
    Unusable { answer: CardAnswer::Failed(pad_fault(error.code())), story: Story { action, ..story(&error) } }
}

/// The card did not sign.
pub(crate) fn not_signed(error: &CardError) -> Unusable<SignAnswer> {
    let answer = match because(error) {
        Because::Refusal(refusal) => SignAnswer::Refused(refusal),
        Because::Fault(fault) => SignAnswer::Failed(fault),
    };
    Unusable { answer, story: story(error) }
}

fn because(error: &CardError) -> Because {
    match error {
        CardError::Refused(refusal) => Because::Refusal(match refusal {
            jpki::Refusal::NotMyNumberCard { .. } => Refusal::NotMyNumberCard,
            jpki::Refusal::Phone => Refusal::PhoneNotSupported,
            jpki::Refusal::NoCertificate => Refusal::NoCertificate,
            // Unreadable, Damaged, and what jpki may learn to tell apart later.
            _ => Refusal::CardUnreadable,
        }),
        CardError::Fault(fault) => match fault {
            CardFault::NoAnswer { source, .. } | CardFault::VerifyUnanswered { source } => channel(source),
            CardFault::NoPad => Because::Fault(pad_fault(fault.code())),
            _ => Because::Fault(card_fault(FaultKind::Transient, fault.code())),
        },
        CardError::Violation(misuse) => {
            Because::Fault(Fault { device: Device::Terminal, kind: FaultKind::Broken, code: misuse.code() })
        }
    }
}

fn channel(error: &ChannelError) -> Because {
    match error {
        ChannelError::CardRemoved => Because::Refusal(Refusal::CardRemoved),
        ChannelError::CardReset | ChannelError::Protocol { .. } => {
            Because::Fault(card_fault(FaultKind::Transient, error.code()))
        }
        // Longer than its own limits: it keeps the card, and nobody waits for it any more.
        ChannelError::PadKeepsCard => Because::Fault(Fault::no_answer(Device::PinPad)),
        _ => Because::Fault(card_fault(FaultKind::Broken, error.code())),
    }
}

/// The reader's own pad is not what the configuration takes it for.
const fn pad_fault(code: &'static str) -> Fault {
    Fault { device: Device::PinPad, kind: FaultKind::NeedsOperator, code }
}

const fn card_fault(kind: FaultKind, code: &'static str) -> Fault {
    Fault { device: Device::CardUnit, kind, code }
}

fn story(error: &CardError) -> Story {
    let status_word = error.status().map(|status| status.0);
    Story { status_word, ..Story::of(error) }
}
