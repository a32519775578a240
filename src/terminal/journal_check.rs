//! The full check of the journal, beside the work: a start reads only what it acts on.
//!
//! Invariant: damage that is found here closes the machine after the present visit, and leaves a note so that the next start
//! sets the journal aside. That the check itself fails closes nothing: `doctor` says why.

use std::io;
use std::path::PathBuf;

use journal::{CheckpointKeys, NotWhole, check_at_next_open, check_whole};

use crate::queue::{Mailbox, Message, Story, chain};

/// Starts the check on a thread of its own.
///
/// # Errors
/// When the system gives no thread.
pub(crate) fn start(path: PathBuf, keys: CheckpointKeys, mailbox: Mailbox) -> io::Result<()> {
    std::thread::Builder::new()
        .name("journal-check".to_owned())
        .spawn(move || match check_whole(&path, &keys) {
            Ok(report) => {
                tracing::info!(%report, "the whole journal was checked");
                mailbox.post(Message::JournalWhole(Box::new(report)), Story::default());
            }
            Err(not_whole) => found(&path, &not_whole, &mailbox),
        })
        .map(drop)
}

fn found(path: &std::path::Path, not_whole: &NotWhole, mailbox: &Mailbox) {
    let Some(reason) = not_whole.reason() else {
        tracing::warn!(error = %chain(not_whole), "the whole journal could not be checked");
        return;
    };
    tracing::error!(error = %chain(not_whole), "the journal is damaged");
    if let Err(error) = check_at_next_open(path) {
        tracing::error!(error = %chain(&error), "the next start will not know that it is damaged");
    }
    mailbox.post(Message::JournalDamaged { code: reason.code() }, Story::of(not_whole));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desks::Post as _;
    use journal::{Batch, Journal, LogEntry, OpenOptions, Opened, TerminalId, word};
    use test_pki::Pki;

    #[test]
    fn damage_is_told_and_the_next_start_knows() {
        let folder = tempfile::tempdir().unwrap();
        let now = crate::clock::now();
        Pki::open_or_create(folder.path(), now).unwrap().terminal("T0001").unwrap();
        let certificate = folder.path().join("terminals/T0001/log.crt.pem");
        let keys = CheckpointKeys::from_pem(&std::fs::read_to_string(certificate).unwrap()).unwrap();
        let options = OpenOptions::new(keys.clone(), now);
        let path = folder.path().join("journal.db");
        let Opened::Fresh(mut journal) = Journal::open(&path, &options).unwrap() else { panic!("not fresh") };
        let entry = LogEntry::new(now, 0, TerminalId::parse("T0001").unwrap(), word!("started"));
        journal.commit(&Batch { log: vec![entry; 3], ..Batch::default() }).unwrap();

        let (mailbox, inbox) = Mailbox::new();
        start(path.clone(), keys.clone(), mailbox.clone()).unwrap();
        let letter = inbox.next(None).unwrap();
        assert!(matches!(letter.message, Message::JournalWhole(_)), "{letter:?}");

        let edit = "UPDATE device_log SET hash = x'00' WHERE seq = 2";
        rusqlite::Connection::open(&path).unwrap().execute_batch(edit).unwrap();
        start(path.clone(), keys, mailbox).unwrap();
        let letter = inbox.next(None).unwrap();
        let Message::JournalDamaged { code } = letter.message else { panic!("{letter:?}") };
        assert_eq!(code, "journal-chain-broken");
        drop(journal);
        assert!(matches!(Journal::open(&path, &options).unwrap(), Opened::Corrupt(_)));
    }
}
