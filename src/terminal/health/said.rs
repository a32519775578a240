//! What an event says about the devices, taken before the machine consumes it.

use transaction::{
    Answer, CardAnswer, CardEvent, Device, Event, Fault, NotPresented, Order, PadAnswer, PinAnswer,
    PrintAnswer, Printing, Refusal, RetainAnswer, SafeAnswer, SignAnswer, VerifyAnswer,
};

/// What an event says about the devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Said {
    /// Nothing.
    Nothing,
    /// The card unit noticed something.
    Unit(CardEvent),
    /// The card unit was looked at.
    Safe(SafeAnswer),
    /// A device did what it is for.
    Used(Device),
    /// A device answered, and that is no good use yet.
    Answered(Device),
    /// A device came back by itself, and was not used: the machine's records say whether that was once too often.
    CameBack(Device),
    /// A reader's pad refused, or the card did in its words.
    Refused(Device),
    /// A device failed.
    Failed(Fault),
    /// It failed in a card's session, and what came of it can be the card's doing.
    InSession(Fault),
    /// Whether the printer can print.
    Printing(Printing),
    /// A deadline is over: the machine's records say of what.
    TimeOver,
    /// An operator has looked, and wants the machine to serve again.
    Resumed,
}

impl Said {
    /// By this event.
    pub(crate) fn by(event: &Event) -> Self {
        match *event {
            Event::Card(event) => Self::Unit(event),
            Event::Printing(printing) => Self::Printing(printing),
            Event::Fault(fault) => Self::Failed(fault),
            Event::Expired(_) => Self::TimeOver,
            Event::Order(Order::Resume) => Self::Resumed,
            Event::Answer { answer, .. } => Self::by_answer(answer),
            Event::Start(_)
            | Event::Begin(_)
            | Event::Key(_)
            | Event::Language(_)
            | Event::Mode(_)
            | Event::PadTouched
            | Event::Order(Order::StopAfterVisit | Order::StopNow)
            | Event::Unfit(_)
            | Event::HostDecided { .. }
            | Event::OutboxPassed { .. } => Self::Nothing,
        }
    }

    fn by_answer(answer: Answer) -> Self {
        match answer {
            Answer::Safe(answer) => Self::Safe(answer),
            Answer::Card(CardAnswer::Read { .. })
            | Answer::Verify(VerifyAnswer::Verified | VerifyAnswer::Wrong(_))
            | Answer::Sign(SignAnswer::Signed)
            | Answer::Retain(RetainAnswer::Retained) => Self::Used(Device::CardUnit),
            Answer::Card(CardAnswer::Refused(refusal)) => Self::by_refusal(refusal),
            Answer::Pin(PinAnswer::Entered) => Self::Used(Device::PinPad),
            Answer::Pin(PinAnswer::Cancelled | PinAnswer::TimedOut) => Self::Answered(Device::PinPad),
            Answer::Pad(PadAnswer::Verified | PadAnswer::Wrong(_)) => Self::Used(Device::PinPad),
            Answer::Pad(PadAnswer::NotPresented { why, .. }) => match why {
                // A customer can bring these about as often as there is time.
                NotPresented::Cancelled | NotPresented::WrongLength => Self::Answered(Device::PinPad),
                NotPresented::TimedOut => Self::CameBack(Device::PinPad),
                NotPresented::Refused => Self::Refused(Device::PinPad),
            },
            Answer::Print(PrintAnswer::Printed) => Self::Used(Device::Printer),
            Answer::Card(CardAnswer::Failed(fault))
            | Answer::Verify(VerifyAnswer::Failed(fault))
            | Answer::Sign(SignAnswer::Failed(fault))
            | Answer::Pad(PadAnswer::Failed(fault)) => Self::in_session(fault),
            Answer::Retain(RetainAnswer::Failed(fault))
            | Answer::Pin(PinAnswer::Failed(fault))
            | Answer::Print(PrintAnswer::Failed(fault)) => Self::Failed(fault),
            Answer::Retain(RetainAnswer::NoCard)
            | Answer::Verify(VerifyAnswer::Refused(_))
            | Answer::Pad(PadAnswer::Refused(_))
            | Answer::Sign(SignAnswer::Refused(_))
            | Answer::Challenge(_)
            | Answer::Prepare(_)
            | Answer::Host(_) => Self::Nothing,
        }
    }

    /// A card that makes its unit fail, and somebody who keeps the reader's pad waiting, are no failures of these.
    fn in_session(fault: Fault) -> Self {
        match fault.device {
            Device::CardUnit => Self::InSession(fault),
            Device::PinPad if fault == Fault::no_answer(Device::PinPad) => Self::InSession(fault),
            Device::PinPad | Device::Printer | Device::Host | Device::Clock | Device::Terminal => {
                Self::Failed(fault)
            }
        }
    }

    /// A card that is read and refused was read.
    const fn by_refusal(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NotMyNumberCard
            | Refusal::PhoneNotSupported
            | Refusal::NoCertificate
            | Refusal::CertificateDamaged
            | Refusal::CertificateExpired
            | Refusal::CertificateNotYetValid
            | Refusal::CertificateUntrusted
            | Refusal::CertificateTestRoot => Self::Used(Device::CardUnit),
            Refusal::Cancelled
            | Refusal::TimedOut
            | Refusal::CardRemoved
            | Refusal::CardUnreadable
            | Refusal::PinLocked
            | Refusal::CardKeyMismatch
            | Refusal::TookTooLong
            | Refusal::HostUnreachable
            | Refusal::HostClosed
            | Refusal::ServiceStopped => Self::Nothing,
        }
    }
}
