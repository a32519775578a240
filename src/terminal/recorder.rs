//! Where records become durable: the machine's [`Durable`] over the journal, the one implementation outside tests.
//!
//! Invariants:
//! - All records of a step, the change of the outbox that belongs to them, and their entries in the device log are in one
//!   commit of the journal.
//! - Commits keep the order of the steps: what was noted before goes with the next commit, or before it.

use jiff::Timestamp;
use journal::{
    AcceptanceNumber, Action, Batch, Decided, Detail, Journal, JournalError, Language, LogEntry, Mark, Mode,
    OutboxChange, TerminalId, VisitRecord, Word,
};
use serde_json::json;
use transaction::{Durable, Outcome, Record, RequestId, VisitId};
use uuid::Uuid;

use crate::catalogue;
use crate::folder::Folder;
use crate::log_words::{self, Line};
use crate::queue::Story;

/// Who writes the log.
pub(crate) struct Scribe {
    pub(crate) terminal_id: TerminalId,
    /// The customer's.
    pub(crate) language: Language,
}

impl Scribe {
    /// The customer chose a language.
    pub(crate) fn speaks(&mut self, language: catalogue::Language) {
        // The tags of our own languages are short.
        if let Ok(language) = Language::parse(language.tag()) {
            self.language = language;
        }
    }
}

/// The journal, for the records of one step.
pub(crate) struct Recorder<'a> {
    pub(crate) journal: &'a mut Journal,
    pub(crate) scribe: &'a Scribe,
    pub(crate) folder: &'a Folder,
    /// When the event happened.
    pub(crate) at: Timestamp,
    /// The same on the machine's steady clock.
    pub(crate) boot_ms: u64,
    /// The visit that is going on.
    pub(crate) present: Option<VisitId>,
    /// How the customer is served.
    pub(crate) mode: transaction::Mode,
    /// What operators should read beside it.
    pub(crate) story: &'a Story,
    /// Records whose fault the log has already: a unit that is away is looked for every few seconds, for nights.
    pub(crate) told: Vec<Record>,
    /// Noted and not yet durable.
    pub(crate) noted: &'a mut Noted,
}

/// What was noted and is not yet durable.
#[derive(Default)]
pub(crate) struct Noted {
    batch: Batch,
    /// Entries of the device log that no checkpoint covers, as of the last commit.
    pub(crate) unsigned_entries: u64,
}

impl Noted {
    /// This entry goes before everything that the next commit has.
    pub(crate) fn begins_with(&mut self, entry: LogEntry) {
        self.batch.log.insert(0, entry);
    }

    /// Makes it durable.
    ///
    /// # Errors
    /// When it is not; then it is not known any more either, and the journal takes nothing.
    pub(crate) fn flush(&mut self, journal: &mut Journal) -> Result<(), RecordError> {
        let batch = std::mem::take(&mut self.batch);
        if batch.records.is_empty() && batch.outbox.is_empty() && batch.log.is_empty() {
            return Ok(());
        }
        self.unsigned_entries = journal.commit(&batch)?.unsigned_entries;
        Ok(())
    }
}

/// Why records are not durable.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecordError {
    /// The journal failed.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A paper that a record speaks of was never filed: a bug of ours.
    #[error("the {what} of request {request} was never filed")]
    NotFiled {
        /// Which paper.
        what: &'static str,
        /// Of which request.
        request: Uuid,
    },
}

impl Durable for Recorder<'_> {
    type Error = RecordError;

    fn commit(&mut self, records: &[Record]) -> Result<(), RecordError> {
        self.note(records)?;
        self.noted.flush(self.journal)
    }

    fn note(&mut self, records: &[Record]) -> Result<(), RecordError> {
        for record in records.iter().filter(|record| !self.told.contains(record)) {
            let mut line = log_words::line(record);
            if let Some(request) = log_words::about(record) {
                line.visit = self.visit_of(request);
            } else if log_words::of_present_visit(record) {
                line.visit = self.present;
            }
            // What became of a request stands beside what its customer was told, however late it comes.
            let afterwards = log_words::about(record).zip(line.visit);
            let afterwards = afterwards.map(|(request, visit)| (visit, Some(request), Mark::Continues));
            if let Some((visit, request, mark)) = log_words::recovery(record).or(afterwards) {
                let record = self.visit_record(visit, request, mark, &line);
                self.noted.batch.records.push(record);
            }
            let change = self.outbox_change(record)?;
            self.noted.batch.outbox.extend(change);
            let entry = self.entry(line);
            self.noted.batch.log.push(entry);
        }
        Ok(())
    }
}

