//! Card units.
