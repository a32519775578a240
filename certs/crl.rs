//! Revocation lists (RFC 5280, section 5): complete, version 2, no critical extension.

use der::Encode;
use der::asn1::BitString;
use x509_cert::certificate::Version;
use x509_cert::crl::{CertificateList, RevokedCert, TbsCertList};
use x509_cert::ext::pkix::CrlNumber;

use crate::PkiError;
use crate::authority::{Authority, RevocationRecord};
use crate::certificate::serial_number;
use crate::extension;
use crate::time::utc_time;

/// The list that `record` describes, as DER: the same record gives the same bytes.
pub(crate) fn sign(authority: &Authority, record: &RevocationRecord) -> Result<Vec<u8>, PkiError> {
    const WHAT: &str = "a revocation list";
    let fail = |source| PkiError::Encode { what: WHAT, source };
    let mut revoked = Vec::with_capacity(record.revoked.len());
    for entry in &record.revoked {
        revoked.push(RevokedCert {
            serial_number: serial_number(entry.serial)?,
            revocation_date: utc_time(entry.at)?,
            crl_entry_extensions: None,
        });
    }
    let number = CrlNumber::try_from(record.number).map_err(fail)?;
    let algorithm = authority.key.signature_algorithm();
    let tbs_cert_list = TbsCertList {
        version: Version::V2,
        signature: algorithm.clone(),
        issuer: authority.name.clone(),
        this_update: utc_time(record.this_update)?,
        next_update: Some(utc_time(record.next_update)?),
        // "MUST be absent" when there is nothing to list: section 5.1.2.6.
        revoked_certificates: (!revoked.is_empty()).then_some(revoked),
        crl_extensions: Some(vec![authority.key_identifier_extension()?, extension::encode(false, &number)?]),
    };
    let message = tbs_cert_list.to_der().map_err(fail)?;
    let signature = BitString::from_bytes(&authority.key.sign(&message, WHAT)?).map_err(fail)?;
    CertificateList { tbs_cert_list, signature_algorithm: algorithm, signature }.to_der().map_err(fail)
}
