//! The core alone: how long the state machine takes for one event of a visit, its step opened by a store that keeps nothing.
//! Beside it, in the same run, one system call that does nothing and one write with fdatasync: what a visit's events cost
//! anyway.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a bench"
)]

use std::convert::Infallible;
use std::io::Write as _;

use myna_benches::{Stopwatch, head, median, row};
use transaction::*;

const VISITS: u32 = 20_000;
const SYNCS: u32 = 200;

/// Keeps nothing.
struct Nowhere;

impl Durable for Nowhere {
    type Error = Infallible;

    fn commit(&mut self, _records: &[Record]) -> Result<(), Infallible> {
        Ok(())
    }

    fn note(&mut self, _records: &[Record]) -> Result<(), Infallible> {
        Ok(())
    }
}

/// A machine and the number of the last effect that it gave out of each kind that is answered.
struct Walk {
    machine: Machine,
    asked: EffectNo,
    events: u64,
}

impl Walk {
    fn on(mut self, event: Event) -> Self {
        let done = self.machine.handle(event).unwrap().commit(&mut Nowhere).unwrap();
        for effect in &done.effects {
            match effect.what {
                Effect::Release(Release::MakeSafe)
                | Effect::Act(
                    Act::FetchChallenge(_)
                    | Act::ReadCard(_)
                    | Act::Prepare(_)
                    | Act::AskPin
                    | Act::VerifyPin
                    | Act::VerifyOnPad
                    | Act::Sign(_)
                    | Act::PrintReceipt { .. },
                ) => self.asked = effect.no,
                _ => {}
            }
        }
        self.machine = done.machine;
        self.events += 1;
        self
    }

    fn answer(self, answer: Answer) -> Self {
        let to = self.asked;
        self.on(Event::Answer { to, answer })
    }

    /// A visit as most are: registered, with a receipt.
    fn visit(self, number: u32) -> Self {
        let mut id = [0; 16];
        id[..4].copy_from_slice(&number.to_be_bytes());
        let visit = Visit { id: VisitId(id), request: RequestId(id) };
        let tries = Tries::Left(TriesLeft::new(3).unwrap());
        self.on(Event::Begin(visit))
            .answer(Answer::Challenge(ChallengeAnswer::Received))
            .on(Event::Key(Key::Confirm))
            .on(Event::Card(CardEvent::Inserted))
            .answer(Answer::Card(CardAnswer::Read { tries, expires_soon: false, pin_at: PinAt::Slot }))
            .answer(Answer::Prepare(PrepareAnswer::Ready))
            .answer(Answer::Pin(PinAnswer::Entered))
            .answer(Answer::Verify(VerifyAnswer::Verified))
            .answer(Answer::Sign(SignAnswer::Signed))
            .on(Event::HostDecided { request: visit.request, decision: Decision::Registered })
            .on(Event::Key(Key::Yes))
            .answer(Answer::Print(PrintAnswer::Printed))
            .on(Event::Card(CardEvent::Removed))
    }
}

fn main() {
    let policy = Policy {
        return_order: ReturnOrder::ReceiptThenCard,
        retain_after: None,
        time_extensions_max: 10,
        pad_entries_max: 20,
    };
    let walk = Walk { machine: Machine::new(policy), asked: EffectNo(0), events: 0 };
    let mut walk =
        walk.on(Event::Start(Recovery::Clean)).answer(Answer::Safe(SafeAnswer::Safe(Presence::Empty)));
    let before = walk.events;
    let watch = Stopwatch::start();
    for number in 0..VISITS {
        walk = walk.visit(number);
    }
    let elapsed = watch.elapsed();
    assert_eq!(walk.machine.state(), "AwaitCustomer");
    let events = walk.events - before;
    let microseconds = elapsed.as_secs_f64() * 1_000_000.0 / events as f64;
    head();
    let beside =
        format!("a `getppid` system call: {:.3} µs; write and fdatasync: {:.0} µs", call_us(), sync_us());
    row("the machine, one event", &format!("{microseconds:.3} µs"), &beside);
}

fn call_us() -> f64 {
    let watch = Stopwatch::start();
    for _ in 0..100_000 {
        std::hint::black_box(std::os::unix::process::parent_id());
    }
    watch.elapsed().as_secs_f64() * 10.0
}

/// The middle of [`SYNCS`] appends, each made durable, on the disk of the build.
fn sync_us() -> f64 {
    let mut file = tempfile::tempfile_in(env!("CARGO_MANIFEST_DIR")).unwrap();
    let one = |file: &mut std::fs::File| {
        let watch = Stopwatch::start();
        file.write_all(&[0; 4_096]).unwrap();
        file.sync_data().unwrap();
        watch.elapsed().as_secs_f64() * 1_000_000.0
    };
    median(&mut (0..SYNCS).map(|_| one(&mut file)).collect::<Vec<_>>())
}
