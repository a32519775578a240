//! Mints certificates and lists for the tests, right ones and every kind of wrong one. A second writer: it
//! shares no code with the crate under test.

#![allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests; each test file uses a part"
)]

use const_oid::ObjectIdentifier;
use jiff::Timestamp;
use p256::pkcs8::DecodePrivateKey as _;
use sha2::{Digest as _, Sha256};

/// One element in DER.
pub fn tlv(tag: u8, value: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    match value.len() {
        length @ 0..0x80 => out.push(length as u8),
        length @ 0x80..0x100 => out.extend([0x81, length as u8]),
        length => out.extend([0x82, (length >> 8) as u8, length as u8]),
    }
    out.extend_from_slice(value);
    out
}

pub fn seq(parts: &[Vec<u8>]) -> Vec<u8> {
    tlv(0x30, &parts.concat())
}

pub fn oid(text: &str) -> Vec<u8> {
    tlv(0x06, ObjectIdentifier::new_unwrap(text).as_bytes())
}

pub fn utf8(text: &str) -> Vec<u8> {
    tlv(0x0C, text.as_bytes())
}

pub fn utc(text: &str) -> Vec<u8> {
    tlv(0x17, text.as_bytes())
}

pub fn time(at: &str) -> Timestamp {
    at.parse().unwrap()
}

/// A name of relative names in order: attribute type and UTF-8 text (PrintableString for the country).
pub fn name(parts: &[(&str, &str)]) -> Vec<u8> {
    let relative = |(kind, text): &(&str, &str)| {
        let value = if *kind == COUNTRY { tlv(0x13, text.as_bytes()) } else { utf8(text) };
        tlv(0x31, &seq(&[oid(kind), value]))
    };
    seq(&parts.iter().map(relative).collect::<Vec<_>>())
}

pub const COUNTRY: &str = "2.5.4.6";
pub const ORGANISATION: &str = "2.5.4.10";
pub const UNIT: &str = "2.5.4.11";
pub const COMMON_NAME: &str = "2.5.4.3";

pub const POLICY_PRODUCTION: &str = "1.2.392.200149.8.5.1.3.30";
pub const POLICY_TEST: &str = "1.2.392.200149.8.5.1.0.30";
pub const CLIENT_AUTH: &str = "1.3.6.1.5.5.7.3.2";
pub const TERMINAL_EVIDENCE: &str = "1.3.6.1.4.1.32473.1.1";
pub const HOST_ANSWER: &str = "1.3.6.1.4.1.32473.1.2";

pub fn rsa_sha256() -> Vec<u8> {
    seq(&[oid("1.2.840.113549.1.1.11"), tlv(0x05, &[])])
}

pub fn ecdsa_sha256() -> Vec<u8> {
    seq(&[oid("1.2.840.10045.4.3.2")])
}

/// An extension; `value` is the inside of the OCTET STRING.
pub fn extension(id: &str, critical: bool, value: &[u8]) -> Vec<u8> {
    let critical = if critical { tlv(0x01, &[0xFF]) } else { Vec::new() };
    seq(&[oid(id), critical, tlv(0x04, value)])
}

pub fn key_usage(bits: &[u8]) -> Vec<u8> {
    extension("2.5.29.15", true, &tlv(0x03, bits))
}

pub fn extended_key_usage(purposes: &[&str]) -> Vec<u8> {
    extension("2.5.29.37", false, &seq(&purposes.iter().map(|id| oid(id)).collect::<Vec<_>>()))
}

pub fn policies(ids: &[&str]) -> Vec<u8> {
    let one = |id: &&str| seq(&[oid(id)]);
    extension("2.5.29.32", true, &seq(&ids.iter().map(one).collect::<Vec<_>>()))
}

pub fn basic_constraints(ca: bool) -> Vec<u8> {
    let inside = if ca { tlv(0x01, &[0xFF]) } else { Vec::new() };
    extension("2.5.29.19", true, &seq(&[inside]))
}

