//! The terminal's own certificates and keys, and the roots it believes.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use jiff::Timestamp;
use p256::SecretKey;
use p256::pkcs8::DecodePrivateKey as _;
use request::{AnchorKind, TrustAnchor, load_anchor_file, load_anchors};
use x509_parser::prelude::{FromDer as _, X509Certificate};
use zeroize::Zeroizing;

use super::Finding;
use crate::config::{Config, JST, KeyFiles};
use crate::queue::chain;

/// Own certificates are renewed by people with other work: so many days ahead they are told.
const RENEW_DAYS: i64 = 30;
const DAY_S: i64 = 24 * 60 * 60;

/// What a key is for, and the extended key usage that says so.
const PURPOSES: [(&str, &str); 3] = [
    ("cert-tls", "1.3.6.1.5.5.7.3.2"),
    ("cert-evidence", "1.3.6.1.4.1.32473.1.1"),
    ("cert-log", "1.3.6.1.4.1.32473.1.3"),
];

const REISSUE: &str = "Have a new certificate issued for this purpose and this terminal.";

/// The three certificates of this terminal with their keys.
pub(super) fn own(config: &Config, now: Timestamp) -> Vec<Finding> {
    let keys = [&config.keys.tls, &config.keys.evidence, &config.keys.log];
    let pairs = PURPOSES.into_iter().zip(keys);
    pairs
        .flat_map(|((check, usage), files)| key_files(check, usage, files, &config.terminal_id, now))
        .collect()
}

fn key_files(
    check: &'static str,
    usage: &str,
    files: &KeyFiles,
    terminal_id: &str,
    now: Timestamp,
) -> Vec<Finding> {
    let unreadable = |path: &Path, error: &str| {
        let found = format!("{}: {error}", path.display());
        vec![Finding::fail(check, found, "Put the file there, readable by the service's user.")]
    };
    let pem = match fs::read(&files.certificate) {
        Ok(pem) => pem,
        Err(error) => return unreadable(&files.certificate, &error.to_string()),
    };
    let key = match fs::read_to_string(&files.key) {
        Ok(key) => Zeroizing::new(key),
        Err(error) => return unreadable(&files.key, &error.to_string()),
    };
    let der = match x509_parser::pem::parse_x509_pem(&pem) {
        Ok((_, pem)) => pem.contents,
        Err(_) => return unreadable(&files.certificate, "not a certificate in PEM"),
    };
    let Ok((_, certificate)) = X509Certificate::from_der(&der) else {
        return unreadable(&files.certificate, "not a certificate");
    };
    let mut findings = vec![validity(check, &certificate, now)];
    findings.extend(identity(check, usage, &certificate, terminal_id));
    findings.extend(key_matches(check, &certificate, &key, files));
    findings.extend(permissions(check, &files.key));
    findings
}

fn validity(check: &'static str, certificate: &X509Certificate<'_>, now: Timestamp) -> Finding {
    let (begins, ends) = (certificate.validity.not_before, certificate.validity.not_after);
    lifetime(check, "certificate", (begins.timestamp(), ends.timestamp()), now)
}

fn lifetime(check: &'static str, what: &str, (begins, ends): (i64, i64), now: Timestamp) -> Finding {
    let found = format!("{what} valid until {}", day(ends));
    let days_left = (ends - now.as_second()).div_euclid(DAY_S);
    if now.as_second() < begins {
        Finding::fail(
            check,
            format!("{what} not valid before {}", day(begins)),
            "Wait, or check this machine's clock.",
        )
    } else if days_left < 0 {
        Finding::fail(check, format!("{what} ended on {}", day(ends)), REISSUE)
    } else if days_left < RENEW_DAYS {
        Finding::warn(check, format!("{found}, {days_left} days left"), REISSUE)
    } else {
        Finding::ok(check, found)
    }
}

fn day(second: i64) -> String {
    let known = Timestamp::from_second(second).map(|at| JST.to_datetime(at).strftime("%Y-%m-%d").to_string());
    known.unwrap_or_else(|_| "a time out of range".to_owned())
}

