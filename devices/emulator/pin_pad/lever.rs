//! What can go wrong with a pad, and the one grammar by which it is told: `--lever` and `!LEVER` on the control socket.

use std::fmt;
use std::str::FromStr;

/// What a PP791 does with a digit under a prompt that its maker did not authenticate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Withholds {
    /// It answers without a key.
    Empty,
    /// It answers nothing, as if no key had been pressed.
    Silent,
    /// It gives digits out all the same: a bench's pad.
    Never,
}

/// A lever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lever {
    /// It says nothing any more.
    Silent,
    /// It says bytes without sense instead of frames.
    Garbage,
    /// One bit of every n-th of its frames is changed.
    Noise(u32),
    /// It signs with another identity than its own, and shows that one.
    OtherIdentity,
    /// It shows its own identity, and signs with another.
    ForgedSignature,
    /// It names another version of the protocol.
    OtherVersion,
    /// After the next key it sends that key's frame again, two frames late.
    Replay,
    /// It sends every frame twice, as if it had missed the acknowledgement.
    Repeat,
    /// It changes a bit of each payload and makes the sum right again.
    Tamper,
    /// It falls silent after so many more keys.
    Dies(u32),
    /// It answers so many milliseconds late.
    Slow(u64),
    /// It refuses every order (PP791).
    Refuses,
    /// What it does with digits under a plain prompt (PP791).
    Withholds(Withholds),
    /// The plug is pulled out of the port.
    Unplug,
    /// The plug is put in again.
    Plug,
    /// Every lever is put back.
    Clear,
}

/// The text is no lever.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no lever of a pad: silent, garbage, noise:N, other-identity, forged-signature, other-version, replay, repeat, \
     tamper, dies:N, slow:MS, refuses, withholds:empty|silent|never, unplug, plug, clear"
)]
pub struct NotALever(String);

impl FromStr for Lever {
    type Err = NotALever;

    fn from_str(text: &str) -> Result<Self, NotALever> {
        let (name, value) = text.split_once(':').map_or((text, None), |(name, value)| (name, Some(value)));
        let count = || value.and_then(|value| value.parse::<u32>().ok());
        let lever = match (name, value) {
            ("silent", None) => Some(Self::Silent),
            ("garbage", None) => Some(Self::Garbage),
            ("noise", _) => count().filter(|every| *every > 0).map(Self::Noise),
            ("other-identity", None) => Some(Self::OtherIdentity),
            ("forged-signature", None) => Some(Self::ForgedSignature),
            ("other-version", None) => Some(Self::OtherVersion),
            ("replay", None) => Some(Self::Replay),
            ("repeat", None) => Some(Self::Repeat),
            ("tamper", None) => Some(Self::Tamper),
            ("dies", _) => count().map(Self::Dies),
            ("slow", _) => count().map(|ms| Self::Slow(ms.into())),
            ("refuses", None) => Some(Self::Refuses),
            ("withholds", Some("empty")) => Some(Self::Withholds(Withholds::Empty)),
            ("withholds", Some("silent")) => Some(Self::Withholds(Withholds::Silent)),
            ("withholds", Some("never")) => Some(Self::Withholds(Withholds::Never)),
            ("unplug", None) => Some(Self::Unplug),
            ("plug", None) => Some(Self::Plug),
            ("clear", None) => Some(Self::Clear),
            _ => None,
        };
        lever.ok_or_else(|| NotALever(text.to_owned()))
    }
}

impl fmt::Display for Lever {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Silent => f.write_str("silent"),
            Self::Garbage => f.write_str("garbage"),
            Self::Noise(every) => write!(f, "noise:{every}"),
            Self::OtherIdentity => f.write_str("other-identity"),
            Self::ForgedSignature => f.write_str("forged-signature"),
            Self::OtherVersion => f.write_str("other-version"),
            Self::Replay => f.write_str("replay"),
            Self::Repeat => f.write_str("repeat"),
            Self::Tamper => f.write_str("tamper"),
            Self::Dies(keys) => write!(f, "dies:{keys}"),
            Self::Slow(ms) => write!(f, "slow:{ms}"),
            Self::Refuses => f.write_str("refuses"),
            Self::Withholds(Withholds::Empty) => f.write_str("withholds:empty"),
            Self::Withholds(Withholds::Silent) => f.write_str("withholds:silent"),
            Self::Withholds(Withholds::Never) => f.write_str("withholds:never"),
            Self::Unplug => f.write_str("unplug"),
            Self::Plug => f.write_str("plug"),
            Self::Clear => f.write_str("clear"),
        }
    }
}

/// How the levers stand.
#[derive(Clone, Debug)]
pub(crate) struct Levers {
    pub(crate) silent: bool,
    pub(crate) garbage: bool,
    pub(crate) noise_every: Option<u32>,
    pub(crate) other_identity: bool,
    pub(crate) forged_signature: bool,
    pub(crate) other_version: bool,
    pub(crate) replay: bool,
    pub(crate) repeat: bool,
    pub(crate) tamper: bool,
    pub(crate) dies_after: Option<u32>,
    pub(crate) slow_ms: u64,
    pub(crate) refuses: bool,
    pub(crate) withholds: Withholds,
}

impl Default for Levers {
    fn default() -> Self {
        Self {
            silent: false,
            garbage: false,
            noise_every: None,
            other_identity: false,
            forged_signature: false,
            other_version: false,
            replay: false,
            repeat: false,
            tamper: false,
            dies_after: None,
            slow_ms: 0,
            refuses: false,
            withholds: Withholds::Empty,
        }
    }
}

impl Levers {
    /// The port's own levers change nothing here.
    pub(crate) fn pull(&mut self, lever: Lever) {
        match lever {
            Lever::Silent => self.silent = true,
            Lever::Garbage => self.garbage = true,
            Lever::Noise(every) => self.noise_every = Some(every),
            Lever::OtherIdentity => self.other_identity = true,
            Lever::ForgedSignature => self.forged_signature = true,
            Lever::OtherVersion => self.other_version = true,
            Lever::Replay => self.replay = true,
            Lever::Repeat => self.repeat = true,
            Lever::Tamper => self.tamper = true,
            Lever::Dies(keys) => self.dies_after = Some(keys),
            Lever::Slow(ms) => self.slow_ms = ms,
            Lever::Refuses => self.refuses = true,
            Lever::Withholds(how) => self.withholds = how,
            Lever::Clear => *self = Self::default(),
            Lever::Unplug | Lever::Plug => {}
        }
    }

    /// Counts a key that was sent; from the last one of `dies` on it says nothing.
    pub(crate) fn key_sent(&mut self) {
        if let Some(left) = &mut self.dies_after {
            *left = left.saturating_sub(1);
            self.silent |= *left == 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back_the_same() {
        for text in [
            "silent",
            "garbage",
            "noise:7",
            "other-identity",
            "forged-signature",
            "other-version",
            "replay",
            "repeat",
            "tamper",
            "dies:2",
            "slow:250",
            "refuses",
            "withholds:empty",
            "withholds:silent",
            "withholds:never",
            "unplug",
            "plug",
            "clear",
        ] {
            assert_eq!(text.parse::<Lever>().unwrap().to_string(), text);
        }
        for text in ["", "noise", "noise:0", "noise:x", "silent:1", "withholds", "explode"] {
            assert!(text.parse::<Lever>().is_err(), "{text}");
        }
    }
}
