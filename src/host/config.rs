//! The configuration file: TOML, unknown keys refused, everything checked before anything is opened.
//!
//! Invariant: no secret is in the file or in this structure, only paths to secrets; so it can be shown in full.

mod limits;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::HostError;

pub use limits::Limits;

/// Everything that `docs/host.md` describes under "Configuration".
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Address and port; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The SQLite file; made when missing, mode 0600.
    pub database: PathBuf,
    /// Opens what only a test bench may have: the levers.
    #[serde(default)]
    pub bench_only: bool,
    /// Takes cards under `trust.card_anchors_test`.
    #[serde(default)]
    pub allow_test_roots: bool,
    /// The host's TLS certificate and the terminals' CA.
    pub tls: Tls,
    /// The certificate and key that sign answers.
    pub answer: KeyPair,
    /// Keys for the keyed hash of the holder.
    pub holder: HolderKeys,
    /// Keys and retention of evidence.
    pub evidence: Evidence,
    /// Trust anchors.
    pub trust: Trust,
    /// Revocation of card certificates; none: not checked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revocation: Option<Revocation>,
    /// Terms texts; none: the built-in reference texts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terms: Option<Terms>,
    /// Which terminals are known.
    #[serde(default)]
    pub terminals: Terminals,
    /// Levers for tests; needs `bench_only`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub levers: Option<Levers>,
    /// Limits, units last.
    #[serde(default)]
    pub limits: Limits,
}

/// `[tls]`
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// PEM, the host's certificate first.
    pub certificate: PathBuf,
    /// PEM (PKCS#8), readable by its owner only.
    pub key: PathBuf,
    /// PEM: the CA that issues the terminals' TLS certificates.
    pub terminal_ca: PathBuf,
    /// PEM: that CA's CRL. When named, it is demanded: out of date or unreadable means that no terminal gets in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terminal_crl: Option<PathBuf>,
}

/// A certificate and its private key, PEM.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyPair {
    /// The certificate.
    pub certificate: PathBuf,
    /// The private key (PKCS#8), readable by its owner only.
    pub key: PathBuf,
}

/// `[holder]`
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HolderKeys {
    /// Id of the current key: 1 to 32 of letters, digits and hyphens.
    pub key_id: String,
    /// 32 bytes in hexadecimal.
    pub key_file: PathBuf,
    /// Earlier keys, for finding earlier records.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub previous: Vec<HolderKey>,
}

/// One earlier key of `[holder]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HolderKey {
    /// Its id.
    pub key_id: String,
    /// 32 bytes in hexadecimal.
    pub key_file: PathBuf,
}

/// `[evidence]`
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// AES-256 key, 32 bytes in hexadecimal.
    pub key_file: PathBuf,
    /// Earlier keys, for reading only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub previous_key_files: Vec<PathBuf>,
    /// Days after the decision until a signed request is erased; 1 to 3650.
    pub keep_days: u32,
}

/// `[trust]`
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trust {
    /// Directory of the production roots of user-authentication certificates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub card_anchors: Option<PathBuf>,
    /// Directory of test roots; used with `allow_test_roots` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub card_anchors_test: Option<PathBuf>,
    /// PEM: the CA that issues the terminals' evidence certificates.
    pub terminal_ca: PathBuf,
    /// PEM: that CA's CRL. When named, it is demanded: no decision without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terminal_crl: Option<PathBuf>,
}

/// `[revocation]`
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revocation {
    /// CRL files, one an issuing key. Read again when they change.
    pub crls: Vec<PathBuf>,
}

/// `[terms]`
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Terms {
    /// Holds one directory a version, and in it one `LANGUAGE.txt` a language.
    pub dir: PathBuf,
    /// The version in force; none: the directory with the greatest number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// `[terminals]`
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Terminals {
    /// How a terminal becomes known.
    pub enrol: Enrol,
}

/// How a terminal becomes known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Enrol {
    /// By its certificate: the terminal CA is the register.
    #[default]
    ByCertificate,
    /// By the operator, `myna-host terminal add`.
    Listed,
}