pub fn subject_key_id(id: &[u8]) -> Vec<u8> {
    extension("2.5.29.14", false, &tlv(0x04, id))
}

/// Key identifier alone, or with the issuer's name and serial number.
pub fn authority_key_id(id: &[u8], certificate: Option<(&[u8], &[u8])>) -> Vec<u8> {
    let mut parts = vec![tlv(0x80, id)];
    if let Some((name, serial)) = certificate {
        parts.push(tlv(0xA1, &tlv(0xA4, name)));
        parts.push(tlv(0x82, serial));
    }
    extension("2.5.29.35", false, &seq(&parts))
}

/// A stored test key.
pub enum Key {
    Rsa(aws_lc_rs::rsa::KeyPair),
    P256(p256::ecdsa::SigningKey),
    P384(p384::ecdsa::SigningKey),
}

pub fn vectors(path: &str) -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors").join(path)
}

impl Key {
    pub fn load(name: &str) -> Self {
        let pem = std::fs::read(vectors(&format!("request/keys/{name}.pem"))).unwrap();
        let (_, pem) = x509_parser::pem::parse_x509_pem(&pem).unwrap();
        Self::from_pkcs8(&pem.contents)
    }

    pub fn from_pkcs8(der: &[u8]) -> Self {
        if let Ok(key) = p256::ecdsa::SigningKey::from_pkcs8_der(der) {
            return Self::P256(key);
        }
        if let Ok(key) = p384::ecdsa::SigningKey::from_pkcs8_der(der) {
            return Self::P384(key);
        }
        Self::Rsa(aws_lc_rs::rsa::KeyPair::from_pkcs8(der).unwrap())
    }

    pub fn key_info(&self) -> Vec<u8> {
        let (algorithm, key) = match self {
            Self::Rsa(key) => {
                use aws_lc_rs::signature::KeyPair as _;
                let algorithm = seq(&[oid("1.2.840.113549.1.1.1"), tlv(0x05, &[])]);
                (algorithm, key.public_key().as_ref().to_vec())
            }
            Self::P256(key) => (
                seq(&[oid("1.2.840.10045.2.1"), oid("1.2.840.10045.3.1.7")]),
                key.verifying_key().to_sec1_point(false).as_bytes().to_vec(),
            ),
            Self::P384(key) => (
                seq(&[oid("1.2.840.10045.2.1"), oid("1.3.132.0.34")]),
                key.verifying_key().to_sec1_point(false).as_bytes().to_vec(),
            ),
        };
        seq(&[algorithm, tlv(0x03, &[&[0][..], &key].concat())])
    }

    pub fn id(&self) -> Vec<u8> {
        Sha256::digest(self.key_info())[..20].to_vec()
    }

    /// As an authority: algorithm identifier of its certificates.
    pub fn algorithm(&self) -> Vec<u8> {
        match self {
            Self::Rsa(_) => rsa_sha256(),
            Self::P256(_) => ecdsa_sha256(),
            Self::P384(_) => seq(&[oid("1.2.840.10045.4.3.3")]),
        }
    }

