//! Runs a test in mount, network and process namespaces of its own, as root of a user namespace where it is not root.
//!
//! There `/run/pcscd` and the loopback address are the test's alone, so that it can have its own `pcscd`; when it ends, all
//! that it started ends. The test runs itself again, by name, inside.

use std::process::Command;

const INSIDE: &str = "MYNA_TEST_IN_NAMESPACES";

/// Calls `body` inside. `test` is the test function that calls this.
pub(crate) fn alone<T: Fn()>(_test: T, body: impl FnOnce()) {
    if std::env::var_os(INSIDE).is_some() {
        body();
        return;
    }
    let path = std::any::type_name::<T>();
    let (_program, test) = path.split_once("::").unwrap();
    let mut command = Command::new("unshare");
    if !nix::unistd::geteuid().is_root() {
        command.args(["--user", "--map-root-user"]);
    }
    let output = command
        .args(["--mount", "--net", "--pid", "--fork", "--kill-child", "--propagation", "private"])
        .args([
            "sh",
            "-c",
            "ip link set lo up && mount -t tmpfs tmpfs /run && mkdir /run/pcscd && exec \"$@\"",
            "sh",
        ])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(INSIDE, "1")
        .env_remove("PCSCLITE_CSOCK_NAME")
        .output()
        .expect("these tests need unshare (util-linux), ip (iproute2), pcscd and vsmartcard-vpcd");
    let shown =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{shown}");
    assert!(shown.contains("1 passed"), "{test} was not found: {shown}");
}