/// `[levers]`
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Levers {
    /// Unix socket to make, mode 0600.
    pub socket: PathBuf,
}

impl Config {
    /// Reads and checks a configuration file. Relative paths in it start from its own directory.
    ///
    /// # Errors
    /// [`HostError`] that says what to change.
    pub fn load(path: &Path) -> Result<Self, HostError> {
        let text = std::fs::read_to_string(path).map_err(|source| HostError::ReadFile {
            what: "the configuration",
            path: path.to_owned(),
            source,
        })?;
        let mut config = Self::parse(&text)
            .map_err(|source| HostError::ConfigShape { path: path.to_owned(), source: Box::new(source) })?;
        config.start_paths_from(path.parent().unwrap_or(Path::new(".")));
        config.check()?;
        Ok(config)
    }

    /// Parses the text of a configuration file, without checks and without touching paths.
    ///
    /// # Errors
    /// [`toml::de::Error`] with line and column.
    pub fn parse(text: &str) -> Result<Self, toml::de::Error> {
        toml::from_str(text)
    }

    /// The configuration as it is in effect, defaults included. It holds no secrets.
    ///
    /// # Errors
    /// [`HostError::ConfigRule`] where a path is not UTF-8.
    pub fn show(&self) -> Result<String, HostError> {
        toml::to_string_pretty(self).map_err(|e| HostError::ConfigRule(format!("it cannot be shown: {e}")))
    }

    /// Checks what the shape alone does not say.
    ///
    /// # Errors
    /// [`HostError::ConfigRule`] for the first rule that is broken.
    pub fn check(&self) -> Result<(), HostError> {
        let rule = |holds: bool, what: &str| {
            if holds { Ok(()) } else { Err(HostError::ConfigRule(what.to_owned())) }
        };
        let key_id = |id: &str| {
            (1..=32).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        };
        rule(self.levers.is_none() || self.bench_only, "[levers] needs bench_only = true")?;
        rule((1..=3650).contains(&self.evidence.keep_days), "evidence.keep_days must be 1 to 3650")?;
        let mut ids: Vec<&str> = self.holder.previous.iter().map(|key| key.key_id.as_str()).collect();
        ids.push(&self.holder.key_id);
        rule(ids.iter().all(|id| key_id(id)), "[holder]: key_id must be 1 to 32 letters, digits or hyphens")?;
        ids.sort_unstable();
        rule(ids.windows(2).all(|pair| pair.first() != pair.last()), "[holder] has a key_id twice")?;
        let test_roots = self.allow_test_roots && self.trust.card_anchors_test.is_some();
        rule(
            self.trust.card_anchors.is_some() || test_roots,
            "[trust] needs card_anchors, or card_anchors_test with allow_test_roots = true",
        )?;
        rule(
            self.revocation.as_ref().is_none_or(|revocation| !revocation.crls.is_empty()),
            "revocation.crls is empty: leave [revocation] out if revocation is not to be checked",
        )?;
        self.limits.check()
    }

