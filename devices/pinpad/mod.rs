//! PIN pads.