    /// Signs a message as an authority does.
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        use p256::ecdsa::signature::Signer as _;
        match self {
            Self::Rsa(key) => {
                let mut out = vec![0; 256];
                let random = aws_lc_rs::rand::SystemRandom::new();
                key.sign(&aws_lc_rs::signature::RSA_PKCS1_SHA256, &random, message, &mut out).unwrap();
                out
            }
            Self::P256(key) => {
                let signature: p256::ecdsa::Signature = key.sign(message);
                signature.to_der().as_bytes().to_vec()
            }
            Self::P384(key) => {
                let signature: p384::ecdsa::Signature = key.sign(message);
                signature.to_der().as_bytes().to_vec()
            }
        }
    }

    /// Signs as the chip does: a `DigestInfo` for RSA, a bare hash for ECDSA with `r || s` as the answer.
    pub fn chip(&self, input: &[u8]) -> Vec<u8> {
        use p256::ecdsa::signature::hazmat::PrehashSigner as _;
        match self {
            Self::Rsa(key) => {
                let head = hex::decode("3031300d060960864801650304020105000420").unwrap();
                let digest = input.strip_prefix(head.as_slice()).expect("a DigestInfo with SHA-256");
                let algorithm = &aws_lc_rs::digest::SHA256;
                let digest = aws_lc_rs::digest::Digest::import_less_safe(digest, algorithm).unwrap();
                let mut out = vec![0; 256];
                key.sign_digest(&aws_lc_rs::signature::RSA_PKCS1_SHA256, &digest, &mut out).unwrap();
                out
            }
            Self::P256(key) => {
                let signature: p256::ecdsa::Signature = key.sign_prehash(input).unwrap();
                signature.to_bytes().to_vec()
            }
            Self::P384(key) => {
                let signature: p384::ecdsa::Signature = key.sign_prehash(input).unwrap();
                signature.to_bytes().to_vec()
            }
        }
    }
}

/// Everything in a certificate, to be changed before it is signed.
#[derive(Clone)]
pub struct Spec {
    /// The inside of `[0]`, or nothing for version 1.
    pub version: Option<Vec<u8>>,
    pub serial: Vec<u8>,
    pub inner_algorithm: Vec<u8>,
    pub outer_algorithm: Vec<u8>,
    pub issuer: Vec<u8>,
    pub not_before: Vec<u8>,
    pub not_after: Vec<u8>,
    pub subject: Vec<u8>,
    pub key_info: Vec<u8>,
    pub unique_ids: Vec<u8>,
    pub extensions: Vec<Vec<u8>>,
    pub unused_bits: u8,
}

impl Spec {
    pub fn new(subject: Vec<u8>, key: &Key, issuer: Vec<u8>, authority: &Key) -> Self {
        Self {
            version: Some(tlv(0x02, &[2])),
            serial: vec![0x22, 0x7B, 0x13],
            inner_algorithm: authority.algorithm(),
            outer_algorithm: authority.algorithm(),
            issuer,
            not_before: utc("251027013542Z"),
            not_after: utc("300217145959Z"),
            subject,
            key_info: key.key_info(),
            unique_ids: Vec::new(),
            extensions: Vec::new(),
            unused_bits: 0,
        }
    }

    pub fn tbs(&self) -> Vec<u8> {
        seq(&[
            self.version.as_ref().map(|version| tlv(0xA0, version)).unwrap_or_default(),
            tlv(0x02, &self.serial),
            self.inner_algorithm.clone(),
            self.issuer.clone(),
            seq(&[self.not_before.clone(), self.not_after.clone()]),
            self.subject.clone(),
            self.key_info.clone(),
            self.unique_ids.clone(),
            tlv(0xA3, &seq(&self.extensions)),
        ])
    }

    pub fn sign(&self, authority: &Key) -> Vec<u8> {
        let tbs = self.tbs();
        let signature = [vec![self.unused_bits], authority.sign(&tbs)].concat();
        seq(&[tbs, self.outer_algorithm.clone(), tlv(0x03, &signature)])
    }

    /// Replaces the extension with this identifier, or removes it.
    pub fn with(mut self, id: &str, replacement: Option<Vec<u8>>) -> Self {
        let head = oid(id);
        // The identifier follows the two to four octets of the extension's own header.
        let carries = |extension: &Vec<u8>| {
            (2..=4).any(|at| extension.get(at..at + head.len()) == Some(head.as_slice()))
        };
        let place = self.extensions.iter().position(carries).expect("the extension is there");
        match replacement {
            Some(extension) => self.extensions[place] = extension,
            None => drop(self.extensions.remove(place)),
        }
        self
    }
}

