//! The host's decisions a second, durable, in one process without TLS; beside it what this machine's processor and disk
//! can do: `openssl speed` of RSA-2048 verification, and a plain loop of write and fdatasync.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a bench"
)]
#![allow(missing_docs, dead_code, unreachable_pub, reason = "shares the host's test support")]

use std::io::Write as _;
use std::process::Command;
use std::sync::Arc;

use myna_benches::{Stopwatch, head, row};
use myna_demo::host_process::write_configuration;
use myna_demo::state::{State, TERMINAL_ID};
use myna_host::clock::{Clock as _, SystemClock};
use test_pki::{AuthCa, CardKey, Pki};

#[path = "../src/host/tests/host/support/card.rs"]
mod card;

const REQUESTS: usize = 2_000;
const AT_ONCE: usize = 128;

fn main() {
    let folder = tempfile::tempdir_in(std::env::current_dir().unwrap()).unwrap();
    let state = State::open(folder.path()).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let (rate, commits) = runtime.block_on(decisions(&state));
    let syncs = syncs_a_second(folder.path());
    head();
    let beside = format!("RSA-2048 verifications of `openssl speed`, one core: {}/s", rsa_verifications());
    row("decisions, durable, without TLS", &format!("{rate:.0}/s"), &beside);
    let beside = format!("write and fdatasync in a loop on the same disk: {syncs:.0}/s");
    row("requests a commit", &format!("{:.1}", REQUESTS as f64 / commits), &beside);
}

/// Decisions a second and commits in all, [`AT_ONCE`] requests at a time.
async fn decisions(state: &State) -> (f64, f64) {
    let configuration = myna_host::Config::load(&write_configuration(state, "127.0.0.1:0").unwrap()).unwrap();
    let clock = Arc::new(SystemClock::new());
    let desk = Arc::new(myna_host::open_desk(&configuration, clock.clone()).unwrap());
    let pki = Pki::open_or_create(&state.pki(), clock.now()).unwrap();
    let card = card::Card::new(&pki, CardKey::Rsa2048, AuthCa::Generation2, -100, 200);
    let terminal: wire::TerminalId = TERMINAL_ID.parse().unwrap();

    let mut bodies = Vec::new();
    for _ in 0..REQUESTS {
        let challenge = desk.challenge(&terminal).await.unwrap();
        bodies.push(card::Draft::new(&pki, TERMINAL_ID, &card, &challenge, clock.now()).sign());
    }
    let before = desk.parts().metrics.commits.get();
    let watch = Stopwatch::start();
    let mut running = tokio::task::JoinSet::new();
    for body in bodies {
        while running.len() >= AT_ONCE {
            running.join_next().await.unwrap().unwrap();
        }
        let (desk, terminal) = (desk.clone(), terminal.clone());
        running.spawn(async move {
            desk.register(&terminal, body.into()).await.unwrap();
        });
    }
    while let Some(done) = running.join_next().await {
        done.unwrap();
    }
    let seconds = watch.elapsed().as_secs_f64();
    (REQUESTS as f64 / seconds, (desk.parts().metrics.commits.get() - before) as f64)
}

/// How often this disk makes 4 KiB durable in a second.
fn syncs_a_second(folder: &std::path::Path) -> f64 {
    const ROUNDS: u32 = 300;
    let mut file = std::fs::File::create(folder.join("syncs")).unwrap();
    let watch = Stopwatch::start();
    for _ in 0..ROUNDS {
        file.write_all(&[0x5A; 4096]).unwrap();
        file.sync_data().unwrap();
    }
    f64::from(ROUNDS) / watch.elapsed().as_secs_f64()
}

/// The last column of `openssl speed`, as it prints it.
fn rsa_verifications() -> String {
    let speed = Command::new("openssl").args(["speed", "-seconds", "2", "rsa2048"]).output().unwrap();
    let said = String::from_utf8_lossy(&speed.stdout).into_owned();
    let line = said.lines().find(|line| line.starts_with("rsa 2048 bits")).expect("a line for RSA-2048");
    line.split_whitespace().last().unwrap().to_owned()
}
