//! The operator's commands: a second process on the same database, while the host runs.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use uuid::Uuid;
use wire::{Message as _, TerminalId};
use x509_parser::extensions::ParsedExtension;

use super::{InsurerCommand, TerminalCommand, Which, say};
use crate::acceptance_number::AcceptanceNumber;
use crate::clock::{Clock as _, SystemClock};
use crate::evidence::EvidenceVault;
use crate::holder::{Holder, HolderKeys};
use crate::store::{Observer, Pending, Store as _};
use crate::{Config, HostError, open_store};

/// Hexadecimal digits of a holder hash that are shown: enough to tell rows apart, too few to join anything.
const HASH_DIGITS_SHOWN: usize = 8;

/// Nobody counts here.
struct NobodyObserves;

impl Observer for NobodyObserves {
    fn committed(&self, _operations: usize, _wrote: bool) {}

    fn commit_failed(&self) {}
}

/// Opens the books of a host.
fn books(which: &Which) -> Result<(Config, crate::store::SqliteStore, jiff::Timestamp), HostError> {
    let config = Config::load(&which.config)?;
    let store = open_store(&config, Arc::new(NobodyObserves))?;
    Ok((config, store, SystemClock::new().now()))
}

fn wait<T>(pending: Pending<T>) -> Result<T, HostError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .map_err(|source| HostError::Start { what: "the runtime", source })?;
    Ok(runtime.block_on(pending)?)
}

pub(super) fn insurer(command: InsurerCommand) -> Result<(), HostError> {
    match command {
        InsurerCommand::Set { which, certificate, state } => {
            let (config, store, now) = books(&which)?;
            let holder = holder_of(&config, &certificate)?;
            wait(store.set_insurer(holder, Some(state), now))?;
            say(&format!("noted: {}", state.code()))
        }
        InsurerCommand::Remove { which, certificate } => {
            let (config, store, now) = books(&which)?;
            let holder = holder_of(&config, &certificate)?;
            if wait(store.set_insurer(holder, None, now))? {
                say("the note is gone")
            } else {
                Err(HostError::NotThere("nothing was noted about the holder of this certificate".to_owned()))
            }
        }
        InsurerCommand::List { which } => {
            let (_, store, _) = books(&which)?;
            for (holder, state, since) in wait(store.insurer_rows())? {
                let hash = hex::encode(holder.hash);
                let shown = hash.get(..HASH_DIGITS_SHOWN).unwrap_or_default();
                say(&format!("{shown}…  key {}  {}  since {since}", holder.key_id, state.code()))?;
            }
            Ok(())
        }
    }
}

/// The holder of a certificate file. Its path and dates do not matter here: the operator may note something about a card
/// that has expired since.
fn holder_of(config: &Config, path: &Path) -> Result<Holder, HostError> {
    let bytes = std::fs::read(path).map_err(|source| HostError::ReadFile {
        what: "the certificate",
        path: path.to_owned(),
        source,
    })?;
    let der = CertificateDer::from_pem_slice(&bytes).unwrap_or_else(|_| CertificateDer::from(bytes));
    let unusable = || {
        HostError::NotThere(format!("{} is no certificate with an authority key identifier", path.display()))
    };
    let (_, certificate) = x509_parser::parse_x509_certificate(&der).map_err(|_| unusable())?;
    let authority_key_id = certificate
        .extensions()
        .iter()
        .find_map(|extension| match extension.parsed_extension() {
            ParsedExtension::AuthorityKeyIdentifier(id) => id.key_identifier.as_ref().map(|id| id.0.to_vec()),
            _ => None,
        })
        .ok_or_else(unusable)?;
    Ok(HolderKeys::load(&config.holder)?.holder(&authority_key_id, certificate.raw_serial()))
}

