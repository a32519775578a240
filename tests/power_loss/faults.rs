//! A disk that is full or fails, at every write and every sync of a visit, with the real terminal: the card comes back, the
//! reason is told, nothing was sent that is not recorded, and the next start works when the disk does.
//!
//! The kernel's answers are replaced by `strace`, for the journal's files alone; and a real file system is filled up while a
//! visit is going on.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use rusqlite::{Connection, OpenFlags};
use serde_json::json;

use myna_demo::configuration::write_configuration;
use myna_demo::customer::{Customer, Visit, Whim};
use myna_tests::{World, text};

use crate::recording::DATABASE;

/// Worlds side by side: a visit waits more than it works.
const WORLDS: usize = 3;

/// A customer who takes the card also when the machine goes out of service.
fn customer() -> Customer {
    Customer { whim: Some(("out-of-service".to_owned(), Whim::PullCard)), ..Customer::with_pin("1234") }
}

/// What the disk refuses.
#[derive(Debug, Clone, Copy)]
enum Fault {
    /// The n-th write and all after it: no space.
    Full(usize),
    /// The n-th sync, once: the medium fails.
    Sync(usize),
}

impl Fault {
    /// The tracer with its arguments; it logs to `log` what it refused.
    fn tracer(self, journal: &Path, log: &Path) -> Vec<String> {
        let (call, inject) = match self {
            Self::Full(n) => ("pwrite64", format!("inject=pwrite64:error=ENOSPC:when={n}+")),
            Self::Sync(n) => ("fdatasync", format!("inject=fdatasync:error=EIO:when={n}")),
        };
        let mut tracer: Vec<String> =
            ["strace", "-f", "--seccomp-bpf", "-y", "-e", "signal=none", "-e", &inject]
                .map(str::to_owned)
                .to_vec();
        tracer.extend(["-e".to_owned(), format!("trace={call}"), "-o".to_owned(), log.display().to_string()]);
        for suffix in ["", "-wal", "-journal", ".new", ".new-wal", ".new-journal"] {
            tracer.extend(["-P".to_owned(), format!("{}{suffix}", journal.display())]);
        }
        tracer
    }
}

/// How many calls were refused.
fn refused(log: &Path) -> usize {
    std::fs::read_to_string(log).unwrap().lines().filter(|line| line.ends_with("(INJECTED)")).count()
}

/// Runs `live` with a disk that refuses; its answer, and how many calls were refused.
fn with_fault<T>(world: &mut World, fault: Fault, live: impl FnOnce(&World) -> T) -> (T, usize) {
    let log = world.state.path("fault.strace");
    world.setup.under = fault.tracer(&world.state.journal(), &log);
    let lived = live(world);
    world.setup.under.clear();
    (lived, refused(&log))
}

/// Requests in the books of one side: identifier and digest.
fn books(database: &Connection, sql: &str) -> BTreeMap<String, String> {
    let mut select = database.prepare(sql).unwrap();
    let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

fn connect(database: &Path) -> Connection {
    Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap()
}

/// A copy of a journal that nobody has open, to be read: SQLite does not find its way into another mount namespace.
struct Copied {
    journal: Connection,
    _folder: tempfile::TempDir,
}

impl Copied {
    fn of(journal: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for suffix in ["", "-wal"] {
            let from = PathBuf::from(format!("{}{suffix}", journal.display()));
            if from.exists() {
                std::fs::copy(from, folder.path().join(format!("{DATABASE}{suffix}"))).unwrap();
            }
        }
        Self { journal: connect(&folder.path().join(DATABASE)), _folder: folder }
    }
}

const SENT: &str = "SELECT lower(hex(request_id)), lower(hex(request_sha256)) FROM decision";
const RECORDED: &str = "SELECT replace(request_id, '-', ''), lower(hex(sha256)) FROM outbox";
const UNDECIDED: &str = "SELECT count(*) FROM outbox WHERE decided_ms IS NULL";

/// What must be true after a visit at a disk that refused something; `journal` is where the terminal sees it.
fn assert_safe(world: &World, visit: &Visit, journal: &Path, what: &str) {
    let status = world.card_control().send(&json!({ "do": "status" })).unwrap();
    assert_eq!(status["inserted"], false, "{what}: the card is still inside");
    let last = visit.screens.last().map(|screen| text(screen, "screen").to_owned());
    let copied = Copied::of(journal);
    let code = text(&visit.result, "code");
    match (code, visit.exit_code) {
        ("journal-failed", 1) => assert_eq!(last.as_deref(), Some("out-of-service"), "{what}"),
        ("cannot-start", 1) => assert_eq!(last, None, "{what}"),
        // The disk failed when the visit was over: then its result is recorded.
        ("registered" | "already-registered", 0) => {
            let id = text(&visit.result, "request_id").replace('-', "");
            let decided = format!("{RECORDED} WHERE decided_ms IS NOT NULL");
            assert!(books(&copied.journal, &decided).contains_key(&id), "{what}: told and not recorded");
        }
        other => panic!("{what}: {other:?}\n{}", world.logs()),
    }
    // Nothing was sent that is not recorded.
    let recorded = books(&copied.journal, RECORDED);
    for (request, sha256) in books(&connect(&world.state.path("host/host.db")), SENT) {
        assert_eq!(recorded.get(&request), Some(&sha256), "{what}: the host has request {request}");
    }
}

/// The disk works again: so does the next start, and what was signed is delivered.
fn assert_goes_on(world: &World, journal: &Path, what: &str) {
    let delivered = world.deliver();
    assert!(delivered.status.success(), "{what}: {delivered:?}\n{}", world.logs());
    let undecided: i64 = Copied::of(journal).journal.query_row(UNDECIDED, [], |row| row.get(0)).unwrap();
    assert_eq!(undecided, 0, "{what}");
    let folder = journal.parent().unwrap();
    let aside = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name());
    let aside: Vec<_> = aside.filter(|name| name.to_string_lossy().contains(".aside-")).collect();
    assert!(aside.is_empty(), "{what}: {aside:?}");
}

