//! The clusters of the example fleet against the sandbox: made wave by wave, seen with nothing left to plan, unmade with
//! nothing left behind. What `apply` adds (journal, events, recovery) is tested there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use super::{UID, start};
use crate::apply::{InterfaceFacts, Vault};
use crate::aws::{
    Aws, Calls, Fence, Identity, Ids, LeftoverKind, Made, ParameterValue, PublicCertificate, Scope, Settings, Wanted,
    WantedZone, Zones, create, create_parameter, delete, discover, facts, leftovers, readiness, sweep, update,
};
use crate::clock::Clock;
use crate::desired::desired;
use crate::name::ClusterName;
use crate::pki::{Authority, AuthorityName, Ends, ServiceAccountKey, encryption};
use crate::plan::{Act, Inputs, Operation, Plan, Purpose, plan};
use crate::resource::{
    Address, CertificateRequest, Content, Kind, Observed, Parameter, Readiness, Resource, attribute,
};
use crate::sandbox::seed::Seed;
use crate::sandbox::{Sandbox, World};
use crate::spec::{KeyAlgorithm, Specification, Vpc};
use crate::state::{ClusterRecord, Records, ResourceRecord};

/// One cluster of the example fleet, and what a run knows of it.
struct Fleet {
    aws: Aws,
    sandbox: Sandbox,
    cluster: ClusterName,
    specification: Specification,
    records: Records,
    ids: Ids,
    vault: Vault,
}

impl Fleet {
    async fn open(cluster: &str) -> Self {
        let project = crate::render::Project::open(Path::new(env!("CARGO_MANIFEST_DIR"))).expect("a project");
        let cluster: ClusterName = cluster.parse().expect("a cluster name");
        let rendered = crate::render::render(&project, &cluster).expect("it renders");
        let specification = crate::spec::read(&rendered).expect("it is valid");
        let clock = Clock::starting_at(start());
        let sandbox = Sandbox::in_memory(clock, World::from_seed(&Seed::example(), start()));
        let aws = connect(&sandbox, clock).await;
        let vault = vault(&cluster);
        Self { aws, sandbox, cluster, specification, records: Records::default(), ids: Ids::default(), vault }
    }

    fn wanted(&self) -> Wanted {
        let spec = &self.specification.cluster.spec;
        let groups = self.specification.node_groups.iter().map(|group| self.specification.image(group));
        Wanted {
            known_images: Vec::new(),
            zones: match self.records.resources.values().filter_map(zone).collect::<BTreeSet<String>>() {
                none if none.is_empty() => Zones::Listed,
                some => Zones::Known(some),
            },
            hosted_zone: Some(WantedZone { name: spec.dns.zone.to_string(), private: spec.dns.private }),
            images: groups.chain([&spec.control_plane.image]).map(ToString::to_string).collect(),
            network: match &spec.network.vpc {
                Vpc::Id(id) => Some(id.to_string()),
                Vpc::Cidr(_) => None,
            },
        }
    }

    /// Reads the world and plans, as a run of `plan` does; gives the calls that it took.
    async fn plan(&self, purpose: Purpose) -> (Plan, Observed, Calls) {
        let before = self.aws.calls().total();
        let facts = facts(&self.aws, &self.wanted()).await.expect("facts");
        let everything = match purpose {
            Purpose::Apply => desired(&self.specification, &facts).map(|(all, _)| all).expect("it can be desired"),
            Purpose::Destroy => BTreeMap::new(),
        };
        let recorded = self.records.resources.iter();
        let applied = recorded.clone().map(|(address, record)| (address.clone(), record.applied.clone()));
        let scope = Scope {
            uid: Some(UID.into()),
            resources: applied.clone().chain(everything.clone()).collect(),
            applied: applied.collect(),
            attributes: recorded
                .clone()
                .map(|(address, record)| (address.clone(), record.attributes.clone()))
                .collect(),
            ids: recorded.map(|(address, record)| (address.clone(), record.id.clone())).collect(),
            ..Scope::new(self.cluster.clone())
        };
        let observed = discover(&self.aws, &scope).await.expect("discovery");
        let calls = self.aws.calls().since(before);
        let inputs = Inputs {
            cluster: &self.cluster,
            account: &facts.account,
            region: &facts.region,
            uid: Some(UID),
            purpose,
            desired: &everything,
            observed: &observed,
            records: &self.records,
            config: None,
        };
        (plan(&inputs).expect("it can be planned"), observed, calls)
    }

