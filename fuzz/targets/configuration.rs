#![no_main]
//! The terminal's configuration file.

use std::path::Path;

libfuzzer_sys::fuzz_target!(|text: &str| {
    let _refused = myna_atm::config::Config::parse(text, Path::new("myna-atm.toml"), Path::new("/"));
});
