//! A world that is used for many points, one after the other: only the process under test is started anew.
//!
//! Invariant: before each run the customer's card is outside, its PIN has all tries, the host is well, and everything
//! that was signed before is decided.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use myna_demo::customer::Customer;
use myna_demo::host_process::HostProcess;
use myna_demo::state::State;
use myna_demo::terminal_process::TerminalProcess;
use myna_tests::watch::{Kind, Point, Seen, Watch};
use myna_tests::{World, programs};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use uuid::Uuid;

use super::judge::{Earlier, Ran};
use super::paths::{Before, LIMITS, Path, Program, Target};
use crate::books::{HostBooks, Kept, TerminalBooks};
use crate::compare::Objection;

/// No visit here takes so long; one that does is stuck.
const VISIT_MS_MAX: Duration = Duration::from_secs(60);
/// A host that was asked on this machine has decided long before.
const DECISION_MS_MAX: Duration = Duration::from_secs(5);

/// Without an order, pcscd takes the power of a card that nobody uses after five seconds.
const POWER_OFF_MS_MAX: Duration = Duration::from_secs(1);

pub(super) struct Bench {
    pub(super) world: World,
    /// Of journals that were taken away for a first start; the host's decisions about them stay.
    pub(super) retired: Vec<Kept>,
    /// Decisions whose signed answer was read.
    pub(super) read: BTreeSet<Uuid>,
    folder: tempfile::TempDir,
}

/// What the watched process did, and what was seen of it.
#[derive(Default)]
pub(super) struct Lived {
    /// Screens, and the result at the end.
    pub(super) lines: Vec<Value>,
    pub(super) points: Vec<Point>,
    /// It was killed where it was to be killed.
    pub(super) hit: bool,
    /// The card, at the moment when one that was inside at the start is given back.
    pub(super) found: Option<Value>,
    /// How it ended, when it ended by itself.
    pub(super) end: Option<String>,
    pub(super) objections: Vec<Objection>,
}

