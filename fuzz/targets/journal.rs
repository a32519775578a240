#![no_main]
//! A journal's file: reading and verifying a damaged copy ends in an answer.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(folder) = tempfile::tempdir() else { return };
    let path = folder.path().join("journal.db");
    if std::fs::write(&path, bytes).is_ok() {
        let _refused = journal::read_log(&path, &journal::Filter::default());
    }
});
