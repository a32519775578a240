//! A walker that drives the machine from event to event and writes down what it sees.

use std::fmt::Write as _;

use transaction::*;

pub(crate) const VISIT: Visit = Visit { id: VisitId([1; 16]), request: RequestId([2; 16]) };
pub(crate) const OTHER_REQUEST: RequestId = RequestId([9; 16]);
pub(crate) const CARD_FAULT: Fault =
    Fault { device: Device::CardUnit, kind: FaultKind::Broken, code: "busy" };
pub(crate) const HOST_FAULT: Fault =
    Fault { device: Device::Host, kind: FaultKind::Transient, code: "no-connection" };

pub(crate) const PRINTER_FAULT: Fault =
    Fault { device: Device::Printer, kind: FaultKind::NeedsOperator, code: "paper-out" };

/// A store in memory that can be told to fail.
#[derive(Debug, Clone, Default)]
pub(crate) struct Memory {
    pub(crate) records: Vec<Record>,
    pub(crate) full: bool,
}

#[derive(Debug)]
pub(crate) struct Full;

impl Durable for Memory {
    type Error = Full;

    fn commit(&mut self, records: &[Record]) -> Result<(), Full> {
        if self.full {
            return Err(Full);
        }
        self.records.extend_from_slice(records);
        Ok(())
    }

    fn note(&mut self, records: &[Record]) -> Result<(), Full> {
        self.commit(records)
    }
}

/// As most banks have it, with few extensions.
pub(crate) const fn policy(return_order: ReturnOrder) -> Policy {
    Policy { return_order, retain_after: None, time_extensions_max: 2, pad_entries_max: 3 }
}

/// A machine, what it recorded, and what it waits for.
#[derive(Debug, Clone)]
pub(crate) struct Walk {
    pub(crate) machine: Machine,
    pub(crate) memory: Memory,
    /// Every effect so far.
    pub(crate) effects: Vec<Numbered<Effect>>,
    /// Deadlines that have ended.
    pub(crate) over: Vec<EffectNo>,
    /// One line for each event.
    pub(crate) log: String,
}

/// What came of one event.
pub(crate) enum Came {
    Step { to: &'static str, records: Vec<Record>, effects: Vec<Numbered<Effect>> },
    Violation(Violation),
}

pub(crate) fn tries(count: u8) -> Tries {
    TriesLeft::new(count).map_or(Tries::Blocked, Tries::Left)
}

impl Walk {
    pub(crate) fn new(return_order: ReturnOrder) -> Self {
        Self::with(policy(return_order))
    }

    /// A machine that was not started, with a bank's policy.
    pub(crate) fn with(policy: Policy) -> Self {
        let machine = Machine::new(policy);
        Self { machine, memory: Memory::default(), effects: Vec::new(), over: Vec::new(), log: String::new() }
    }

    /// A machine that started clean with no card inside, and a customer who has chosen the service.
    pub(crate) fn begun() -> Self {
        Self::new(ReturnOrder::ReceiptThenCard)
            .on(Event::Start(Recovery::Clean))
            .safe(SafeAnswer::Safe(Presence::Empty))
            .on(Event::Begin(VISIT))
    }

    /// Takes one event without moving this walk.
    pub(crate) fn try_event(&self, event: Event) -> Came {
        match self.machine.clone().handle(event) {
            Err(violation) => Came::Violation(violation),
            Ok(step) => {
                let mut memory = Memory::default();
                let done = step.commit(&mut memory).unwrap();
                Came::Step { to: done.machine.state(), records: memory.records, effects: done.effects }
            }
        }
    }

    pub(crate) fn on(mut self, event: Event) -> Self {
        let from = self.machine.state();
        let label = match &event {
            Event::Answer { answer, .. } => short(answer),
            other => short(other),
        };
        if let Event::Expired(timer) = &event {
            self.over.push(*timer);
        }
        let before = self.memory.records.len();
        let done = self.machine.handle(event).unwrap().commit(&mut self.memory).unwrap();
        self.machine = done.machine;
        let records: Vec<_> = self.memory.records[before..].iter().map(short).collect();
        let effects: Vec<_> = done.effects.iter().map(|effect| effect_label(&effect.what)).collect();
        let to = if self.machine.state() == from { "·" } else { self.machine.state() };
        writeln!(self.log, "{from:<19} {label:<46} {to:<19} {} ⇒ {}", records.join(" "), effects.join(" "))
            .unwrap();
        self.effects.extend(done.effects);
        self
    }

    pub(crate) fn key(self, key: Key) -> Self {
        self.on(Event::Key(key))
    }

    pub(crate) fn card(self, event: CardEvent) -> Self {
        self.on(Event::Card(event))
    }

    /// Answers the last question.
    pub(crate) fn answer(self, answer: Answer) -> Self {
        let to = self.question();
        self.on(Event::Answer { to, answer })
    }

    pub(crate) fn safe(self, answer: SafeAnswer) -> Self {
        let to = self.last(|effect| *effect == Effect::Release(Release::MakeSafe));
        self.on(Event::Answer { to, answer: Answer::Safe(answer) })
    }

