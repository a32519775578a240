//! Devices that keep failing, counted by the world on its own: what the machine says of them must be so, and must be said.
//!
//! The ledger (`health.rs`) is one sum of everything; here are two bounds of it, each simple enough to be seen to be right.
//! The lower one counts failed uses (of the card unit: losses without a card inside, each after it was back) between which there
//! was no other trouble, no good use and nobody who looked: beyond `device_failures_max` the machine must have said it before it
//! serves the next customer. The upper one counts every trouble of the device, but for the card unit's in a card's session, which
//! may be the card's: up to `device_failures_max` nothing may be said.

use jiff::{SignedDuration, Timestamp};
use transaction::{
    Answer, CardAnswer, CardEvent, Closed, Device, Event, Fault, NotPresented, Order, Outcome, PadAnswer,
    PinAnswer, Presence, PrintAnswer, Printing, Record, RetainAnswer, SafeAnswer, Screen, SignAnswer,
    VerifyAnswer,
};

use super::world::World;

/// The codes of devices that are out of service.
pub(super) const KEEPS_FAILING: [&str; 3] =
    ["card-unit-keeps-failing", "pin-pad-keeps-failing", "printer-keeps-failing"];

/// Outages closer together than this are in one row, with some time to spare.
const ROW_PAUSE: SignedDuration = SignedDuration::from_hours(5);

/// The two bounds of one row.
#[derive(Debug, Clone, Copy, Default)]
struct Row {
    least: u32,
    most: u32,
}

/// The rows of the devices that can be out of service.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Rows {
    unit: Row,
    pad: Row,
    printer: Row,
    /// The card unit has told that it is back, or was found well, and no trouble since.
    unit_up: bool,
    /// In this visit a last try was accepted, or a try went missing: the reader's coming back says nothing.
    asked_anew: bool,
    /// It has told that a card is inside.
    card_told: bool,
    /// When it was lost last.
    lost_at: Option<Timestamp>,
    /// What the event says that the machine takes now.
    now: Option<Told>,
}

/// What an event says about the rows.
#[derive(Debug, Clone, Copy)]
enum Told {
    /// A use failed, for a customer.
    Failed(Fault),
    /// A use failed with a card that may be the reason: never a failure of the card unit, nor of a pad that was not let go.
    FailedWithCard(Fault),
    /// Some other trouble.
    Trouble(Device),
    Good(Device),
    /// The reader's own pad came back with nothing.
    CameBack,
    /// What came of a use need not be the device's merit, nor its fault.
    Unclear(Device),
    UnitThere,
    /// Found well, with a card inside or without.
    UnitFound(Presence),
    UnitLost,
    /// A card is in, or out.
    Card(bool),
    Looked,
    /// A deadline is over.
    Over,
}

impl Row {
    fn trouble(&mut self) {
        (self.least, self.most) = (0, self.most + 1);
    }

    fn failed(&mut self) {
        (self.least, self.most) = (self.least + 1, self.most + 1);
    }
}

impl Rows {
    fn of(&mut self, device: Device) -> Option<&mut Row> {
        match device {
            Device::CardUnit => Some(&mut self.unit),
            Device::PinPad => Some(&mut self.pad),
            Device::Printer => Some(&mut self.printer),
            Device::Host | Device::Clock | Device::Terminal => None,
        }
    }

    fn takes(&mut self, event: &Event) {
        self.now = match *event {
            Event::Answer { answer, .. } => told(answer),
            Event::Card(CardEvent::UnitLost(_)) => Some(Told::UnitLost),
            Event::Card(CardEvent::UnitBack) => Some(Told::UnitThere),
            Event::Card(CardEvent::Inserted | CardEvent::Mute) => Some(Told::Card(true)),
            Event::Card(CardEvent::Removed) => Some(Told::Card(false)),
            Event::Fault(fault) => Some(Told::Trouble(fault.device)),
            Event::Printing(Printing::Impossible(fault)) => Some(Told::Trouble(fault.device)),
            Event::Expired(_) => Some(Told::Over),
            Event::Order(Order::Resume) => Some(Told::Looked),
            _ => None,
        };
    }

