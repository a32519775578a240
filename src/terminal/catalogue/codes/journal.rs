//! The codes of a damaged journal.

use super::Class::Fault;
use super::Code;
use super::Line::Second;
use super::table::of;

/// A damaged journal is never used and never overwritten.
const SET_ASIDE: &str =
    "The damaged file was set aside and a new one begun. Keep it; see docs/recovering.md.";

/// What this file lists.
pub(super) const JOURNAL: &[Code] = &[
    of(Fault, Second, "journal-empty", "The journal's file is empty.", SET_ASIDE),
    of(Fault, Second, "journal-not-a-database", "The journal's file is not a database.", SET_ASIDE),
    of(Fault, Second, "journal-not-wal", "The journal's header was changed.", SET_ASIDE),
    of(
        Fault,
        Second,
        "journal-rollback-journal",
        "A rollback journal lies beside the journal, which this program never makes.",
        SET_ASIDE,
    ),
    of(
        Fault,
        Second,
        "journal-wal-without-database",
        "There is a write-ahead log and no journal.",
        SET_ASIDE,
    ),
    of(Fault, Second, "journal-wal-broken", "The write-ahead log is broken before its end.", SET_ASIDE),
    of(Fault, Second, "journal-pages-damaged", "Pages of the journal are damaged.", SET_ASIDE),
    of(Fault, Second, "journal-schema-differs", "The tables are not those of a journal.", SET_ASIDE),
    of(
        Fault,
        Second,
        "journal-chain-broken",
        "The device log's chain is broken after the last checkpoint.",
        SET_ASIDE,
    ),
    of(
        Fault,
        Second,
        "journal-checkpoint-differs",
        "The last checkpoint does not fit the device log.",
        SET_ASIDE,
    ),
    of(Fault, Second, "journal-outbox-damaged", "A request without a decision is damaged.", SET_ASIDE),
    of(Fault, Second, "journal-record-damaged", "A record of an open visit is damaged.", SET_ASIDE),
];
