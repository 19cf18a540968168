//! The integration tests: one binary, because each file directly under `tests/` would link the whole AWS SDK again.

mod boot;
mod bootstrap;
mod boto3;
mod budgets;
mod canary;
mod certs;
mod command_line;
mod conformance;
mod conformance_compute;
mod conformance_network;
mod conformance_services;
mod etcd;
mod kubeconfig;
mod lifecycle;
mod moto;
mod moto_lifecycle;
mod roll;
mod runs;
mod sandbox_addons;
mod secrets;
mod served;
mod soak;
mod state;
mod support;
mod world;
