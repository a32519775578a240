//! Everything that a pad or its line can do wrong, and the code that it gets.

use std::time::Duration;

use devices::pinpad::serial::{ClearAllowed, PadCheck, UicPrompt};
use devices::port::{CancelToken, FaultKind, PinEntry, PinOutcome};

use crate::support::{ALL, Bench, ENTRY, Which, bench, bench_under, enter, name, pin_in, slot_of};

/// The end of an entry with the right keys; the PIN must be the one pressed, or none.
fn ended(bench: &Bench) -> String {
    let outcome = bench.enter(b"1234E", ENTRY);
    let ended = name(&outcome);
    match outcome {
        PinOutcome::Entered(slot) => assert_eq!(pin_in(slot), b"1234"),
        other => assert!(slot_of(other).is_empty(), "{ended}"),
    }
    ended
}

/// Side by side: most of the time is waiting.
fn each(cases: &[(Which, &str, &str)]) {
    std::thread::scope(|scope| {
        for (which, lever, code) in cases {
            scope.spawn(move || assert_eq!(ended(&bench(*which, &[lever])), *code, "{which:?} {lever}"));
        }
    });
}

#[test]
fn a_silent_pad_is_silent() {
    each(&ALL.map(|which| (which, "silent", "pad-silent")));
}

#[test]
fn a_pad_that_talks_nonsense_misbehaves() {
    each(&ALL.map(|which| (which, "garbage", "pad-misbehaved")));
    each(&[
        (Which::Reference, "other-version", "pad-misbehaved"),
        (Which::Clear, "other-version", "pad-misbehaved"),
    ]);
    each(&[(Which::Uic, "refuses", "pad-misbehaved")]);
}

#[test]
fn a_line_with_some_noise_serves_and_one_with_noise_only_does_not() {
    each(&ALL.map(|which| (which, "noise:4", "entered")));
    each(&ALL.map(|which| (which, "noise:1", "pad-misbehaved")));
}

#[test]
fn another_pad_is_not_trusted() {
    each(&[
        (Which::Reference, "other-identity", "pad-not-trusted"),
        (Which::Reference, "forged-signature", "pad-not-trusted"),
    ]);
    let bench = bench(Which::Reference, &["other-identity"]);
    let fault = bench.pad.check().unwrap_err();
    assert_eq!((fault.code, fault.kind), ("pad-not-trusted", FaultKind::NeedsOperator));
}

#[test]
fn a_frame_that_is_changed_or_sent_again_later_ends_the_entry() {
    each(&[
        (Which::Reference, "tamper", "pad-misbehaved"),
        (Which::Reference, "replay", "pad-misbehaved"),
        (Which::Clear, "replay", "pad-misbehaved"),
    ]);
}

#[test]
fn a_frame_that_is_repeated_because_its_acknowledgement_was_lost_counts_once() {
    each(&ALL.map(|which| (which, "repeat", "entered")));
}

#[test]
fn a_pad_that_dies_in_the_middle_is_silent() {
    each(&ALL.map(|which| (which, "dies:2", "pad-silent")));
}

#[test]
fn a_slow_pad_serves() {
    each(&ALL.map(|which| (which, "slow:250", "entered")));
}

#[test]
fn an_answer_that_comes_after_a_cancelled_entry_is_not_taken_for_one_of_the_next() {
    for which in ALL {
        let bench = bench(which, &["slow:120"]);
        for _ in 0..4 {
            let token = CancelToken::new().unwrap();
            token.cancel();
            let (outcome, _) = enter(&bench.pad, ENTRY, &token, |_| {});
            assert_eq!(name(&outcome), "cancelled", "{which:?}");
        }
        assert_eq!(ended(&bench), "entered", "{which:?}");
    }
}

#[test]
fn a_pp791_gives_digits_out_under_the_makers_prompt_only() {
    let plain = || UicPrompt::plain("PIN").unwrap();
    assert_eq!(ended(&bench_under(Which::Uic, &[], plain())), "pad-withholds-digits");
    assert_eq!(ended(&bench_under(Which::Uic, &["withholds:never"], plain())), "entered");
    // A pad that says nothing of it cannot be told from a customer who presses nothing.
    let hasty = PinEntry { key_ms_max: 1_500, ..ENTRY };
    let silently = bench_under(Which::Uic, &["withholds:silent"], plain());
    assert_eq!(name(&silently.enter(b"1234E", hasty)), "timed out");
    assert_eq!(ended(&bench(Which::Uic, &["withholds:empty"])), "entered");
}

#[test]
fn a_plug_that_is_pulled_out_is_a_fault_and_the_pad_serves_when_it_is_back() {
    for which in ALL {
        let bench = bench(which, &[]);
        let token = CancelToken::new().unwrap();
        let (outcome, _) = enter(&bench.pad, ENTRY, &token, |dots| {
            assert!(bench.simulator.wait_until_entering(true, Duration::from_secs(20)));
            bench.simulator.press(b"12");
            while dots.recv_timeout(Duration::from_secs(20)).unwrap().0 < 2 {}
            bench.pull("unplug");
        });
        assert_eq!(name(&outcome), "port-gone", "{which:?}");
        assert!(slot_of(outcome).is_empty());
        assert_eq!(name(&bench.enter(b"", ENTRY)), "port-not-found", "{which:?}");
        bench.pull("plug");
        assert_eq!(ended(&bench), "entered", "{which:?}");
    }
}

#[test]
fn a_port_that_somebody_else_has_open_is_in_use() {
    let bench = bench(Which::Reference, &[]);
    let settings = devices::serial::SerialSettings::new(bench.simulator.port().to_owned(), 9_600);
    let other = devices::serial::Line::open("printer", &settings).unwrap();
    assert_eq!(name(&bench.enter(b"", ENTRY)), "port-in-use");
    drop(other);
    assert_eq!(ended(&bench), "entered");
}

/// Keys all the time, and never the right ones.
#[test]
fn an_entry_has_an_end_however_often_keys_come() {
    for which in ALL {
        let bench = bench(which, &[]);
        let mut config = devices::pinpad::serial::SerialPadConfig::new(
            devices::serial::SerialSettings::new(bench.simulator.port().to_owned(), 9_600),
            bench.framing.clone(),
        );
        config.entry_ms_max = 2_000;
        let pad = devices::pinpad::SerialPad::new(config).unwrap();
        let token = CancelToken::new().unwrap();
        let (outcome, dots) = enter(&pad, ENTRY, &token, |_| {
            assert!(bench.simulator.wait_until_entering(true, Duration::from_secs(20)));
            bench.simulator.press(&b"1C".repeat(500));
        });
        assert_eq!(name(&outcome), "timed out", "{which:?}");
        assert!(dots.len() > 4, "{which:?}: {}", dots.len());
    }
}

#[test]
fn a_look_at_the_pad_disturbs_nobody() {
    for (which, told) in [
        (Which::Reference, PadCheck::Proven),
        (Which::Clear, PadCheck::PortOpens),
        (Which::Uic, PadCheck::Answers),
    ] {
        let bench = bench(which, &[]);
        assert_eq!(bench.pad.check().unwrap(), told);
        assert!(bench.simulator.wait_until_entering(false, Duration::ZERO));
        assert_eq!(ended(&bench), "entered");
    }
    for which in [Which::Reference, Which::Uic] {
        assert_eq!(bench(which, &["silent"]).pad.check().unwrap_err().code, "pad-silent");
    }
    assert_eq!(ClearAllowed::when_bench_only(false), None);
}
