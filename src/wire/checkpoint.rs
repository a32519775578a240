//! `POST /v1/log-checkpoints`: the host keeps the newest signed checkpoint of each terminal's device log, so that a log
//! whose end was cut off is found out.

use serde::{Deserialize, Serialize};

use crate::{Digest, EcdsaSignature, Message, OutOfBounds, TerminalId, WireTime, limits};

/// One signed statement "my log has this many entries and the last one hashes to this".
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, try_from = "RawLogCheckpoint")]
pub struct LogCheckpoint {
    /// Whose log; must be the sender's TLS identity.
    pub terminal_id: TerminalId,
    /// Sequence number of the newest entry; at most [`limits::JSON_INTEGER_MAX`].
    pub sequence: u64,
    /// Hash of that entry.
    pub entry_hash: Digest,
    /// When the terminal signed, by its clock.
    pub signed_at: WireTime,
    /// By the terminal's log key, over the journal's canonical checkpoint bytes.
    pub signature: EcdsaSignature,
}

impl Message for LogCheckpoint {
    const NAME: &'static str = "log checkpoint";
    const BYTES_MAX: usize = limits::LOG_CHECKPOINT_BYTES_MAX;
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLogCheckpoint {
    terminal_id: TerminalId,
    sequence: u64,
    entry_hash: Digest,
    signed_at: WireTime,
    signature: EcdsaSignature,
}

impl TryFrom<RawLogCheckpoint> for LogCheckpoint {
    type Error = OutOfBounds;

    fn try_from(raw: RawLogCheckpoint) -> Result<Self, OutOfBounds> {
        if raw.sequence > limits::JSON_INTEGER_MAX {
            return Err(OutOfBounds { field: "sequence", must_be: "at most 2^53 - 1" });
        }
        Ok(Self {
            terminal_id: raw.terminal_id,
            sequence: raw.sequence,
            entry_hash: raw.entry_hash,
            signed_at: raw.signed_at,
            signature: raw.signature,
        })
    }
}
