//! How a cluster is: one [`View`] of its groups, machines, nodes, pods and budgets.

mod etcd;
mod validate;
mod view;

pub use etcd::{EtcdMember, EtcdStatus, read as read_etcd};
pub(crate) use validate::add;
pub use validate::{Expectation, Finding, Severity, findings};
pub use view::{
    CapacityFailure, CapacityReason, ControlPlane, Group, GroupRole, Lifecycle, Machine, Member, Probe, View,
};
