//! The integration tests: one binary, because each file directly under `tests/` would link the whole AWS SDK again.

mod command_line;
mod lifecycle;
mod runs;
mod served;
mod state;
mod support;
