//! Specification → the resources that should exist. Pure: data in, data out.

mod facts;

pub use facts::{ExistingNetwork, ExistingSubnet, Facts, HostedZone, Image};
