//! Revocation: an interface, and certificate revocation lists behind it.
//!
//! A source that cannot answer says so; the host then decides nothing (it fails closed). Invariant: an entry
//! of [`CrlRevocation`] was signed by the anchor whose certificates it speaks of.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use x509_parser::extensions::{ParsedExtension, X509Extension};
use x509_parser::prelude::FromDer as _;
use x509_parser::revocation_list::CertificateRevocationList;

use crate::algorithm::{BadSignature, CardAlgorithm};
use crate::anchor::TrustAnchor;
use crate::asn1::{DecodeError, Reader, element, oid, sequence, single, tag};
use crate::card::CardCertificate;
use crate::oids::{self, extension};
use crate::time::take_time;

/// What is known of a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RevocationStatus {
    /// Not revoked, as far as the source knows.
    Good,
    /// Revoked.
    Revoked {
        /// From when.
        since: Timestamp,
    },
}

/// The source cannot answer now.
#[derive(Debug, thiserror::Error)]
pub enum RevocationFault {
    /// No list of this certificate's issuer.
    #[error("no revocation list of this issuer's key")]
    NoList,
    /// The newest list is not valid yet.
    #[error("the revocation list is valid only from {this_update}")]
    NotYet {
        /// When the list begins to be valid.
        this_update: Timestamp,
    },
    /// A newer list should have come.
    #[error("the revocation list was due for renewal at {next_update}")]
    Stale {
        /// When the next list was promised.
        next_update: Timestamp,
    },
    /// Another kind of source failed.
    #[error("the revocation source cannot be asked")]
    Source(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl RevocationFault {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoList => "revocation-list-missing",
            Self::NotYet { .. } => "revocation-list-not-yet-valid",
            Self::Stale { .. } => "revocation-list-stale",
            Self::Source(_) => "revocation-source-unavailable",
        }
    }
}

/// Who knows whether a card's certificate was revoked: lists, or an OCSP responder.
pub trait RevocationSource: Send + Sync {
    /// The status of `card` at `at`.
    ///
    /// # Errors
    /// [`RevocationFault`] where the source cannot tell; never read as good.
    fn status(&self, card: &CardCertificate, at: Timestamp) -> Result<RevocationStatus, RevocationFault>;
}

/// Why a list is not used.
#[derive(Debug, thiserror::Error)]
pub enum CrlRefused {
    /// The file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// Not a PEM file with lists.
    #[error("{}: not a PEM file with revocation lists", path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// What the reader says.
        source: x509_parser::error::PEMError,
    },
    /// A list of the file is not used.
    #[error("{} holds a list that is not used", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Box<CrlRefused>,
    },
    /// Not the structure of RFC 5280 5.1.
    #[error("not the structure of a revocation list")]
    Structure(#[source] DecodeError),
    /// Extensions cannot be read.
    #[error("its extensions cannot be read")]
    Extensions,
    /// Not version 2, or its algorithm fields differ or name an algorithm that is not in use.
    #[error("version or algorithm not in use")]
    Algorithm,
    /// A critical extension, of the list or of an entry, that is not known here: indirect and partial lists
    /// have one.
    #[error("has a critical extension that is not known here")]
    UnknownCriticalExtension,
    /// No anchor with this issuer name and key identifier may sign lists.
    #[error("issued by nobody who is trusted for it")]
    UnknownIssuer,
    /// The issuer's signature does not hold.
    #[error("the issuer's signature does not hold")]
    Signature(#[source] BadSignature),
}

/// Revocation lists in memory.
#[derive(Debug, Default)]
pub struct CrlRevocation {
    lists: Vec<Crl>,
}

#[derive(Debug)]
struct Crl {
    issuer_key_id: Vec<u8>,
    this_update: Timestamp,
    next_update: Timestamp,
    /// Serial numbers as value octets.
    revoked: BTreeMap<Vec<u8>, Timestamp>,
}

impl CrlRevocation {
    /// Takes lists in DER, each checked against the anchor that issued it.
    ///
    /// # Errors
    /// [`CrlRefused`] for the first list that is not usable. Dates are judged when the status is asked.
    pub fn new<'l>(
        lists: impl IntoIterator<Item = &'l [u8]>,
        anchors: &[TrustAnchor],
    ) -> Result<Self, CrlRefused> {
        let lists = lists.into_iter().map(|der| Crl::check(der, anchors)).collect::<Result<_, _>>()?;
        Ok(Self { lists })
    }

    /// Reads lists from files, PEM or DER.
    ///
    /// # Errors
    /// As [`Self::new`], with the file's name.
    pub fn load(files: &[PathBuf], anchors: &[TrustAnchor]) -> Result<Self, CrlRefused> {
        let mut lists = Vec::new();
        for path in files {
            lists.extend(load_file(path, anchors)?);
        }
        Ok(Self { lists })
    }

    /// The status of the certificate with this serial number under the anchor with this key identifier; for
    /// terminals as well as cards.
    ///
    /// # Errors
    /// [`RevocationFault`] where no list of that anchor is in force at `at`.
    pub fn status_of(
        &self,
        authority_key_id: &[u8],
        serial: &[u8],
        at: Timestamp,
    ) -> Result<RevocationStatus, RevocationFault> {
        let newest = self
            .lists
            .iter()
            .filter(|list| list.issuer_key_id == authority_key_id)
            .max_by_key(|list| list.this_update)
            .ok_or(RevocationFault::NoList)?;
        newest.in_force(at)?;
        Ok(match newest.revoked.get(serial) {
            Some(since) => RevocationStatus::Revoked { since: *since },
            None => RevocationStatus::Good,
        })
    }
}

