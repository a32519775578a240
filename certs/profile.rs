//! Certificate profiles as data: what `profiles/*.toml` may say.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::PkiError;
use crate::key::KeyKind;

/// The shape of one kind of certificate.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Profile {
    pub(crate) subject: NameSpec,
    /// For certificates whose issuing call gives no dates.
    pub(crate) valid_days: Option<i64>,
    /// In the order in which they appear in the certificate.
    pub(crate) extensions: Vec<ExtensionSpec>,
}

/// A distinguished name: one attribute per RDN, in order.
pub(crate) type NameSpec = Vec<(Attribute, String)>;

/// Attribute types; country is a PrintableString (RFC 5280, appendix A), the others UTF8String.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) enum Attribute {
    C,
    L,
    O,
    #[serde(rename = "OU")]
    Ou,
    #[serde(rename = "CN")]
    Cn,
}

/// One extension; RFC 5280, section 4.2.1.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum ExtensionSpec {
    KeyUsage {
        #[serde(default)]
        critical: bool,
        usages: Vec<Usage>,
    },
    ExtendedKeyUsage {
        purposes: Vec<Oid>,
    },
    /// One policy with a CPS pointer as its qualifier.
    CertificatePolicy {
        #[serde(default)]
        critical: bool,
        policy: Oid,
        cps: String,
    },
    IssuerAltName {
        names: Vec<AltName>,
    },
    SubjectAltName {
        names: Vec<AltName>,
    },
    BasicConstraints {
        #[serde(default)]
        critical: bool,
        ca: bool,
        path_length: Option<u8>,
    },
    CrlDistributionPoint {
        name: NameSpec,
    },
    /// As the JPKI roots have it: the directoryName of the certificate's own subject.
    CrlDistributionPointOwnName,
    OcspAccess {
        url: String,
    },
    AuthorityKeyIdentifier {
        with_issuer_and_serial: bool,
    },
    SubjectKeyIdentifier,
}

/// Bits of the key usage.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Usage {
    DigitalSignature,
    NonRepudiation,
    KeyCertSign,
    CrlSign,
}

/// A name in an alternative-name extension.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub(crate) enum AltName {
    Directory {
        directory: NameSpec,
    },
    Dns {
        dns: String,
    },
    Ip {
        ip: std::net::IpAddr,
    },
    /// An otherName whose value is a UTF8String.
    Other {
        other: Oid,
        text: String,
    },
}

/// An object identifier in dotted form.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Oid(pub(crate) const_oid::ObjectIdentifier);

impl TryFrom<String> for Oid {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse().map(Oid).map_err(|_| format!("{text:?} is not an object identifier"))
    }
}

/// One authority, a section of `profiles/authorities.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AuthoritySpec {
    pub(crate) profile: String,
    pub(crate) key: KeyKind,
    /// Of its own certificate.
    pub(crate) serial: u64,
    /// Of the first certificate it issues.
    pub(crate) first_serial: u64,
    pub(crate) begins_days_before: i64,
    pub(crate) ends_days_after: i64,
    /// Whether it keeps a revocation list.
    pub(crate) crl: bool,
    /// Made when first needed, not with the directory.
    #[serde(default)]
    pub(crate) lazy: bool,
}

/// Everything that `profiles/` says, parsed.
#[derive(Clone, Debug)]
pub(crate) struct Profiles {
    profiles: BTreeMap<&'static str, Profile>,
    authorities: BTreeMap<String, AuthoritySpec>,
}

macro_rules! texts {
    ($($name:literal),+ $(,)?) => {
        [$(($name, include_str!(concat!("profiles/", $name, ".toml")))),+]
    };
}

impl Profiles {
    /// Parses the built-in profiles.
    pub(crate) fn load() -> Result<Self, PkiError> {
        let mut profiles = BTreeMap::new();
        for (name, text) in texts![
            "auth-ca",
            "card-auth",
            "card-auth-ec-hypothetical",
            "card-sign",
            "host-answer",
            "host-ca",
            "host-tls",
            "sign-ca",
            "terminal-ca",
            "terminal-evidence",
            "terminal-log",
            "terminal-tls",
        ] {
            let profile = toml::from_str(text).map_err(|source| PkiError::ParseProfile { name, source })?;
            profiles.insert(name, profile);
        }
        let authorities = toml::from_str(include_str!("profiles/authorities.toml"))
            .map_err(|source| PkiError::ParseProfile { name: "authorities", source })?;
        Ok(Profiles { profiles, authorities })
    }

    pub(crate) fn profile(&self, name: &str) -> Result<&Profile, PkiError> {
        self.profiles.get(name).ok_or_else(|| PkiError::UnknownProfile { name: name.to_owned() })
    }

    pub(crate) fn authority(&self, name: &str) -> Result<&AuthoritySpec, PkiError> {
        self.authorities.get(name).ok_or_else(|| PkiError::UnknownProfile { name: name.to_owned() })
    }
}
