//! How a cluster is: one [`View`] of its groups, machines, nodes, pods and budgets.

mod view;

pub use view::{
    CapacityFailure, CapacityReason, ControlPlane, Group, GroupRole, Lifecycle, Machine, Member, Probe, View,
};