impl Bench {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let trace = folder.path().join("card.trace");
        let mut world = World::with("valid", &["--trace", &trace.display().to_string()]);
        world.setup.trace = "info".to_owned();
        let bench = Self { world, retired: Vec::new(), read: BTreeSet::new(), folder };
        // Books of earlier visits: only the path of the first start has none.
        bench.world.visit(&Customer::with_pin("1234"));
        bench
    }

    /// Runs `path` with its process killed at `target`, starts everything again, and compares.
    pub(super) fn run(&mut self, path: &Path, target: &Target) -> Ran {
        self.prepare(path);
        let earlier = Earlier { requests: self.known(), verifies: self.verifies() };
        let mut lived = match path.program {
            Program::Register => self.register(&(path.customer)(), target),
            Program::Deliver => self.deliver(target),
            Program::Host | Program::HostAsked | Program::HostAgain | Program::HostStops => {
                self.host(path, target)
            }
        };
        if lived.hit && lived.end.is_some() && !path.program.is_host() {
            lived.objections.push(Objection::Process(format!("killed, and it ended with {:?}", lived.end)));
        }
        self.judge(path, target, lived, &earlier)
    }

    fn prepare(&mut self, path: &Path) {
        // A path's own limits instead of the usual ones: a key may stand only once.
        let limits = if path.limits.is_empty() { LIMITS } else { path.limits };
        self.world.setup.limits = limits.iter().map(|&line| line.to_owned()).collect();
        self.card(&json!({ "do": "persona", "name": path.persona }));
        self.card(&json!({ "do": "unblock" }));
        match path.before {
            Before::Registered => {
                if self.active_registrations().is_empty() {
                    self.world.visit(&Customer::with_pin("1234"));
                }
            }
            _ => self.cancel_registrations(),
        }
        match path.before {
            Before::NotRegistered | Before::Registered => {}
            Before::FirstStart => self.take_the_journal_away(),
            Before::KilledAtPin => self.killed_before(&Target::Shown("pin".to_owned(), 1)),
            Before::KilledBeforeSending => self.killed_before(&at(Kind::SendRequest, "tcp")),
            Before::KilledBeforeAnswer => {
                let known = self.known();
                self.killed_before(&at(Kind::AwaitAnswer, "tcp"));
                let new: Vec<Uuid> = self.left_behind().difference(&known).copied().collect();
                self.wait_for_decision(&new);
            }
        }
        if let Some(lever) = path.lever {
            self.world.host_lever(&lever());
        }
    }

    fn killed_before(&mut self, target: &Target) {
        let lived = self.register(&Customer::with_pin("1234"), target);
        assert!(lived.hit, "the visit before is killed {target}: {:?}\n{}", lived.lines, self.world.logs());
    }

    fn wait_for_decision(&self, requests: &[Uuid]) {
        let [request] = requests else { panic!("one request was signed: {requests:?}") };
        let until = crate::clock::now() + DECISION_MS_MAX;
        while self.host_books().about(*request).is_empty() {
            assert!(crate::clock::now() < until, "the host decides\n{}", self.world.logs());
            std::thread::park_timeout(Duration::from_millis(5));
        }
    }

    pub(super) fn card(&self, command: &Value) -> Value {
        let answer = self.world.card_control().send(command).expect("the card emulator answers");
        assert_eq!(answer["ok"], true, "{command}: {answer}");
        answer
    }

    /// The card as it is when the order to power it off has come through pcscd and driver, or when that takes too long.
    fn card_without_power(&self) -> Value {
        let until = crate::clock::now() + POWER_OFF_MS_MAX;
        loop {
            let card = self.card(&json!({ "do": "status" }));
            if card["powered"] == false || crate::clock::now() > until {
                return card;
            }
            std::thread::park_timeout(Duration::from_millis(2));
        }
    }

    /// Everything that the terminal's books ever knew.
    fn known(&self) -> BTreeSet<Uuid> {
        self.left_behind().into_iter().chain(self.retired.iter().map(|kept| kept.request)).collect()
    }

    fn left_behind(&self) -> BTreeSet<Uuid> {
        let books = TerminalBooks::read_left_behind(&self.world.state.journal());
        books.outbox.iter().map(|kept| kept.request).collect()
    }

    pub(super) fn host_books(&self) -> HostBooks {
        HostBooks::read(&self.world.state.path("host/host.db"))
    }

    /// How often the card was asked to compare a PIN, ever.
    pub(super) fn verifies(&self) -> usize {
        let trace = std::fs::read_to_string(self.folder.path().join("card.trace")).unwrap_or_default();
        trace.lines().filter(|line| line.contains("> 00200098 [") || line.contains("> 00200080 [")).count()
    }

    fn active_registrations(&self) -> Vec<String> {
        let books = self.host_books();
        let active = books.registrations.into_iter().filter(|registration| registration.active);
        active.map(|registration| registration.number).collect()
    }

    /// As the host's operator does it.
    fn cancel_registrations(&self) {
        for number in self.active_registrations() {
            let done = Command::new(&programs().host)
                .args(["cancel", "--config"])
                .arg(self.world.state.path("host/host.toml"))
                .arg(number)
                .output()
                .expect("the host's command runs");
            assert!(done.status.success(), "{done:?}");
        }
    }

    /// The machine is as it was delivered; what its journal knew is remembered here.
    fn take_the_journal_away(&mut self) {
        self.retired.extend(TerminalBooks::read_left_behind(&self.world.state.journal()).outbox);
        for name in ["journal.db", "journal.db-wal", "journal.db-shm", "journal.db.lock"] {
            let path = self.world.state.path("terminal").join(name);
            if path.exists() {
                std::fs::remove_file(&path).expect("a file to remove");
            }
        }
    }

    /// A watch over the next process of the terminal.
    fn watch(&mut self, target: &Target) -> Watch {
        let watch = Watch::new(&self.world.state.path(""), point(target));
        self.world.setup.under = watch.before().to_vec();
        watch
    }

    fn register(&mut self, customer: &Customer, target: &Target) -> Lived {
        let watch = self.watch(target);
        let mut terminal = self.world.terminal();
        self.world.setup.under.clear();
        let (mut lived, killed) = self.visit(customer, &mut terminal, target);
        let seen = watch.seen();
        lived.hit = killed || seen.killed.is_some();
        lived.points = seen.points;
        if lived.end.is_none() && !lived.hit {
            lived.objections.push(Objection::Process("it ended without a result".to_owned()));
        }
        lived
    }

    /// A customer at a terminal; the answer says whether it was killed because of a screen.
    pub(super) fn visit(
        &self,
        customer: &Customer,
        terminal: &mut TerminalProcess,
        target: &Target,
    ) -> (Lived, bool) {
        let pid = Pid::from_raw(terminal.pid().cast_signed());
        let mut lived = Lived::default();
        let mut killed = false;
        let mut shown: BTreeMap<String, usize> = BTreeMap::new();
        let (over, wait) = std::sync::mpsc::channel::<()>();
        let (visit, stuck) = std::thread::scope(|scope| {
            let guard = scope.spawn(move || {
                let stuck =
                    wait.recv_timeout(VISIT_MS_MAX) == Err(std::sync::mpsc::RecvTimeoutError::Timeout);
                stuck && kill(pid, Signal::SIGKILL).is_ok()
            });
            let see = |screen: &Value| {
                lived.lines.push(screen.clone());
                let name = screen["screen"].as_str().unwrap_or_default();
                if name == "take-card" && screen["found_at_start"] == true {
                    lived.found = Some(self.card_without_power());
                }
                let nth = shown.entry(name.to_owned()).or_default();
                *nth += 1;
                if *target == Target::Shown(name.to_owned(), *nth) {
                    killed = kill(pid, Signal::SIGKILL).is_ok();
                }
            };
            let visit = customer.visit(terminal, &self.world.hands(), see);
            drop(over);
            (visit, guard.join().expect("the guard does not panic"))
        });
        match visit {
            Ok(visit) => {
                lived.end = Some(visit.result["code"].as_str().unwrap_or_default().to_owned());
                lived.lines.push(visit.result);
            }
            Err(_) => terminal.kill(),
        }
        if stuck {
            lived.objections.push(Objection::Process(format!("a visit was not over after {VISIT_MS_MAX:?}")));
        }
        (lived, killed)
    }

    fn deliver(&mut self, target: &Target) -> Lived {
        let watch = self.watch(target);
        let output = self.world.deliver();
        self.world.setup.under.clear();
        let Seen { points, killed } = watch.seen();
        let end = output.status.code().map(|code| code.to_string());
        let mut objections = Vec::new();
        if end.is_none() && killed.is_none() {
            objections.push(Objection::Process(format!("deliver: {output:?}")));
        }
        Lived { points, hit: killed.is_some(), end, objections, ..Lived::default() }
    }

    /// The host under watch. It is started again, at the same address, as soon as it is dead.
    fn host(&mut self, path: &Path, target: &Target) -> Lived {
        let listen = self.world.host_address();
        let state = self.world.state.clone();
        if let Some(host) = self.world.host.take() {
            host.kill();
        }
        let watch = Watch::new(&state.path(""), point(target));
        let started = HostProcess::start_under(watch.before(), programs(), &state, &listen, &[]);
        let (mut lived, seen, again) = std::thread::scope(|scope| {
            let guard = scope.spawn(|| {
                let seen = watch.seen();
                (seen, started_again(&state, &listen))
            });
            match started {
                Ok(host) => {
                    let lived = self.drive(path, Some(&host));
                    // Where it was not killed, this ends the watch.
                    host.kill();
                    let (seen, again) = guard.join().expect("the guard does not panic");
                    (lived, seen, again)
                }
                // Killed before it listened: what comes, comes to the second one.
                Err(_) => {
                    let (seen, again) = guard.join().expect("the guard does not panic");
                    (self.drive(path, None), seen, again)
                }
            }
        });
        self.world.host = Some(again);
        lived.points = seen.points;
        lived.hit = seen.killed.is_some();
        lived
    }

    /// What the host has to do; `host` is the one under watch, while it lives.
    fn drive(&self, path: &Path, host: Option<&HostProcess>) -> Lived {
        match path.program {
            Program::Register | Program::Deliver => Lived::default(),
            Program::Host | Program::HostStops => {
                let mut terminal = self.world.terminal();
                let (lived, _) = self.visit(&(path.customer)(), &mut terminal, &Target::Nowhere);
                if let (Program::HostStops, Some(host)) = (path.program, host) {
                    let pid = Pid::from_raw(host.pid().cast_signed());
                    // One that is dead already has nothing to stop.
                    let _gone = kill(pid, Signal::SIGTERM);
                    wait_for_end(host.pid());
                }
                lived
            }
            Program::HostAsked => {
                let output = self.world.deliver();
                let end = output.status.code().map(|code| code.to_string());
                Lived { end, ..Lived::default() }
            }
            Program::HostAgain => self.send_again(),
        }
    }

    /// The bytes of a decided request come again, from a client that is not ours, until there is an answer.
    fn send_again(&self) -> Lived {
        let books = TerminalBooks::read_left_behind(&self.world.state.journal());
        let decided = books.outbox.iter().rev().find(|kept| kept.decided.is_some()).expect("a decision");
        let bytes = self.world.state.path(&format!("terminal/evidence/{}/request.cms", decided.request));
        let bytes = std::fs::read(bytes).expect("its bytes");
        let until = crate::clock::now() + DECISION_MS_MAX;
        let mut answer = self.post(&bytes);
        while answer.is_none() && crate::clock::now() < until {
            std::thread::park_timeout(Duration::from_millis(20));
            answer = self.post(&bytes);
        }
        let kept = decided.decided.as_ref().and_then(|decided| decided.answer.clone());
        let same = answer.is_some() && answer == kept;
        let objections = if same { vec![] } else { vec![Objection::OtherAnswer(decided.request)] };
        Lived { end: Some(if same { "same" } else { "other" }.to_owned()), objections, ..Lived::default() }
    }

    /// `POST /v1/registrations` through `openssl s_client`; `None` when no whole answer came.
    fn post(&self, body: &[u8]) -> Option<Vec<u8>> {
        let pki = self.world.state.pki();
        let mut client = Command::new("openssl")
            .args(["s_client", "-quiet", "-verify_return_error", "-servername", "localhost"])
            .args(["-connect", &self.world.host_address()])
            .arg("-CAfile")
            .arg(self.world.state.host_root())
            .arg("-cert")
            .arg(pki.join("terminals/T0001/tls.crt.pem"))
            .arg("-key")
            .arg(pki.join("terminals/T0001/tls.key.pem"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("openssl runs");
        let head = format!(
            "POST /v1/registrations HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/cms\r\n\
             content-length: {}\r\nconnection: close\r\n\r\n",
            body.len()
        );
        let mut input = client.stdin.take().expect("a pipe");
        // A host that dies meanwhile takes the pipe with it.
        let sent = input.write_all(head.as_bytes()).and_then(|()| input.write_all(body));
        let output = client.wait_with_output().expect("openssl ends");
        sent.ok()?;
        let end = output.stdout.windows(4).position(|window| window == b"\r\n\r\n")?;
        let (head, answer) = output.stdout.split_at(end + 4);
        let length = String::from_utf8_lossy(head).to_ascii_lowercase();
        let length = length.split("content-length: ").nth(1)?.lines().next()?.trim().parse::<usize>().ok()?;
        (head.starts_with(b"HTTP/1.1 200") && answer.len() == length).then(|| answer.to_vec())
    }

    /// What everything wrote.
    pub(super) fn logs(&self) -> String {
        self.world.logs()
    }

    /// Where the journal lies.
    pub(super) fn journal(&self) -> PathBuf {
        self.world.state.journal()
    }
}

/// A host in the place of one that has just died: its address is free when the system has closed what it had open.
fn started_again(state: &State, listen: &str) -> HostProcess {
    let until = crate::clock::now() + DECISION_MS_MAX;
    loop {
        match HostProcess::start_at(programs(), state, listen, &[]) {
            Ok(host) => return host,
            Err(_) if crate::clock::now() < until => std::thread::park_timeout(Duration::from_millis(5)),
            Err(error) => panic!("a host again: {}", myna_demo::error::chain(&error)),
        }
    }
}

fn at(kind: Kind, place: &str) -> Target {
    Target::At(Point { kind, place: place.to_owned(), nth: 1 })
}

fn point(target: &Target) -> Option<Point> {
    match target {
        Target::At(point) => Some(point.clone()),
        Target::Nowhere | Target::Shown(..) => None,
    }
}

/// Waits until process `pid`, a child of ours, has ended; somebody else collects its status.
fn wait_for_end(pid: u32) {
    let until = crate::clock::now() + VISIT_MS_MAX;
    let ended = || {
        std::fs::read_to_string(format!("/proc/{pid}/stat")).map_or(true, |stat| {
            stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('Z'))
        })
    };
    while !ended() && crate::clock::now() < until {
        std::thread::park_timeout(Duration::from_millis(5));
    }
}
