//! The port to a powered card, and the handling of `61xx` and `6Cxx` on top of it.
//!
//! Invariant: a secret command goes through [`Channel::transmit`] directly, never through [`exchange`], which may send
//! a command again.

use crate::apdu::{Command, Expected, Header, Response};
use crate::limits::{FOLLOW_UPS_MAX, GATHERED_BYTES_MAX};
use crate::pad::{PadLimits, PadTemplate};
use crate::status::{Meaning, StatusWord};

/// A card that is powered and reserved for the caller.
///
/// Who implements it keeps the card exclusive from the first command to the last, reports a reset by anybody else, and
/// does not copy, trace or repeat a command whose [`Command::is_sensitive`] is true.
pub trait Channel {
    /// Sends one command, once, and waits for the answer.
    ///
    /// # Errors
    /// When no answer of the card came. Whether the card acted on the command is then unknown.
    fn transmit(&mut self, command: &Command<'_>) -> Result<Response, ChannelError>;

    /// Whether the reader has a pad of its own that takes a PIN of this card's length and presents it to the chip. Who wraps
    /// a channel passes the question on.
    ///
    /// # Errors
    /// When the reader fails.
    fn offers_pad(&mut self) -> Result<bool, ChannelError> {
        Ok(false)
    }

    /// Lets the reader's pad take the PIN, put it into `template` and send that to the card, once. Blocks until the entry
    /// ends. The answer is the card's, or one of the reader's own: `6400` time over, `6401` cancelled, `6403` wrong length.
    ///
    /// # Errors
    /// [`ChannelError::NoPad`] with nothing sent. After any other error it is unknown whether the PIN was presented.
    fn verify_on_pad(
        &mut self,
        template: &PadTemplate,
        limits: PadLimits<'_>,
    ) -> Result<StatusWord, ChannelError> {
        let _nobody_takes_them = (template, limits);
        Err(ChannelError::NoPad)
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChannelError {
    /// The card was pulled out.
    #[error("the card was removed")]
    CardRemoved,
    /// Another process, or the reader, reset the card: what was selected and verified is gone or unknown.
    #[error("the card was reset by somebody else")]
    CardReset,
    /// The reader has no pad of its own, or none that fits; nothing was sent.
    #[error("the reader has no PIN pad of its own that fits")]
    NoPad,
    /// The reader still waits at its pad. Nobody waits for it any more: when it returns, the card loses its power. Until
    /// then a PIN may still be presented, and the reader serves nobody else.
    #[error("the reader still waits for keys at its own PIN pad")]
    PadKeepsCard,
    /// The card is there and answers nothing that can be understood.
    #[error("the card does not follow the protocol: {what}")]
    Protocol {
        /// What happened instead of an answer.
        what: &'static str,
        /// The reader's own error.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// The reader or its service failed.
    #[error("the card reader failed: {what}")]
    Reader {
        /// What was tried.
        what: &'static str,
        /// The reader's own error.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
}

/// A channel that counts the commands through it.
pub struct Metered<'c> {
    channel: &'c mut dyn Channel,
    sent: u32,
}

impl<'c> Metered<'c> {
    /// Counts from zero.
    pub fn new(channel: &'c mut dyn Channel) -> Self {
        Self { channel, sent: 0 }
    }

    /// Commands sent so far, GET RESPONSE and repeats with another Le included.
    pub const fn sent(&self) -> u32 {
        self.sent
    }
}

impl Channel for Metered<'_> {
    fn transmit(&mut self, command: &Command<'_>) -> Result<Response, ChannelError> {
        self.sent = self.sent.saturating_add(1);
        self.channel.transmit(command)
    }

    fn offers_pad(&mut self) -> Result<bool, ChannelError> {
        self.channel.offers_pad()
    }

    fn verify_on_pad(
        &mut self,
        template: &PadTemplate,
        limits: PadLimits<'_>,
    ) -> Result<StatusWord, ChannelError> {
        self.sent = self.sent.saturating_add(1);
        self.channel.verify_on_pad(template, limits)
    }
}

/// Sends a command that may be repeated, fetches what `61xx` announces and corrects Le after `6Cxx`, both a bounded
/// number of times.
pub(crate) fn exchange(channel: &mut dyn Channel, command: &Command<'_>) -> Result<Response, ChannelError> {
    let mut gathered = Vec::new();
    let mut response = channel.transmit(command)?;
    for _ in 0..FOLLOW_UPS_MAX {
        let next = match response.status().meaning() {
            Meaning::MoreData(bytes) => {
                gathered.extend_from_slice(response.data());
                Some(Command::case2(GET_RESPONSE, Expected::up_to(usize::from(bytes))))
            }
            // Nothing is gathered yet: only the command itself can be sent again.
            Meaning::WrongLe(bytes) if gathered.is_empty() => {
                command.with_expected(Expected::up_to(usize::from(bytes)))
            }
            _ => None,
        };
        let Some(next) = next else { break };
        if gathered.len() > GATHERED_BYTES_MAX {
            return Err(ChannelError::Protocol { what: "it announces data without end", source: None });
        }
        response = channel.transmit(&next)?;
    }
    match response.status().meaning() {
        Meaning::MoreData(_) => {
            Err(ChannelError::Protocol { what: "it announces data without end", source: None })
        }
        _ if gathered.is_empty() => Ok(response),
        _ => {
            let status: StatusWord = response.status();
            gathered.extend(response.into_data());
            Ok(Response::new(gathered, status))
        }
    }
}

const GET_RESPONSE: Header = Header::new(0x00, 0xC0, 0x00, 0x00);
