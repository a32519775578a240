#![no_main]
//! A card's certificate, as the card gives it.

libfuzzer_sys::fuzz_target!(|der: &[u8]| {
    let policy = request::TrustPolicy::new(Vec::new(), true);
    let _refused = request::check_card_certificate(der, &policy, jiff::Timestamp::UNIX_EPOCH);
});
