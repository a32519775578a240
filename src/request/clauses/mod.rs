//! The clauses by which a certificate is accepted: one function each, the rule above it, an accepting and a
//! rejecting test below it.
//!
//! `shape` holds what every certificate must be (RFC 5280 4.1, 4.2), `path` the way to the anchor (RFC 5280
//! 6.1), `subject_key`, `usage` and `policy` the profile of the purpose. [`validate`] is the list.
//!
//! Left out, each with the reason:
//! - RFC 5280 4.1, DER outside the signed part: no certificate is parsed in another encoding (`certificate`).
//! - RFC 5280 6.1.2 to 6.1.5 for intermediate certificates (path length, name constraints, policy mapping,
//!   policy tree, inhibitAnyPolicy): the hierarchy has one tier, so a path is one certificate under one
//!   anchor. An intermediate would be refused by `authority`, and any of these extensions marked critical by
//!   `no_unknown_critical`.
//! - RFC 5280 6.1.3 (a)(3), revocation: an interface of its own (`revocation`), asked by the host.
//! - Criticality of keyUsage and certificatePolicies: it only tells verifiers that do not know the extension
//!   to refuse. We know both and demand their values.
//! - Structure of the card holder's common name: its parts are undocumented.
//! - cRLDistributionPoints, authorityInfoAccess, issuerAltName: information for finding status, no limit on
//!   use. The distribution points are directory names without an address.
//! - `privateKeyUsagePeriod` and Netscape extensions: not in the profile; refused when critical.

use jiff::Timestamp;

use crate::anchor::{AnchorKind, TrustAnchor};
use crate::certificate::Certificate;
use crate::refused::CertificateRefused;

pub(crate) mod path;
pub(crate) mod policy;
pub(crate) mod shape;
pub(crate) mod subject_key;
pub(crate) mod usage;

#[cfg(test)]
mod tests;

/// What a certificate is to be accepted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The user-authentication certificate of a My Number Card.
    Card,
    /// A terminal's countersigning key.
    TerminalEvidence,
    /// The host's answering key.
    HostAnswer,
}

impl Purpose {
    /// Anchors of other kinds are never candidates.
    fn may_end_at(self, kind: AnchorKind) -> bool {
        match self {
            Self::Card => matches!(kind, AnchorKind::Production | AnchorKind::Test),
            Self::TerminalEvidence | Self::HostAnswer => kind == AnchorKind::Service,
        }
    }
}

/// Applies every clause and returns the anchor that vouches. `anchors` are those the policy allows.
pub(crate) fn validate<'t>(
    certificate: &Certificate<'_>,
    anchors: &'t [TrustAnchor],
    purpose: Purpose,
    at: Timestamp,
) -> Result<&'t TrustAnchor, CertificateRefused> {
    every_shape(certificate)?;

    let anchor = path::authority(certificate, anchors, purpose)?;
    path::authority_name_and_serial(certificate, anchor)?;
    path::signature(certificate, anchor)?;

    every_profile(certificate, purpose, anchor.kind)?;

    // Last, so that "expired" is only ever said of a certificate that is genuine; and before its anchor's,
    // for an old card under an old generation is an expired card.
    path::validity(certificate, at)?;
    path::anchor_validity(anchor, at)?;
    Ok(anchor)
}

/// Every clause that needs no anchor: what the owner of a service certificate can know of it.
pub(crate) fn validate_own(
    certificate: &Certificate<'_>,
    purpose: Purpose,
    at: Timestamp,
) -> Result<(), CertificateRefused> {
    every_shape(certificate)?;
    every_profile(certificate, purpose, AnchorKind::Service)?;
    path::validity(certificate, at)
}

fn every_shape(certificate: &Certificate<'_>) -> Result<(), CertificateRefused> {
    shape::version(certificate)?;
    shape::serial(certificate)?;
    shape::one_signature_algorithm(certificate)?;
    shape::no_unique_ids(certificate)?;
    shape::no_double_extension(certificate)?;
    shape::readable_extensions(certificate)?;
    shape::no_unknown_critical(certificate)
}

fn every_profile(
    certificate: &Certificate<'_>,
    purpose: Purpose,
    anchor: AnchorKind,
) -> Result<(), CertificateRefused> {
    subject_key::clause(certificate, purpose, anchor)?;
    usage::key_usage(certificate)?;
    usage::extended_key_usage(certificate, purpose)?;
    usage::end_entity(certificate)?;
    policy::clause(certificate, purpose, anchor)
}