pub(super) fn terminal(command: TerminalCommand) -> Result<(), HostError> {
    match command {
        TerminalCommand::List { which } => {
            let (_, store, _) = books(&which)?;
            for row in wait(store.terminals())? {
                let standing = if row.revoked { "revoked" } else { "good" };
                say(&format!("{}  {standing}  since {}", row.id, row.since))?;
            }
            Ok(())
        }
        TerminalCommand::Add { which, terminal } | TerminalCommand::Restore { which, terminal } => {
            let (_, store, now) = books(&which)?;
            wait(store.admit_terminal(terminal.clone(), now))?;
            say(&format!("{terminal} may talk"))
        }
        TerminalCommand::Revoke { which, terminal } => {
            let (_, store, now) = books(&which)?;
            wait(store.revoke_terminal(terminal.clone(), now))?;
            say(&format!("{terminal} is refused from now on"))
        }
    }
}

pub(super) fn cancel(which: &Which, number: AcceptanceNumber) -> Result<(), HostError> {
    let (_, store, now) = books(which)?;
    if wait(store.cancel(number, now))? {
        say(&format!("registration {number} is cancelled; its holder can register again"))
    } else {
        Err(HostError::NotThere(format!("no active registration has the number {number}")))
    }
}

pub(super) fn show(
    which: &Which,
    request_id: Uuid,
    terminal: Option<&TerminalId>,
    evidence: Option<&Path>,
    answer: Option<&Path>,
) -> Result<(), HostError> {
    let (config, store, _) = books(which)?;
    let mut rows = wait(store.decisions(request_id))?;
    rows.retain(|row| terminal.is_none_or(|terminal| row.terminal == *terminal));
    if rows.is_empty() {
        return Err(HostError::NotThere(format!("no request has the id {request_id}")));
    }
    for row in &rows {
        let shown = serde_json::json!({
            "request_id": request_id,
            "terminal_id": row.terminal,
            "decision": row.code,
            "decided_at": row.decided_at.to_string(),
            "request_sha256": hex::encode(row.request_sha256),
            "acceptance_number": row.acceptance_number.map(|number| number.to_string()),
            "cancelled_at": row.cancelled_at.map(|at| at.to_string()),
            "evidence_held": row.has_evidence,
        });
        say(&shown.to_string())?;
    }
    if evidence.is_none() && answer.is_none() {
        return Ok(());
    }
    // Never one of several: whoever asks for evidence asks about one event.
    let [row] = rows.as_slice() else {
        return Err(HostError::NotThere(format!(
            "{} terminals have a request with the id {request_id}: say which with --terminal",
            rows.len()
        )));
    };
    if let Some(path) = answer {
        write_new(path, &row.answer)?;
    }
    if let Some(path) = evidence {
        let sealed = wait(store.evidence(row.terminal.clone(), request_id))?
            .ok_or_else(|| HostError::NotThere("the evidence of this request has been erased".to_owned()))?;
        let opened = EvidenceVault::load(&config.evidence)?
            .open(request_id, sealed)
            .map_err(|source| HostError::Trust { what: "the evidence", source: Box::new(source) })?;
        if wire::Digest::of(&opened).as_bytes() != &row.request_sha256 {
            return Err(HostError::NotThere(
                "the evidence held is not the request that was decided".to_owned(),
            ));
        }
        write_new(path, &opened)?;
    }
    Ok(())
}

/// For its owner only, and never over something that is there.
fn write_new(path: &Path, bytes: &[u8]) -> Result<(), HostError> {
    std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| file.write_all(bytes))
        .map_err(|source| HostError::WriteFile { path: path.to_owned(), source })
}

pub(super) fn checkpoint(which: &Which, terminal: TerminalId) -> Result<(), HostError> {
    let (_, store, _) = books(which)?;
    let Some(held) = wait(store.checkpoint(terminal.clone()))? else {
        return Err(HostError::NotThere(format!("no checkpoint of {terminal} has come")));
    };
    // Standard output is the message alone, for `myna-atm log verify --checkpoint`.
    let message = held
        .checkpoint
        .to_bytes()
        .map_err(|source| HostError::Trust { what: "the checkpoint as JSON", source: Box::new(source) })?;
    say(&String::from_utf8_lossy(&message))?;
    writeln!(
        std::io::stderr(),
        "received {}; {} that went back or contradicted",
        held.received_at,
        held.alarms
    )
    .map_err(HostError::Output)
}
