//! State in git, against real repositories: over paths, `file://` and smart HTTP, and without a remote.

mod bench;
mod checkout;
mod corrupt;
mod damage;
mod history;
mod hosts;
mod journal;
mod keys;
mod lock;
mod places;
mod processes;
mod races;
mod requests;
