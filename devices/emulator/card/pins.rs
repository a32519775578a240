//! VERIFY and the commands that change a PIN.
//!
//! Invariant: a PIN is compared only after its try has been taken durably; if that fails, it is not compared.

use super::command::Reference;
use super::file::{Application, Content, PinFormat};
use super::status::Status;
use super::{Card, Outcome};
use crate::persona::AbsentPin;
use crate::state::pins::{PinName, Presented};

impl Card {
    /// VERIFY without data: always 63Cx, also after a successful VERIFY (clients rely on it; the real card's answer
    /// in that state is not published), 63C0 when blocked.
    pub(super) fn query_tries(&mut self, pin: Reference) -> Outcome {
        let (name, _) = self.resolve_pin(pin)?;
        if let Some(absent) = self.absent(name) {
            return Err(absent.query());
        }
        Err(Status::tries_left(self.pins.tries_left(name).ok_or(Status::REFERENCE_NOT_FOUND)?))
    }

    /// VERIFY with data. A value of the wrong length is a mismatch like any other (assumed). A mismatch takes back
    /// an earlier success (assumed).
    pub(super) fn verify(&mut self, pin: Reference, value: &[u8], torn: bool) -> Outcome {
        let (name, _) = self.resolve_pin(pin)?;
        if let Some(absent) = self.absent(name) {
            return Err(absent.verify());
        }
        if self.pins.tries_left(name).ok_or(Status::REFERENCE_NOT_FOUND)? == 0 {
            return Err(Status::BLOCKED);
        }
        self.pins.take_try(name).map_err(memory_fault)?;
        if torn {
            return Err(Status::NO_DIAGNOSIS);
        }
        match self.pins.compare(name, value).map_err(memory_fault)? {
            Presented::Right => {
                self.session().verified.insert(name.file);
                Ok(Vec::new())
            }
            Presented::Wrong { tries_left } => {
                self.session().verified.remove(&name.file);
                Err(Status::tries_left(tries_left))
            }
        }
    }

    /// CHANGE REFERENCE DATA and CHANGE KEY on the current PIN, after a successful VERIFY. The verified state and
    /// the counter stay as they are; that, and the status words for a value of the wrong form, are assumed.
    pub(super) fn change_pin(&mut self, value: &[u8], applications: &[Application]) -> Outcome {
        if !applications.contains(&self.current_application()) {
            return Err(Status::INSTRUCTION);
        }
        let (name, format) = self.resolve_pin(Reference::Current)?;
        if !self.verified().contains(&name.file) {
            return Err(Status::SECURITY_STATUS);
        }
        if !format.right_length(value) {
            return Err(Status::WRONG_LENGTH);
        }
        let text = std::str::from_utf8(value)
            .ok()
            .filter(|text| format.right_characters(text.as_bytes()))
            .ok_or(Status::CONDITIONS)?;
        self.pins.set_value(name, text).map_err(memory_fault)?;
        Ok(Vec::new())
    }

    fn resolve_pin(&mut self, pin: Reference) -> Result<(PinName, PinFormat), Status> {
        let file = self.resolve(pin, Status::REFERENCE_NOT_FOUND)?;
        match file.content {
            Content::Pin { format } => {
                Ok((PinName { application: self.current_application(), file: file.id }, format))
            }
            Content::SigningKey { .. } | Content::AuthenticationKey { .. } | Content::OtherKey => {
                Err(Status::CONDITIONS)
            }
            Content::Transparent { .. } | Content::Records { .. } => Err(Status::WRONG_FILE_STRUCTURE),
        }
    }

    fn absent(&self, name: PinName) -> Option<&AbsentPin> {
        let spec = match (name.application, name.file) {
            (Application::Jpki, 0x0018) => &self.persona.authentication_pin,
            (Application::Jpki, 0x001B) => &self.persona.signature_password,
            _ => return None,
        };
        spec.absent.as_ref()
    }
}

fn memory_fault(error: std::io::Error) -> Status {
    tracing::error!(error = &error as &dyn std::error::Error, "PIN memory cannot be written");
    Status::MEMORY_WRITE
}
