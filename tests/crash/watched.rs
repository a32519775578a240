//! The watch itself, tested: it kills where it says, it changes nothing where it does not, and another tool (`strace`) sees
//! the same steps of the same process.

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, ExitStatus};

use myna_demo::customer::Customer;
use myna_tests::World;
use myna_tests::watch::{Kind, Point, Seen, Watch};

const SIGKILL: i32 = 9;

/// Runs a small program of the system in `folder` under watch.
fn run(folder: &Path, words: &[&str], aim: Option<&str>) -> (ExitStatus, Seen) {
    let watch = Watch::new(folder, aim.map(|aim| aim.parse().expect("a point")));
    let (outer, more) = watch.before().split_first().expect("a program");
    let status = Command::new(outer).args(more).args(words).current_dir(folder).status().expect("it runs");
    (status, watch.seen())
}

fn is_root() -> bool {
    let is_root = nix::unistd::geteuid().is_root();
    if !is_root {
        println!("NOT RUN: only root may look into these processes");
    }
    is_root
}

#[test]
fn what_is_killed_at_a_call_has_not_made_it() {
    if !is_root() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    // macOS has such folders behind a link, and so may Linux: the kernel tells the real path.
    let root = folder.path().canonicalize().unwrap();
    let exists = |name: &str| root.join(name).exists();
    std::fs::write(root.join("a"), "a").unwrap();

    let (status, seen) = run(&root, &["mv", "a", "b"], Some("rename b #1"));
    assert_eq!(status.signal(), Some(SIGKILL), "{seen:?}");
    assert_eq!(seen.killed.as_ref().map(Point::to_string).as_deref(), Some("rename b #1"));
    assert!(exists("a") && !exists("b"));

    let (status, _) = run(&root, &["rm", "a"], Some("remove a #1"));
    assert_eq!(status.signal(), Some(SIGKILL));
    assert!(exists("a"));

    let (status, _) = run(&root, &["truncate", "-s", "0", "a"], Some("truncate a #1"));
    assert_eq!(status.signal(), Some(SIGKILL));
    assert_eq!(std::fs::read(root.join("a")).unwrap(), b"a");

    let (status, _) = run(&root, &["sync", "a"], Some("sync a #1"));
    assert_eq!(status.signal(), Some(SIGKILL));
}

#[test]
fn what_is_killed_at_the_second_call_has_made_the_first() {
    if !is_root() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    let (status, seen) = run(&root, &["mkdir", "a", "b", "c"], Some("make-folder b #1"));
    assert_eq!(status.signal(), Some(SIGKILL));
    assert_eq!(seen.points.len(), 2, "{seen:?}");
    assert!(root.join("a").exists() && !root.join("b").exists() && !root.join("c").exists());
}

#[test]
fn what_is_only_looked_at_goes_on_as_ever() {
    if !is_root() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    std::fs::write(root.join("a"), "a").unwrap();
    let (status, seen) = run(&root, &["mv", "a", "b"], None);
    assert!(status.success() && seen.killed.is_none());
    assert_eq!(seen.points.iter().map(Point::to_string).collect::<Vec<_>>(), ["rename b #1"]);
    assert!(root.join("b").exists());
    let (status, seen) = run(&root, &["mv", "b", "a"], Some("rename a #2"));
    assert!(status.success() && seen.killed.is_none(), "it is never reached");
}

/// How often each durable step was seen at each place.
type Steps = BTreeMap<(&'static str, String), usize>;

/// What `strace -y` wrote, in the words of the watch.
fn steps_of_strace(log: &str, root: &str) -> Steps {
    let mut steps = Steps::new();
    for line in log.lines() {
        let Some((_, call)) = line.split_once(' ') else { continue };
        let Some((name, arguments)) = call.trim_start().split_once('(') else { continue };
        let word = match name {
            "fsync" | "fdatasync" => "sync",
            "ftruncate" => "truncate",
            "rename" => "rename",
            "unlink" => "remove",
            "mkdir" => "make-folder",
            _ => continue,
        };
        // A descriptor is shown as 5</path>, a path as "/path"; of two paths the second is the new name.
        let place = match arguments.split_once('<') {
            Some((_, rest)) if word == "sync" || word == "truncate" => rest.split('>').next(),
            _ => arguments.rsplit('"').nth(1),
        };
        let Some(place) = place.and_then(|path| path.strip_prefix(root)) else { continue };
        if !myna_tests::watch::is_for_the_living(place) {
            *steps.entry((word, place.trim_start_matches('/').to_owned())).or_default() += 1;
        }
    }
    steps
}

fn steps_of_watch(points: &[Point]) -> Steps {
    let mut steps = Steps::new();
    for point in points.iter().filter(|point| point.kind.is_durable()) {
        let word = match point.kind {
            Kind::Sync => "sync",
            Kind::Truncate => "truncate",
            Kind::Rename => "rename",
            Kind::Remove => "remove",
            _ => "make-folder",
        };
        *steps.entry((word, point.place.clone())).or_default() += 1;
    }
    steps
}

/// Names that differ from request to request and from receipt to receipt, as the watch calls them.
fn without_numbers(steps: Steps) -> Steps {
    let mut same = Steps::new();
    for ((word, place), count) in steps {
        let place = myna_tests::watch::without_numbers(Path::new(&place));
        *same.entry((word, place)).or_default() += count;
    }
    same
}

#[test]
fn strace_sees_the_same_durable_steps() {
    if !is_root() {
        return;
    }
    let mut world = World::with_card("valid");
    let root = world.state.path("");
    let log = world.state.path("strace.log");
    let watch = Watch::new(&root, None);
    // Both look at one and the same process.
    let calls = "trace=fsync,fdatasync,sync_file_range,syncfs,sync,msync,ftruncate,truncate,fallocate,rename,renameat,\
                 renameat2,link,linkat,unlink,unlinkat,rmdir,mkdir,mkdirat";
    let strace = ["strace", "-f", "-y", "-e", calls, "-e", "signal=none", "-o"].map(str::to_owned);
    world.setup.under = [&strace, &[log.display().to_string()][..], watch.before()].concat();
    let visit = world.visit(&Customer::with_pin("1234"));
    assert_eq!(visit.result["outcome"], "registered", "{}", world.logs());

    let seen = steps_of_watch(&watch.seen().points);
    let log = std::fs::read_to_string(log).unwrap();
    let traced = without_numbers(steps_of_strace(&log, root.to_str().unwrap().trim_end_matches('/')));
    assert_eq!(seen, traced);
    let syncs: usize = seen.iter().filter(|((word, _), _)| *word == "sync").map(|(_, count)| count).sum();
    assert!(syncs > 20, "a visit has many: {seen:?}");
}
