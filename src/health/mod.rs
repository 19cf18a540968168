//! How a cluster is: one [`View`] of its groups, machines, nodes, pods and budgets.

mod etcd;
mod view;

pub use etcd::{EtcdMember, EtcdStatus, read as read_etcd};
pub use view::{
    CapacityFailure, CapacityReason, ControlPlane, Group, GroupRole, Lifecycle, Machine, Member, Probe, View,
};
