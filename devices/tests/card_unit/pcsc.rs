//! Faults of reader, service and other processes, through a real `pcscd` with a virtual reader.

use std::ffi::CString;
use std::fs::Permissions;
use std::mem::ManuallyDrop;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use crate::support::namespaces::alone;
use crate::support::reader::{Pcscd, READER, wait_until};
use crate::support::virtual_card::{Happened, Then, VirtualCard};
use crate::support::{Events, PATIENCE};
use devices::card::{PcscConfig, PcscUnit, SocketCheck, pcscd_socket};
use devices::port::{CardUnit, DeviceState, MediaState, Presence};
use jpki::{Card, CardError, CardFault, ChannelError};
use pcsc::{Context, Disposition, Protocols, Scope, ShareMode};

const SHORT: Duration = Duration::from_millis(300);

fn unit() -> PcscUnit {
    PcscUnit::new(PcscConfig { reader: Some(READER.to_owned()) })
}

fn with_card(card: VirtualCard) -> (PcscUnit, VirtualCard) {
    let unit = unit();
    wait_until("the reader has seen the card", || unit.status().media == MediaState::Present);
    (unit, card)
}

/// Another process's connection. It holds what it gets until it is dropped.
fn other_client(mode: ShareMode) -> pcsc::Card {
    let context = Context::establish(Scope::System).unwrap();
    let reader = CString::new(READER).unwrap();
    context.connect(&reader, mode, Protocols::ANY).unwrap()
}

fn code<T>(result: Result<T, devices::port::Fault>) -> &'static str {
    result.err().map_or("no fault", |fault| fault.code)
}

#[test]
fn a_card_that_leaves_in_the_middle_of_a_command_is_removed() {
    alone(a_card_that_leaves_in_the_middle_of_a_command_is_removed, || {
        let _pcscd = Pcscd::start(true);
        let (unit, _card) = with_card(VirtualCard::answering(|_| Then::Leave));
        let mut session = unit.open(PATIENCE).unwrap();
        let error = Card::select(&mut *session).err().unwrap();
        assert_eq!(error.code(), "card-removed");
        session.power_off().unwrap();
    });
}

#[test]
fn a_card_that_answers_nonsense_breaks_the_protocol() {
    alone(a_card_that_answers_nonsense_breaks_the_protocol, || {
        let _pcscd = Pcscd::start(true);
        let mut answers = [vec![0x90], vec![0x41; 300]].into_iter();
        let (unit, card) =
            with_card(VirtualCard::answering(move |_| Then::Answer(answers.next().unwrap_or_default())));
        for _ in 0..2 {
            let mut session = unit.open(PATIENCE).unwrap();
            let error = Card::select(&mut *session).err().unwrap();
            assert_eq!(error.code(), "card-protocol", "{error:?}");
            session.power_off().unwrap();
            wait_until("the card has no power", || card.is_off());
        }
    });
}

#[test]
fn a_verify_whose_answer_never_comes_is_sent_once() {
    alone(a_verify_whose_answer_never_comes_is_sent_once, || {
        let _pcscd = Pcscd::start(true);
        let (unit, card) = with_card(VirtualCard::answering(|command| match command {
            [_, 0x20, _, _] => Then::Answer(vec![0x63, 0xC3]),
            [_, 0x20, ..] => Then::Leave,
            _ => Then::Answer(vec![0x90, 0x00]),
        }));
        let mut session = unit.open(PATIENCE).unwrap();
        let mut selected = Card::select(&mut *session).unwrap();
        selected.tries_left().unwrap();
        let mut slot = jpki::PinSlot::new();
        for digit in b"2580" {
            slot.push_digit(*digit);
        }
        let (slot, outcome) = selected.verify(slot);
        assert!(slot.is_empty());
        let error = outcome.err().unwrap();
        assert!(error.counter_is_unknown());
        assert!(matches!(
            error,
            CardError::Fault(CardFault::VerifyUnanswered { source: ChannelError::CardRemoved })
        ));
        let sent =
            |event: &&Happened| matches!(event, Happened::Command(apdu) if apdu.len() > 5 && apdu[1] == 0x20);
        assert_eq!(card.happened().iter().filter(sent).count(), 1);
    });
}

