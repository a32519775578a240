//! Trust anchors, by purpose. A chain ends at one of these or nowhere; what a card itself supplies proves
//! nothing.
//!
//! Invariant: a [`TrustAnchor`] is a self-issued CA certificate whose own signature verifies and whose key
//! may sign certificates.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use x509_parser::extensions::ParsedExtension;

use crate::algorithm::{BadSignature, CardAlgorithm, PublicKey};
use crate::certificate::{Certificate, NotACertificate};
use crate::clauses::{shape, subject_key};
use crate::oids;

/// What an anchor is trusted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AnchorKind {
    /// Issues the certificates on people's cards.
    Production,
    /// Issues the certificates on test cards; accepted only where the configuration says `allow_test_roots`.
    Test,
    /// Issues the certificates of the operator's own machines: terminals or hosts.
    Service,
}

/// One trusted root.
#[derive(Debug, Clone)]
pub struct TrustAnchor {
    pub(crate) der: Vec<u8>,
    pub(crate) kind: AnchorKind,
    pub(crate) subject: Vec<u8>,
    pub(crate) serial: Vec<u8>,
    pub(crate) key_id: Vec<u8>,
    pub(crate) key: PublicKey,
    pub(crate) signs_crls: bool,
    pub(crate) not_before: Timestamp,
    pub(crate) not_after: Timestamp,
}

/// Why a certificate cannot serve as an anchor.
#[derive(Debug, thiserror::Error)]
pub enum AnchorRefused {
    /// The folder or file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// Folder or file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// Not a PEM file with certificates.
    #[error("{}: not a PEM file with certificates", path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// What the reader says.
        source: x509_parser::error::PEMError,
    },
    /// A file of the folder holds no usable anchor.
    #[error("{} holds no usable anchor", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Box<AnchorRefused>,
    },
    /// There is no certificate in it.
    #[error("{}: no certificate in it", path.display())]
    Empty {
        /// Folder or file.
        path: PathBuf,
    },
    /// Not a certificate.
    #[error("not a certificate")]
    NotACertificate(#[source] NotACertificate),
    /// Issuer and subject differ.
    #[error("not self-issued")]
    NotSelfIssued,
    /// basicConstraints or keyUsage do not allow it to issue certificates.
    #[error("may not sign certificates")]
    NotAnAuthority,
    /// No subjectKeyIdentifier, by which generations of the same name are told apart.
    #[error("no subjectKeyIdentifier")]
    NoKeyId,
    /// The key or the signature algorithm is none that roots of this system use.
    #[error("key or signature algorithm not in use")]
    Algorithm,
    /// Its own signature does not verify: a damaged file.
    #[error("damaged")]
    Damaged(#[source] BadSignature),
}

impl TrustAnchor {
    /// Takes a root certificate in DER.
    ///
    /// # Errors
    /// [`AnchorRefused`], by the first thing that is wrong.
    pub fn from_der(der: &[u8], kind: AnchorKind) -> Result<Self, AnchorRefused> {
        let certificate = Certificate::parse(der).map_err(AnchorRefused::NotACertificate)?;
        if certificate.issuer != certificate.subject {
            return Err(AnchorRefused::NotSelfIssued);
        }
        let is_authority = certificate.extension(oids::extension::BASIC_CONSTRAINTS).is_some_and(|found| {
            found.critical
                && matches!(found.parsed_extension(), ParsedExtension::BasicConstraints(value) if value.ca)
        });
        let usage =
            match certificate.extension(oids::extension::KEY_USAGE).map(|found| found.parsed_extension()) {
                Some(ParsedExtension::KeyUsage(usage)) if is_authority && usage.key_cert_sign() => usage,
                _ => return Err(AnchorRefused::NotAnAuthority),
            };
        let signs_crls = usage.crl_sign();
        let key_id = certificate.subject_key_id().ok_or(AnchorRefused::NoKeyId)?.to_vec();
        let key = subject_key::read(certificate.key_info).ok_or(AnchorRefused::Algorithm)?;
        let algorithm = shape::signature_algorithm(&certificate).ok_or(AnchorRefused::Algorithm)?;
        if algorithm != key.algorithm || algorithm == CardAlgorithm::EcdsaP384Sha384 {
            return Err(AnchorRefused::Algorithm);
        }
        key.verify(certificate.tbs, certificate.signature).map_err(AnchorRefused::Damaged)?;
        Ok(Self {
            der: der.to_vec(),
            kind,
            subject: certificate.subject.to_vec(),
            serial: certificate.serial.to_vec(),
            key_id,
            key,
            signs_crls,
            not_before: certificate.not_before,
            not_after: certificate.not_after,
        })
    }

    /// The certificate.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// What it is trusted for.
    pub fn kind(&self) -> AnchorKind {
        self.kind
    }

    /// Its key identifier: the authority key identifier of the certificates it issued.
    pub fn key_id(&self) -> &[u8] {
        &self.key_id
    }

    /// From when to when it is valid.
    pub fn validity(&self) -> (Timestamp, Timestamp) {
        (self.not_before, self.not_after)
    }
}

/// All roots of a folder: files `*.pem`, `*.crt`, `*.cer`, `*.der`, in the order of their names.
///
/// # Errors
/// [`AnchorRefused`] where the folder cannot be read, holds none, or a file in it is unusable.
pub fn load_anchors(folder: &Path, kind: AnchorKind) -> Result<Vec<TrustAnchor>, AnchorRefused> {
    let read = |source| AnchorRefused::Read { path: folder.to_owned(), source };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(read)? {
        let path = entry.map_err(read)?.path();
        let known = path
            .extension()
            .and_then(|extension| extension.to_str())
            .is_some_and(|extension| ["pem", "crt", "cer", "der"].contains(&extension));
        if known {
            files.push(path);
        }
    }
    files.sort();
    if files.is_empty() {
        return Err(AnchorRefused::Empty { path: folder.to_owned() });
    }
    let mut anchors = Vec::new();
    for file in &files {
        anchors.extend(load_anchor_file(file, kind)?);
    }
    Ok(anchors)
}

/// The roots of one file, PEM (one or more) or DER (one).
///
/// # Errors
/// As [`load_anchors`].
pub fn load_anchor_file(path: &Path, kind: AnchorKind) -> Result<Vec<TrustAnchor>, AnchorRefused> {
    let bytes =
        std::fs::read(path).map_err(|source| AnchorRefused::Read { path: path.to_owned(), source })?;
    let certificates = crate::pem::certificates(&bytes)
        .map_err(|source| AnchorRefused::Pem { path: path.to_owned(), source })?;
    if certificates.is_empty() {
        return Err(AnchorRefused::Empty { path: path.to_owned() });
    }
    certificates
        .iter()
        .map(|der| {
            TrustAnchor::from_der(der, kind)
                .map_err(|source| AnchorRefused::File { path: path.to_owned(), source: Box::new(source) })
        })
        .collect()
}