    fn decided(&mut self, records: &[Record], at: Timestamp) {
        let stale = records.iter().any(|record| matches!(record, Record::Stale { .. }));
        for record in records {
            match record {
                Record::VisitOpened(_) => self.asked_anew = false,
                Record::LastTryAccepted(_) | Record::TriesLost { .. } => self.asked_anew = true,
                _ => {}
            }
        }
        let Some(told) = self.now.take().filter(|_| !stale) else { return };
        match told {
            Told::Failed(fault) => self.failed(fault),
            Told::FailedWithCard(fault) => {
                self.unit_up &= fault.device != Device::CardUnit;
                let kept_waiting = fault == Fault::no_answer(Device::PinPad);
                if fault.device != Device::CardUnit && !kept_waiting {
                    self.failed(fault);
                }
            }
            Told::Trouble(device) => {
                self.unit_up &= device != Device::CardUnit;
                if let Some(row) = self.of(device) {
                    row.trouble();
                }
            }
            Told::Good(device) => {
                if let Some(row) = self.of(device) {
                    *row = Row::default();
                }
            }
            Told::Unclear(device) => {
                if let Some(row) = self.of(device) {
                    row.least = 0;
                }
            }
            Told::CameBack => {
                for record in records {
                    if let Record::Stopped { outcome: Outcome::Fault(fault), .. } = record {
                        if self.asked_anew {
                            self.pad.least = 0;
                        } else {
                            self.failed(*fault);
                        }
                    }
                }
            }
            Told::UnitThere => self.unit_up = true,
            Told::UnitFound(found) => (self.unit_up, self.card_told) = (true, found == Presence::CardInside),
            Told::Card(inside) => self.card_told = inside,
            Told::UnitLost => self.unit_is_lost(at),
            Told::Looked => (self.unit, self.pad, self.printer) = Default::default(),
            Told::Over => {
                for record in records {
                    if let Record::Fault(fault) | Record::Stopped { outcome: Outcome::Fault(fault), .. } =
                        record
                        && *fault == Fault::no_answer(fault.device)
                    {
                        return match (record, fault.device) {
                            (Record::Stopped { .. }, _) => {}
                            (_, Device::CardUnit) => {
                                self.unit_up = false;
                                self.unit.trouble();
                            }
                            _ => self.failed(*fault),
                        };
                    }
                }
            }
        }
    }

    fn failed(&mut self, fault: Fault) {
        if let Some(row) = self.of(fault.device) {
            row.failed();
        }
    }

    fn unit_is_lost(&mut self, at: Timestamp) {
        if self.unit_up && !self.card_told {
            let in_a_row = self.lost_at.is_some_and(|before| at.duration_since(before) < ROW_PAUSE);
            self.unit.least = if in_a_row { self.unit.least } else { 0 };
            self.unit.failed();
            self.lost_at = Some(at);
        } else {
            self.unit.trouble();
        }
        self.unit_up = false;
    }
}

