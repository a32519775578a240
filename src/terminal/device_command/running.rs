//! `device status` beside a running service: what the service itself last said, for a device has one user.

use std::io::{self, Write};
use std::process::ExitCode;

use jiff::Timestamp;
use serde_json::json;

use super::FAULT;
use crate::config::Config;
use crate::health::{self, Shown, ShownDevice};
use crate::queue::chain;

/// Tells how the devices of the running service are; `None` when there surely is none. Otherwise they are left alone: a
/// customer may be at them.
pub(super) fn status(config: &Config, json: bool, now: Timestamp, out: &mut impl Write) -> Option<ExitCode> {
    match journal::is_in_use(&config.journal_path()) {
        Ok(false) => return None,
        Ok(true) => {}
        Err(error) => {
            let why = format!("{}: run this as the service's user", chain(&error));
            return Some(no_word("unknown", "whether the service runs cannot be told", &why, json, out));
        }
    }
    let shown = match health::read(&config.state_dir) {
        Ok(shown) => shown,
        Err(error) => {
            let why = format!("{}: run this as the service's user, or see its log", chain(&error));
            return Some(no_word("running", "the service does not say how its devices are", &why, json, out));
        }
    };
    let _gone = tell(&shown, json, now, out);
    let good = shown.devices.iter().all(ShownDevice::is_usable);
    Some(if good { ExitCode::SUCCESS } else { ExitCode::from(FAULT) })
}

fn no_word(service: &str, what: &str, why: &str, json: bool, out: &mut impl Write) -> ExitCode {
    let told = if json {
        writeln!(out, "{}", json!({ "service": service, "error": format!("{what}: {why}") }))
    } else {
        writeln!(out, "{what}: {why}")
    };
    // A reader that closed the pipe has seen enough; the status tells.
    let _gone = told;
    ExitCode::from(FAULT)
}

fn tell(shown: &Shown, json: bool, now: Timestamp, out: &mut impl Write) -> io::Result<()> {
    let age_s = now.duration_since(shown.written_at).as_secs().max(0);
    let Shown { written_at, devices, .. } = shown;
    if json {
        let all =
            json!({ "service": "running", "written_at": written_at, "age_s": age_s, "devices": devices });
        return writeln!(out, "{all}");
    }
    writeln!(out, "as the running service says; the last change was {age_s} s ago")?;
    devices.iter().try_for_each(|one| tell_one(one, out))
}

fn tell_one(one: &ShownDevice, out: &mut impl Write) -> io::Result<()> {
    let words = [("media", &one.media), ("paper", &one.paper)];
    let words = words.into_iter().filter_map(|(object, value)| Some(format!("{object}={}", value.as_ref()?)));
    let row = (one.failures > 0).then(|| format!("failures={}", one.failures));
    let out_of_service = one.out_of_service.as_ref().map(|code| format!("OUT OF SERVICE: {code}"));
    let rest: Vec<_> = words.chain(one.name.clone()).chain(row).chain(out_of_service).collect();
    writeln!(out, "{:<12} {:<14} {}", one.device, one.state, rest.join(" "))?;
    match &one.last_failure {
        Some(last) => {
            let what = last.what.as_deref().unwrap_or("no more is known");
            let action = last.action.as_deref().unwrap_or("none");
            writeln!(out, "{:<12} last failure {}: {}: {what} (action: {action})", "", last.at, last.code)
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::Health;
    use crate::test_support::configuration;

    fn told(config: &Config, json: bool) -> Option<String> {
        let mut out = Vec::new();
        let now = Timestamp::from_second(1_000).unwrap();
        status(config, json, now, &mut out)?;
        Some(String::from_utf8(out).unwrap())
    }

    #[test]
    fn beside_a_running_service_its_own_word_counts_with_its_age() {
        let folder = tempfile::tempdir().unwrap();
        let config = configuration(folder.path());
        std::fs::create_dir_all(&config.state_dir).unwrap();
        let before = Timestamp::from_second(940).unwrap();
        let others = ["Other 00".to_owned()];
        health::publish(&config.state_dir, &Health::new(5, &others).shown(before)).unwrap();
        assert_eq!(told(&config, false), None, "nobody runs: the file is of a service that is gone");

        let lock = config.state_dir.join("journal.db.lock");
        let held = std::fs::File::create(&lock).unwrap();
        held.lock().unwrap();
        let text = told(&config, false).unwrap();
        for part in
            ["60 s ago", "card-unit    starting", "paper=unknown", "other-reader starting", "Other 00"]
        {
            assert!(text.contains(part), "{part} is not in {text}");
        }
        let all: serde_json::Value = serde_json::from_str(&told(&config, true).unwrap()).unwrap();
        assert_eq!((&all["service"], &all["age_s"]), (&json!("running"), &json!(60)));
        assert_eq!(all["devices"].as_array().unwrap().len(), 4);
        std::fs::write(config.state_dir.join("devices.json"), "{").unwrap();
        let unsaid = told(&config, true).unwrap();
        assert!(
            unsaid.contains("does not say"),
            "it is left alone, and what cannot be understood is not repeated: {unsaid}"
        );
    }

    #[test]
    fn where_it_cannot_be_told_whether_a_service_runs_no_device_is_touched() {
        let folder = tempfile::tempdir().unwrap();
        let config = configuration(folder.path());
        std::fs::write(&config.state_dir, "a file in the place of the folder").unwrap();
        let text = told(&config, false).unwrap();
        assert!(text.contains("cannot be told") && text.contains("as the service's user"), "{text}");
    }
}
