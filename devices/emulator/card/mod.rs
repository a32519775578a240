//! The card: files, rights and counters behind a command interface.
//!
//! Invariants:
//! - no input makes it panic; every input is answered with at least a status word while the card has power;
//! - the volatile state (current application and file, verified PINs) is one struct, `Session`, made anew at each
//!   power-on; nothing else is forgotten at power-off and nothing of it survives;
//! - PIN counters are durable before the answer to VERIFY leaves (`state::pins`).

pub(crate) mod apdu;
pub(crate) mod command;
pub(crate) mod file;
mod keys;
mod pins;
mod read;
mod select;
pub(crate) mod status;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use apdu::Apdu;
use command::{Command, Reference};
use file::{Application, Directory, File};
use status::Status;

use crate::content::{self, Material};
use crate::persona::{Kind, Persona};
use crate::state::pins::{PinMemory, PinName};

/// The data of an answer with 9000, or the status word of a refusal.
type Outcome = Result<Vec<u8>, Status>;

/// What may be switched on a card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Switches {
    /// Short EF identifiers are understood. Off: 6A86 (assumed; every surveyed card understands them).
    pub short_ids: bool,
    /// APDUs of extended length are understood. Off: 6700. Public reports contradict each other; off by default.
    pub extended_length: bool,
    /// 6F00 to the first command after power-on, as one surveyed card does.
    pub first_command_fails: bool,
}

impl Default for Switches {
    fn default() -> Self {
        Self { short_ids: true, extended_length: false, first_command_fails: false }
    }
}

/// Everything that power-off clears.
#[derive(Debug)]
struct Session {
    application: Application,
    file: Option<u16>,
    /// PINs verified, all of the application `owner`.
    verified: BTreeSet<u16>,
    owner: Application,
    commands: u64,
}

impl Session {
    fn new() -> Self {
        Self {
            application: Application::CardLevel,
            file: None,
            verified: BTreeSet::new(),
            owner: Application::CardLevel,
            commands: 0,
        }
    }
}

/// A card of any persona.
pub struct Card {
    persona: Persona,
    directories: Vec<Directory>,
    objects: Vec<(u16, Vec<u8>)>,
    material: Option<Material>,
    pins: PinMemory,
    switches: Switches,
    /// `None` without power.
    session: Option<Session>,
}

impl Card {
    pub(crate) fn assemble(persona: Persona, material: Option<Material>, pins: PinMemory) -> Self {
        Self {
            directories: content::directories(&persona, material.as_ref()),
            objects: content::data_objects(&persona),
            persona,
            material,
            pins,
            switches: Switches::default(),
            session: None,
        }
    }

    /// Whose card this is.
    #[must_use]
    pub fn persona(&self) -> &Persona {
        &self.persona
    }

    /// The answer to reset; `None` from a card that does not answer.
    #[must_use]
    pub fn atr(&self) -> Option<&[u8]> {
        match self.persona.kind {
            Kind::Mute => None,
            Kind::MyNumberCard | Kind::Phone | Kind::OtherCard => Some(&self.persona.atr.0),
        }
    }

    /// Sets the switches; they hold from the next command on.
    pub fn set_switches(&mut self, switches: Switches) {
        self.switches = switches;
    }

    /// The switches as they stand.
    #[must_use]
    pub fn switches(&self) -> Switches {
        self.switches
    }

    /// Gives power. Without power before, the card starts with no application current and no PIN verified.
    pub fn power_on(&mut self) {
        self.session.get_or_insert_with(Session::new);
    }

    /// Takes power away: everything but files and counters is forgotten.
    pub fn power_off(&mut self) {
        self.session = None;
    }

    /// Warm reset: verified PINs stay verified (surveyed). That no application and file is current afterwards, until
    /// the same application is selected again, is assumed.
    pub fn reset(&mut self) {
        if let Some(session) = &mut self.session {
            session.application = Application::CardLevel;
            session.file = None;
        }
    }

    /// Answers one command APDU. Empty only while the card has no power or is mute.
    pub fn process(&mut self, command: &[u8]) -> Vec<u8> {
        self.answer(command, false)
    }

    /// As if power failed in the middle of the command: a VERIFY takes its try and compares nothing. What the chip
    /// does then is not published; taking the try first is assumed.
    pub fn process_torn(&mut self, command: &[u8]) {
        self.answer(command, true);
        self.power_off();
    }

    /// Whether the card has power.
    #[must_use]
    pub fn is_powered(&self) -> bool {
        self.session.is_some()
    }

    /// The PINs that are verified now, e.g. `jpki/0018`: what a client leaves behind for the next one.
    #[must_use]
    pub fn verified_pins(&self) -> Vec<String> {
        let Some(session) = &self.session else { return Vec::new() };
        let name = |file: &u16| PinName { application: session.owner, file: *file }.to_string();
        session.verified.iter().map(name).collect()
    }

    /// Name, tries left and most possible tries of each PIN, e.g. `("jpki/0018", 3, 3)`.
    pub fn counters(&self) -> impl Iterator<Item = (&str, u8, u8)> {
        self.pins.counters()
    }

    /// Puts every PIN and counter back to the persona's: what the municipal office does.
    pub fn reset_pins(&mut self) -> std::io::Result<()> {
        self.pins.reset(content::initial_pins(&self.persona))
    }

    /// Sets the authentication PIN to any 1 to 16 characters and gives all its tries back: a test's lever.
    pub fn set_authentication_pin(&mut self, value: &str) -> std::io::Result<()> {
        self.pins.replace(PinName { application: Application::Jpki, file: 0x0018 }, value)
    }