fn told(answer: Answer) -> Option<Told> {
    Some(match answer {
        Answer::Card(CardAnswer::Read { .. })
        | Answer::Verify(VerifyAnswer::Verified | VerifyAnswer::Wrong(_))
        | Answer::Sign(SignAnswer::Signed)
        | Answer::Retain(RetainAnswer::Retained) => Told::Good(Device::CardUnit),
        Answer::Card(CardAnswer::Refused(_)) => Told::Unclear(Device::CardUnit),
        Answer::Pin(PinAnswer::Entered) | Answer::Pad(PadAnswer::Verified | PadAnswer::Wrong(_)) => {
            Told::Good(Device::PinPad)
        }
        Answer::Pad(PadAnswer::NotPresented { why: NotPresented::TimedOut, .. }) => Told::CameBack,
        Answer::Print(PrintAnswer::Printed) => Told::Good(Device::Printer),
        Answer::Card(CardAnswer::Failed(fault))
        | Answer::Verify(VerifyAnswer::Failed(fault))
        | Answer::Sign(SignAnswer::Failed(fault))
        | Answer::Pad(PadAnswer::Failed(fault)) => Told::FailedWithCard(fault),
        Answer::Pin(PinAnswer::Failed(fault)) | Answer::Print(PrintAnswer::Failed(fault)) => {
            Told::Failed(fault)
        }
        Answer::Retain(RetainAnswer::Failed(fault)) | Answer::Safe(SafeAnswer::Failed(fault)) => {
            Told::Trouble(fault.device)
        }
        Answer::Safe(SafeAnswer::Safe(found)) => Told::UnitFound(found),
        Answer::Pin(PinAnswer::Cancelled | PinAnswer::TimedOut)
        | Answer::Pad(
            PadAnswer::NotPresented {
                why: NotPresented::Cancelled | NotPresented::WrongLength | NotPresented::Refused,
                ..
            }
            | PadAnswer::Refused(_),
        )
        | Answer::Verify(VerifyAnswer::Refused(_))
        | Answer::Sign(SignAnswer::Refused(_))
        | Answer::Retain(RetainAnswer::NoCard)
        | Answer::Challenge(_)
        | Answer::Prepare(_)
        | Answer::Host(_) => return None,
    })
}

impl World {
    pub(super) fn rows_take(&mut self, event: &Event) {
        self.check_keeps_failing(event);
        if *event == Event::Order(Order::Resume) {
            self.truth.kept_failing.clear();
        }
        self.truth.rows.takes(event);
    }

    pub(super) fn rows_decided(&mut self, records: &[Record]) {
        let at = self.wall();
        self.truth.rows.decided(records, at);
    }

    /// Who is served, or offered a receipt, is so by devices that do not keep failing.
    pub(super) fn check_devices_serve(&mut self) {
        let (rows, max) = (self.truth.rows, self.config.limits.device_failures_max);
        for (device, row) in [("card unit", rows.unit), ("PIN pad", rows.pad)] {
            self.holds("failing-device-said", row.least <= max, || {
                format!("the menu is shown, and the {device} failed {} times in a row", row.least)
            });
        }
    }

    pub(super) fn check_receipt_is_offered(&mut self) {
        let (row, max) = (self.truth.rows.printer, self.config.limits.device_failures_max);
        self.holds("failing-device-said", row.least <= max, || {
            format!("a receipt is offered, and the printer failed {} times in a row", row.least)
        });
    }

    /// What the machine hears of a device that keeps failing is so. It stays said when a use succeeds after it: a person
    /// looks all the same.
    fn check_keeps_failing(&mut self, event: &Event) {
        let (Event::Unfit(fault) | Event::Printing(Printing::Impossible(fault))) = event else { return };
        if !KEEPS_FAILING.contains(&fault.code) || !self.truth.kept_failing.insert(fault.code) {
            return;
        }
        self.diary.coverage.codes.insert(fault.code);
        let most = self.truth.rows.of(fault.device).map_or(0, |row| row.most);
        let max = self.config.limits.device_failures_max;
        self.holds("told-the-truth", most > max, || {
            format!("{} is said after {most} failures, {max} are borne", fault.code)
        });
    }

    /// And so is what people read.
    pub(super) fn check_out_of_service(&mut self, screen: &Screen) {
        let Screen::OutOfService { why: Closed::Fault(fault) } = screen else { return };
        let said = !KEEPS_FAILING.contains(&fault.code) || self.truth.kept_failing.contains(fault.code);
        self.holds("told-the-truth", said, || format!("{} is on the screen, and is not so", fault.code));
    }
}
