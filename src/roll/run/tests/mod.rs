//! Rolls of whole clusters in the sandbox, through the real clients.

mod faults;
mod stage;
mod watch;
mod worlds;
