//! Batches, the outbox and its evidence, checkpoints.

use std::fs;

use journal::{
    Batch, CheckpointSigner, Detail, FileSigner, JournalError, LogEntry, OutboxChange, SignFault, Stats,
    VisitRecord, read_log, word,
};

use proptest::prelude::*;

use crate::support::*;

#[test]
fn a_batch_is_durable_as_a_whole_or_not_at_all() {
    let place = Place::new();
    let mut journal = opened(&place.path());
    journal.commit(&Batch { outbox: vec![put(1, cms(1))], ..log([entry(0, word!("one"))]) }).unwrap();
    // The last part of this batch cannot be.
    let batch = Batch {
        outbox: vec![put(2, cms(2)), put(1, cms(9))],
        records: vec![record(3, journal::Mark::Opens)],
        log: vec![entry(1, word!("two"))],
    };
    let error = journal.commit(&batch).unwrap_err();
    assert!(matches!(error, JournalError::RequestDiffers { .. }), "{error}");
    assert_eq!(journal.outbox_get(visit(2)).unwrap(), None);
    assert!(journal.visit_records(visit(3)).unwrap().is_empty());
    assert_eq!(journal.last_sequence(), Some(1));
    // What was refused does not stop the journal, and the chain goes on.
    journal.commit(&log([entry(1, word!("two"))])).unwrap();
    let codes: Vec<_> = read_log(&place.path(), &journal::Filter::default())
        .unwrap()
        .entries
        .iter()
        .map(|entry| entry.entry.code.to_string())
        .collect();
    assert_eq!(codes, ["one", "two"]);
}

#[test]
fn a_commit_is_counted_and_an_empty_batch_is_none() {
    let place = Place::new();
    let mut journal = opened(&place.path());
    assert_eq!(journal.stats(), Stats::default());
    journal.commit(&Batch::default()).unwrap();
    assert_eq!(journal.stats().commits, 0);
    grow(&mut journal, 0, 2);
    assert_eq!(journal.stats(), Stats { commits: 6, log_entries: 20, records: 4, checkpoints: 2 });
}

#[test]
fn a_request_stays_in_the_outbox_until_it_is_decided() {
    let place = Place::new();
    let mut journal = opened(&place.path());
    for n in [1, 2] {
        journal.commit(&Batch { outbox: vec![put(n, cms(1))], ..Batch::default() }).unwrap();
    }
    // The same again changes nothing.
    journal.commit(&Batch { outbox: vec![put(1, cms(1))], ..Batch::default() }).unwrap();
    drop(journal);
    let mut journal = opened(&place.path());
    let pending = journal.outbox_pending().unwrap();
    assert_eq!(pending.len(), 2);
    assert_eq!(pending[0].cms, Some(cms(1)));
    assert_eq!(pending[0].accept_until, later(86_400));

    journal.commit(&Batch { outbox: vec![decided(1, decision(b"answer"))], ..Batch::default() }).unwrap();
    journal.commit(&Batch { outbox: vec![decided(1, decision(b"again"))], ..Batch::default() }).unwrap();
    assert_eq!(journal.outbox_pending().unwrap().len(), 1);
    let entry = journal.outbox_get(visit(1)).unwrap().unwrap();
    assert_eq!(entry.decided, Some(decision(b"answer")));
}

#[test]
fn a_decision_is_never_replaced_by_another() {
    let place = Place::new();
    let mut journal = opened(&place.path());
    journal
        .commit(&Batch { outbox: vec![put(1, cms(1)), decided(1, decision(b"a"))], ..Batch::default() })
        .unwrap();
    let other = journal::Decided { outcome: word!("refused"), ..decision(b"a") };
    let error = journal.commit(&Batch { outbox: vec![decided(1, other)], ..Batch::default() }).unwrap_err();
    assert!(matches!(error, JournalError::DecisionDiffers { .. }), "{error}");
    let error =
        journal.commit(&Batch { outbox: vec![decided(5, decision(b"a"))], ..Batch::default() }).unwrap_err();
    assert!(matches!(error, JournalError::RequestUnknown { .. }), "{error}");
}

#[test]
fn evidence_is_erased_from_every_file_when_it_is_due_and_decided() {
    let place = Place::new();
    let mut journal = opened(&place.path());
    for n in 1..=3 {
        journal.commit(&Batch { outbox: vec![put(u64::from(n), cms(n))], ..Batch::default() }).unwrap();
    }
    let old = journal::Decided { at: later(-100), ..decision(b"old answer") };
    let new = journal::Decided { at: later(100), ..decision(b"new answer") };
    journal.commit(&Batch { outbox: vec![decided(1, old), decided(2, new)], ..Batch::default() }).unwrap();

    assert_eq!(journal.erase_evidence(now(), later(200)).unwrap(), 1);
    assert_eq!(journal.erase_evidence(now(), later(200)).unwrap(), 0);
    let erased = journal.outbox_get(visit(1)).unwrap().unwrap();
    assert_eq!((erased.cms, erased.erased_at), (None, Some(later(200))));
    let decided = erased.decided.unwrap();
    assert_eq!((decided.answer, decided.acceptance_number.unwrap().as_str()), (None, "4821-0937-5566"));
    for n in [2, 3] {
        assert!(journal.outbox_get(visit(n)).unwrap().unwrap().cms.is_some());
    }
    let found = |text: &str| {
        place.names().iter().any(|name| {
            fs::read(place.file(name)).unwrap().windows(text.len()).any(|window| window == text.as_bytes())
        })
    };
    assert!(!found("request number 001") && !found("old answer"));
    assert!(found("request number 002") && found("request number 003") && found("new answer"));
    drop(journal);
    assert_eq!(opened(&place.path()).outbox_pending().unwrap().len(), 1);
}

