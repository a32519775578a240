//! Files with certificates or lists: PEM with any number of blocks, or one bare DER object.

use x509_parser::error::PEMError;
use x509_parser::pem::Pem;

/// The certificates of a file.
pub(crate) fn certificates(bytes: &[u8]) -> Result<Vec<Vec<u8>>, PEMError> {
    objects(bytes, "CERTIFICATE")
}

/// The revocation lists of a file.
pub(crate) fn revocation_lists(bytes: &[u8]) -> Result<Vec<Vec<u8>>, PEMError> {
    objects(bytes, "X509 CRL")
}

fn objects(bytes: &[u8], label: &str) -> Result<Vec<Vec<u8>>, PEMError> {
    // A DER SEQUENCE begins with 0x30, which is the digit 0 and never begins a PEM file of ours.
    if bytes.first() == Some(&crate::asn1::tag::SEQUENCE) {
        return Ok(vec![bytes.to_vec()]);
    }
    Pem::iter_from_buffer(bytes)
        .filter(|block| block.as_ref().map_or(true, |block| block.label == label))
        .map(|block| block.map(|block| block.contents))
        .collect()
}
