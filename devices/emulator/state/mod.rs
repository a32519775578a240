//! What survives a restart: the card's keys and certificates, minted once, and its PIN counters.

pub(crate) mod pins;
pub(crate) mod store;