    fn identity(&self, address: &Address, generation: u32) -> Identity {
        Identity {
            cluster: self.cluster.clone(),
            uid: UID.into(),
            address: address.clone(),
            generation,
            earlier_intent: None,
        }
    }

    async fn run(&mut self, plan: &Plan) {
        for wave in &plan.waves {
            for operation in wave {
                self.step(operation).await;
            }
            let addresses: Vec<&Address> = wave.iter().map(|operation| &operation.address).collect();
            self.wait(&addresses).await;
        }
    }

    async fn step(&mut self, operation: &Operation) {
        let address = &operation.address;
        match &operation.act {
            Act::Create { resource, generation } => {
                let identity = self.identity(address, *generation);
                let made = match resource.as_ref() {
                    Resource::Parameter(it) => {
                        let value = self.value(it);
                        create_parameter(&self.aws, &identity, it, &value).await
                    }
                    resource => create(&self.aws, &identity, resource, &self.ids).await,
                };
                let made = made.unwrap_or_else(|error| panic!("{address}: {error}"));
                self.ids.insert_made(address.clone(), &made, self.aws.clock().now());
                self.record(address, made, *generation, resource);
            }
            Act::Update { found, resource } => {
                let identity = self.identity(address, found.generation);
                let outcome = update(&self.aws, found, resource, &identity, &self.ids).await;
                let attributes = outcome.unwrap_or_else(|error| panic!("{address}: {error}"));
                self.record(address, Made { id: found.id.clone(), attributes }, found.generation, resource);
            }
            Act::Delete { found } => {
                delete(&self.aws, found).await.unwrap_or_else(|error| panic!("{address}: {error}"));
                self.records.resources.remove(address);
            }
            other => panic!("{address}: nothing else is planned here, but {other:?}"),
        }
    }

    fn value(&self, parameter: &Parameter) -> ParameterValue {
        let interface = match &parameter.content {
            Content::Certificate(CertificateRequest { interface: Some(interface), .. }) => {
                let fact = |key| self.ids.attribute(interface, key).expect("the interface is there");
                let address = fact(attribute::PRIVATE_ADDRESS).parse().expect("an address");
                Some(InterfaceFacts { address, name: fact(attribute::PRIVATE_NAME) })
            }
            _ => None,
        };
        let filled = self.vault.fill(parameter, interface.as_ref(), self.aws.clock().now()).expect("it is filled");
        let certificate = filled.certificate.map(|it| PublicCertificate { pem: it.pem(), serial: it.serial });
        ParameterValue { text: filled.value, certificate }
    }

    fn record(&mut self, address: &Address, made: Made, generation: u32, applied: &Resource) {
        let record = ResourceRecord {
            address: address.clone(),
            id: made.id,
            generation,
            token: None,
            applied: applied.clone(),
            attributes: made.attributes,
            run: String::from("run"),
            made: None,
            settling: false,
        };
        self.records.resources.insert(address.clone(), record);
    }

    /// Waits until everything of a wave that still exists is ready, and everything that was deleted is gone.
    async fn wait(&self, wave: &[&Address]) {
        let mut by_kind: BTreeMap<Kind, Vec<String>> = BTreeMap::new();
        for address in wave {
            if let Ok(id) = self.ids.id(&(*address).clone().into()) {
                by_kind.entry(address.kind()).or_default().push(id);
            }
        }
        for (kind, ids) in by_kind {
            let mut pending = BTreeMap::new();
            for _ in 0..400 {
                let seen = readiness(&self.aws, kind, &ids).await.expect("the state can be read");
                pending = seen.into_iter().filter(|(_, it)| matches!(it, Readiness::Pending(_))).collect();
                if pending.is_empty() {
                    break;
                }
                self.aws.clock().sleep(Duration::from_secs(5)).await;
            }
            assert!(pending.is_empty(), "{kind} is never ready: {pending:?}");
        }
    }