#[test]
fn sizes_are_bounded() {
    let place = Place::new();
    let mut journal = opened(&place.path());
    let mut answer = decision(b"");
    answer.answer = Some(vec![0; journal::CMS_BYTES_MAX + 1]);
    let body = serde_json::Value::String("x".repeat(journal::BODY_BYTES_MAX));
    let batches = [
        Batch { outbox: vec![put(1, vec![0; journal::CMS_BYTES_MAX + 1])], ..Batch::default() },
        Batch {
            outbox: vec![OutboxChange::Decided { request_id: visit(1), decision: answer }],
            ..Batch::default()
        },
        Batch { records: vec![VisitRecord { body, ..record(1, journal::Mark::Opens) }], ..Batch::default() },
    ];
    for batch in batches {
        let error = journal.commit(&batch).unwrap_err();
        assert!(matches!(error, JournalError::TooLarge { .. }), "{error}");
    }
    assert_eq!(journal.stats().commits, 0);
}

#[test]
fn a_checkpoint_covers_what_is_new() {
    let place = Place::new();
    let mut journal = opened(&place.path());
    assert_eq!(journal.checkpoint(&signer(), now()).unwrap(), None);
    journal.commit(&log((0..3).map(|n| entry(n, word!("started"))))).unwrap();
    let checkpoint = journal.checkpoint(&signer(), now()).unwrap().unwrap();
    assert_eq!((checkpoint.sequence, checkpoint.terminal_id.as_str()), (3, "T0001"));
    assert_eq!(
        checkpoint.statement(),
        format!(
            r#"{{"checkpoint":1,"entry_hash":"{}","sequence":3,"signed_at":"2026-11-21T01:02:03.456Z","terminal_id":"T0001"}}"#,
            checkpoint.entry_hash
        )
    );
    assert!(keys().signed(&checkpoint));
    assert_eq!(journal.checkpoint(&signer(), now()).unwrap(), None);
    assert_eq!(journal.last_checkpoint().unwrap(), Some(checkpoint));
}

struct Broken;

impl CheckpointSigner for Broken {
    fn sign(&self, _statement: &[u8]) -> Result<Vec<u8>, SignFault> {
        Err(SignFault { what: "no key".to_owned() })
    }
}

#[test]
fn a_checkpoint_that_could_not_be_verified_is_not_stored() {
    let place = Place::new();
    let mut journal = opened(&place.path());
    journal.commit(&log([entry(0, word!("started"))])).unwrap();
    let other = FileSigner::from_pem(&secret_pem(8)).unwrap();
    assert!(matches!(journal.checkpoint(&other, now()).unwrap_err(), JournalError::SignerDiffers));
    assert!(matches!(
        journal.checkpoint(&Broken, now()).unwrap_err(),
        JournalError::Sign { sequence: 1, .. }
    ));
    assert_eq!(journal.last_checkpoint().unwrap(), None);
    assert!(journal.checkpoint(&signer(), now()).unwrap().is_some());
}

/// Golden: the digests of a log of three entries. When this fails, the code is wrong, never the test.
#[test]
fn the_chain_of_version_1() {
    let place = Place::new();
    let mut journal = opened(&place.path());
    let with_detail = LogEntry { detail: Some(Detail::of("reader 1")), ..entry(2, word!("card-unit-down")) };
    journal
        .commit(&log([entry(0, word!("started")), entry(1, word!("card-inserted")), with_detail]))
        .unwrap();
    let checkpoint = journal.checkpoint(&signer(), now()).unwrap().unwrap();
    assert_eq!(
        checkpoint.entry_hash.to_string(),
        "59d46c56dadd5d8b6ef33ec531c069c99329833a38e59c777a7e7d38b092df73"
    );
}

#[test]
fn keys_that_are_none_are_refused() {
    use journal::{CheckpointKeys, KeyRefused};
    assert!(matches!(CheckpointKeys::from_pem(""), Err(KeyRefused::Nothing)));
    let cut = public_pem(7).replace("-----END", "----");
    assert!(matches!(CheckpointKeys::from_pem(&cut), Err(KeyRefused::PublicKey { block: 1 })));
    let two = format!("{}{}", public_pem(7), secret_pem(7));
    assert!(matches!(CheckpointKeys::from_pem(&two), Err(KeyRefused::PublicKey { block: 2 })));
    assert!(matches!(FileSigner::from_pem(&public_pem(7)), Err(KeyRefused::PrivateKey)));
}

proptest! {
    #[test]
    fn any_text_is_a_key_or_refused(text in any::<String>(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        use journal::CheckpointKeys;
        prop_assert!(CheckpointKeys::from_pem(&text).is_err());
        prop_assert!(FileSigner::from_pem(&text).is_err());
        let mut bytes = public_pem(7).into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        // Either answer is right for a changed key; it must not panic, and a key that is taken can be used.
        if let Ok(keys) = CheckpointKeys::from_pem(&String::from_utf8_lossy(&bytes)) {
            let checkpoint = journal::Checkpoint {
                terminal_id: terminal(),
                sequence: 1,
                entry_hash: journal::Digest::ZERO,
                signed_at: now(),
                signature: text.into_bytes(),
            };
            prop_assert!(!keys.signed(&checkpoint));
        }
    }
}
