//! Puts the terminal together: the only file that names concrete adapters, and that opens files of keys and trust.

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use devices::pinpad::{harden_process, locked_pin_slot};
use devices::port::{self, CardUnit};
use devices::printer::ProfileFault;
use jiff::Timestamp;
use journal::{
    BadText, CheckpointKeys, Detail, FileSigner, Journal, JournalError, KeyRefused, Language, LogEntry,
    OpenOptions, Opened, TerminalId, Word,
};
use request::{
    AnchorKind, AnchorRefused, FileKey, KeyFileError, TrustAnchor, TrustPolicy, load_anchor_file,
    load_anchors,
};
use transaction::{Device, Fault, FaultKind, OpenVisit, PinAt, Recovery, RequestId, Visit, VisitId};
use uuid::{NoContext, Uuid};
use zeroize::Zeroizing;

use crate::card_desk::CardDesk;
use crate::card_worker::CardWork;
use crate::catalogue::{Catalogue, CatalogueError};
use crate::clock;
use crate::config::{self, Config};
use crate::desks::{Names, PinSide};
use crate::doctor::HostProbe;
use crate::evidence_files::EvidenceFiles;
use crate::host_client::{
    self, Connections, Deadlines, HostClient, HostError, HostSetup, Identity, TlsError, tls,
};
use crate::journal_check;
use crate::log_words::REQUEST_SIGNED;
use crate::other_readers::OtherReaders;
use crate::paperwork::Office;
use crate::pin_desk::{AtReader, PinDesk, SlotPlace};
use crate::print_desk::PrintDesk;
use crate::queue::Mailbox;
use crate::recorder::Scribe;
use crate::runtime::{Languages, Parts, Trace};
use crate::screen::{Console, CustomerScreen, KeyForm, Keys, Lines, Outlet, Silent};
use crate::signals;

mod adapters;

use adapters::{card_unit, other_readers, pin_pad, printer};
pub(crate) use adapters::{device_places, found_here, instruments};

/// Wraps the card unit; the program itself leaves it as it is.
pub(crate) type Adapt = Box<dyn FnOnce(Arc<dyn CardUnit>) -> Arc<dyn CardUnit>>;

/// Which screen a customer has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ScreenKind {
    Console,
    Lines,
    None,
}