impl Recorder<'_> {
    /// Notes an entry of the device log alone: of a device, not of the machine.
    pub(crate) fn jot(&mut self, line: Line) {
        let entry = self.entry(line);
        self.noted.batch.log.push(entry);
    }

    fn visit_record(
        &self,
        visit: VisitId,
        request: Option<RequestId>,
        mark: Mark,
        line: &Line,
    ) -> VisitRecord {
        let request = request.map(|request| Uuid::from_bytes(request.0).to_string());
        let outcome = line.outcome.as_ref().map(Word::as_str);
        VisitRecord {
            visit: Uuid::from_bytes(visit.0),
            at: self.at,
            kind: line.code.clone(),
            body: json!({ "request": request, "outcome": outcome }),
            mark,
        }
    }

    /// The visit of a request: the present one, or one from the outbox. An entry without it is better than none.
    fn visit_of(&self, request: RequestId) -> Option<VisitId> {
        let present = self.folder.visit().filter(|papers| papers.visit.request == request);
        present.map(|papers| papers.visit.id).or_else(|| {
            let kept = self.journal.outbox_get(Uuid::from_bytes(request.0)).ok().flatten();
            kept.map(|entry| VisitId(entry.visit.into_bytes()))
        })
    }

    fn outbox_change(&self, record: &Record) -> Result<Option<OutboxChange>, RecordError> {
        match *record {
            Record::RequestSigned(visit) => {
                let request_id = Uuid::from_bytes(visit.request.0);
                let missing = |what| RecordError::NotFiled { what, request: request_id };
                let cms = self.folder.request(visit.request).ok_or_else(|| missing("signed request"))?;
                let accept_until = self.folder.visit().and_then(|papers| papers.terms.as_ref());
                let accept_until = accept_until.ok_or_else(|| missing("last day"))?.accept_until;
                Ok(Some(OutboxChange::Put {
                    request_id,
                    visit: Uuid::from_bytes(visit.id.0),
                    cms: cms.to_vec(),
                    accept_until,
                }))
            }
            Record::Decided { request, decision } => {
                let request_id = Uuid::from_bytes(request.0);
                let missing = RecordError::NotFiled { what: "host's answer", request: request_id };
                let answer = self.folder.answer(request).ok_or(missing)?;
                let outcome = Outcome::from(decision);
                Ok(Some(OutboxChange::Decided {
                    request_id,
                    decision: Decided {
                        outcome: Word::or_unknown(outcome.name()),
                        code: Word::or_unknown(outcome.code()),
                        acceptance_number: answer
                            .acceptance_number
                            .as_deref()
                            .and_then(|number| AcceptanceNumber::parse(number).ok()),
                        answer: Some(answer.der.clone()),
                        at: self.at,
                    },
                }))
            }
            _ => Ok(None),
        }
    }

    fn entry(&self, line: Line) -> LogEntry {
        let new = LogEntry::new(self.at, self.boot_ms, self.scribe.terminal_id.clone(), line.code);
        let note = match (line.detail, &self.story.what) {
            (Some(detail), Some(what)) => Some(format!("{detail}; {what}")),
            (Some(detail), None) => Some(detail),
            (None, what) => what.clone(),
        };
        LogEntry {
            visit: line.visit.map(|visit| Uuid::from_bytes(visit.0)),
            language: line.visit.map(|_| self.scribe.language.clone()),
            mode: line.visit.map(|_| mode(self.mode)),
            step: line.step,
            object: line.object,
            value: line.value,
            action: self.story.action.and_then(Action::from_word).or(line.action),
            tries_left: line.tries_left,
            status_word: self.story.status_word,
            duration_ms: self.story.duration_ms,
            outcome: line.outcome,
            detail: note.as_deref().map(Detail::of),
            ..new
        }
    }
}

const fn mode(mode: transaction::Mode) -> Mode {
    match mode {
        transaction::Mode::Screen => Mode::Screen,
        transaction::Mode::Voice => Mode::Handset,
    }
}
