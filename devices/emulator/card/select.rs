//! SELECT: applications, files, the master file.

use super::command::SelectAnswer;
use super::file::Application;
use super::status::Status;
use super::{Card, Outcome};

/// Shortest partial name: a registered application provider identifier (ISO/IEC 7816-4). Assumed.
const NAME_BYTES_MIN: usize = 5;

impl Card {
    /// By name. A name may be the beginning of an application's (JICSAP 4.2 (1)); the first that fits is taken.
    /// Selecting the application that owns the verified PINs keeps them, any other clears them.
    pub(super) fn select_application(&mut self, name: &[u8], answer: SelectAnswer) -> Outcome {
        if name.len() < NAME_BYTES_MIN || name.len() > 16 {
            return Err(if name.is_empty() { Status::WRONG_LENGTH } else { Status::NOT_FOUND });
        }
        let application = self
            .directories
            .iter()
            .map(|directory| directory.application)
            .find(|application| application.identifier().starts_with(name))
            .ok_or(Status::NOT_FOUND)?;
        let session = self.session();
        if session.owner != application {
            session.verified.clear();
            session.owner = application;
        }
        session.application = application;
        session.file = None;
        Ok(match answer {
            SelectAnswer::Nothing => Vec::new(),
            SelectAnswer::FileControlInformation => file_control_information(application),
        })
    }

    /// By file identifier; needs no right.
    pub(super) fn select_file(&mut self, id: u16) -> Outcome {
        let found = self.directory().is_some_and(|directory| directory.by_id(id).is_some());
        if !found {
            return Err(Status::NOT_FOUND);
        }
        self.session().file = Some(id);
        Ok(Vec::new())
    }

    /// `00 A4 00 00`: refused at card level, accepted without effect in an application; 3F00 is not found.
    pub(super) fn select_master_file(&mut self, named: bool) -> Outcome {
        match (named, self.current_application()) {
            (true, _) => Err(Status::NOT_FOUND),
            (false, Application::CardLevel) => Err(Status::WRONG_P1_P2),
            (false, _) => Ok(Vec::new()),
        }
    }
}

/// 6F with the name in 84. The real card's bytes are not published: assumed.
fn file_control_information(application: Application) -> Vec<u8> {
    let name = application.identifier();
    let length = u8::try_from(name.len()).unwrap_or_default();
    [&[0x6F, length + 2, 0x84, length], name].concat()
}
