#![no_main]
//! A host's answer.

libfuzzer_sys::fuzz_target!(|der: &[u8]| {
    let expected = request::ExpectedAnswer {
        request_id: Default::default(),
        request_sha256: [0; 32],
        terminal_id: "T0001",
    };
    let _refused = request::verify_answer(der, &[], jiff::Timestamp::UNIX_EPOCH, &expected);
});
