//! What the host says to a terminal when there is no answer: a stable code and a sentence, and nothing about holders.

use std::borrow::Cow;

use wire::{Problem, ProblemCode};

use crate::store::{Standing, StoreError};

/// A problem on its way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Stable code; it decides the HTTP status.
    pub code: ProblemCode,
    /// About this occurrence.
    pub detail: Cow<'static, str>,
}

impl Refusal {
    /// A refusal with its reason.
    #[must_use]
    pub fn new(code: ProblemCode, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { code, detail: detail.into() }
    }

    /// No decision can be made now.
    #[must_use]
    pub fn not_now(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ProblemCode::CannotDecideNow, detail)
    }

    /// The document to send.
    #[must_use]
    pub fn problem(&self) -> Problem {
        Problem::new(self.code, self.detail.clone())
    }

    /// For a terminal that may not talk; `None` for one that may.
    #[must_use]
    pub fn of_standing(standing: Standing) -> Option<Self> {
        match standing {
            Standing::Good => None,
            Standing::Unknown => {
                Some(Self::new(ProblemCode::TerminalUnknown, "the operator has not listed this terminal"))
            }
            Standing::Revoked => {
                Some(Self::new(ProblemCode::TerminalRevoked, "the operator has revoked this terminal"))
            }
        }
    }
}

impl From<StoreError> for Refusal {
    /// What failed is for the log; the terminal hears only that it may come again.
    fn from(error: StoreError) -> Self {
        if matches!(error, StoreError::Busy) {
            return Self::new(ProblemCode::Busy, "too many requests are waiting");
        }
        tracing::error!(error = %crate::chain::Chain(&error), "the store failed");
        Self::not_now("the books cannot be written")
    }
}
