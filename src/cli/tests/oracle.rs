//! What must hold after every case, whatever went wrong in it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::account::{Account, Ran};
use crate::exit::Exit;
use crate::sandbox::autoscaling::Lifecycle;

/// Tag of everything that windlass makes: which thing of the manifests it is.
pub const ADDRESS: &str = "windlass.dev/address";

/// How many live objects there are of each thing. Two clusters that were made from the same manifests have the same,
/// whatever happened on the way; a duplicate, an orphan or a missing one shows.
pub type Inventory = BTreeMap<String, usize>;

/// Counts what is live, but for what comes and goes with machines.
pub fn inventory(account: &Account) -> Inventory {
    let mut inventory = Inventory::new();
    for (key, object) in account.live() {
        let (kind, _) = kind_and_id(&key);
        let address = object["tags"][ADDRESS].as_str();
        let belongs_to_a_machine = match kind {
            "ec2/instance" => true,
            "ec2/volume" | "ec2/network-interface" => address.is_none(),
            "ssm/parameter" => key.ends_with("/join") || key.contains("/status/"),
            _ => false,
        };
        if !belongs_to_a_machine {
            // What has neither, such as a main route table, is told by its number alone.
            let name = address.or(object["tags"]["Name"].as_str()).or(object["name"].as_str());
            *inventory.entry(format!("{kind} {}", name.unwrap_or("without a name"))).or_default() += 1;
        }
    }
    inventory
}

/// `ec2/vpc` and `vpc-1` of `ec2/vpc/vpc-1`.
pub fn kind_and_id(key: &str) -> (&str, &str) {
    let second = key.match_indices('/').nth(1).map_or(key.len(), |(at, _)| at);
    (&key[..second], key.get(second + 1..).unwrap_or_default())
}

/// What a cluster is measured by.
#[derive(Clone, Debug)]
pub struct Expected {
    /// The account before there was a cluster.
    pub empty: BTreeMap<String, Value>,
    /// What there is when the command was never disturbed.
    pub inventory: Inventory,
}

/// Checks an account in which the command has come to its end at last. Says what is wrong.
pub fn check(account: &mut Account, expected: &Expected) -> Result<(), String> {
    same("the account holds something else than after an undisturbed run", &inventory(account), &expected.inventory)?;
    if expected.is_gone() {
        return gone(account, expected);
    }
    staffed(account)?;
    let again = account.run("apply CLUSTER --yes");
    must_end(&again, Exit::Done)?;
    if again.changes() > 0 || !again.text.contains("Nothing to do") {
        return Err(format!("another apply changes {} things\n{}", again.changes(), again.text));
    }
    sound(account)?;
    trusted(account)?;
    must_end(&account.run("destroy CLUSTER --yes"), Exit::Done)?;
    gone(account, expected)
}

/// Who says that it is done has waited for the machines.
fn staffed(account: &Account) -> Result<(), String> {
    for group in account.world.autoscaling.groups.values() {
        let at_work = group.members.values().filter(|member| member.lifecycle == Lifecycle::InService).count();
        if u32::try_from(at_work).is_ok_and(|count| count < group.desired) {
            return Err(format!("{} has {at_work} of {} instances in service", group.name, group.desired));
        }
    }
    Ok(())
}

fn gone(account: &mut Account, expected: &Expected) -> Result<(), String> {
    let (left, before) = (account.live(), &expected.empty);
    for (key, object) in &left {
        match before.get(key) {
            None => return Err(format!("{key} is left: {object}")),
            Some(was) if was != object => return Err(format!("{key} was\n{was}\nand is\n{object}")),
            Some(_) => {}
        }
    }
    if let Some(missing) = before.keys().find(|key| !left.contains_key(*key)) {
        return Err(format!("{missing}, which is not ours, is gone"));
    }
    sound(account)
}

/// Hours later, when members have fetched what changed: each presents a certificate of what all trust.
fn trusted(account: &mut Account) -> Result<(), String> {
    account.later(2 * 3600);
    must_end(&account.run("certs check CLUSTER --fail-under 1d"), Exit::Done)
}

fn sound(account: &mut Account) -> Result<(), String> {
    must_end(&account.run("state fsck CLUSTER"), Exit::Done)
}

/// Nothing that a process said may hold a private key.
pub fn tells_no_secret(ran: &Ran) -> Result<(), String> {
    match ["PRIVATE KEY-----", "AGE-SECRET-KEY-"].iter().find(|secret| ran.text.contains(**secret)) {
        Some(secret) => Err(format!("{secret} is in the output")),
        None => Ok(()),
    }
}

pub fn must_end(ran: &Ran, exit: Exit) -> Result<(), String> {
    tells_no_secret(ran)?;
    if ran.exit == Some(exit) { Ok(()) } else { Err(format!("{:?} instead of {exit:?}:\n{}", ran.exit, ran.text)) }
}

fn same(what: &str, found: &Inventory, expected: &Inventory) -> Result<(), String> {
    let mut lines = Vec::new();
    for name in found.keys().chain(expected.keys().filter(|name| !found.contains_key(*name))) {
        let (found, expected) = (found.get(name).unwrap_or(&0), expected.get(name).unwrap_or(&0));
        if found != expected {
            lines.push(format!("  {name}: {found} instead of {expected}"));
        }
    }
    if lines.is_empty() { Ok(()) } else { Err(format!("{what}:\n{}", lines.join("\n"))) }
}

impl Expected {
    /// Whether nothing of the cluster is to be left.
    fn is_gone(&self) -> bool {
        !self.inventory.keys().any(|name| name.starts_with("autoscaling/group"))
    }
}
