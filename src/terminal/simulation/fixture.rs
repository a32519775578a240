//! What all runs share: a test PKI, the configuration, certificates of cards, the terms. Made once for all runs
//! that go on at a time.
//!
//! Cryptography has its own tests (`src/request/tests`, `tests/end_to_end`), so here it is done once and not for each
//! visit: one real certificate of a card is parsed and checked, the bytes that the card signs are made by the real
//! `request::prepare`, and what the card and the evidence key would sign over them is a text that is different for every
//! signature and says what the simulated host needs to know (`clerk.rs`). The device log is signed and verified for real.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use jiff::{SignedDuration, Timestamp};
use journal::{CheckpointKeys, FileSigner};
use request::{AnchorKind, CardCertificate, FileKey, TrustPolicy, check_card_certificate, load_anchors};
use test_pki::{AuthCa, CardKey, CardPurpose, CardSpec, Pki};
use wire::{TermsText, TermsVersion};

use crate::catalogue::{Catalogue, Language};
use crate::config::Config;
use crate::paperwork::Office;

/// When every run begins, by the right time.
pub(super) const EPOCH: &str = "2026-11-21T00:00:00Z";

/// The name of the terminal.
pub(super) const TERMINAL: &str = "T0001";

/// What all runs share.
pub(super) struct Fixture {
    /// With the folders of nobody in particular: a run has its own.
    pub(super) config: Config,
    pub(super) epoch: Timestamp,
    /// A certificate with years to go, and one that ends within the months of the notice.
    pub(super) long: CardCertificate,
    pub(super) short: CardCertificate,
    /// Two versions of the terms, the second one for later.
    pub(super) terms: [TermsVersion; 2],
    pub(super) catalogues: [Arc<Catalogue>; 2],
    pki: tempfile::TempDir,
}

/// Where runs have their folders: in memory, where the system has such a place.
pub(super) fn folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    let made = tempfile::Builder::new().prefix("myna-simulation-").tempdir_in(memory);
    made.or_else(|_| tempfile::tempdir()).unwrap()
}

/// The one that is there, or a new one. Whoever holds it keeps it; the last one who lets go removes its folder.
pub(super) fn get() -> Arc<Fixture> {
    static FIXTURE: Mutex<Weak<Fixture>> = Mutex::new(Weak::new());
    let mut known = FIXTURE.lock().unwrap_or_else(PoisonError::into_inner);
    known.upgrade().unwrap_or_else(|| {
        let made = Arc::new(make());
        *known = Arc::downgrade(&made);
        made
    })
}

fn make() -> Fixture {
    let epoch: Timestamp = EPOCH.parse().unwrap();
    let folder = folder();
    let pki = Pki::open_or_create(folder.path(), epoch).unwrap();
    pki.terminal(TERMINAL).unwrap();
    let card = |days: i64| {
        let day = |days| epoch + SignedDuration::from_hours(24 * days);
        let spec = CardSpec::new(
            CardPurpose::UserAuthentication,
            AuthCa::Generation1,
            CardKey::Rsa2048,
            day(-30),
            day(days),
        );
        let der = pki.issue_card(&spec).unwrap().certificate;
        let anchors = load_anchors(&pki.layout().card_anchors(), AnchorKind::Test).unwrap();
        check_card_certificate(&der, &TrustPolicy::new(anchors, true), epoch).unwrap()
    };
    let config = configuration(folder.path());
    let text = |language| Catalogue::new(language, &config.helpline).unwrap().for_tests(true);
    Fixture {
        epoch,
        long: card(1_000),
        short: card(40),
        terms: ["2026-04", "2026-12"].map(terms),
        catalogues: [Language::Ja, Language::En].map(|language| Arc::new(text(language))),
        config,
        pki: folder,
    }
}

fn terms(version: &str) -> TermsVersion {
    let texts = [("ja", "健康保険証利用の申込み"), ("en", "Use as a health-insurance card")]
        .map(|(tag, text)| TermsText::new(tag.parse().unwrap(), format!("{text} {version}")).unwrap());
    TermsVersion::new(version.parse().unwrap(), texts.to_vec()).unwrap()
}

fn configuration(folder: &Path) -> Config {
    let pki = folder.display();
    let key = |name: &str| {
        let files = format!("{pki}/terminals/{TERMINAL}/{name}");
        format!("{{ certificate = \"{files}.crt.pem\", key = \"{files}.key.pem\" }}")
    };
    let (tls, evidence, log) = (key("tls"), key("evidence"), key("log"));
    let text = format!(
        r#"
terminal_id = "{TERMINAL}"
state_dir = "state"
allow_test_roots = true
bench_only = true
[place]
name = "ベイサイド店 1号機"
name_en = "Bayside branch, ATM 1"
[host]
url = "https://localhost:1"
ca = "{pki}/ca/host.crt.pem"
answer_ca = "{pki}/ca/host.crt.pem"
[keys]
tls = {tls}
evidence = {evidence}
log = {log}
[trust]
card_anchors_test = "{pki}/anchors/card-test"
terminal_ca = "{pki}/anchors/terminal/terminal-ca.pem"
[pin_pad]
kind = "socket"
path = "pad"
[printer]
kind = "file"
dir = "receipts"
[limits]
disk_free_mib_min = 8
"#
    );
    Config::parse(&text, Path::new("simulation.toml"), folder).unwrap()
}

impl Fixture {
    /// The office that writes and checks papers; it assembles none here.
    pub(super) fn office(&self) -> Office {
        let keys = &self.config.keys.evidence;
        Office {
            terminal_id: TERMINAL.to_owned(),
            language: Language::Ja,
            evidence: Box::new(FileKey::load(&keys.certificate, &keys.key).unwrap()),
            card_trust: Arc::default(),
            terminal_anchors: Vec::new(),
            clock_skew_ms_max: self.config.limits.clock_skew_ms_max,
        }
    }

    pub(super) fn log_signer(&self) -> FileSigner {
        FileSigner::from_pem(&self.read(&self.config.keys.log.key)).unwrap()
    }

    pub(super) fn log_keys(&self) -> CheckpointKeys {
        CheckpointKeys::from_pem(&self.read(&self.config.keys.log.certificate)).unwrap()
    }

    fn read(&self, path: &PathBuf) -> String {
        assert!(path.starts_with(self.pki.path()));
        std::fs::read_to_string(path).unwrap()
    }
}