fn identity(
    check: &'static str,
    usage: &str,
    certificate: &X509Certificate<'_>,
    terminal_id: &str,
) -> Option<Finding> {
    let names: Vec<&str> =
        certificate.subject().iter_common_name().filter_map(|name| name.as_str().ok()).collect();
    if names != [terminal_id] {
        let found = format!("issued to {names:?}, and this is terminal {terminal_id}");
        return Some(Finding::fail(check, found, REISSUE));
    }
    let usages = certificate.extended_key_usage().ok().flatten().map(|extension| extension.value);
    let fits = usages.is_some_and(|found| match usage {
        "1.3.6.1.5.5.7.3.2" => found.client_auth,
        other => found.other.iter().any(|oid| oid.to_id_string() == other),
    });
    (!fits).then(|| Finding::fail(check, format!("not issued for this purpose (usage {usage})"), REISSUE))
}

fn key_matches(
    check: &'static str,
    certificate: &X509Certificate<'_>,
    pem: &str,
    files: &KeyFiles,
) -> Option<Finding> {
    // The cause is not told: it could quote the key.
    let Ok(key) = SecretKey::from_pkcs8_pem(pem) else {
        let found = format!("{} is no P-256 key in PKCS#8 PEM", files.key.display());
        return Some(Finding::fail(check, found, "Put the key there that belongs to the certificate."));
    };
    // Both are the uncompressed point of SEC 1, 2.3.3.
    let same = *key.public_key().to_sec1_bytes() == *certificate.public_key().subject_public_key.data;
    (!same).then(|| {
        let found = format!("{} is not the key of {}", files.key.display(), files.certificate.display());
        Finding::fail(check, found, "Put the key there that belongs to the certificate.")
    })
}

fn permissions(check: &'static str, key: &Path) -> Option<Finding> {
    let mode = fs::metadata(key).ok()?.permissions().mode() & 0o777;
    (mode & 0o077 != 0).then(|| {
        let found = format!("{} can be used by others (mode {mode:o})", key.display());
        Finding::fail(check, found, "chmod 600, owned by the service's user; then have the key replaced.")
    })
}

/// The roots of cards, and the CAs of host and terminals.
pub(super) fn roots(config: &Config, now: Timestamp) -> Vec<Finding> {
    let folders = [
        ("roots-cards", config.trust.card_anchors.as_deref(), AnchorKind::Production),
        ("roots-test", config.trust.card_anchors_test.as_deref(), AnchorKind::Test),
    ];
    let folders = folders.into_iter().filter_map(|(check, folder, kind)| {
        let folder = folder?;
        Some(anchors(check, folder, load_anchors(folder, kind).map_err(|error| chain(&error)), now))
    });
    let files = [("ca-host", &config.host.answer_ca), ("ca-terminals", &config.trust.terminal_ca)];
    let files = files.into_iter().map(|(check, file)| {
        let loaded = load_anchor_file(file, AnchorKind::Service).map_err(|error| chain(&error));
        anchors(check, file, loaded, now)
    });
    folders.chain(files).collect()
}

fn anchors(
    check: &'static str,
    path: &Path,
    loaded: Result<Vec<TrustAnchor>, String>,
    now: Timestamp,
) -> Finding {
    let anchors = match loaded {
        Ok(anchors) => anchors,
        Err(error) => {
            return Finding::fail(
                check,
                error,
                "Put the published roots there, each a certificate in PEM or DER.",
            );
        }
    };
    let live = |anchor: &&TrustAnchor| {
        let (begins, ends) = anchor.validity();
        begins <= now && now <= ends
    };
    let ends = anchors.iter().filter(live).map(|anchor| anchor.validity().1).max();
    match ends {
        None => Finding::fail(
            check,
            format!("{}: none of {} is valid now", path.display(), anchors.len()),
            "Put the current root there; check this machine's clock.",
        ),
        Some(ends) => Finding::ok(
            check,
            format!(
                "{} of {} valid, the last until {}",
                anchors.iter().filter(live).count(),
                anchors.len(),
                day(ends.as_second())
            ),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Level;
    use super::*;

    #[test]
    fn a_lifetime_is_good_then_short_then_over() {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let level = |begins: i64, ends: i64| {
            let span = (now.as_second() + begins * DAY_S, now.as_second() + ends * DAY_S);
            lifetime("cert-tls", "certificate", span, now).level
        };
        assert_eq!(level(-1, 400), Level::Ok);
        assert_eq!(level(-1, 30), Level::Ok);
        assert_eq!(level(-1, 29), Level::Warn);
        assert_eq!(level(-1, 0), Level::Warn);
        assert_eq!(level(-2, -1), Level::Fail);
        assert_eq!(level(1, 400), Level::Fail);
    }
}
