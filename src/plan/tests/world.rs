//! A small world: what is desired, what exists, what is recorded; and an apply that only moves values in memory, but
//! refuses what AWS would refuse.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::name::ClusterName;
use crate::plan::{Act, Inputs, Plan, Purpose, Refusal, claims, plan};
use crate::resource::{
    Address, Attributes, Found, Kind, Observed, Placement, Readiness, Reference, Resource, attribute,
};
use crate::state::{ClusterRecord, Intent, IntentKind, JournalLine, Records, ResourceRecord};

/// The cluster's uid.
pub(super) const UID: &str = "0123456789abcdef0123456789abcdef";
const ACCOUNT: &str = "123456789012";
const REGION: &str = "eu-west-3";

/// Desired, observed, recorded.
#[derive(Clone, Default)]
pub(super) struct World {
    pub(super) desired: BTreeMap<Address, Resource>,
    pub(super) observed: Observed,
    pub(super) records: Records,
    made: u32,
}

impl World {
    /// Nothing exists yet; the first apply has written the cluster's record.
    pub(super) fn new(desired: BTreeMap<Address, Resource>) -> Self {
        let mut world = Self { desired, ..Self::default() };
        world.records.cluster = Some(ClusterRecord {
            name: cluster(),
            uid: UID.to_owned(),
            account: ACCOUNT.to_owned(),
            region: REGION.to_owned(),
            config: None,
            plan: None,
        });
        world
    }

    /// Everything desired exists and is recorded.
    pub(super) fn applied(desired: BTreeMap<Address, Resource>) -> Self {
        let mut world = Self::new(desired);
        let plan = world.plan().expect("a first plan");
        world.apply(&plan);
        world
    }

    pub(super) fn plan(&self) -> Result<Plan, Refusal> {
        self.plan_for(Purpose::Apply, &self.desired)
    }

    pub(super) fn destroy(&self) -> Result<Plan, Refusal> {
        self.plan_for(Purpose::Destroy, &BTreeMap::new())
    }

    fn plan_for(&self, purpose: Purpose, desired: &BTreeMap<Address, Resource>) -> Result<Plan, Refusal> {
        plan(&Inputs {
            cluster: &cluster(),
            account: ACCOUNT,
            region: REGION,
            uid: Some(UID),
            purpose,
            desired,
            observed: &self.observed,
            records: &self.records,
            config: None,
        })
    }

    /// The one found at an address.
    pub(super) fn found(&mut self, address: &str) -> &mut Found {
        let address: Address = address.parse().expect("an address");
        self.observed.found.iter_mut().find(|found| found.address == address).expect("it exists")
    }

    pub(super) fn vanish(&mut self, address: &str) {
        let address: Address = address.parse().expect("an address");
        self.observed.found.retain(|found| found.address != address);
    }

    pub(super) fn forget(&mut self, address: &str) {
        self.records.resources.remove(&address.parse::<Address>().expect("an address"));
    }

    pub(super) fn unwant(&mut self, address: &str) {
        self.desired.remove(&address.parse::<Address>().expect("an address"));
    }

    pub(super) fn want(&mut self, address: &str) -> &mut Resource {
        self.desired.get_mut(&address.parse::<Address>().expect("an address")).expect("it is desired")
    }

    /// What a run that died had begun.
    pub(super) fn begin(&mut self, address: &str, operation: IntentKind, generation: u32, resource: Option<Resource>) {
        let intent = Intent {
            address: address.parse().expect("an address"),
            operation,
            generation,
            token: None,
            id: None,
            resource,
            at: Timestamp::UNIX_EPOCH,
        };
        self.records.open_journals.entry(String::from("run-1")).or_default().push(JournalLine::Intent(intent));
    }

    /// Does what the plan says, wave by wave; panics where AWS would refuse.
    pub(super) fn apply(&mut self, plan: &Plan) {
        for wave in &plan.waves {
            // Of a wave nothing may depend on anything else of it, so all see the world as it was before.
            let before = self.observed.clone();
            for operation in wave {
                self.operate(&before, &operation.address, &operation.act);
            }
        }
        self.records.open_journals.clear();
        self.observed.found.sort_by(|one, other| (&one.address, &one.id).cmp(&(&other.address, &other.id)));
    }

