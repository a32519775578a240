//! The desk's own answers: a slot that is not there, and a system that gives neither thread nor file descriptor.

use nix::sys::resource::{Resource, setrlimit};

use super::*;
use crate::queue::Inbox;
use crate::test_support::{alone, posted, without_threads};

const TO: EffectNo = EffectNo(7);

/// A pad at which nobody types until the entry is cancelled.
struct Idle;

impl PinPad for Idle {
    fn enter(
        &self,
        _entry: PinEntry,
        slot: PinSlot,
        _progress: devices::port::PinProgressSink,
        cancel: &CancelToken,
    ) -> PinOutcome {
        use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
        poll(&mut [PollFd::new(cancel.as_fd(), PollFlags::POLLIN)], PollTimeout::NONE).unwrap();
        PinOutcome::Cancelled(slot)
    }
}

fn desk() -> (PinDesk, SlotPlace, Inbox) {
    let (mailbox, inbox) = Mailbox::new();
    let place = SlotPlace::new(PinSlot::new());
    (PinDesk::new(Arc::new(Idle), place.clone(), mailbox, 1_000), place, inbox)
}

fn answered(inbox: &Inbox) -> PinAnswer {
    match posted(inbox) {
        Message::Event(Event::Answer { to: TO, answer: Answer::Pin(answer) }) => answer,
        other => panic!("{other:?}"),
    }
}

fn failed(inbox: &Inbox) -> Fault {
    match answered(inbox) {
        PinAnswer::Failed(fault) => fault,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_slot_that_somebody_else_has_is_lost() {
    let (mut desk, place, inbox) = desk();
    let slot = place.take().unwrap();
    desk.ask(TO);
    assert_eq!(failed(&inbox).code, "pin-slot-lost");
    // It came back: the next customer can enter a PIN.
    place.put_back(slot);
    desk.ask(TO);
    desk.forget();
    assert_eq!(answered(&inbox), PinAnswer::Cancelled);
    assert!(place.take().unwrap().is_empty());
}

#[test]
fn without_a_file_descriptor_no_pin_is_asked_for() {
    alone(without_a_file_descriptor_no_pin_is_asked_for, || {
        let (mut desk, place, inbox) = desk();
        let most = |limit| setrlimit(Resource::RLIMIT_NOFILE, limit, limit).unwrap();
        // Those that are open stay open.
        most(0);
        desk.ask(TO);
        assert_eq!((failed(&inbox).device, place.take().is_some()), (Device::PinPad, true));
        desk.ask(TO);
        assert_eq!(failed(&inbox).code, "no-file-descriptors");
    });
}

#[test]
fn without_a_thread_no_pin_is_asked_for_and_the_slot_stays_where_it_was() {
    alone(without_a_thread_no_pin_is_asked_for_and_the_slot_stays_where_it_was, || {
        let (mut desk, place, inbox) = desk();
        without_threads();
        desk.ask(TO);
        assert_eq!(failed(&inbox).code, "no-threads");
        assert!(place.take().is_some(), "the slot went with the thread that never was");
    });
}

/// Where PINs are typed at the card reader: who asks for one here has made a mistake, and hears so at once.
#[test]
fn without_a_pad_nobody_is_let_wait_for_one() {
    let (mailbox, inbox) = Mailbox::new();
    let mut side = AtReader { mailbox };
    side.forget();
    side.ask(TO);
    assert_eq!(answered(&inbox), PinAnswer::Failed(OUT_OF_ORDER));
}
