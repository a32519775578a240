//! Takes a CMS file apart as far as its variable parts. What is skipped here (versions, algorithm
//! identifiers, orders) is compared when the verifier writes the file anew.

use const_oid::ObjectIdentifier;
use jiff::Timestamp;

use crate::asn1::{DecodeError, Element, Reader, element, oid, sequence, single, tag};
use crate::oids;
use crate::time::take_time;

/// The variable parts of a file.
#[derive(Debug)]
pub(crate) struct ReadFile<'a> {
    pub(crate) content: &'a [u8],
    pub(crate) certificates: Vec<&'a [u8]>,
    pub(crate) signer: ReadSigner<'a>,
}

/// The variable parts of a `SignerInfo`.
#[derive(Debug)]
pub(crate) struct ReadSigner<'a> {
    /// The signer identifier, whole element.
    pub(crate) name: &'a [u8],
    pub(crate) signed: Attributes<'a>,
    pub(crate) signature: &'a [u8],
    pub(crate) unsigned: Attributes<'a>,
}

/// Attributes in the order of the file, each with exactly one value.
#[derive(Debug, Default)]
pub(crate) struct Attributes<'a>(Vec<(Element<'a>, Element<'a>)>);

impl<'a> ReadFile<'a> {
    pub(crate) fn parse(der: &'a [u8]) -> Result<Self, DecodeError> {
        let mut info = single(der, tag::SEQUENCE, "ContentInfo")?.reader();
        info.take(tag::OID, "contentType")?;
        let explicit = info.take(tag::CONTEXT_0, "content")?;
        info.end("ContentInfo")?;
        let mut data = single(explicit.value, tag::SEQUENCE, "SignedData")?.reader();
        data.take(tag::INTEGER, "SignedData version")?;
        data.take(tag::SET, "digestAlgorithms")?;
        let mut encapsulated = data.take(tag::SEQUENCE, "encapContentInfo")?.reader();
        encapsulated.take(tag::OID, "eContentType")?;
        let explicit = encapsulated.take(tag::CONTEXT_0, "eContent")?;
        encapsulated.end("encapContentInfo")?;
        let content = single(explicit.value, tag::OCTET_STRING, "eContent")?.value;
        let mut set = data.take(tag::CONTEXT_0, "certificates")?.reader();
        let mut certificates = Vec::new();
        while set.peek().is_some() {
            certificates.push(set.take(tag::SEQUENCE, "certificate")?.raw);
        }
        let signers = data.take(tag::SET, "signerInfos")?;
        data.end("SignedData")?;
        let signer = ReadSigner::parse(single(signers.value, tag::SEQUENCE, "SignerInfo")?)?;
        Ok(Self { content, certificates, signer })
    }
}

impl<'a> ReadSigner<'a> {
    fn parse(info: Element<'a>) -> Result<Self, DecodeError> {
        let mut reader = info.reader();
        reader.take(tag::INTEGER, "SignerInfo version")?;
        let name = reader.take(tag::SEQUENCE, "signer identifier")?.raw;
        reader.take(tag::SEQUENCE, "digestAlgorithm")?;
        let signed = Attributes::parse(reader.take(tag::CONTEXT_0, "signedAttrs")?.reader())?;
        reader.take(tag::SEQUENCE, "signatureAlgorithm")?;
        let signature = reader.take(tag::OCTET_STRING, "signature")?.value;
        let unsigned = match reader.peek() {
            None => Attributes::default(),
            Some(_) => Attributes::parse(reader.take(tag::CONTEXT_1, "unsignedAttrs")?.reader())?,
        };
        reader.end("SignerInfo")?;
        Ok(Self { name, signed, signature, unsigned })
    }
}

impl<'a> Attributes<'a> {
    fn parse(mut reader: Reader<'a>) -> Result<Self, DecodeError> {
        let mut found = Vec::new();
        while reader.peek().is_some() {
            let mut attribute = reader.take(tag::SEQUENCE, "attribute")?.reader();
            let id = attribute.take(tag::OID, "attribute type")?;
            let mut values = attribute.take(tag::SET, "attribute values")?.reader();
            attribute.end("attribute")?;
            let value_tag = values.peek().ok_or(DecodeError::Truncated { what: "attribute value" })?;
            let value = values.take(value_tag, "attribute value")?;
            values.end("attribute values")?;
            found.push((id, value));
        }
        Ok(Self(found))
    }

    /// Whether the attributes are these, each once, in whatever order.
    pub(crate) fn are_exactly(&self, wanted: &[ObjectIdentifier]) -> bool {
        self.0.len() == wanted.len() && wanted.iter().all(|id| self.value(*id).is_some())
    }

    fn value(&self, id: ObjectIdentifier) -> Option<Element<'a>> {
        let id = id.as_bytes();
        self.0.iter().find(|(found, _)| found.value == id).map(|(_, value)| *value)
    }

    /// Whether content-type is id-data.
    pub(crate) fn content_type_is_data(&self) -> bool {
        self.value(oids::CONTENT_TYPE).is_some_and(|value| value.raw == oid(oids::DATA))
    }

    /// Whether message-digest is this digest.
    pub(crate) fn message_digest_is(&self, digest: &[u8]) -> bool {
        let wanted = element(tag::OCTET_STRING, digest);
        self.value(oids::MESSAGE_DIGEST).is_some_and(|value| value.raw == wanted)
    }

    /// Whether signing-certificate-v2 names exactly the certificate with this SHA-256.
    pub(crate) fn signing_certificate_is(&self, sha256: &[u8]) -> bool {
        let wanted = sequence(&[&sequence(&[&sequence(&[&element(tag::OCTET_STRING, sha256)])])]);
        self.value(oids::SIGNING_CERTIFICATE_V2).is_some_and(|value| value.raw == wanted)
    }

    /// The signing time.
    pub(crate) fn signing_time(&self) -> Result<Timestamp, DecodeError> {
        let value = self.value(oids::SIGNING_TIME).ok_or(DecodeError::Truncated { what: "signing-time" })?;
        let mut reader = Reader::new(value.raw);
        let time = take_time(&mut reader, "signing-time")?;
        reader.end("signing-time")?;
        Ok(time)
    }

    /// The countersigner, where this is that attribute.
    pub(crate) fn countersigner(&self) -> Result<ReadSigner<'a>, DecodeError> {
        let what = "countersignature";
        let value = self.value(oids::COUNTERSIGNATURE).ok_or(DecodeError::Truncated { what })?;
        ReadSigner::parse(single(value.raw, tag::SEQUENCE, what)?)
    }
}
