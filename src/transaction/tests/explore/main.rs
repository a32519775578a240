//! Exhaustive exploration: the real machine, with a model of everything around it, in every order of events, breadth-first
//! to the end. How to run and read it: docs/testing.md, "Exhaustive exploration".
//!
//! # What may go wrong, and what is assumed not to
//!
//! **Journal.** A commit makes a step's records durable, with all that was noted before. What was only noted may be lost
//! by a crash, or any number of the oldest may be durable already, because the terminal writes them while it waits. What a
//! restart finds is computed from the durable records as the terminal computes it. A commit may fail, and then the records
//! may be durable all the same. The whole journal may be found damaged at a restart: then only the outbox is taken over.
//! Assumed: what is durable stays, and the outbox of a damaged journal can be read.
//!
//! **Process.** It may be killed before a commit, after it with any number of the step's effects done, while it waits, and
//! while it lets a card go after a failure. Then sessions, connections and everything in memory are gone, and a card that
//! had power keeps it, with the PIN verified or not. The service manager starts it again.
//!
//! **Time.** Every deadline that is armed may end at any moment; nothing has to happen before it. Assumed: a deadline that
//! is disarmed does not end any more (the timers are on the machine's own thread).
//!
//! **Network.** Requests and answers are lost, doubled and delayed without limit of number, as long as not more than so
//! many are in flight. Request and question ("what became of it?") are one message here: to the host a question about a
//! request it does not know changes nothing. A decision may arrive after its attempt was given up. Answers do not outlive
//! the process that waits for them; requests do.
//!
//! **Host.** It decides once about each request, in one transaction, and answers the same again; or it cannot decide now,
//! will not, or is silent. It may decide anything that is true of the holder (somebody may have registered elsewhere), but
//! never *registered* for a card that it has registered here before. A crash of it between decision and answer is a lost
//! answer.
//!
//! **Outbox.** As the terminal's thread does it: a pass works on each durable request without a decision, except that of
//! the open visit, one after the other; when some are left there is another pass after a pause. There is one pass at a time;
//! one that is wanted meanwhile follows.
//!
//! **Card and unit.** Cards of several holders, with 0 to 3 tries, or with a mute chip. They are put in and pulled out at
//! any moment, also early, late and while the process is down; a unit that holds a card lets it go only after it was told
//! to. The unit tells a change later than it happens, but before the next one. Chips die, the unit is lost and comes back;
//! then it says what is inside. What it found when it looked may be outdated when the answer is heard. A PIN may be checked
//! and the answer lost. A card that the unit was asked to keep may be kept after the machine has given up waiting.
//! A reader with a pad of its own ends an entry in each of its ways, may say that it presented no PIN though the card has
//! counted, and may be silent. A card's counter may go up by itself.
//! Assumed: the unit does its orders in their order; what it was asked before it was lost, or before it has looked, it does
//! not do afterwards; while it is lost its card has no power; nobody puts a card in while it moves one into the bin; a card
//! that was never read is not held; a PIN that was not checked when the session ended is not checked later, not by a reader
//! either that was given up at its own pad.
//!
//! **Customer and operator.** Every key at every moment, PIN right or wrong, walking away, a second customer. Languages,
//! handset, help, more time, printing, orders and faults reported beside are *side events* and bounded in number, because
//! they multiply everything else; that the operator lets a closed service go on is not bounded.
//!
//! Answers with numbers of the past are not part of these orders: that they change nothing is a law that is asked in every
//! state instead. So what the machine does not hold any more need not be kept.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod coverage;
mod fingerprint;
mod journal;
mod model;
mod moves;
mod proof;
mod scenarios;
mod search;
mod seeded;
mod truth;
mod world;
