//! Where things lie below the PKI directory.

use std::path::{Path, PathBuf};

use crate::AuthorityName;

/// A certificate and its private key, both PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyFiles {
    /// X.509 certificate.
    pub certificate: PathBuf,
    /// PKCS#8 private key, mode 0600.
    pub key: PathBuf,
}

/// What one terminal owns: a key for each job, never one key for two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TerminalFiles {
    /// TLS client.
    pub tls: KeyFiles,
    /// Countersignature of requests.
    pub evidence: KeyFiles,
    /// Checkpoints of the device log.
    pub log: KeyFiles,
}

/// What the host owns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostFiles {
    /// TLS server for `localhost`, `127.0.0.1` and `::1`.
    pub tls: KeyFiles,
    /// Signature of answers.
    pub answer: KeyFiles,
    /// 32 random bytes in hexadecimal: encrypts the evidence store.
    pub evidence_key: PathBuf,
    /// 32 random bytes in hexadecimal: keys the hash that knows a holder again.
    pub holder_key: PathBuf,
}

/// What was written of a card: for emulators and tools that are not linked with this library.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardFiles {
    /// PKCS#8 private key (PEM), mode 0600.
    pub key: PathBuf,
    /// The card's certificate (DER).
    pub certificate: PathBuf,
    /// Its issuer's certificate (DER).
    pub issuer: PathBuf,
}

impl CardFiles {
    /// The files of a card in `folder`.
    pub fn new(folder: &Path) -> Self {
        CardFiles {
            key: folder.join("card.key.pem"),
            certificate: folder.join("card.crt.der"),
            issuer: folder.join("issuer.crt.der"),
        }
    }
}

/// Paths below the PKI directory. Nothing here says that a file exists.
#[derive(Clone, Debug)]
pub struct Layout {
    root: PathBuf,
}

impl Layout {
    /// Paths below `root`.
    pub fn new(root: &Path) -> Self {
        Layout { root: root.to_owned() }
    }

    /// The directory itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// An authority's certificate and key.
    pub fn authority(&self, name: AuthorityName) -> KeyFiles {
        key_files(&self.root.join("ca"), name.as_str())
    }

    /// An authority's record of serial numbers and revocations.
    pub(crate) fn record(&self, name: AuthorityName) -> PathBuf {
        self.root.join("ca").join(format!("{}.record.toml", name.as_str()))
    }

    /// An authority's revocation list (PEM), for the authorities that keep one.
    pub fn crl(&self, name: AuthorityName) -> PathBuf {
        self.root.join("crl").join(format!("{}.crl.pem", name.as_str()))
    }

    /// Directory of the card anchors: both generations, without the untrusted one.
    pub fn card_anchors(&self) -> PathBuf {
        self.root.join("anchors").join("card-test")
    }

    /// The anchor of terminal certificates.
    pub fn terminal_anchor(&self) -> PathBuf {
        self.root.join("anchors").join("terminal").join("terminal-ca.pem")
    }

    /// The anchor of host certificates, TLS and answers.
    pub fn host_anchor(&self) -> PathBuf {
        self.root.join("anchors").join("host").join("host-ca.pem")
    }

    /// Where the anchor of `name` is published, if it is one.
    pub(crate) fn anchor(&self, name: AuthorityName) -> Option<PathBuf> {
        match name {
            AuthorityName::Auth1 | AuthorityName::Auth2 => {
                Some(self.card_anchors().join(format!("{}.pem", name.as_str())))
            }
            AuthorityName::Terminal => Some(self.terminal_anchor()),
            AuthorityName::Host => Some(self.host_anchor()),
            AuthorityName::AuthUntrusted
            | AuthorityName::Sign1
            | AuthorityName::Sign2
            | AuthorityName::SignUntrusted => None,
        }
    }

    /// Directory of all terminals, one folder each.
    pub fn terminals(&self) -> PathBuf {
        self.root.join("terminals")
    }

    /// The files of the terminal `id`.
    pub(crate) fn terminal(&self, id: &str) -> TerminalFiles {
        let folder = self.terminals().join(id);
        TerminalFiles {
            tls: key_files(&folder, "tls"),
            evidence: key_files(&folder, "evidence"),
            log: key_files(&folder, "log"),
        }
    }

    /// The host's files.
    pub fn host(&self) -> HostFiles {
        let folder = self.root.join("host");
        HostFiles {
            tls: key_files(&folder, "tls"),
            answer: key_files(&folder, "answer"),
            evidence_key: folder.join("evidence.key"),
            holder_key: folder.join("holder.key"),
        }
    }
}

fn key_files(folder: &Path, name: &str) -> KeyFiles {
    KeyFiles {
        certificate: folder.join(format!("{name}.crt.pem")),
        key: folder.join(format!("{name}.key.pem")),
    }
}
