//! The readers that do not serve: what the log has of them, and how often.

use super::*;

fn away() -> port::CardEvent {
    port::CardEvent::Unavailable(port::Fault {
        kind: port::FaultKind::Broken,
        device: "card unit",
        code: "reader-not-found",
        action: Action::Maintenance,
        what: "no card reader is connected".to_owned(),
        source: None,
    })
}

#[test]
fn another_reader_is_reported_at_each_change_and_never_out_of_service() {
    let mut bench = Bench::new();
    let tell = |bench: &mut Bench, event: port::CardEvent| -> Vec<String> {
        let said = bench.health.other_reader(0, &event, bench.at);
        said.into_iter().map(|(line, _)| line.code.to_string()).collect()
    };
    assert_eq!(tell(&mut bench, port::CardEvent::Removed), ["other-reader-ready"]);
    assert!(!bench.health.card_at_other_reader());
    assert_eq!(tell(&mut bench, port::CardEvent::Inserted), ["card-at-other-reader"]);
    assert_eq!(tell(&mut bench, port::CardEvent::Mute), [""; 0], "it lies there already");
    assert!(bench.health.card_at_other_reader());
    assert_eq!(tell(&mut bench, port::CardEvent::Removed), ["card-out-of-other-reader"]);
    for _ in 0..=MAX {
        bench.at += SignedDuration::from_hours(1);
        assert_eq!(tell(&mut bench, away()), ["reader-not-found"]);
        assert_eq!(tell(&mut bench, away()), [""; 0]);
        assert_eq!(tell(&mut bench, port::CardEvent::Available), ["other-reader-ready"]);
        assert_eq!(tell(&mut bench, port::CardEvent::Removed), [""; 0]);
    }
    let shown = bench.shown(3);
    assert_eq!((shown.device.as_str(), shown.name.as_deref()), ("other-reader", Some("Field 00 00")));
    assert_eq!((shown.failures, shown.out_of_service), (MAX + 1, None));
    assert_eq!(shown.last_failure.unwrap().action.as_deref(), Some("maintenance"));
    assert!(bench.health.other_reader(1, &away(), bench.at).is_empty(), "there is no such reader");
}

/// A phone at the edge of the field comes and goes twice a second: a hundred thousand entries a day.
#[test]
fn another_reader_that_flickers_gets_an_entry_a_minute_with_the_number_of_those_left_out() {
    let mut bench = Bench::new();
    let mut said = Vec::new();
    for half_second in 0..7_200 {
        bench.at += SignedDuration::from_millis(500);
        let event = if half_second % 2 == 0 { port::CardEvent::Inserted } else { port::CardEvent::Removed };
        said.extend(bench.health.other_reader(0, &event, bench.at).into_iter().map(|(_, story)| story.what));
    }
    assert!((60..=66).contains(&said.len()), "{} entries in an hour", said.len());
    assert_eq!(said.iter().take(6).flatten().count(), 0, "the first come as they are");
    let left_out = said.iter().skip(7).flatten().filter(|what| what.starts_with("119 entries")).count();
    assert_eq!(left_out, said.len() - 7, "{said:?}");
    // It comes to rest; the next change is told with what was left out before it, and then everything again.
    bench.at += SignedDuration::from_hours(1);
    let lines = bench.health.other_reader(0, &away(), bench.at);
    let [(line, story)] = lines.as_slice() else { panic!("{lines:?}") };
    assert_eq!(line.code.to_string(), "reader-not-found");
    assert!(story.what.as_ref().unwrap().ends_with("no card reader is connected"), "{story:?}");
    assert!(story.what.as_ref().unwrap().contains("were left out"), "{story:?}");
    let lines = bench.health.other_reader(0, &port::CardEvent::Inserted, bench.at);
    assert_eq!(lines.into_iter().filter(|(_, story)| story.what.is_none()).count(), 2);
}
