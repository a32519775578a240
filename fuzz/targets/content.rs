#![no_main]
//! The signed contents: what is accepted is canonical, byte for byte.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(content) = request::RequestContent::parse(bytes) {
        assert_eq!(content.to_canonical_json().ok().as_deref(), Some(bytes));
    }
    if let Ok(content) = request::AnswerContent::parse(bytes) {
        assert_eq!(content.to_canonical_json().ok().as_deref(), Some(bytes));
    }
});
