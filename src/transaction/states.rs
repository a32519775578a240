//! The states, each a struct named by what it awaits, holding only what is true there.
//!
//! ```text
//! start.rs    AwaitStart → AwaitSafe → (AwaitRepair | AwaitOrder) → AwaitCustomer
//! consent.rs  AwaitChallenge → AwaitConsent
//! card.rs     AwaitCard (⇄ AwaitCardUnit) → AwaitCardRead → AwaitPrepared
//! pin.rs      (AwaitLastTryYes) → AwaitPin → AwaitPinVerified → AwaitSignature
//! pad.rs      AwaitPinOnPad → AwaitSignature
//! host.rs     AwaitHostDecision ⇄ AwaitResend → AwaitReceiptChoice
//! ending.rs   AwaitPrinted, AwaitNoticeRead → taking.rs
//! taking.rs   AwaitCardTaken (→ AwaitRetained) → AwaitCustomer
//! ```
//!
//! Every way from state to state is drawn in docs/states.md.

mod card;
mod consent;
mod ending;
mod host;
mod pad;
mod pin;
mod start;
mod taking;

use crate::Event;
use crate::machine::{Await, Cx, Next};
use card::{AwaitCard, AwaitCardRead, AwaitCardUnit, AwaitPrepared};
use consent::{AwaitChallenge, AwaitConsent};
use ending::{AwaitNoticeRead, AwaitPrinted};
use host::{AwaitHostDecision, AwaitReceiptChoice, AwaitResend};
use pad::AwaitPinOnPad;
use pin::{AwaitLastTryYes, AwaitPin, AwaitPinVerified, AwaitSignature};
use start::{AwaitCustomer, AwaitOrder, AwaitRepair, AwaitSafe, AwaitStart};
use taking::{AwaitCardTaken, AwaitRetained};

/// Writes the enum over the states.
macro_rules! states {
    ($($state:ident),+ $(,)?) => {
        /// One of the states.
        #[expect(clippy::enum_variant_names, reason = "a state is named by what it awaits")]
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        pub(crate) enum State {
            $($state($state)),+
        }

        $(impl From<$state> for State {
            fn from(state: $state) -> Self {
                Self::$state(state)
            }
        })+

        impl State {
            /// The name of the state's struct.
            pub(crate) fn name(&self) -> &'static str {
                match self {
                    $(Self::$state(_) => stringify!($state)),+
                }
            }
        }

        impl State {
            /// Hands the event to the state that is.
            pub(crate) fn on(self, event: Event, cx: &mut Cx) -> Next {
                match self {
                    $(Self::$state(state) => state.on(event, cx)),+
                }
            }
        }
    };
}

states! {
    AwaitStart,
    AwaitSafe,
    AwaitRepair,
    AwaitOrder,
    AwaitCustomer,
    AwaitChallenge,
    AwaitConsent,
    AwaitCard,
    AwaitCardUnit,
    AwaitCardRead,
    AwaitPrepared,
    AwaitLastTryYes,
    AwaitPin,
    AwaitPinVerified,
    AwaitPinOnPad,
    AwaitSignature,
    AwaitHostDecision,
    AwaitResend,
    AwaitReceiptChoice,
    AwaitPrinted,
    AwaitNoticeRead,
    AwaitCardTaken,
    AwaitRetained,
}

impl State {
    /// The state of a new machine.
    pub(crate) fn first() -> Self {
        AwaitStart.into()
    }
}