    fn operate(&mut self, before: &Observed, address: &Address, act: &Act) {
        match act {
            Act::Create { resource, generation } => {
                assert_references_exist(before, address, resource);
                for found in &before.found {
                    let free = found.address != *address && !claims::collide(&found.resource, resource);
                    assert!(free, "{address} is created while {} ({}) stands in its way", found.address, found.id);
                }
                let retired = self.records.retired.get(address).copied().unwrap_or(0);
                assert!(*generation > retired, "{address}: generation {generation} was used before");
                self.made += 1;
                let id = format!("{}-{:04}", address.kind(), self.made);
                let found = Found {
                    address: address.clone(),
                    id: id.clone(),
                    uid: tagged(address.kind()).then(|| UID.to_owned()),
                    generation: if tagged(address.kind()) { *generation } else { 1 },
                    resource: as_observed(before, resource),
                    attributes: attributes(address.kind(), self.made),
                    readiness: Readiness::Ready,
                };
                self.observed.found.push(found);
                self.record(address, id, *generation, (**resource).clone());
            }
            Act::Update { found, resource } => {
                assert_references_exist(before, address, resource);
                let observed = as_observed(before, resource);
                let it = self.observed.found.iter_mut().find(|it| it.id == found.id && it.address == *address);
                it.expect("what is updated exists").resource = observed;
                self.record(address, found.id.clone(), found.generation, (**resource).clone());
            }
            Act::Delete { found } => {
                self.remove(before, found);
                let generation = self.records.resources.remove(address).map_or(1, |record| record.generation);
                let retired = self.records.retired.entry(address.clone()).or_default();
                *retired = (*retired).max(generation).max(found.generation);
            }
            Act::Discard { found } => self.remove(before, found),
            Act::Adopt { found, resource } => {
                self.record(address, found.id.clone(), found.generation, (**resource).clone());
            }
            Act::Forget => {
                let record = self.records.resources.remove(address).expect("only what is recorded is forgotten");
                self.records.retired.insert(address.clone(), record.generation);
            }
        }
    }

    fn record(&mut self, address: &Address, id: String, generation: u32, applied: Resource) {
        let record = ResourceRecord {
            address: address.clone(),
            id,
            generation,
            token: None,
            applied,
            attributes: Attributes::new(),
            run: String::from("run-0"),
            made: None,
            settling: false,
        };
        self.records.resources.insert(address.clone(), record);
    }

    fn remove(&mut self, before: &Observed, gone: &Found) {
        let twins = before.found.iter().filter(|found| found.address == gone.address).count();
        for found in before.found.iter().filter(|found| found.address != gone.address) {
            // References go to addresses: with a duplicate nobody can say which of the two is meant.
            let holds = twins == 1 && blocks(found, &gone.address, before);
            assert!(!holds, "{} is deleted while {} holds on to it", gone.address, found.address);
        }
        let count = self.observed.found.len();
        self.observed.found.retain(|found| !(found.id == gone.id && found.address == gone.address));
        assert_eq!(self.observed.found.len() + 1, count, "{} {} does not exist", gone.address, gone.id);
        if gone.address.kind() == Kind::SecurityGroup {
            // The list of a group's rules, empty by now, ends with the group.
            let rules = Address::new(Kind::SecurityGroupRules, gone.address.name());
            self.observed.found.retain(|found| found.address != rules);
        }
    }
}

pub(super) fn cluster() -> ClusterName {
    "one.k8s.foo.bar".parse().expect("a cluster name")
}

/// Whether AWS refuses to delete what `holder` refers to. Written down here once more, apart from the plan's own table.
fn blocks(holder: &Found, target: &Address, world: &Observed) -> bool {
    let reference = Reference::Address(target.clone());
    match &holder.resource {
        Resource::LaunchTemplate(_) | Resource::RecordSet(_) => false,
        Resource::RouteTable(it) => it.vpc == reference,
        Resource::SecurityGroupRules(it) if it.ingress.is_empty() && it.egress.is_empty() => false,
        Resource::AutoScalingGroup(it) => {
            let in_subnet = matches!(&it.placement, Placement::Subnets(subnets) if subnets.contains(&reference));
            let template = world.found.iter().find(|found| it.launch_template.address() == Some(&found.address));
            let on_interface = template.is_some_and(|template| match &template.resource {
                Resource::LaunchTemplate(template) => crate::plan::cascade::network(template).contains(&&reference),
                _ => false,
            });
            in_subnet || on_interface
        }
        resource => resource.references().contains(&&reference),
    }
}

fn assert_references_exist(before: &Observed, address: &Address, resource: &Resource) {
    for to in resource.references().into_iter().filter_map(Reference::address) {
        assert!(
            before.found.iter().any(|found| found.address == *to),
            "{address} refers to {to}, which does not exist"
        );
    }
}

const fn tagged(kind: Kind) -> bool {
    !matches!(kind, Kind::SecurityGroupRules | Kind::ScheduledAction | Kind::RecordSet)
}

/// What AWS shows of it: its own choices filled in.
fn as_observed(before: &Observed, resource: &Resource) -> Resource {
    let mut resource = resource.clone();
    match &mut resource {
        Resource::NetworkInterface(it) => {
            it.private_address.get_or_insert(std::net::Ipv4Addr::new(10, 0, 0, 77));
        }
        Resource::Volume(it) => {
            it.iops.get_or_insert(3000);
            it.throughput.get_or_insert(125);
            it.kms_key = Some(String::from("arn:aws:kms:eu-west-3:123456789012:key/1"));
        }
        Resource::RecordSet(it) => {
            for interface in std::mem::take(&mut it.addresses) {
                let found = before.found.iter().find(|found| interface.address() == Some(&found.address));
                let address = found.and_then(|found| found.attributes.get(attribute::PRIVATE_ADDRESS));
                it.values.extend(address.cloned());
            }
            it.values.sort();
        }
        _ => {}
    }
    resource
}

fn attributes(kind: Kind, number: u32) -> Attributes {
    match kind {
        Kind::NetworkInterface => {
            Attributes::from([(attribute::PRIVATE_ADDRESS.to_owned(), format!("10.0.0.{number}"))])
        }
        _ => Attributes::new(),
    }
}
