//! READ BINARY, READ RECORD, GET DATA.

use super::command::Reference;
use super::file::{Application, Content};
use super::status::Status;
use super::{Card, Outcome};

impl Card {
    /// From `offset` as many bytes as asked for, or the rest if there are fewer.
    pub(super) fn read_binary(&mut self, file: Reference, offset: usize, expected: usize) -> Outcome {
        let file = self.resolve(file, Status::NOT_FOUND)?;
        let Content::Transparent { bytes, read } = &file.content else {
            return Err(Status::WRONG_FILE_STRUCTURE);
        };
        if !read.allows(&self.verified()) {
            return Err(Status::SECURITY_STATUS);
        }
        // Reading at the very end is refused like reading beyond it: assumed.
        let rest = bytes.get(offset..).filter(|rest| !rest.is_empty()).ok_or(Status::OFFSET)?;
        Ok(rest.get(..expected).unwrap_or(rest).to_vec())
    }

    /// The record numbered `record`, from 1; cut to what was asked for.
    pub(super) fn read_record(&mut self, file: Reference, record: u8, expected: usize) -> Outcome {
        let file = self.resolve(file, Status::NOT_FOUND)?;
        let Content::Records { records, read } = &file.content else {
            return Err(Status::WRONG_FILE_STRUCTURE);
        };
        if !read.allows(&self.verified()) {
            return Err(Status::SECURITY_STATUS);
        }
        let index = usize::from(record).checked_sub(1).ok_or(Status::RECORD_NOT_FOUND)?;
        let bytes = records.get(index).ok_or(Status::RECORD_NOT_FOUND)?;
        Ok(bytes.get(..expected).unwrap_or(bytes).to_vec())
    }

    /// An object of the card level; one that does not fit the answer asked for is refused whole.
    pub(super) fn get_data(&mut self, tag: u16, expected: usize) -> Outcome {
        if self.current_application() != Application::CardLevel {
            return Err(Status::REFERENCE_NOT_FOUND);
        }
        let (_, bytes) =
            self.objects.iter().find(|(known, _)| *known == tag).ok_or(Status::REFERENCE_NOT_FOUND)?;
        if bytes.len() > 256 && expected < bytes.len() {
            return Err(Status::WRONG_LENGTH);
        }
        Ok(bytes.get(..expected).unwrap_or(bytes).to_vec())
    }
}
