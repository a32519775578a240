//! The certificate policy, which separates user authentication from signature, and production from test.

use x509_parser::extensions::ParsedExtension;

use super::Purpose;
use crate::anchor::AnchorKind;
use crate::certificate::Certificate;
use crate::oids::{self, extension};
use crate::refused::CertificateRefused;

/// RFC 5280 4.2.1.4: the policy terms "indicate the policy under which the certificate has been issued and
/// the purposes for which the certificate may be used". The card's profile demands the user-authentication
/// policy: `.3.30` under a production root, `.0.30` under a test root. anyPolicy is not taken for it. Our own
/// certificates carry none.
pub(crate) fn clause(
    certificate: &Certificate<'_>,
    purpose: Purpose,
    anchor: AnchorKind,
) -> Result<(), CertificateRefused> {
    let wanted = match (purpose, anchor) {
        (Purpose::TerminalEvidence | Purpose::HostAnswer, _) => return Ok(()),
        (Purpose::Card, AnchorKind::Production) => oids::POLICY_PRODUCTION,
        (Purpose::Card, AnchorKind::Test | AnchorKind::Service) => oids::POLICY_TEST,
    };
    let found = certificate.extension(extension::CERTIFICATE_POLICIES).map(|found| found.parsed_extension());
    match found {
        Some(ParsedExtension::CertificatePolicies(policies))
            if policies.iter().any(|policy| policy.policy_id.as_bytes() == wanted.as_bytes()) =>
        {
            Ok(())
        }
        _ => Err(CertificateRefused::Policy),
    }
}
