//! The machine without a line: what it is sent, what it says.

use super::*;

fn machine() -> Machine {
    Machine::new(Model { family: Family::Epson, dots: 576, dpi: 203 })
}

fn said(machine: &mut Machine, bytes: &[u8]) -> Vec<u8> {
    machine.receive(bytes);
    machine.work(usize::MAX);
    machine.take_said()
}

#[test]
fn it_answers_in_real_time_and_in_order() {
    let mut machine = machine();
    assert_eq!(said(&mut machine, b"\x10\x04\x01\x10\x04\x02\x10\x04\x03\x10\x04\x04"), [0x12; 4]);
    assert_eq!(said(&mut machine, b"\x1d\x61\xff"), [0x10, 0, 0, 0x0f]);
    machine.pull(Pull::PaperOut(true));
    assert_eq!(said(&mut machine, b"\x1dr\x01\x10\x04\x02"), [0x32, 0x18, 0, 0x0f, 0x0f]);
    machine.pull(Pull::PaperOut(false));
    assert_eq!(said(&mut machine, b""), [0x00, 0x10, 0, 0, 0x0f], "what waited is carried out now");
}

#[test]
fn real_time_commands_are_found_inside_pictures() {
    let mut machine = machine();
    assert_eq!(said(&mut machine, b"\x1dv0\x00\x03\x00\x01\x00\x10\x04\x01"), [0x12]);
    machine.work(usize::MAX);
    assert!(machine.hangs_out());
}

#[test]
fn initialising_ends_its_own_reports() {
    let mut machine = machine();
    said(&mut machine, b"\x1d\x61\xff");
    said(&mut machine, b"\x1b@");
    machine.pull(Pull::Cover(true));
    assert!(said(&mut machine, b"").is_empty());
}

#[test]
fn a_jam_of_the_cutter_is_recovered_after_it_is_gone() {
    let mut machine = machine();
    machine.pull(Pull::Cutter(true));
    said(&mut machine, b"x\n\x1dV\x42\x00rest");
    assert_eq!(said(&mut machine, b"\x10\x04\x03"), [0x1a]);
    said(&mut machine, b"\x10\x05\x02");
    assert_eq!(said(&mut machine, b"\x10\x04\x03"), [0x1a], "not while it is stuck");
    machine.pull(Pull::Cutter(false));
    said(&mut machine, b"\x10\x05\x02");
    assert_eq!(said(&mut machine, b"\x10\x04\x03"), [0x12]);
    assert!(machine.take_sheets().is_empty() && machine.hangs_out());
}

#[test]
fn switched_off_it_forgets() {
    let mut machine = machine();
    machine.pull(Pull::After(Later::PowerOff, 4));
    said(&mut machine, b"abcd\x10\x04\x01");
    assert!(!machine.has_room());
    machine.pull(Pull::Power(true));
    assert_eq!(said(&mut machine, b"\x10\x04\x01"), [0x12]);
    assert!(!machine.hangs_out(), "the line was not printed yet");
}

#[test]
fn a_full_status_is_six_bytes() {
    let mut machine = Machine::new(Model { family: Family::Custom, dots: 576, dpi: 203 });
    machine.pull(Pull::Presenter(Presenter::Left));
    assert_eq!(said(&mut machine, b"x\n\x1bi\x1de\x03\x0c\x10\x04\x14")[..2], [0x10, 0x0f]);
    assert_eq!(said(&mut machine, b"\x10\x04\x14"), [0x10, 0x0f, 0x20, 0, 0, 0]);
    said(&mut machine, b"\x1de\x02");
    assert!(!machine.presented());
    assert_eq!(machine.take_sheets().len(), 1);
}
