//! Puts the host together from its configuration: the only place that knows which store and which revocation source it is.

use std::sync::Arc;
use std::time::Duration;

use request::{
    AnchorKind, CertificateRefused, EvidenceSigner as _, FileKey, TrustAnchor, TrustPolicy, load_anchor_file,
    load_anchors,
};

use crate::HostError;
use crate::clock::Clock;
use crate::config::{Config, Enrol, Trust};
use crate::desk::{Desk, Parts};
use crate::evidence::EvidenceVault;
use crate::holder::HolderKeys;
use crate::key_file::refuse_open_to_others;
use crate::levers::Levers;
use crate::metrics::Metrics;
use crate::revocation::CrlFiles;
use crate::store::{Observer, SqliteStore, StoreSettings};
use crate::terms::Terms;

/// Opens the store that the configuration names.
///
/// # Errors
/// [`HostError::Store`] where it cannot be opened.
pub fn open_store(config: &Config, observer: Arc<dyn Observer>) -> Result<SqliteStore, HostError> {
    let size = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
    let settings = StoreSettings {
        path: config.database.clone(),
        queue_max: size(config.limits.queue_requests_max),
        batch_max: size(config.limits.batch_requests_max),
        busy_max: Duration::from_millis(config.limits.database_busy_ms_max.into()),
        terminals_listed: config.terminals.enrol == Enrol::Listed,
        holder_keys: HolderKeys::load(&config.holder)?.marks(),
    };
    Ok(SqliteStore::open(&settings, observer)?)
}

/// Opens everything that decides: keys, trust, revocation, terms, store. No network.
///
/// # Errors
/// [`HostError`] that says what is missing or wrong.
pub fn open_desk(config: &Config, clock: Arc<dyn Clock>) -> Result<Desk, HostError> {
    let metrics = Arc::new(Metrics::new());
    let card_trust = card_trust(&config.trust, config.allow_test_roots)?;
    let terminal_anchors = load_anchor_file(&config.trust.terminal_ca, AnchorKind::Service)
        .map_err(trust("the terminals' CA (trust.terminal_ca)"))?;
    let card_crls = config
        .revocation
        .as_ref()
        .map(|revocation| CrlFiles::new(revocation.crls.clone(), card_trust.anchors().to_vec()));
    if card_crls.is_none() {
        tracing::warn!("revocation of cards is NOT checked: there is no [revocation] in the configuration");
    }
    if config.allow_test_roots {
        tracing::warn!("test roots are allowed: cards of a test PKI are taken");
    }
    let terminal_crls =
        config.trust.terminal_crl.clone().map(|file| CrlFiles::new(vec![file], terminal_anchors.clone()));
    refuse_open_to_others("the answer key", &config.answer.key)?;
    let answer_key = FileKey::load(&config.answer.certificate, &config.answer.key)
        .map_err(trust("the answer key ([answer])"))?;
    // Answers are kept for ever: one that no terminal believes could never be mended.
    match request::check_answer_certificate(answer_key.certificate_der(), clock.now()) {
        Err(refused @ (CertificateRefused::Expired { .. } | CertificateRefused::NotYetValid { .. })) => {
            tracing::error!(error = %refused, "the answer certificate is not in force: nothing can be decided");
        }
        found => found.map_err(trust("the answer certificate (answer.certificate)"))?,
    }
    Ok(Desk::new(Parts {
        terms: Terms::load(config.terms.as_ref())?,
        holder_keys: HolderKeys::load(&config.holder)?,
        vault: EvidenceVault::load(&config.evidence)?,
        store: Arc::new(open_store(config, metrics.clone())?),
        clock,
        metrics,
        card_trust,
        card_crls,
        terminal_anchors,
        terminal_crls,
        answer_key,
        limits: config.limits.clone(),
        evidence_keep_days: config.evidence.keep_days,
        levers: Arc::new(Levers::default()),
    }))
}

/// The roots that count for cards.
pub(crate) fn card_trust(settings: &Trust, allow_test_roots: bool) -> Result<TrustPolicy, HostError> {
    let mut anchors: Vec<TrustAnchor> = Vec::new();
    if let Some(folder) = &settings.card_anchors {
        anchors.extend(
            load_anchors(folder, AnchorKind::Production)
                .map_err(trust("the card roots (trust.card_anchors)"))?,
        );
    }
    if let Some(folder) = &settings.card_anchors_test {
        anchors.extend(
            load_anchors(folder, AnchorKind::Test)
                .map_err(trust("the test roots (trust.card_anchors_test)"))?,
        );
    }
    Ok(TrustPolicy::new(anchors, allow_test_roots))
}

fn trust<E: std::error::Error + Send + Sync + 'static>(what: &'static str) -> impl FnOnce(E) -> HostError {
    move |source| HostError::Trust { what, source: Box::new(source) }
}