    /// Makes the cluster, plans again without a change, and unmakes it.
    async fn lifecycle(&mut self) -> Calls {
        let before = self.sandbox.with_world(|world| world.live()).expect("a world in memory");
        let (creation, ..) = self.plan(Purpose::Apply).await;
        self.run(&creation).await;
        self.records.cluster = Some(ClusterRecord {
            name: self.cluster.clone(),
            uid: UID.into(),
            account: creation.account.clone(),
            region: creation.region.clone(),
            config: None,
            plan: None,
        });
        // As another process would: who calls is not known yet.
        self.aws = connect(&self.sandbox, self.aws.clock()).await;
        let (again, observed, calls) = self.plan(Purpose::Apply).await;
        let changes: Vec<String> = again.changes.iter().map(|change| format!("{change:?}")).collect();
        assert!(again.is_empty(), "a second plan finds {changes:#?}");
        assert_eq!(observed.clashes, []);
        assert_eq!(observed.found.len(), self.records.resources.len());

        self.ids = Ids::observed(&observed);
        let (destruction, ..) = self.plan(Purpose::Destroy).await;
        self.run(&destruction).await;
        // What the members wrote.
        let scope = Scope { uid: Some(UID.into()), ..Scope::new(self.cluster.clone()) };
        let left = leftovers(&self.aws, &scope).await.expect("leftovers");
        assert!(left.iter().all(|it| it.kind == LeftoverKind::Parameter), "{left:?}");
        assert_eq!(sweep(&self.aws, &left, &|_| ()).await.expect("a sweep").len(), 0);
        self.aws.clock().sleep(Duration::from_secs(2 * 3600)).await;
        let after = self.sandbox.with_world(|world| world.live()).expect("a world in memory");
        assert_eq!(after, before);
        calls
    }
}

async fn connect(sandbox: &Sandbox, clock: Clock) -> Aws {
    let settings = Settings { http_client: Some(sandbox.http_client()), ..Settings::new("eu-west-3", clock) };
    let aws = Aws::connect(settings).await;
    aws.hold(Fence::open());
    aws
}

/// Keys as a first apply makes them: machines boot with what is in the parameters.
fn vault(cluster: &ClusterName) -> Vault {
    let mut vault = Vault::default();
    for name in AuthorityName::ALL {
        let ends = Ends::issued_at(start(), 10 * 365 * 86_400);
        let authority = Authority::create(name, cluster, 1, KeyAlgorithm::EcdsaP256, ends).expect("an authority");
        vault.authorities.insert((name, 1), authority);
    }
    vault.service_accounts.insert(1, ServiceAccountKey::generate(KeyAlgorithm::EcdsaP256).expect("a key"));
    vault.encryption.insert(1, encryption::generate().expect("a key"));
    vault
}

/// The zone of a recorded subnet.
fn zone(record: &ResourceRecord) -> Option<String> {
    match &record.applied {
        Resource::Subnet(subnet) => Some(subnet.zone.clone()),
        _ => None,
    }
}

#[tokio::test(start_paused = true)]
async fn a_cluster_with_its_own_network() {
    let mut fleet = Fleet::open("prod-customer.k8s.foo.bar").await;
    let calls = fleet.lifecycle().await;
    assert!(calls.total() <= 26, "{} calls: {:?}", calls.total(), calls.by_operation());
    assert!(calls.depth() <= 3, "{} deep: {calls:?}", calls.depth());
    assert_eq!(calls.changes(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_cluster_in_an_existing_network() {
    Fleet::open("prod-video.k8s.foo.bar").await.lifecycle().await;
}

#[tokio::test(start_paused = true)]
async fn a_small_cluster() {
    Fleet::open("staging-customer.k8s.foo.bar").await.lifecycle().await;
}
