//! The only code that calls AWS: one file per kind, the twin of the kind in [`crate::resource`].
//!
//! [`connect`](Aws::connect) gives an [`Aws`]; [`facts()`], [`discover()`] and [`readiness`] read; [`create`], [`update`]
//! and [`delete`] change one object each, and may be repeated after a crash. Underneath the SDK sits the gate:
//! rate limits, concurrency, the lease, the count of calls. Above it sits `call`: which failures are tried again, and
//! for how long. [`leftovers()`] and [`sweep`] care for what Kubernetes made in a cluster. Nothing here decides what
//! should exist.

mod activities;
mod auto_scaling_group;
mod balancing;
mod call;
mod calls;
mod connect;
mod console;
mod discover;
mod dispatch;
mod elastic_ip;
mod error;
mod facts;
mod failure;
mod fence;
mod gate;
mod group_change;
mod groups_view;
mod holders;
mod identity;
mod ids;
mod instance_profile;
mod instances;
mod internet_gateway;
mod launch_template;
mod leftovers;
mod limits;
mod listener;
mod load_balancer;
mod named;
mod nat_gateway;
mod network_interface;
mod offerings;
mod pages;
mod parameter;
pub mod permission;
mod record_set;
mod role;
mod route_table;
mod run_command;
mod scheduled_action;
mod security_group;
mod security_group_rules;
mod settle;
mod snapshots;
mod subnet;
mod tags;
mod target_group;
mod target_health;
mod values;
mod volume;
mod vpc;

pub use activities::{Activity, ActivityKind, ActivityState, activities, capacity_failures, classify};
pub use calls::{CallRecord, Calls};
pub use connect::{Aws, Caller, Settings};
pub use console::console;
pub use discover::{Instances, Scope, discover};
pub use dispatch::{Update, create, delete, machines, readiness, update};
pub use error::{CallError, Denied, Error};
pub use facts::{Wanted, WantedZone, Zones, facts};
pub use failure::Failure;
pub use fence::{Fence, LeaseEnded, NotNow};
pub use group_change::{Bounds, Termination, resize, resume, suspend, terminate};
pub use groups_view::{GroupsWanted, KnownMachines, groups_view};
pub use identity::{Identity, TAG_PREFIX, tag};
pub use ids::{Ids, Made};
pub use leftovers::{Leftover, LeftoverKind, leftovers, made_by_kubernetes, sweep};
pub use limits::{Limits, Rate, Service};
pub use offerings::offerings;
pub use parameter::{ParameterValue, PublicCertificate, create_parameter, update_parameter};
pub use run_command::{Script, ScriptEnd, ScriptRun, run_command};
pub use snapshots::{Snapshot, snapshot, snapshots};
pub use target_health::{TargetHealth, target_health};
pub use values::{parameter_values, secret_values};

#[cfg(test)]
mod tests;
