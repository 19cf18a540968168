//! windlass manages the whole life of self-managed Kubernetes clusters on AWS.
//!
//! The modules in the order in which work flows; each uses what stands above it, never what stands below:
//!
//! | module | what it does |
//! |---|---|
//! | [`problem`], [`exit`], [`clock`], [`duration`], [`cron`], [`name`], [`file`](mod@file), [`mix`], [`fault`], [`planted`] | a mistake at a place in a file; the exit-code table; the one clock; spans of time in words; times of the week; names; files of people, read within bounds; numbers that look random; what goes wrong on purpose; mistakes that tests must notice |
//! | [`private`] | files and folders for their owner only |
//! | [`secret`] | bytes that cannot be printed, and how they are sealed for git |
//! | [`render`] | templates, snippets and vars → YAML text, with provenance |
//! | [`spec`] | YAML text → typed cluster, checked |
//! | [`pki`] | authorities, issuing, inspection, renewal and rotation, kubeconfigs |
//! | [`resource`] | the vocabulary: one file per kind of AWS object, pure data |
//! | [`desired`] | specification → the resources that should exist |
//! | [`state`] | the state branch in git: records, lock, journal |
//! | [`plan`] | desired × observed × recorded → [`plan::Plan`] |
//! | [`aws`] | the only code that calls AWS |
//! | [`kubernetes`] | the only code that calls Kubernetes |
//! | [`health`] | how a cluster is: groups, machines, nodes, pods and budgets at one moment |
//! | [`install`] | makes a cluster's add-ons what they should be: inventories, differences, health, the installation |
//! | [`roll`] | replaces machines: a pure decision, and the runner that does what it says |
//! | [`capacity`] | how machines are spread, which group takes over from which, what the autoscaler is told |
//! | [`upgrade`] | guardrails: versions, removed APIs, add-ons, machines that a change leaves behind |
//! | [`addon`] | what is installed into a cluster: rendered, checked, in the order in which it is applied |
//! | [`live`] | what endpoints present on the network: their TLS certificates |
//! | [`apply`] | runs a plan: waves, journal, waits, events |
//! | [`sandbox`] | an AWS in this process, underneath the real SDK |
//! | [`ui`] | everything that the user sees |
//! | [`cli`] | one file per command |

#[cfg(test)]
#[macro_use]
mod telling;

pub mod addon;
pub mod apply;
pub mod aws;
pub mod capacity;
pub mod cli;
pub mod clock;
pub mod cron;
pub mod desired;
pub mod duration;
pub mod exit;
pub mod fault;
pub mod file;
#[doc(hidden)]
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
pub mod health;
pub mod install;
pub mod kubernetes;
pub mod live;
pub mod mix;
pub mod name;
pub mod pki;
pub mod plan;
pub mod planted;
pub mod private;
pub mod problem;
pub mod render;
pub mod resource;
pub mod roll;
pub mod sandbox;
pub mod secret;
pub mod spec;
pub mod state;
pub mod ui;
pub mod upgrade;