impl RevocationSource for CrlRevocation {
    fn status(&self, card: &CardCertificate, at: Timestamp) -> Result<RevocationStatus, RevocationFault> {
        self.status_of(card.authority_key_id(), card.serial(), at)
    }
}

fn load_file(path: &Path, anchors: &[TrustAnchor]) -> Result<Vec<Crl>, CrlRefused> {
    let bytes = std::fs::read(path).map_err(|source| CrlRefused::Read { path: path.to_owned(), source })?;
    let lists = crate::pem::revocation_lists(&bytes)
        .map_err(|source| CrlRefused::Pem { path: path.to_owned(), source })?;
    lists
        .iter()
        .map(|der| {
            Crl::check(der, anchors)
                .map_err(|source| CrlRefused::File { path: path.to_owned(), source: Box::new(source) })
        })
        .collect()
}

/// A list's parts in their exact bytes.
struct Parts<'a> {
    tbs: &'a [u8],
    issuer: &'a [u8],
    algorithm: &'a [u8],
    signature: &'a [u8],
    this_update: Timestamp,
    next_update: Timestamp,
    entries: Reader<'a>,
}

impl Crl {
    fn check(der: &[u8], anchors: &[TrustAnchor]) -> Result<Self, CrlRefused> {
        let parts = Parts::read(der).map_err(CrlRefused::Structure)?;
        let (rest, list) = CertificateRevocationList::from_der(der).map_err(|_| CrlRefused::Extensions)?;
        if !rest.is_empty() {
            return Err(CrlRefused::Extensions);
        }
        no_unknown_critical(list.tbs_cert_list.extensions())?;
        for entry in &list.tbs_cert_list.revoked_certificates {
            no_unknown_critical(entry.extensions())?;
        }
        let anchor = parts.issuer(list.tbs_cert_list.extensions(), anchors)?;
        parts.signature(anchor)?;
        Ok(Self {
            issuer_key_id: anchor.key_id.clone(),
            this_update: parts.this_update,
            next_update: parts.next_update,
            revoked: parts.revoked().map_err(CrlRefused::Structure)?,
        })
    }

    /// RFC 5280 6.3.3 (a): a list whose nextUpdate lies before the current time is not current; RFC 5280
    /// 5.1.2.4: thisUpdate is its issue date.
    fn in_force(&self, at: Timestamp) -> Result<(), RevocationFault> {
        if at < self.this_update {
            return Err(RevocationFault::NotYet { this_update: self.this_update });
        }
        if at > self.next_update {
            return Err(RevocationFault::Stale { next_update: self.next_update });
        }
        Ok(())
    }
}

