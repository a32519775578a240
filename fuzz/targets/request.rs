#![no_main]
//! A registration request, as a terminal posts it.

libfuzzer_sys::fuzz_target!(|der: &[u8]| {
    let _refused = request::open_request(der, &[], jiff::Timestamp::UNIX_EPOCH);
});
