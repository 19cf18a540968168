//! Tests of the whole module: against canned answers ([`canned`]) where it matters what exactly AWS says, and against the
//! sandbox where it matters what becomes of an object.

mod budget;
mod canned;
mod commands;
mod fleet;
mod groups;
mod leftovers;
mod lifecycle;
mod parameters;
mod permission;
mod repeats;
mod services;

use jiff::Timestamp;

use super::{Aws, Fence, Identity, Scope, Settings};
use crate::clock::Clock;
use crate::name::ClusterName;
use crate::resource::Address;
use crate::sandbox::{Sandbox, World};

const UID: &str = "0123456789abcdef0123456789abcdef";

fn cluster() -> ClusterName {
    "a.example.com".parse().expect("a valid name")
}

fn start() -> Timestamp {
    "2026-11-20T12:00:00Z".parse().expect("a date")
}

fn identity(address: &Address) -> Identity {
    Identity { cluster: cluster(), uid: UID.into(), address: address.clone(), generation: 1, earlier_intent: None }
}

fn scope() -> Scope {
    Scope { uid: Some(UID.into()), ..Scope::new(cluster()) }
}

/// A connection to an empty sandboxed account, with a lease that never ends.
async fn sandboxed() -> (Aws, Sandbox) {
    let clock = Clock::starting_at(start());
    let sandbox = Sandbox::in_memory(clock, World::empty("123456789012", "eu-west-3", 1, start()));
    let settings = Settings { http_client: Some(sandbox.http_client()), ..Settings::new("eu-west-3", clock) };
    let aws = Aws::connect(settings).await;
    aws.hold(Fence::open());
    (aws, sandbox)
}
