#![no_main]
//! The bodies of the terminal-host interface.

use wire::Message as _;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _refused = wire::ChallengeRequest::parse(bytes);
    let _refused = wire::ChallengeAnswer::parse(bytes);
    let _refused = wire::LogCheckpoint::parse(bytes);
    let _refused = wire::Problem::parse(bytes);
});