#[test]
fn a_card_that_was_in_another_life_in_between_is_reset() {
    alone(a_card_that_was_in_another_life_in_between_is_reset, || {
        let _pcscd = Pcscd::start(true);
        let (unit, card) = with_card(VirtualCard::insert());
        let mut session = unit.open(PATIENCE).unwrap();
        jpki::leave(&mut *session).unwrap();
        drop(card);
        wait_until("the reader has seen it go", || unit.status().media == MediaState::NotPresent);
        let (_, card) = with_card(VirtualCard::insert());
        let error = jpki::leave(&mut *session).unwrap_err();
        assert!(["card-removed", "card-reset"].contains(&error.code()), "{error:?}");
        // The new card saw nothing of it.
        assert!(!card.happened().iter().any(|event| matches!(event, Happened::Command(_))));
    });
}

#[test]
fn a_reader_held_by_another_process_is_busy_and_then_works_again() {
    alone(a_reader_held_by_another_process_is_busy_and_then_works_again, || {
        let _pcscd = Pcscd::start(true);
        let (unit, _card) = with_card(VirtualCard::insert());
        let mut other = other_client(ShareMode::Shared);
        let transaction = other.transaction().unwrap();
        assert_eq!(code(unit.open(SHORT)), "reader-busy");
        assert_eq!(code(unit.make_safe(SHORT)), "reader-busy");
        // However often it is tried, the threads that are stuck stay few.
        for _ in 0..20 {
            assert_eq!(code(unit.open(Duration::from_millis(10))), "reader-busy");
        }
        let threads = std::fs::read_dir("/proc/self/task").unwrap().count();
        assert!(threads < 12, "{threads}");
        drop(transaction);
        wait_until("the abandoned calls are over", || unit.open(PATIENCE).is_ok());
        drop(other);

        let exclusive = other_client(ShareMode::Exclusive);
        assert_eq!(code(unit.open(SHORT)), "reader-busy");
        assert_eq!(unit.status().device, DeviceState::DeviceBusy);
        exclusive.disconnect(Disposition::LeaveCard).map_err(|(_, error)| error).unwrap();
        wait_until("the reader is free", || unit.open(PATIENCE).is_ok());
    });
}

#[test]
fn nobody_else_gets_a_command_in_between() {
    alone(nobody_else_gets_a_command_in_between, || {
        let _pcscd = Pcscd::start(true);
        let (unit, card) = with_card(VirtualCard::insert());
        let other = other_client(ShareMode::Shared);
        let mut session = unit.open(PATIENCE).unwrap();
        let intruder = std::thread::spawn(move || {
            let mut answer = [0; 256];
            // Blocks until the session is over; then the card was reset under it.
            let result = other.transmit(&[0x00, 0x84, 0x00, 0x00, 0x08], &mut answer).map(<[u8]>::to_vec);
            let _left = other.disconnect(Disposition::LeaveCard);
            result
        });
        for _ in 0..10 {
            jpki::leave(&mut *session).unwrap();
        }
        assert!(!intruder.is_finished());
        session.power_off().unwrap();
        let _reset_or_answered = intruder.join().unwrap();
        let commands: Vec<_> = card
            .happened()
            .into_iter()
            .filter_map(|event| if let Happened::Command(apdu) = event { Some(apdu[1]) } else { None })
            .collect();
        assert!(commands[..10].iter().all(|ins| *ins == 0xA4), "{commands:02X?}");
    });
}

#[test]
fn a_card_left_powered_by_another_process_is_powered_off_at_start() {
    alone(a_card_left_powered_by_another_process_is_powered_off_at_start, || {
        let _pcscd = Pcscd::start(true);
        let (unit, card) = with_card(VirtualCard::insert());
        let other = other_client(ShareMode::Shared);
        other.transmit(&[0x00, 0xA4, 0x04, 0x00], &mut [0; 16]).unwrap();
        assert!(!card.is_off());
        assert_eq!(unit.make_safe(PATIENCE).unwrap(), Presence::PoweredOff);
        wait_until("the card has seen it", || card.is_off());
        let _left = other.disconnect(Disposition::LeaveCard);
    });
}

#[test]
fn a_mute_card_is_told() {
    alone(a_mute_card_is_told, || {
        let _pcscd = Pcscd::start(true);
        let unit = unit();
        let events = Events::of(&unit);
        events.expect("removed");
        let card = VirtualCard::mute();
        events.expect("mute");
        assert_eq!(code(unit.open(PATIENCE)), "card-mute");
        assert_eq!(unit.make_safe(PATIENCE).unwrap(), Presence::Mute);
        drop(card);
        events.expect("removed");
        events.end();
    });
}

