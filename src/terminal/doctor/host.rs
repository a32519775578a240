//! The host: reachable, knows us, and agrees about the time.

use jiff::{SignedDuration, Timestamp};

use super::{Finding, HostProbe, Instruments};
use crate::config::{Config, JST};

pub(super) fn host(instruments: &Instruments, config: &Config) -> Vec<Finding> {
    let url = &config.host.url;
    match (instruments.host)() {
        Ok(probe) => vec![
            Finding::ok(
                "host",
                format!(
                    "{url} answered in {} ms; terms {}",
                    probe.came_at.duration_since(probe.asked_at).as_millis(),
                    probe.terms_version
                ),
            ),
            clock(&probe, config.limits.clock_skew_ms_max),
        ],
        Err(error) => vec![Finding::fail(
            "host",
            format!("{url}: {}", sources(&*error)),
            "Check the line, the name, host.ca, and that the host knows this terminal and has not revoked it.",
        )],
    }
}

fn clock(probe: &HostProbe, skew_ms_max: u32) -> Finding {
    // The host took its time somewhere between question and answer; only what lies outside is skew.
    let early = probe.asked_at.duration_since(probe.host_time);
    let late = probe.host_time.duration_since(probe.came_at);
    let skew = early.max(late).max(SignedDuration::ZERO);
    let found = format!("{} ms between this clock and the host's", skew.as_millis());
    let limit = SignedDuration::from_millis(i64::from(skew_ms_max));
    let todo =
        "Check the time synchronisation of this machine (chrony or systemd-timesyncd), then the host's.";
    if skew > limit {
        Finding::fail("clock", format!("{found}; {skew_ms_max} ms are allowed"), todo)
    } else if skew > limit / 2 {
        Finding::warn("clock", format!("{found}; {skew_ms_max} ms are allowed"), todo)
    } else {
        Finding::ok("clock", found)
    }
}

pub(super) fn calendar(config: &Config, now: Timestamp) -> Vec<Finding> {
    let check = "calendar";
    vec![match config.closed.reopens(now) {
        None => Finding::ok(check, "the host is not announced as closed"),
        Some(opens) => Finding::warn(
            check,
            format!(
                "the host is announced as closed until {} JST",
                JST.to_datetime(opens).strftime("%Y-%m-%d %H:%M")
            ),
            "Wait, or correct [closed] in the configuration.",
        ),
    }]
}

fn sources(error: &dyn std::error::Error) -> String {
    crate::queue::chain(error)
}

#[cfg(test)]
mod tests {
    use super::super::Level;
    use super::*;

    fn probe(host_ms: i64) -> HostProbe {
        let at = |ms| Timestamp::from_millisecond(1_700_000_000_000 + ms).unwrap();
        HostProbe { asked_at: at(0), came_at: at(40), host_time: at(host_ms), terms_version: "1".to_owned() }
    }

    #[test]
    fn a_clock_is_judged_by_what_lies_outside_the_exchange() {
        for (host_ms, level) in [
            (20, Level::Ok),
            (0, Level::Ok),
            (-15_000, Level::Ok),
            (-15_001, Level::Warn),
            (15_041, Level::Warn),
            (-30_001, Level::Fail),
            (30_041, Level::Fail),
        ] {
            assert_eq!(clock(&probe(host_ms), 30_000).level, level, "{host_ms}");
        }
    }
}
