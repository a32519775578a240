//! TLS 1.3 with client certificates: who may talk to the host at all.
//!
//! Invariants:
//! - Only certificates of the configured terminal CA get through the handshake, none for another purpose; where a CRL is
//!   configured, a revoked one does not, and an out-of-date CRL lets nobody in.
//! - A terminal is who says id-kp-clientAuth in its certificate, and has one common name.
//! - No resumption: every connection shows its certificate again.
//! - A change of the files takes effect for new connections. Files that became unusable are reported and the last usable
//!   state goes on, whose CRL ends by itself.

use std::path::Path;
use std::sync::{Arc, RwLock};

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer, UnixTime};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::time_provider::TimeProvider;
use rustls::{RootCertStore, ServerConfig};
use wire::TerminalId;

use crate::HostError;
use crate::chain::Chain;
use crate::clock::Clock;
use crate::config::Tls as Settings;
use crate::key_file::refuse_open_to_others;
use crate::revocation::Fingerprint;

/// The TLS side of the configuration, loaded.
pub(crate) struct TlsFiles {
    settings: Settings,
    clock: Arc<dyn Clock>,
    state: RwLock<(Fingerprint, Arc<ServerConfig>)>,
}

impl TlsFiles {
    /// Loads all files.
    pub(crate) fn load(settings: &Settings, clock: Arc<dyn Clock>) -> Result<Self, HostError> {
        let state = RwLock::new((fingerprint(settings), Arc::new(server_config(settings, clock.clone())?)));
        Ok(Self { settings: settings.clone(), clock, state })
    }

    /// What a new connection is to use.
    pub(crate) fn current(&self) -> Arc<ServerConfig> {
        self.state.read().unwrap_or_else(std::sync::PoisonError::into_inner).1.clone()
    }

    /// Loads again what changed.
    pub(crate) fn reload_if_changed(&self) {
        let now = fingerprint(&self.settings);
        if self.state.read().unwrap_or_else(std::sync::PoisonError::into_inner).0 == now {
            return;
        }
        match server_config(&self.settings, self.clock.clone()) {
            Ok(config) => {
                *self.state.write().unwrap_or_else(std::sync::PoisonError::into_inner) =
                    (now, Arc::new(config));
                tracing::info!("TLS files read again");
            }
            Err(error) => {
                tracing::error!(error = %Chain(&error), "TLS files changed and cannot be used: the old ones stay");
            }
        }
    }
}

fn fingerprint(settings: &Settings) -> Fingerprint {
    let files = [&settings.certificate, &settings.key, &settings.terminal_ca];
    Fingerprint::of(files.into_iter().chain(&settings.terminal_crl).map(std::path::PathBuf::as_path))
}

/// Time for certificate checks, from the host's clock.
#[derive(Debug)]
struct TlsTime(Arc<dyn Clock>);

impl TimeProvider for TlsTime {
    fn current_time(&self) -> Option<UnixTime> {
        let seconds = u64::try_from(self.0.now().as_second()).ok()?;
        Some(UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds)))
    }
}

fn server_config(settings: &Settings, clock: Arc<dyn Clock>) -> Result<ServerConfig, HostError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut roots = RootCertStore::empty();
    for certificate in certificates(&settings.terminal_ca, "the terminals' CA")? {
        roots.add(certificate).map_err(tls("the terminals' CA"))?;
    }
    let mut verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone());
    if let Some(path) = &settings.terminal_crl {
        let lists = CertificateRevocationListDer::pem_file_iter(path)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(tls("the terminals' revocation list"))?;
        verifier =
            verifier.with_crls(lists).only_check_end_entity_revocation().enforce_revocation_expiration();
    }
    let verifier = verifier.build().map_err(tls("the terminals' CA and revocation list"))?;
    refuse_open_to_others("the TLS key", &settings.key)?;
    let key = PrivateKeyDer::from_pem_file(&settings.key).map_err(tls("the TLS key"))?;
    let mut config = ServerConfig::builder_with_details(provider, Arc::new(TlsTime(clock)))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(tls("TLS 1.3"))?
        .with_client_cert_verifier(verifier)
        .with_single_cert(certificates(&settings.certificate, "the TLS certificate")?, key)
        .map_err(tls("the TLS certificate and key"))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(config)
}

fn certificates(path: &Path, what: &'static str) -> Result<Vec<CertificateDer<'static>>, HostError> {
    let found = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(tls(what))?;
    if found.is_empty() {
        return Err(HostError::ConfigRule(format!("{} holds no certificate", path.display())));
    }
    Ok(found)
}

fn tls<E: std::error::Error + Send + Sync + 'static>(what: &'static str) -> impl FnOnce(E) -> HostError {
    move |source| HostError::Tls { what, source: Box::new(source) }
}

/// The terminal that a certificate names: its one common name. The certificate must say id-kp-clientAuth: the handshake
/// refuses one that says another purpose, and lets one pass that says none (RFC 5280 4.2.1.12).
pub(crate) fn terminal_of(certificate: &CertificateDer<'_>) -> Option<TerminalId> {
    let (_, parsed) = x509_parser::parse_x509_certificate(certificate).ok()?;
    if !parsed.extended_key_usage().ok()??.value.client_auth {
        return None;
    }
    let mut names = parsed.subject().iter_common_name();
    let (name, more) = (names.next()?, names.next());
    if more.is_some() {
        return None;
    }
    name.as_str().ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_is_named_by_a_certificate_for_client_authentication_only() {
        let dir = tempfile::tempdir().unwrap();
        let now = crate::clock::SystemClock::new().now();
        let pki = test_pki::Pki::open_or_create(dir.path(), now).unwrap();
        let files = pki.terminal("T0001").unwrap();
        let named = |path: &Path| terminal_of(&CertificateDer::from_pem_file(path).unwrap());
        assert_eq!(named(&files.tls.certificate).unwrap().as_str(), "T0001");
        assert_eq!(named(&files.evidence.certificate), None, "the same name, another purpose");
        assert_eq!(named(&pki.layout().terminal_anchor()), None, "no purpose at all");
    }
}
