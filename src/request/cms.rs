//! CMS SignedData (RFC 5652) in the one shape that this system uses. Writing only; `cms_read` takes it apart
//! again.
//!
//! Everything that may vary is in [`SignedFile`]; every other byte is fixed here. The verifier reads the
//! variable parts out of a file, writes the file anew from them and compares: that is what makes it strict.

use jiff::Timestamp;

use crate::algorithm::{CardAlgorithm, sha256};
use crate::asn1::{constructed, element, oid, retag, sequence, set_of, small_integer, tag};
use crate::oids;
use crate::time::encode_time;

/// A signer: how it signs and the certificate that names it.
#[derive(Debug, Clone)]
pub(crate) struct Signer {
    pub(crate) algorithm: CardAlgorithm,
    pub(crate) certificate: Vec<u8>,
    /// `IssuerAndSerialNumber` of that certificate.
    pub(crate) name: Vec<u8>,
}

/// All that varies in a file.
#[derive(Debug)]
pub(crate) struct SignedFile<'a> {
    pub(crate) content: &'a [u8],
    pub(crate) signer: &'a Signer,
    pub(crate) signing_time: Timestamp,
    pub(crate) signature: &'a [u8],
    pub(crate) countersignature: Option<Countersignature<'a>>,
}

/// The countersigner and its signature.
#[derive(Debug)]
pub(crate) struct Countersignature<'a> {
    pub(crate) signer: &'a Signer,
    pub(crate) signature: &'a [u8],
}

/// Signed attributes as the `SET OF` over which the signature is made (RFC 5652 5.4: "an EXPLICIT SET OF
/// tag").
#[derive(Debug, Clone)]
pub(crate) struct SignedAttributes(Vec<u8>);

impl SignedAttributes {
    /// Content type, message digest, signing time and signing certificate; `None` where the time has no
    /// encoding.
    pub(crate) fn of_content(content: &[u8], signer: &Signer, signing_time: Timestamp) -> Option<Self> {
        Some(Self(set_of(
            tag::SET,
            vec![
                attribute(oids::CONTENT_TYPE, &oid(oids::DATA)),
                message_digest(content, signer),
                attribute(oids::SIGNING_TIME, &encode_time(signing_time)?),
                signing_certificate(signer),
            ],
        )))
    }

    /// RFC 5652 11.4: a countersignature digests the signature octets and "MUST NOT contain a content-type
    /// attribute".
    pub(crate) fn of_signature(signature: &[u8], countersigner: &Signer) -> Self {
        Self(set_of(
            tag::SET,
            vec![message_digest(signature, countersigner), signing_certificate(countersigner)],
        ))
    }

    /// The bytes that are signed.
    pub(crate) fn signed_bytes(&self) -> &[u8] {
        &self.0
    }

    fn in_file(&self) -> Vec<u8> {
        retag(tag::CONTEXT_0, &self.0)
    }
}

impl SignedFile<'_> {
    /// The whole file, `ContentInfo` in DER; `None` where the signing time has no encoding.
    pub(crate) fn encode(&self) -> Option<Vec<u8>> {
        let attributes = SignedAttributes::of_content(self.content, self.signer, self.signing_time)?;
        let mut certificates = vec![self.signer.certificate.clone()];
        let mut unsigned = Vec::new();
        if let Some(counter) = &self.countersignature {
            certificates.push(counter.signer.certificate.clone());
            let attributes = SignedAttributes::of_signature(self.signature, counter.signer);
            let info = signer_info(counter.signer, &attributes, counter.signature, &[]);
            unsigned = set_of(tag::CONTEXT_1, vec![attribute(oids::COUNTERSIGNATURE, &info)]);
        }
        // RFC 5652 5.1: version 1, for only v3 certificates, id-data and version 1 signers are in it.
        let signed_data = sequence(&[
            &small_integer(1),
            &set_of(tag::SET, vec![self.signer.algorithm.digest_identifier()]),
            &sequence(&[
                &oid(oids::DATA),
                &constructed(tag::CONTEXT_0, &[&element(tag::OCTET_STRING, self.content)]),
            ]),
            &set_of(tag::CONTEXT_0, certificates),
            &set_of(tag::SET, vec![signer_info(self.signer, &attributes, self.signature, &unsigned)]),
        ]);
        Some(sequence(&[&oid(oids::SIGNED_DATA), &constructed(tag::CONTEXT_0, &[&signed_data])]))
    }
}

/// RFC 5652 5.3: version 1, for the signer is named by issuer and serial number.
fn signer_info(signer: &Signer, attributes: &SignedAttributes, signature: &[u8], unsigned: &[u8]) -> Vec<u8> {
    sequence(&[
        &small_integer(1),
        &signer.name,
        &signer.algorithm.digest_identifier(),
        &attributes.in_file(),
        &signer.algorithm.signature_identifier(),
        &element(tag::OCTET_STRING, signature),
        unsigned,
    ])
}

fn attribute(id: const_oid::ObjectIdentifier, value: &[u8]) -> Vec<u8> {
    sequence(&[&oid(id), &constructed(tag::SET, &[value])])
}

fn message_digest(message: &[u8], signer: &Signer) -> Vec<u8> {
    attribute(oids::MESSAGE_DIGEST, &element(tag::OCTET_STRING, &signer.algorithm.digest(message)))
}

/// RFC 5035 3 and 4: one `ESSCertIDv2`, hash algorithm at its default (SHA-256, therefore absent), no
/// issuerSerial because the signer identifier already is one.
fn signing_certificate(signer: &Signer) -> Vec<u8> {
    let hash = element(tag::OCTET_STRING, &sha256(&signer.certificate));
    attribute(oids::SIGNING_CERTIFICATE_V2, &sequence(&[&sequence(&[&sequence(&[&hash])])]))
}