fn live(world: &World) -> Visit {
    let mut terminal = world.terminal();
    world.visit_at(&customer(), &mut terminal)
}

fn keys(world: &World) -> journal::CheckpointKeys {
    let certificate = world.state.path("pki/terminals/T0001/log.crt.pem");
    journal::CheckpointKeys::from_pem(&std::fs::read_to_string(certificate).unwrap()).unwrap()
}

/// Visits in worlds side by side, each with the next fault of its kind, until one refuses nothing: then the visit has no
/// more of these calls. How many points there were, and how many ended each way.
fn at_every_point(fault: impl Fn(usize) -> Fault + Sync) -> BTreeMap<String, usize> {
    let next = AtomicUsize::new(1);
    let ends = std::sync::Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..WORLDS {
            scope.spawn(|| {
                let mut world = World::with_card("valid");
                assert_eq!(text(&live(&world).result, "outcome"), "registered", "{}", world.logs());
                loop {
                    let fault = fault(next.fetch_add(1, Ordering::SeqCst));
                    let (visit, refused) = with_fault(&mut world, fault, live);
                    let (what, journal) = (format!("{fault:?}"), world.state.journal());
                    assert_safe(&world, &visit, &journal, &what);
                    if refused == 0 {
                        break;
                    }
                    assert_goes_on(&world, &journal, &what);
                    *ends.lock().unwrap().entry(text(&visit.result, "code").to_owned()).or_insert(0) += 1;
                }
                let report = journal::check_whole(&world.state.journal(), &keys(&world)).unwrap();
                assert_eq!((report.undecided(), report.open_visits()), (0, 0), "{report}");
            });
        }
    });
    ends.into_inner().unwrap()
}

const CARD_BACK: &str = "the card came back, and nothing was lost or sent unrecorded, at any";

fn report(what: &str, claim: &str, ends: &BTreeMap<String, usize>) -> usize {
    let points = ends.values().sum();
    myna_tests::prove(&format!(
        "proof 5: disk faults: {what} at each of {points} points: {claim}; ended with {ends:?}"
    ));
    points
}

#[test]
fn a_disk_that_is_full_at_any_write_of_a_visit_gives_the_card_back() {
    let ends = at_every_point(Fault::Full);
    assert!(
        report("no space from the n-th write of a visit on,", CARD_BACK, &ends) > 80
            && ends["journal-failed"] > 80
    );
}

#[test]
fn a_disk_that_fails_at_any_sync_of_a_visit_gives_the_card_back() {
    let ends = at_every_point(Fault::Sync);
    assert!(
        report("an error of the n-th sync of a visit,", CARD_BACK, &ends) > 8 && ends["journal-failed"] > 8
    );
}