#[test]
fn pcscd_may_be_killed_and_started_again() {
    alone(pcscd_may_be_killed_and_started_again, || {
        let pcscd = Pcscd::start(true);
        let unit = unit();
        let events = Events::of(&unit);
        events.expect("removed");
        let card = VirtualCard::insert();
        events.expect("inserted");
        let mut session = unit.open(PATIENCE).unwrap();
        jpki::leave(&mut *session).unwrap();

        pcscd.kill();
        events.expect("card-service-stopped");
        let error = jpki::leave(&mut *session).unwrap_err();
        assert_eq!(error.code(), "reader-failed");
        assert_eq!(code(session.power_off()), "card-service-stopped");
        assert_eq!(code(unit.open(PATIENCE)), "card-service-stopped");
        assert_eq!(unit.status().device, DeviceState::Offline);
        drop(card);

        let _pcscd = Pcscd::start(true);
        let _card = VirtualCard::insert();
        events.expect("available");
        wait_until("the card is read", || {
            unit.open(PATIENCE).is_ok_and(|mut session| jpki::leave(&mut *session).is_ok())
        });
    });
}

#[test]
fn a_missing_reader_is_a_fault_until_it_comes() {
    alone(a_missing_reader_is_a_fault_until_it_comes, || {
        let pcscd = Pcscd::start(false);
        let unit = unit();
        let events = Events::of(&unit);
        events.expect("reader-not-found");
        assert_eq!(code(unit.open(PATIENCE)), "reader-not-found");
        assert_eq!(unit.status().device, DeviceState::NoDevice);
        pcscd.kill();
        events.expect("card-service-stopped");
        let _pcscd = Pcscd::start(true);
        events.expect("available");
        events.expect("removed");
    });
}

#[test]
fn of_several_readers_one_must_be_named() {
    alone(of_several_readers_one_must_be_named, || {
        // The virtual driver has two slots.
        let _pcscd = Pcscd::start(true);
        let unit = PcscUnit::new(PcscConfig { reader: None });
        let events = Events::of(&unit);
        events.expect("reader-not-chosen");
        assert_eq!(code(unit.open(PATIENCE)), "reader-not-chosen");
        assert_eq!(code(unit.make_safe(PATIENCE)), "reader-not-chosen");
        assert_eq!(unit.status().device, DeviceState::NoDevice);
        events.end();
    });
}

#[test]
fn a_user_who_may_not_reach_pcscd_is_told_so() {
    alone(a_user_who_may_not_reach_pcscd_is_told_so, || {
        // It ends with the process namespace: who is nobody cannot end it.
        let _pcscd = ManuallyDrop::new(Pcscd::start(true));
        let unit = unit();
        assert_eq!(unit.make_safe(PATIENCE).unwrap(), Presence::Absent, "root may");
        // As an administrator restricts it, to a group that the service's user is not in.
        std::fs::set_permissions("/run/pcscd/pcscd.comm", Permissions::from_mode(0o660)).unwrap();
        if !become_nobody() {
            println!("not shown: a user namespace has no other user; run it as root");
            return;
        }
        assert_eq!(code(unit.open(PATIENCE)), "card-service-refused");
        assert_eq!(code(unit.make_safe(PATIENCE)), "card-service-refused");
        assert_eq!(unit.status().device, DeviceState::Offline);
        let events = Events::of(&unit);
        events.expect("card-service-refused");
        events.end();
    });
}

fn become_nobody() -> bool {
    use nix::unistd::{Gid, Uid, setgid, setgroups, setuid};
    const NOBODY: u32 = 65_534;
    setgroups(&[])
        .and_then(|()| setgid(Gid::from_raw(NOBODY)))
        .and_then(|()| setuid(Uid::from_raw(NOBODY)))
        .is_ok()
}

#[test]
fn watching_ends_at_once() {
    alone(watching_ends_at_once, || {
        let _pcscd = Pcscd::start(true);
        let unit = unit();
        for _ in 0..10 {
            Events::of(&unit).end();
        }
        wait_until("all watching threads are gone", || {
            let names = std::fs::read_dir("/proc/self/task").unwrap().flatten();
            !names
                .filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok())
                .any(|name| name.trim() == "pcsc-watch")
        });
    });
}

#[test]
fn the_socket_of_pcscd_is_found() {
    alone(the_socket_of_pcscd_is_found, || {
        assert!(matches!(pcscd_socket().unwrap(), SocketCheck::Missing(_)));
        let _pcscd = Pcscd::start(true);
        assert!(!matches!(pcscd_socket().unwrap(), SocketCheck::Missing(_)));
    });
}