/// RFC 5280 5.2: with a critical extension that it does not know, an application "MUST NOT use that CRL to
/// determine the status of certificates". A direct, complete list has no critical extension at all.
fn no_unknown_critical(extensions: &[X509Extension<'_>]) -> Result<(), CrlRefused> {
    if extensions.iter().any(|found| found.critical) {
        Err(CrlRefused::UnknownCriticalExtension)
    } else {
        Ok(())
    }
}

impl<'a> Parts<'a> {
    /// RFC 5280 5.1. Version 2 and nextUpdate are demanded (5.1.2.1, 5.1.2.5).
    fn read(der: &'a [u8]) -> Result<Self, DecodeError> {
        let mut outer = single(der, tag::SEQUENCE, "CertificateList")?.reader();
        let tbs = outer.take(tag::SEQUENCE, "tbsCertList")?;
        let algorithm = outer.take(tag::SEQUENCE, "signatureAlgorithm")?.raw;
        let signature = outer.take(tag::BIT_STRING, "signatureValue")?.value;
        outer.end("CertificateList")?;
        let mut inner = tbs.reader();
        if inner.take(tag::INTEGER, "version")?.value != [1] {
            return Err(DecodeError::Value { what: "version" });
        }
        if inner.take(tag::SEQUENCE, "signature")?.raw != algorithm {
            return Err(DecodeError::Value { what: "signature" });
        }
        let issuer = inner.take(tag::SEQUENCE, "issuer")?.raw;
        let this_update = take_time(&mut inner, "thisUpdate")?;
        let next_update = take_time(&mut inner, "nextUpdate")?;
        let entries = match inner.peek() {
            Some(tag::SEQUENCE) => inner.take(tag::SEQUENCE, "revokedCertificates")?.reader(),
            _ => Reader::new(&[]),
        };
        let signature = signature.strip_prefix(&[0]).ok_or(DecodeError::Value { what: "signatureValue" })?;
        Ok(Self { tbs: tbs.raw, issuer, algorithm, signature, this_update, next_update, entries })
    }

    /// RFC 5280 6.3.3 (f): "Obtain and validate the certification path for the issuer of the complete CRL.
    /// The trust anchor for the certification path MUST be the same"; here the anchor signs its lists itself,
    /// chosen by key identifier.
    fn issuer<'t>(
        &self,
        extensions: &[X509Extension<'_>],
        anchors: &'t [TrustAnchor],
    ) -> Result<&'t TrustAnchor, CrlRefused> {
        let key_id = extensions
            .iter()
            .find(|found| found.oid.as_bytes() == extension::AUTHORITY_KEY_ID.as_bytes())
            .and_then(|found| match found.parsed_extension() {
                ParsedExtension::AuthorityKeyIdentifier(id) => id.key_identifier.as_ref(),
                _ => None,
            })
            .ok_or(CrlRefused::UnknownIssuer)?;
        anchors
            .iter()
            .find(|anchor| anchor.signs_crls && anchor.subject == self.issuer && anchor.key_id == key_id.0)
            .ok_or(CrlRefused::UnknownIssuer)
    }

    /// RFC 5280 6.3.3 (g): "Validate the signature on the complete CRL using the public key validated in step
    /// (f)."
    fn signature(&self, anchor: &TrustAnchor) -> Result<(), CrlRefused> {
        let wanted = match anchor.key.algorithm {
            CardAlgorithm::Rsa2048Sha256 => {
                sequence(&[&oid(oids::SHA256_WITH_RSA), &element(tag::NULL, &[])])
            }
            CardAlgorithm::EcdsaP256Sha256 => sequence(&[&oid(oids::ECDSA_SHA256)]),
            CardAlgorithm::EcdsaP384Sha384 => sequence(&[&oid(oids::ECDSA_SHA384)]),
        };
        if self.algorithm != wanted {
            return Err(CrlRefused::Algorithm);
        }
        anchor.key.verify(self.tbs, self.signature).map_err(CrlRefused::Signature)
    }

    fn revoked(&self) -> Result<BTreeMap<Vec<u8>, Timestamp>, DecodeError> {
        let mut entries = self.entries.clone();
        let mut revoked = BTreeMap::new();
        while entries.peek().is_some() {
            let mut entry = entries.take(tag::SEQUENCE, "revokedCertificate")?.reader();
            let serial = entry.take(tag::INTEGER, "userCertificate")?.value.to_vec();
            revoked.insert(serial, take_time(&mut entry, "revocationDate")?);
        }
        Ok(revoked)
    }
}