#[test]
fn a_disk_that_refuses_the_first_start_leaves_nothing_in_the_way_of_the_next() {
    let mut world = World::with_card("valid");
    let mut ends = BTreeMap::new();
    let journal = world.state.journal();
    for fault in [Fault::Full as fn(usize) -> Fault, Fault::Sync] {
        for n in 1.. {
            for file in std::fs::read_dir(journal.parent().unwrap()).unwrap() {
                let path = file.unwrap().path();
                if path.file_name().unwrap().to_str().unwrap().starts_with(DATABASE) {
                    std::fs::remove_file(path).unwrap();
                }
            }
            let (started, refused) = with_fault(&mut world, fault(n), World::deliver);
            if refused == 0 {
                assert!(started.status.success(), "{started:?}");
                break;
            }
            let what = format!("{:?}", fault(n));
            // Refused while it was closed, it had delivered before.
            let code = started.status.code().unwrap();
            assert!(code < 2, "{what}: {started:?}");
            assert_goes_on(&world, &journal, &what);
            *ends.entry(format!("exit {code}")).or_insert(0) += 1;
        }
    }
    assert!(
        report("no space or a failed sync in a first start,", "the next start worked after any", &ends) > 30,
        "{ends:?}"
    );
}

/// A small file system over the terminal's folder, in a mount namespace of its own: nothing is left of it afterwards.
struct SmallDisk {
    holder: Child,
    folder: PathBuf,
}

impl SmallDisk {
    fn over(folder: &Path) -> Self {
        let script = "real=$1.real; mkdir -p \"$real\" && mount --bind \"$1\" \"$real\" &&
            mount -t tmpfs -o size=12m tmpfs \"$1\" && cp -a \"$real/.\" \"$1/\" && echo ready && exec cat";
        let mut command = Command::new("unshare");
        if !nix::unistd::geteuid().is_root() {
            command.args(["--user", "--map-root-user"]);
        }
        command.args(["--mount", "--propagation", "private", "sh", "-c", script, "small-disk"]).arg(folder);
        let mut holder = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(holder.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        Self { holder, folder: folder.to_owned() }
    }

    /// What runs a program on this disk.
    fn entry(&self) -> Vec<String> {
        let mut entry = vec!["nsenter".to_owned(), "--mount".to_owned()];
        if !nix::unistd::geteuid().is_root() {
            entry.extend(["--user".to_owned(), "--preserve-credentials".to_owned()]);
        }
        entry.extend(["--target".to_owned(), self.holder.id().to_string(), "--".to_owned()]);
        entry
    }

    /// A file of it, as this process sees it.
    fn path(&self, name: &str) -> PathBuf {
        let folder = self.folder.strip_prefix("/").unwrap();
        Path::new("/proc").join(self.holder.id().to_string()).join("root").join(folder).join(name)
    }

    fn fill(&self) {
        let mut filler =
            std::fs::File::options().create(true).append(true).open(self.path("filler")).unwrap();
        for size in [65_536, 4_096, 1] {
            while filler.write_all(&vec![b'x'; size]).is_ok() {}
        }
    }

    fn empty(&self) {
        std::fs::remove_file(self.path("filler")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        drop(self.holder.stdin.take());
        let _ended = self.holder.wait();
    }
}

#[test]
fn a_disk_that_fills_up_while_a_customer_is_there_gives_the_card_back() {
    let mut world = World::with_card("valid");
    world.setup.limits = vec!["disk_free_mib_min = 8".to_owned()];
    write_configuration(&world.state, &world.setup).unwrap();
    let disk = SmallDisk::over(&world.state.path("terminal"));
    let journal = disk.path(DATABASE);
    world.setup.under = disk.entry();
    assert_eq!(text(&live(&world).result, "outcome"), "registered", "{}", world.logs());
    let mut ends = BTreeMap::new();
    for screen in ["terms", "insert-card", "pin", "signing", "sending", "done", "receipt", "take-card"] {
        let mut filled = false;
        let mut terminal = world.terminal();
        let visit = customer().visit(&mut terminal, &world.hands(), |shown| {
            if text(shown, "screen") == screen && !filled {
                disk.fill();
                filled = true;
            }
        });
        let visit = visit.unwrap_or_else(|error| panic!("{screen}: {error}\n{}", world.logs()));
        if filled {
            let what = format!("full at {screen}");
            assert_safe(&world, &visit, &journal, &what);
            disk.empty();
            assert_goes_on(&world, &journal, &what);
            *ends.entry(text(&visit.result, "code").to_owned()).or_insert(0) += 1;
        }
    }
    // Full from the start: no visit begins, and the card is not even asked for.
    disk.fill();
    let visit = live(&world);
    assert_ne!(visit.exit_code, 0, "{}", visit.result);
    assert!(!visit.screens.iter().any(|shown| shown["screen"] == "insert-card"), "{:?}", visit.screens);
    disk.empty();
    assert_goes_on(&world, &journal, "full from the start");
    assert_eq!(text(&live(&world).result, "outcome"), "already-registered", "{}", world.logs());
    assert!(
        report("a file system that fills up at a screen,", CARD_BACK, &ends) > 4
            && ends["journal-failed"] > 2,
        "{ends:?}"
    );
}
