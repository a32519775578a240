//! A reader with a PIN pad of its own, for tests: a driver that a real `pcscd` loads, with the emulated card inside.
//!
//! It is never shipped. `DEVICENAME` in `reader.conf` is a folder: `persona` in it names the card (`valid` where there is no
//! such file), the card's state and test PKI are kept in it, and `keys` is the socket at which fingers press. With a
//! file `no-pad` in it the reader has no pad, and with a file `absent` its card is not in it at first. One byte is one key:
//!
//! | byte | what happens |
//! |---|---|
//! | `0` to `9` | a digit |
//! | `B`, `C` | the last digit, or all, are taken away |
//! | `E` | enter: the reader presents the PIN, or answers `6403` |
//! | `X` | cancel: `6401` |
//! | `Z` | nothing, for 300 ms |
//! | `R`, `I` | the card is pulled out, or put in, at once |
//! | `r` | the card is pulled out when this key has its turn in an entry |
//! | `H` | the reader hangs, until `U` |
//! | `K` | `pcscd` dies |
//!
//! Keys wait for an entry; what was not used up is forgotten at its end.
//!
//! Invariants:
//! - While the reader waits for a key nothing is locked: a card can be pulled out.
//! - Nothing that a client sends makes `pcscd` fall: every exported function catches panics.

mod abi;
mod order;
mod pad;
mod reader;

pub use order::Order;
