//! Card units.

mod clock;
mod omron;
mod pcsc;
mod pcsc_fault;
mod pcsc_pad;
mod pcsc_session;
mod pcsc_watch;
mod socket_check;
mod worker;

pub use omron::{AfterPowerFailure, OmronConfig, OmronUnit, Pace, answers_in};
pub use pcsc::{PcscConfig, PcscUnit, reader_names};
pub use socket_check::{SocketCheck, pcscd_socket};

/// What faults of this folder call their device.
const DEVICE: &str = "card unit";
