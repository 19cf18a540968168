//! What IAM must allow: one table of every operation that windlass calls, and of what IAM asks for each.
//!
//! Three things are made from it and so cannot disagree: the policies for users ([`policy`]), the check before a run
//! ([`check`]), and the test that holds both against the calls of a cluster's whole life. Which operations a piece of work
//! may call stands in [`acts`].
//!
//! Source: Service Authorization Reference, "Actions, resources, and condition keys" of each service.

pub mod acts;
mod check;
pub mod policy;
mod table;
mod target;

use std::collections::BTreeSet;

use super::limits::Service;

pub use check::{Checked, Missing, check};
pub use table::{OPERATIONS, SWEPT};
pub use target::{Backup, Target, Territory};

/// One operation that windlass calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operation {
    /// The service.
    pub service: Service,
    /// Its name in the service's API, `CreateVpc`.
    pub name: &'static str,
    /// What IAM asks for it, all of it.
    pub permissions: &'static [Permission],
}

/// One question that IAM must answer with yes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Permission {
    /// The action, `ec2:CreateVpc`: not always the operation's name.
    pub action: &'static str,
    /// On what.
    pub on: Target,
}

/// The name of an operation: the service tells `DeleteTags` of EC2 from that of Auto Scaling.
pub type Name = (Service, &'static str);

/// All that some operations ask for.
#[must_use]
pub fn permissions(names: impl IntoIterator<Item = Name>) -> BTreeSet<Permission> {
    names.into_iter().filter_map(find).flat_map(|row| row.permissions).copied().collect()
}

/// The row of an operation; `None`: windlass does not know it calls that.
#[must_use]
pub fn find((service, name): (Service, &str)) -> Option<&'static Operation> {
    OPERATIONS.iter().find(|row| row.service == service && row.name == name)
}