    fn start_paths_from(&mut self, base: &Path) {
        let mut paths = vec![
            &mut self.database,
            &mut self.tls.certificate,
            &mut self.tls.key,
            &mut self.tls.terminal_ca,
            &mut self.answer.certificate,
            &mut self.answer.key,
            &mut self.holder.key_file,
            &mut self.evidence.key_file,
            &mut self.trust.terminal_ca,
        ];
        paths.extend(&mut self.tls.terminal_crl);
        paths.extend(self.holder.previous.iter_mut().map(|key| &mut key.key_file));
        paths.extend(&mut self.evidence.previous_key_files);
        paths.extend(&mut self.trust.card_anchors);
        paths.extend(&mut self.trust.card_anchors_test);
        paths.extend(&mut self.trust.terminal_crl);
        paths.extend(self.revocation.iter_mut().flat_map(|revocation| &mut revocation.crls));
        paths.extend(self.terms.iter_mut().map(|terms| &mut terms.dir));
        paths.extend(self.levers.iter_mut().map(|levers| &mut levers.socket));
        for path in paths {
            // `join` leaves an absolute path as it is.
            *path = base.join(&*path);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GOOD: &str = r#"
        listen = "127.0.0.1:0"
        database = "host.db"
        allow_test_roots = true
        [tls]
        certificate = "tls.pem"
        key = "/keys/tls.key"
        terminal_ca = "ca.pem"
        [answer]
        certificate = "answer.pem"
        key = "answer.key"
        [holder]
        key_id = "h1"
        key_file = "holder.key"
        [evidence]
        key_file = "evidence.key"
        keep_days = 365
        [trust]
        card_anchors_test = "anchors"
        terminal_ca = "ca.pem"
    "#;

    fn checked(text: &str) -> Result<Config, String> {
        let config = Config::parse(text).map_err(|e| e.to_string())?;
        config.check().map_err(|e| e.to_string())?;
        Ok(config)
    }

    #[test]
    fn a_small_file_is_enough() {
        let config = checked(GOOD).unwrap();
        assert_eq!(config.limits.consent_by_s, 900);
        assert_eq!(config.terminals.enrol, Enrol::ByCertificate);
    }

    #[test]
    fn the_example_in_the_documents_is_valid_and_complete() {
        let document = include_str!("../../docs/host.md");
        let example = document.split("```toml").nth(1).unwrap().split("```").next().unwrap();
        let config = checked(example).unwrap();
        for (name, ..) in config.limits.table() {
            assert!(example.lines().any(|line| line.starts_with(&format!("{name} = "))), "limits.{name}");
        }
        assert_eq!(config.limits.table(), Limits::default().table(), "the example shows the defaults");
    }

    #[test]
    fn relative_paths_start_from_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("host.toml");
        std::fs::write(&path, GOOD).unwrap();
        let config = Config::load(&path).unwrap();
        assert_eq!(config.database, dir.path().join("host.db"));
        assert_eq!(config.tls.key, Path::new("/keys/tls.key"));
    }

    #[test]
    fn what_is_shown_reads_back() {
        let config = checked(GOOD).unwrap();
        let shown = config.show().unwrap();
        assert_eq!(checked(&shown).unwrap().show().unwrap(), shown);
    }

    #[test]
    fn unknown_keys_are_refused_with_their_line() {
        for extra in ["databse = 1\n", "[tls]\nx = 1\n", "[limits]\nspeed = 1\n"] {
            assert!(Config::parse(&format!("{extra}{GOOD}")).is_err(), "{extra}");
        }
        let error = Config::parse(&format!("unknown = 1\n{GOOD}")).unwrap_err().to_string();
        assert!(error.contains("line 1") && error.contains("unknown"), "{error}");
    }

    #[test]
    fn contradictions_are_refused() {
        let cases = [
            ("keep_days = 365", "keep_days = 0"),
            ("keep_days = 365", "keep_days = 4000"),
            (r#"key_id = "h1""#, r#"key_id = "h 1""#),
            ("allow_test_roots = true", "allow_test_roots = false"),
            (r#"key_id = "h1""#, "key_id = \"h1\"\nprevious = [{ key_id = \"h1\", key_file = \"x\" }]"),
            ("[tls]", "[revocation]\ncrls = []\n[tls]"),
            ("[tls]", "[levers]\nsocket = \"s\"\n[tls]"),
            ("[tls]", "[limits]\nconsent_by_s = 0\n[tls]"),
        ];
        for (from, to) in cases {
            assert!(checked(&GOOD.replacen(from, to, 1)).is_err(), "{to}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_configuration_or_an_error(text in ".{0,200}", at in 0usize..600, byte in any::<u8>()) {
            prop_assert!(Config::parse(&text).is_err());
            let mut bytes = GOOD.as_bytes().to_vec();
            let at = at % bytes.len();
            bytes[at] = byte;
            if let Ok(text) = String::from_utf8(bytes) && let Ok(config) = Config::parse(&text) {
                let _either = config.check();
            }
        }
    }
}