    fn answer(&mut self, raw: &[u8], torn: bool) -> Vec<u8> {
        if self.persona.kind == Kind::Mute {
            return Vec::new();
        }
        let Some(session) = &mut self.session else { return Vec::new() };
        session.commands = session.commands.saturating_add(1);
        let outcome = if session.commands == 1 && self.switches.first_command_fails {
            Err(Status::NO_DIAGNOSIS)
        } else {
            self.execute(raw, torn)
        };
        let (mut answer, status) = match outcome {
            Ok(data) => (data, Status::OK),
            Err(status) => (Vec::new(), status),
        };
        answer.extend(status.bytes());
        answer
    }

    fn execute(&mut self, raw: &[u8], torn: bool) -> Outcome {
        let apdu = Apdu::parse(raw).map_err(|_| Status::WRONG_LENGTH)?;
        let command = Command::from_apdu(&apdu)?;
        if apdu.extended {
            match command {
                Command::GetChallenge { .. } => return Err(Status::CONDITIONS),
                _ if !self.switches.extended_length => return Err(Status::WRONG_LENGTH),
                _ => {}
            }
        }
        match command {
            Command::SelectApplication { name, answer } => self.select_application(name, answer),
            Command::SelectFile { id } => self.select_file(id),
            Command::SelectMasterFile { named } => self.select_master_file(named),
            Command::ReadBinary { file, offset, expected } => self.read_binary(file, offset, expected),
            Command::ReadRecord { file, record, expected } => self.read_record(file, record, expected),
            Command::Verify { pin, value: None } => self.query_tries(pin),
            Command::Verify { pin, value: Some(value) } => self.verify(pin, value, torn),
            Command::ChangeReferenceData { value } => {
                self.change_pin(value, &[Application::Jpki, Application::Text, Application::Surface])
            }
            Command::ChangeKey { value } => self.change_pin(value, &[Application::Common, Application::Juki]),
            Command::GetChallenge { expected, .. } => get_challenge(expected),
            Command::InternalAuthenticate { key, challenge } => self.internal_authenticate(key, challenge),
            Command::ComputeSignature { scheme, key, input } => {
                self.compute_signature(scheme, key, input, apdu.expected)
            }
            Command::GetData { tag, expected } => self.get_data(tag, expected),
            Command::SetSessionKey => Err(self.no_session_key()),
            Command::SecureMessaging => Err(self.no_secure_messaging()),
            // A certificate that the card could check does not exist outside: every one is of the wrong length.
            Command::TerminalCertificate => Err(Status::WRONG_LENGTH),
            // A telephone takes this as the end of the session; a card refuses it.
            Command::EndOfSession if self.persona.kind == Kind::Phone => Ok(Vec::new()),
            Command::EndOfSession => Err(Status::WRONG_LENGTH),
            // For the issuer only; the status word is assumed.
            Command::Personalisation => Err(Status::SECURITY_STATUS),
        }
    }

    /// The session; without one no command gets here.
    fn session(&mut self) -> &mut Session {
        self.session.get_or_insert_with(Session::new)
    }

    fn current_application(&self) -> Application {
        self.session.as_ref().map_or(Application::CardLevel, |session| session.application)
    }

    fn directory(&self) -> Option<&Directory> {
        let current = self.current_application();
        self.directories.iter().find(|directory| directory.application == current)
    }

    fn verified(&self) -> BTreeSet<u16> {
        match &self.session {
            // Verified PINs of another application are never kept, but a warm reset leaves the application.
            Some(session) if session.owner == session.application => session.verified.clone(),
            _ => BTreeSet::new(),
        }
    }

    /// Finds the file that a command names and makes it current. `missing` is the answer when a short identifier
    /// names no file. That a file named for VERIFY or for a key becomes current too is assumed.
    fn resolve(&mut self, reference: Reference, missing: Status) -> Result<File, Status> {
        let file = match reference {
            Reference::Current => {
                let id = self.session().file.ok_or(Status::NO_CURRENT_FILE)?;
                self.directory().and_then(|directory| directory.by_id(id)).ok_or(Status::NO_CURRENT_FILE)?
            }
            Reference::Short(_) if !self.switches.short_ids => return Err(Status::WRONG_P1_P2),
            Reference::Short(short) => {
                self.directory().and_then(|directory| directory.by_short_id(short)).ok_or(missing)?
            }
            Reference::Default => {
                let directory = self.directory().ok_or(Status::WRONG_P1_P2)?;
                let id = directory.default_key.ok_or(Status::WRONG_P1_P2)?;
                directory.by_id(id).ok_or(missing)?
            }
        };
        let file = file.clone();
        self.session().file = Some(file.id);
        Ok(file)
    }

    fn no_session_key(&self) -> Status {
        match self.current_application() {
            Application::Jpki | Application::Juki => Status::SECURITY_STATUS,
            Application::Common | Application::Surface => Status::NO_SESSION_KEY,
            // The text application of a real card takes a session key; secure messaging is not emulated.
            Application::Text => Status::CONDITIONS,
            Application::CardLevel => Status::INSTRUCTION,
        }
    }

    fn no_secure_messaging(&self) -> Status {
        match self.current_application() {
            Application::Jpki => Status::SECURE_MESSAGING_JPKI,
            _ => Status::SECURE_MESSAGING,
        }
    }
}

/// GET CHALLENGE: 1 to 256 random bytes.
fn get_challenge(expected: usize) -> Outcome {
    let mut bytes = vec![0; expected];
    getrandom::fill(&mut bytes).map_err(|_| Status::NO_DIAGNOSIS)?;
    Ok(bytes)
}