/// The authority's name, the same for both generations.
pub fn auth_name() -> Vec<u8> {
    name(&[(COUNTRY, "JP"), (ORGANISATION, "MYNA-ATM-TEST NOT JPKI"), (UNIT, "TEST for user authentication")])
}

pub fn service_name(role: &str) -> Vec<u8> {
    name(&[(COUNTRY, "JP"), (ORGANISATION, "MYNA-ATM-TEST NOT JPKI"), (COMMON_NAME, role)])
}

/// A root.
pub fn root_spec(name: Vec<u8>, key: &Key) -> Spec {
    let mut spec = Spec::new(name.clone(), key, name, key);
    spec.serial = vec![0x21, key.id()[0] & 0x7F];
    spec.not_before = utc("230323020502Z");
    spec.not_after = utc("330322145959Z");
    spec.extensions = vec![key_usage(&[1, 0x06]), basic_constraints(true), subject_key_id(&key.id())];
    spec
}

/// A card's certificate under `authority`, in the profile of today's card.
pub fn card_spec(key: &Key, authority: &Key) -> Spec {
    let subject = name(&[(COUNTRY, "JP"), (COMMON_NAME, "000000000000013221003AA")]);
    let mut spec = Spec::new(subject, key, auth_name(), authority);
    let root = root_spec(auth_name(), authority);
    spec.extensions = vec![
        key_usage(&[7, 0x80]),
        extended_key_usage(&[CLIENT_AUTH]),
        policies(&[POLICY_TEST]),
        authority_key_id(&authority.id(), Some((&auth_name(), &root.serial))),
        subject_key_id(&key.id()),
    ];
    spec
}

/// A certificate of one of our own machines.
pub fn service_spec(common_name: &str, purpose: &str, key: &Key, role: &str, authority: &Key) -> Spec {
    let mut spec = Spec::new(service_name(common_name), key, service_name(role), authority);
    spec.serial = vec![0x05];
    spec.extensions = vec![
        key_usage(&[7, 0x80]),
        extended_key_usage(&[purpose]),
        authority_key_id(&authority.id(), None),
        subject_key_id(&key.id()),
    ];
    spec
}

/// A revocation list, to be changed before it is signed.
#[derive(Clone)]
pub struct CrlSpec {
    pub version: Vec<u8>,
    pub algorithm: Vec<u8>,
    pub issuer: Vec<u8>,
    pub this_update: Vec<u8>,
    pub next_update: Vec<u8>,
    pub revoked: Vec<Vec<u8>>,
    pub entry_extensions: Vec<u8>,
    pub extensions: Vec<Vec<u8>>,
}

impl CrlSpec {
    pub fn new(issuer: Vec<u8>, authority: &Key, revoked: &[&[u8]]) -> Self {
        Self {
            version: tlv(0x02, &[1]),
            algorithm: authority.algorithm(),
            issuer,
            this_update: utc("261120000000Z"),
            next_update: utc("261127000000Z"),
            revoked: revoked.iter().map(|serial| serial.to_vec()).collect(),
            entry_extensions: Vec::new(),
            extensions: vec![
                authority_key_id(&authority.id(), None),
                extension("2.5.29.20", false, &tlv(0x02, &[7])),
            ],
        }
    }

    pub fn sign(&self, authority: &Key) -> Vec<u8> {
        let entry =
            |serial: &Vec<u8>| seq(&[tlv(0x02, serial), utc("261119120000Z"), self.entry_extensions.clone()]);
        let entries: Vec<_> = self.revoked.iter().map(entry).collect();
        let tbs = seq(&[
            self.version.clone(),
            self.algorithm.clone(),
            self.issuer.clone(),
            self.this_update.clone(),
            self.next_update.clone(),
            if entries.is_empty() { Vec::new() } else { seq(&entries) },
            tlv(0xA0, &seq(&self.extensions)),
        ]);
        let signature = [vec![0], authority.sign(&tbs)].concat();
        seq(&[tbs, self.algorithm.clone(), tlv(0x03, &signature)])
    }
}