    pub(crate) fn expire(self, limit: Limit) -> Self {
        let timer = self.last(|effect| matches!(effect, Effect::Act(Act::Arm(armed, _)) if *armed == limit));
        self.on(Event::Expired(timer))
    }

    /// The customer's time is over: the warning passed without a key.
    pub(crate) fn time_over(self, limit: Limit) -> Self {
        self.expire(limit).expire(Limit::Warning)
    }

    pub(crate) fn decided(self, decision: Decision) -> Self {
        self.on(Event::HostDecided { request: VISIT.request, decision })
    }

    /// From the terms to the PIN, with so many tries left.
    pub(crate) fn reach_pin(self, left: u8) -> Self {
        self.reach_pin_at(PinAt::Slot, left)
    }

    /// The same where the reader has a pad of its own.
    pub(crate) fn reach_pad(self, left: u8) -> Self {
        self.reach_pin_at(PinAt::Reader, left)
    }

    fn reach_pin_at(self, pin_at: PinAt, left: u8) -> Self {
        self.answer(Answer::Challenge(ChallengeAnswer::Received))
            .key(Key::Confirm)
            .card(CardEvent::Inserted)
            .answer(Answer::Card(CardAnswer::Read { tries: tries(left), expires_soon: false, pin_at }))
            .answer(Answer::Prepare(PrepareAnswer::Ready))
    }

    /// The reader's pad says that no PIN was presented, and the card has so many tries.
    pub(crate) fn not_presented(self, why: NotPresented, left: u8) -> Self {
        self.answer(Answer::Pad(PadAnswer::NotPresented { why, tries: tries(left) }))
    }

    /// From the PIN to the request being sent.
    pub(crate) fn reach_sent(self) -> Self {
        self.answer(Answer::Pin(PinAnswer::Entered))
            .answer(Answer::Verify(VerifyAnswer::Verified))
            .answer(Answer::Sign(SignAnswer::Signed))
    }

    /// The number of the last effect that has an answer.
    pub(crate) fn question(&self) -> EffectNo {
        self.asked().unwrap()
    }

    /// The same, where something was asked.
    pub(crate) fn asked(&self) -> Option<EffectNo> {
        self.find(|effect| match effect {
            Effect::Release(release) => *release == Release::MakeSafe,
            Effect::Act(act) => matches!(
                act,
                Act::FetchChallenge(_)
                    | Act::ReadCard(_)
                    | Act::Prepare(_)
                    | Act::AskPin
                    | Act::VerifyPin
                    | Act::VerifyOnPad
                    | Act::Sign(_)
                    | Act::Send(_)
                    | Act::AskOrResend(_)
                    | Act::PrintReceipt { .. }
                    | Act::RetainCard
            ),
        })
    }

    /// Deadlines that are armed, in the order of arming.
    pub(crate) fn timers(&self) -> Vec<(EffectNo, Limit)> {
        let mut armed = Vec::new();
        for effect in &self.effects {
            match effect.what {
                Effect::Act(Act::Arm(limit, _)) => armed.push((effect.no, limit)),
                Effect::Act(Act::Disarm(no)) => armed.retain(|(timer, _)| *timer != no),
                _ => {}
            }
        }
        armed.retain(|(timer, _)| !self.over.contains(timer));
        armed
    }

    fn last(&self, wanted: impl Fn(&Effect) -> bool) -> EffectNo {
        self.find(wanted).unwrap()
    }

    fn find(&self, wanted: impl Fn(&Effect) -> bool) -> Option<EffectNo> {
        self.effects.iter().rev().find(|effect| wanted(&effect.what)).map(|effect| effect.no)
    }
}

/// Debug output with the ids of the one visit made short.
pub(crate) fn short(value: &impl std::fmt::Debug) -> String {
    let mut text = format!("{value:?}");
    for (long, brief) in [
        (format!("{VISIT:?}"), "V"),
        (format!("{:?}", VISIT.request), "R"),
        (format!("{:?}", VISIT.id), "V"),
        (format!("{OTHER_REQUEST:?}"), "R9"),
        (format!("{CARD_FAULT:?}"), "card-fault"),
        (format!("{HOST_FAULT:?}"), "host-fault"),
        (format!("{PRINTER_FAULT:?}"), "printer-fault"),
        ("(V)".to_owned(), ""),
        ("visit: V, ".to_owned(), ""),
        ("TriesLeft(1)".to_owned(), "1"),
        ("TriesLeft(2)".to_owned(), "2"),
        ("TriesLeft(3)".to_owned(), "3"),
        ("[3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3]".to_owned(), "3…"),
    ] {
        text = text.replace(&long, brief);
    }
    text
}

/// An effect without the name of its class.
pub(crate) fn effect_label(effect: &Effect) -> String {
    match effect {
        Effect::Act(act) => short(act),
        Effect::Release(release) => format!("!{}", short(release)),
    }
}
