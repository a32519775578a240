//! Every limit of the host with its default and its bounds, units last.

use serde::{Deserialize, Serialize};

use crate::HostError;

/// Declares the limits once: field, default, least, greatest, meaning.
macro_rules! limits {
    ($($(#[$doc:meta])* $name:ident = $default:literal in $least:literal ..= $greatest:expr;)*) => {
        /// `[limits]`: each may be overridden within its bounds.
        #[derive(Clone, Debug, Serialize, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct Limits {
            $($(#[$doc])* pub $name: u32,)*
        }

        impl Default for Limits {
            fn default() -> Self {
                Self { $($name: $default,)* }
            }
        }

        impl Limits {
            /// Every limit as name, value, least, greatest.
            pub(super) fn table(&self) -> Vec<(&'static str, u32, u32, u32)> {
                vec![$((stringify!($name), self.$name, $least, $greatest),)*]
            }
        }
    };
}

const REGISTRATION_BYTES_MAX: u32 = wire::limits::REGISTRATION_BYTES_MAX as u32;

limits! {
    /// Connections open at once; more wait in the kernel's queue.
    connections_max = 1024 in 1..=65_536;
    /// Requests worked on at once, all connections together; more are told `busy`.
    requests_max = 1024 in 1..=65_536;
    /// Signature checks running at once; each takes a core for about a millisecond.
    verifications_max = 4 in 1..=1024;
    /// Requests of one connection at once (HTTP/2 streams).
    streams_per_connection_max = 64 in 1..=1024;
    /// A signed request.
    registration_bytes_max = 16_384 in 1024..=REGISTRATION_BYTES_MAX;
    /// TLS handshake.
    handshake_ms_max = 10_000 in 100..=120_000;
    /// From the first byte of a request's head to its last.
    head_ms_max = 30_000 in 100..=600_000;
    /// From the head to the last byte of the body.
    body_ms_max = 10_000 in 100..=120_000;
    /// Life of a connection; then it is closed in peace, so that a new handshake looks at the CRL again.
    connection_s_max = 3600 in 1..=86_400;
    /// From SIGTERM to the end of the last request.
    stop_ms_max = 10_000 in 0..=120_000;
    /// Requests in one commit.
    batch_requests_max = 256 in 1..=4096;
    /// Requests that wait for the store; more are told `busy`.
    queue_requests_max = 4096 in 1..=65_536;
    /// Wait for another process that holds the database, the operator's commands for example.
    database_busy_ms_max = 10_000 in 0..=60_000;
    /// What `Retry-After` says.
    retry_after_s = 5 in 1..=3600;
    /// From challenge to the card's signature.
    consent_by_s = 900 in 60..=3600;
    /// From challenge to the arrival of the request.
    accept_until_days = 30 in 1..=400;
    /// By how much a terminal's clock may differ from the host's.
    clock_skew_ms_max = 30_000 in 1000..=300_000;
    /// How long a challenge is remembered after `accept_until_days`, so that a late request is told `too-late`.
    challenge_keep_days = 30 in 1..=400;
    /// Between two rounds of erasing what has had its time.
    housekeeping_s = 600 in 1..=86_400;
    /// Rows that one round erases in one go, so that requests are not held up.
    housekeeping_rows_max = 1000 in 1..=100_000;
    /// Between two looks at the TLS files for changes.
    reload_s = 10 in 1..=3600;
}

impl Limits {
    pub(super) fn check(&self) -> Result<(), HostError> {
        for (name, value, least, greatest) in self.table() {
            if !(least..=greatest).contains(&value) {
                return Err(HostError::ConfigRule(format!("limits.{name} must be {least} to {greatest}")));
            }
        }
        if self.queue_requests_max < self.batch_requests_max {
            return Err(HostError::ConfigRule(
                "limits.queue_requests_max must not be below limits.batch_requests_max".to_owned(),
            ));
        }
        Ok(())
    }
}

const _: () = {
    assert!(wire::limits::CONSENT_BY_S_MAX == 3600);
    assert!(wire::limits::ACCEPT_UNTIL_DAYS_MAX == 400);
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_within_their_bounds() {
        Limits::default().check().unwrap();
    }

    #[test]
    fn every_name_ends_with_its_unit() {
        for (name, ..) in Limits::default().table() {
            let units = ["_max", "_s", "_days"];
            assert!(units.iter().any(|unit| name.ends_with(unit)), "{name}");
        }
    }
}
