//! The three views of the same rows.