/// Why the terminal cannot be put together.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ComposeError {
    #[error("cannot make the state directory {}", path.display())]
    StateDir {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("cannot read {}", path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("the journal cannot be used")]
    Journal(#[source] JournalError),
    #[error("the log key {} cannot be used", path.display())]
    LogKey {
        path: PathBuf,
        #[source]
        source: KeyRefused,
    },
    #[error("the evidence key cannot be used")]
    EvidenceKey(#[source] KeyFileError),
    #[error("the trust anchors in {} cannot be used", path.display())]
    Anchors {
        path: PathBuf,
        #[source]
        source: AnchorRefused,
    },
    #[error("no secure connection to the host can be set up")]
    Tls(#[source] TlsError),
    #[error("the host did not answer as it should")]
    Host(#[source] HostError),
    #[error(transparent)]
    Device(#[from] port::Fault),
    #[error("the configuration has a text that the device log cannot hold")]
    LogText(#[source] BadText),
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    #[error("paper of {0} mm is not known")]
    Paper(u32),
    #[error("the printer's profile cannot be used")]
    PrinterProfile(#[source] ProfileFault),
    #[error("a device cannot be set up: {0}")]
    DeviceSetting(&'static str),
    #[error("signals cannot be held back")]
    Signals(#[source] nix::Error),
    #[error("a thread cannot be started")]
    Thread(#[source] io::Error),
}

impl ComposeError {
    /// Stable code: that of the device which cannot be used, where it is one.
    pub(crate) const fn code(&self) -> &'static str {
        match self {
            Self::Device(fault) => fault.code,
            _ => "cannot-start",
        }
    }
}

/// Everything that the machine's thread works with, and what the journal showed.
///
/// # Errors
/// [`ComposeError`]: the first thing that cannot be used.
pub(crate) fn compose(
    config: Config,
    screen: ScreenKind,
    adapt: Adapt,
) -> Result<(Parts, Recovery), ComposeError> {
    let now = clock::now();
    harden_process()?;
    // Before any thread is started. Work without a customer just ends.
    let held = match screen {
        ScreenKind::None => None,
        ScreenKind::Console | ScreenKind::Lines => Some(signals::hold().map_err(ComposeError::Signals)?),
    };
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&config.state_dir)
        .map_err(|source| ComposeError::StateDir { path: config.state_dir.clone(), source })?;
    let scribe = Scribe {
        terminal_id: TerminalId::parse(&config.terminal_id).map_err(ComposeError::LogText)?,
        language: Language::parse(config.language.tag()).map_err(ComposeError::LogText)?,
    };
    let FromJournal { journal, recovery, first_entry } = open_journal(&config, &scribe, now)?;
    let evidence = EvidenceFiles::new(config.evidence_dir());

    let languages = languages(&config)?;
    let (mailbox, inbox) = Mailbox::new();
    let keys = checkpoint_keys(&config)?;
    journal_check::start(config.journal_path(), keys, mailbox.clone()).map_err(ComposeError::Thread)?;
    let place = SlotPlace::new(locked_pin_slot()?);
    let card_trust = Arc::new(card_trust(&config)?);
    let card = CardWork {
        unit: adapt(card_unit(&config)),
        trust: Arc::clone(&card_trust),
        slot: place.clone(),
        pin_at: pin_at(&config),
        mailbox: mailbox.clone(),
        open_limit: ms(config.limits.card_open_ms_max),
    };
    if let Some(held) = held {
        held.end_the_process(mailbox.clone()).map_err(ComposeError::Thread)?;
    }
    let (screen, keys) = customer_screen(screen, &languages.own, &mailbox)?;
    let parts = Parts {
        card: Box::new(CardDesk::new(card, ms(config.limits.make_safe_ms_max))),
        pin: pin_side(&config, place, mailbox.clone())?,
        host: Box::new(start_host_client(&config, mailbox.clone())?),
        printer: Box::new(PrintDesk::new(printer(&config)?, mailbox.clone(), ms(config.limits.print_ms_max))),
        others: OtherReaders::new(other_readers(&config), mailbox.clone()),
        log_key: Box::new(log_key(&config.keys.log.key)?),
        office: Box::new(office(&config, card_trust)?),
        config,
        languages,
        journal,
        first_entry,
        scribe,
        screen,
        keys,
        evidence,
        post: Box::new(inbox),
        clock: Box::new(clock::SystemClock),
        names: Box::new(RandomNames),
        witness: Box::new(Trace),
    };
    Ok((parts, recovery))
}

/// Who writes the papers, with the key that countersigns them.
fn office(config: &Config, card_trust: Arc<TrustPolicy>) -> Result<Office, ComposeError> {
    let key = &config.keys.evidence;
    let evidence = FileKey::load(&key.certificate, &key.key).map_err(ComposeError::EvidenceKey)?;
    Ok(Office {
        terminal_id: config.terminal_id.clone(),
        language: config.language,
        evidence: Box::new(evidence),
        card_trust,
        terminal_anchors: service_anchors(&config.trust.terminal_ca)?,
        clock_skew_ms_max: config.limits.clock_skew_ms_max,
    })
}

/// Where PINs are typed.
fn pin_at(config: &Config) -> PinAt {
    match config.pin_pad {
        config::PinPad::Console {} | config::PinPad::Socket { .. } | config::PinPad::Serial { .. } => {
            PinAt::Slot
        }
        config::PinPad::Reader {} => PinAt::Reader,
    }
}

/// A pad that fills the slot, or none where the card reader has its own.
fn pin_side(config: &Config, place: SlotPlace, mailbox: Mailbox) -> Result<Box<dyn PinSide>, ComposeError> {
    Ok(match pin_at(config) {
        PinAt::Slot => {
            let key_ms_max = config.limits.pad_ms_max();
            Box::new(PinDesk::new(pin_pad(config)?, place, mailbox, key_ms_max))
        }
        PinAt::Reader => Box::new(AtReader { mailbox }),
    })
}

/// The customer's languages: the machine's own first, then the others that are offered, none twice.
fn languages(config: &Config) -> Result<Languages, CatalogueError> {
    let texts = |language| {
        Catalogue::new(language, &config.helpline)
            .map(|texts| Arc::new(texts.with_menu(config.menu).for_tests(config.allow_test_roots)))
    };
    let others = config.languages.iter().filter(|language| **language != config.language);
    Ok(Languages {
        own: texts(config.language)?,
        others: others.map(|language| texts(*language)).collect::<Result<_, _>>()?,
    })
}

/// Names that nobody can guess; a request's begins with the time (UUID version 7), as the host's books like it.
struct RandomNames;

impl Names for RandomNames {
    fn visit(&mut self, now: Timestamp) -> Visit {
        let seconds = u64::try_from(now.as_second()).unwrap_or(0);
        let nanoseconds = u32::try_from(now.subsec_nanosecond()).unwrap_or(0);
        let at = uuid::Timestamp::from_unix(NoContext, seconds, nanoseconds);
        Visit { id: VisitId(Uuid::new_v4().into_bytes()), request: RequestId(Uuid::new_v7(at).into_bytes()) }
    }
}

fn ms(limit: u32) -> Duration {
    Duration::from_millis(u64::from(limit))
}

fn customer_screen(
    kind: ScreenKind,
    catalogue: &Arc<Catalogue>,
    mailbox: &Mailbox,
) -> Result<(Box<dyn CustomerScreen>, Option<Keys>), ComposeError> {
    let keys = |form| Keys::start(form, mailbox.clone()).map(Some).map_err(ComposeError::Thread);
    let out = || Outlet::start(io::stdout()).map_err(ComposeError::Thread);
    Ok(match kind {
        ScreenKind::Console => (Box::new(Console::new(out()?, Arc::clone(catalogue))), keys(KeyForm::Typed)?),
        ScreenKind::Lines => (Box::new(Lines::new(out()?, Arc::clone(catalogue))), keys(KeyForm::Json)?),
        ScreenKind::None => (Box::new(Silent), None),
    })
}

fn probe_host(config: &Config) -> Result<HostProbe, ComposeError> {
    let connections = connections(config)?;
    let authority = config.host.url.authority();
    let (asked_at, came_at, challenge) =
        host_client::probe(&authority, &connections).map_err(ComposeError::Host)?;
    Ok(HostProbe {
        asked_at,
        came_at,
        host_time: challenge.host_time.timestamp(),
        terms_version: challenge.terms.version().to_string(),
    })
}

fn connections(config: &Config) -> Result<Connections, ComposeError> {
    let tls = tls(Identity {
        ca: &config.host.ca,
        certificate: &config.keys.tls.certificate,
        key: &config.keys.tls.key,
    })
    .map_err(ComposeError::Tls)?;
    let deadlines = Deadlines {
        connect: ms(config.limits.host_connect_ms_max),
        answer: ms(config.limits.host_answer_ms_max),
    };
    let host = (config.host.url.name().to_owned(), config.host.url.port());
    Connections::new(host, tls, deadlines).map_err(ComposeError::Tls)
}

fn start_host_client(config: &Config, mailbox: Mailbox) -> Result<HostClient, ComposeError> {
    let setup = HostSetup {
        authority: config.host.url.authority(),
        connections: connections(config)?,
        answer_anchors: service_anchors(&config.host.answer_ca)?,
        terminal_id: config.terminal_id.clone(),
        mailbox,
    };
    HostClient::start(setup).map_err(ComposeError::Thread)
}

fn card_trust(config: &Config) -> Result<TrustPolicy, ComposeError> {
    let mut anchors = Vec::new();
    let folders = [
        (&config.trust.card_anchors, AnchorKind::Production),
        (&config.trust.card_anchors_test, AnchorKind::Test),
    ];
    for (folder, kind) in folders {
        if let Some(path) = folder {
            anchors.extend(load_anchors(path, kind).map_err(anchors_refused(path))?);
        }
    }
    Ok(TrustPolicy::new(anchors, config.allow_test_roots))
}

fn service_anchors(path: &Path) -> Result<Vec<TrustAnchor>, ComposeError> {
    load_anchor_file(path, AnchorKind::Service).map_err(anchors_refused(path))
}

fn anchors_refused(path: &Path) -> impl FnOnce(AnchorRefused) -> ComposeError {
    let path = path.to_owned();
    move |source| ComposeError::Anchors { path, source }
}

fn read(path: &Path) -> Result<Zeroizing<String>, ComposeError> {
    fs::read_to_string(path)
        .map(Zeroizing::new)
        .map_err(|source| ComposeError::Read { path: path.to_owned(), source })
}

fn log_key(path: &Path) -> Result<FileSigner, ComposeError> {
    FileSigner::from_pem(&read(path)?)
        .map_err(|source| ComposeError::LogKey { path: path.to_owned(), source })
}

fn checkpoint_keys(config: &Config) -> Result<CheckpointKeys, ComposeError> {
    let certificate = &config.keys.log.certificate;
    CheckpointKeys::from_pem(&read(certificate)?)
        .map_err(|source| ComposeError::LogKey { path: certificate.clone(), source })
}

/// The journal, and what it showed.
pub(crate) struct FromJournal {
    pub(crate) journal: Journal,
    pub(crate) recovery: Recovery,
    /// Why the log before this one ends. It is to be written with the first step, by which the machine is closed: a start
    /// that fails before that leaves the journal empty, and the next one is told the same.
    pub(crate) first_entry: Option<LogEntry>,
}

/// Opens the journal. A damaged one is set aside, and what could be read of it goes on in a new one: requests without a
/// decision are still delivered.
pub(crate) fn open_journal(
    config: &Config,
    scribe: &Scribe,
    now: Timestamp,
) -> Result<FromJournal, ComposeError> {
    let whole = |journal, recovery| Ok(FromJournal { journal, recovery, first_entry: None });
    let keys = checkpoint_keys(config)?;
    let options = OpenOptions::new(keys, now);
    let path = config.journal_path();
    let mut detail = String::new();
    let mut opened = Journal::open(&path, &options).map_err(ComposeError::Journal)?;
    if let Opened::Corrupt(report) = opened {
        let reason = report.reason.code();
        tracing::error!(reason, set_aside = ?report.set_aside, "the journal was damaged");
        detail = report.detail;
        opened = Journal::open(&path, &options).map_err(ComposeError::Journal)?;
    }
    // The new journal was made with the undecided requests that could be read.
    let (journal, reason) = match opened {
        Opened::Fresh(journal) => return whole(journal, Recovery::Fresh),
        Opened::Clean(journal) => return whole(journal, Recovery::Clean),
        Opened::Interrupted(journal, open) => {
            return whole(journal, Recovery::Interrupted(open.iter().map(open_visit).collect()));
        }
        Opened::Replaced(journal, reason) => (journal, reason),
        Opened::Corrupt(_) => return Err(ComposeError::Journal(JournalError::Stopped)),
    };
    let code = Word::or_unknown(reason.code());
    let entry = LogEntry {
        step: Some(journal::word!("start")),
        action: Some(journal::Action::Maintenance),
        detail: (!detail.is_empty()).then(|| Detail::of(&detail)),
        ..LogEntry::new(now, clock::boot_ms(), scribe.terminal_id.clone(), code)
    };
    let fault = Fault { device: Device::Terminal, kind: FaultKind::NeedsOperator, code: reason.code() };
    Ok(FromJournal { journal, recovery: Recovery::Corrupt(fault), first_entry: Some(entry) })
}

fn open_visit(open: &journal::OpenVisit) -> OpenVisit {
    let signed = open.records.iter().find(|record| record.kind.as_str() == REQUEST_SIGNED);
    let request = signed.and_then(|record| record.body.get("request")?.as_str()?.parse::<Uuid>().ok());
    OpenVisit {
        id: VisitId(open.visit.into_bytes()),
        signed: request.map(|request| RequestId(request.into_bytes())),
    }
}

#[cfg(test)]
mod tests;
