//! Each kind against the sandbox: what is made is what is seen, what is changed is what is seen, and what is deleted is
//! gone.

use super::permission::{noted, restrict};
use super::{identity, sandboxed, scope};
use crate::aws::permission::acts::Act;
use crate::aws::{Aws, Ids, create, delete, discover, readiness, update};
use crate::resource::{
    Address, ElasticIp, Found, InternetGateway, Kind, NatGateway, NetworkInterface, Peer, Readiness, Reference,
    Resource, Route, RouteTable, RouteTarget, Rule, SecurityGroup, SecurityGroupRules, Subnet, Tags, Volume, Vpc,
};

/// Objects of one test, made one after the other.
struct Stage {
    aws: Aws,
    ids: Ids,
}

impl Stage {
    async fn new() -> Self {
        let (aws, sandbox) = sandboxed().await;
        restrict(&sandbox);
        Self { aws, ids: Ids::default() }
    }

    async fn make(&mut self, address: &str, resource: impl Into<Resource>) -> Address {
        let address: Address = address.parse().expect("a valid address");
        let resource = resource.into();
        let who = identity(&address);
        let make = create(&self.aws, &who, &resource, &self.ids);
        let made = noted(&self.aws, (address.kind(), Act::Create), make).await.expect("it is made");
        self.ids.insert_made(address.clone(), &made, self.aws.clock().now());
        address
    }

    async fn see(&self, address: &Address) -> Option<Found> {
        let observed = discover(&self.aws, &scope()).await.expect("discovery works");
        let mut all = observed.found.into_iter().filter(|found| found.address == *address);
        let found = all.next();
        assert_eq!(all.next(), None, "there are two of {address}");
        found
    }

    /// Makes it, sees it, makes it again without a second one, changes it, sees the change, deletes it, sees nothing.
    async fn lifecycle(&mut self, address: &str, first: impl Into<Resource>, second: impl Into<Resource>) {
        let (first, second) = (first.into(), second.into());
        let address = self.make(address, first.clone()).await;
        self.wait(&address).await;
        let found = self.see(&address).await.expect("it is seen");
        assert_eq!(found.resource, first);
        assert_eq!((found.uid.as_deref(), found.generation), (Some(super::UID), 1));

        let who = identity(&address);
        let change = update(&self.aws, &found, &second, &who, &self.ids);
        noted(&self.aws, (address.kind(), Act::Update), change).await.expect("it can be changed");
        let found = self.see(&address).await.expect("it is still seen");
        assert_eq!(found.resource, second);
        let before = self.aws.calls().total();
        update(&self.aws, &found, &second, &who, &self.ids).await.expect("nothing is to do");
        assert_eq!(self.aws.calls().since(before).changes(), 0, "an update without a difference changes nothing");

        let end = delete(&self.aws, &found);
        noted(&self.aws, (address.kind(), Act::Delete), end).await.expect("it can be deleted");
        assert_eq!(self.see(&address).await, None);
        delete(&self.aws, &found).await.expect("what is gone is deleted");
        self.ids.remove(&address);
    }

    /// A VPC and a subnet in it, for what stands on them.
    async fn ground(&mut self) -> (Reference, Reference) {
        let vpc = self.make("vpc/main", vpc()).await;
        let subnet = self.make("subnet/a", subnet("10.0.0.0/24")).await;
        (vpc.into(), subnet.into())
    }

    async fn wait(&self, address: &Address) {
        let id = self.ids.id(&address.clone().into()).expect("it has an id");
        for _ in 0..300 {
            let look = readiness(&self.aws, address.kind(), std::slice::from_ref(&id));
            let seen = noted(&self.aws, (address.kind(), Act::Create), look).await.expect("its state can be read");
            if seen.get(&id) == Some(&Readiness::Ready) {
                return;
            }
            self.aws.clock().sleep(std::time::Duration::from_secs(2)).await;
        }
        panic!("{address} is never ready");
    }
}

fn tags(name: &str) -> Tags {
    Tags::from([(String::from("Name"), name.to_owned()), (String::from("team"), String::from("a & b"))])
}

fn vpc() -> Vpc {
    let cidr = "10.0.0.0/16".parse().expect("a range");
    Vpc { cidr, dns_support: true, dns_hostnames: true, tags: tags("main") }
}

fn subnet(cidr: &str) -> Subnet {
    Subnet {
        vpc: Reference::to(Kind::Vpc, "main"),
        zone: "eu-west-3a".into(),
        cidr: cidr.parse().expect("a range"),
        map_public_ip_on_launch: true,
        tags: tags("a"),
    }
}

fn other() -> Tags {
    Tags::from([(String::from("Name"), String::from("other"))])
}

#[tokio::test(start_paused = true)]
pub(super) async fn a_vpc() {
    let mut stage = Stage::new().await;
    let second = Vpc { dns_hostnames: false, tags: other(), ..vpc() };
    stage.lifecycle("vpc/main", vpc(), second).await;
}

#[tokio::test(start_paused = true)]
pub(super) async fn a_subnet() {
    let mut stage = Stage::new().await;
    stage.make("vpc/main", vpc()).await;
    let first = subnet("10.0.1.0/24");
    let second = Subnet { map_public_ip_on_launch: false, tags: other(), ..first.clone() };
    stage.lifecycle("subnet/a", first, second).await;
}

#[tokio::test(start_paused = true)]
pub(super) async fn an_internet_gateway() {
    let mut stage = Stage::new().await;
    let vpc = stage.make("vpc/main", vpc()).await.into();
    let first = InternetGateway { vpc, tags: tags("main") };
    let second = InternetGateway { tags: other(), ..first.clone() };
    stage.lifecycle("internet-gateway/main", first, second).await;
}

#[tokio::test(start_paused = true)]
pub(super) async fn an_elastic_ip() {
    let mut stage = Stage::new().await;
    stage.lifecycle("elastic-ip/nat", ElasticIp { tags: tags("nat") }, ElasticIp { tags: other() }).await;
}

#[tokio::test(start_paused = true)]
pub(super) async fn a_nat_gateway() {
    let mut stage = Stage::new().await;
    let (vpc, subnet) = stage.ground().await;
    stage.make("internet-gateway/main", InternetGateway { vpc, tags: tags("main") }).await;
    let elastic_ip = stage.make("elastic-ip/nat", ElasticIp { tags: tags("nat") }).await.into();
    let first = NatGateway { subnet, elastic_ip, tags: tags("a") };
    let second = NatGateway { tags: other(), ..first.clone() };
    stage.lifecycle("nat-gateway/a", first, second).await;
}

#[tokio::test(start_paused = true)]
pub(super) async fn a_route_table() {
    let mut stage = Stage::new().await;
    let (vpc, subnet_a) = stage.ground().await;
    let subnet_b: Reference = stage.make("subnet/b", subnet("10.0.1.0/24")).await.into();
    let gateway = InternetGateway { vpc: vpc.clone(), tags: tags("main") };
    let gateway: Reference = stage.make("internet-gateway/main", gateway).await.into();
    let route = |range: &str| Route {
        destination: range.parse().expect("a range"),
        target: RouteTarget::InternetGateway(gateway.clone()),
    };
    let first = RouteTable { vpc, routes: vec![route("0.0.0.0/0")], subnets: vec![subnet_a], tags: tags("a") };
    let routes = vec![route("192.0.2.0/24"), route("198.51.100.0/24")];
    let second = RouteTable { routes, subnets: vec![subnet_b], tags: other(), ..first.clone() };
    stage.lifecycle("route-table/public", first, second).await;
}

#[tokio::test(start_paused = true)]
pub(super) async fn a_route_follows_its_gateway() {
    let mut stage = Stage::new().await;
    let (vpc, subnet) = stage.ground().await;
    let internet = InternetGateway { vpc: vpc.clone(), tags: tags("main") };
    let internet: Reference = stage.make("internet-gateway/main", internet).await.into();
    let elastic_ip = stage.make("elastic-ip/nat", ElasticIp { tags: tags("nat") }).await.into();
    let nat = stage.make("nat-gateway/a", NatGateway { subnet, elastic_ip, tags: tags("a") }).await;
    stage.wait(&nat).await;
    let destination = "0.0.0.0/0".parse().expect("a range");
    let table = |target| RouteTable {
        vpc: vpc.clone(),
        routes: vec![Route { destination, target }],
        subnets: Vec::new(),
        tags: tags("private"),
    };
    let first = table(RouteTarget::NatGateway(nat.into()));
    stage.lifecycle("route-table/private", first, table(RouteTarget::InternetGateway(internet))).await;
}

#[tokio::test(start_paused = true)]
pub(super) async fn a_subnet_moves_to_another_table_of_the_cluster() {
    let mut stage = Stage::new().await;
    let (vpc, subnet) = stage.ground().await;
    let table = RouteTable { vpc, routes: Vec::new(), subnets: vec![subnet], tags: tags("a") };
    let old = stage.make("route-table/old", table.clone()).await;
    let new = stage.make("route-table/new", table.clone()).await;
    let seen = |found: Option<Found>| found.expect("it is seen").resource;
    assert_eq!(seen(stage.see(&new).await), table.clone().into());
    assert_eq!(seen(stage.see(&old).await), RouteTable { subnets: Vec::new(), ..table }.into());
}

#[tokio::test(start_paused = true)]
pub(super) async fn a_security_group() {
    let mut stage = Stage::new().await;
    let vpc = stage.make("vpc/main", vpc()).await.into();
    let first = SecurityGroup { vpc, name: "nodes.a".into(), description: "windlass: nodes".into(), tags: tags("n") };
    let second = SecurityGroup { tags: other(), ..first.clone() };
    stage.lifecycle("security-group/nodes", first, second).await;
}

fn rule(protocol: &str, ports: Option<(u16, u16)>, peer: Peer, description: &str) -> Rule {
    Rule { protocol: protocol.into(), ports, peer, description: description.into() }
}

#[tokio::test(start_paused = true)]
pub(super) async fn the_rules_of_a_security_group() {
    let mut stage = Stage::new().await;
    let vpc: Reference = stage.make("vpc/main", vpc()).await.into();
    let group = |name: &str| SecurityGroup {
        vpc: vpc.clone(),
        name: name.into(),
        description: "windlass: rules".into(),
        tags: tags(name),
    };
    let nodes: Reference = stage.make("security-group/nodes", group("nodes")).await.into();
    let members: Reference = stage.make("security-group/members", group("members")).await.into();
    let everywhere = Peer::Cidr("0.0.0.0/0".parse().expect("a range"));
    let first = SecurityGroupRules {
        group: nodes.clone(),
        ingress: [
            rule("tcp", Some((10250, 10250)), Peer::Group(members.clone()), "kubelet, from members"),
            rule("-1", None, Peer::Group(nodes.clone()), "between nodes"),
            rule("tcp", Some((22, 22)), Peer::Cidr("192.0.2.0/24".parse().expect("a range")), "SSH"),
            rule("icmp", None, everywhere.clone(), "ping"),
            rule("4", None, Peer::Group(nodes), "IP in IP"),
        ]
        .into(),
        egress: [rule("-1", None, everywhere.clone(), "everything out")].into(),
    };
    let address = stage.make("security-group-rules/nodes", first.clone()).await;
    let found = stage.see(&address).await.expect("they are seen");
    assert_eq!(found.resource, first.clone().into());
    // Again, as after a crash: nothing is there twice.
    stage.make("security-group-rules/nodes", first.clone()).await;
    assert_eq!(stage.see(&address).await.expect("they are seen").resource, first.clone().into());

    let second = SecurityGroupRules {
        ingress: [
            rule("tcp", Some((10250, 10250)), Peer::Group(members), "another description"),
            rule("udp", Some((8472, 8473)), everywhere, "VXLAN"),
        ]
        .into(),
        egress: [rule("tcp", Some((443, 443)), Peer::Cidr("10.0.0.0/8".parse().expect("a range")), "")].into(),
        ..first
    };
    let who = identity(&address);
    let second_resource = second.clone().into();
    let change = update(&stage.aws, &found, &second_resource, &who, &stage.ids);
    noted(&stage.aws, (address.kind(), Act::Update), change).await.expect("they can be changed");
    let found = stage.see(&address).await.expect("they are seen");
    assert_eq!(found.resource, second.clone().into());
    let before = stage.aws.calls().total();
    update(&stage.aws, &found, &second.into(), &who, &stage.ids).await.expect("nothing is to do");
    assert_eq!(stage.aws.calls().since(before).total(), 0);

    noted(&stage.aws, (address.kind(), Act::Delete), delete(&stage.aws, &found)).await.expect("they can be deleted");
    let Some(Resource::SecurityGroupRules(rules)) = stage.see(&address).await.map(|found| found.resource) else {
        panic!("the group is still there, and so are its rules");
    };
    assert!(rules.ingress.is_empty() && rules.egress.is_empty());
}

#[tokio::test(start_paused = true)]
pub(super) async fn what_an_earlier_attempt_left_otherwise_is_brought_to_what_is_wanted() {
    let mut stage = Stage::new().await;
    let (vpc, subnet_a) = stage.ground().await;
    let internet = InternetGateway { vpc: vpc.clone(), tags: tags("main") };
    let internet: Reference = stage.make("internet-gateway/main", internet).await.into();
    let elastic_ip = stage.make("elastic-ip/nat", ElasticIp { tags: tags("nat") }).await.into();
    let nat = NatGateway { subnet: subnet_a.clone(), elastic_ip, tags: tags("a") };
    let nat = stage.make("nat-gateway/a", nat).await;
    stage.wait(&nat).await;
    let route = |target| Route { destination: "0.0.0.0/0".parse().expect("a range"), target };
    let table =
        |target, subnets| RouteTable { vpc: vpc.clone(), routes: vec![route(target)], subnets, tags: tags("a") };
    let through_nat = RouteTarget::NatGateway(nat.into());
    stage.make("route-table/a", table(through_nat, Vec::new())).await;
    let through_internet = || RouteTarget::InternetGateway(internet.clone());
    let address = stage.make("route-table/a", table(through_internet(), Vec::new())).await;
    // A subnet that another table has.
    stage.make("route-table/b", table(through_internet(), vec![subnet_a.clone()])).await;
    let found = stage.see(&address).await.expect("it is seen");
    let (second, who) = (table(through_internet(), vec![subnet_a]).into(), identity(&address));
    let change = update(&stage.aws, &found, &second, &who, &stage.ids);
    noted(&stage.aws, (Kind::RouteTable, Act::Update), change).await.expect("it can be changed");

    let group = SecurityGroup { vpc, name: "nodes".into(), description: "windlass: rules".into(), tags: tags("n") };
    let group: Reference = stage.make("security-group/nodes", group).await.into();
    let out =
        |range: &str, text: &str| rule("tcp", Some((443, 443)), Peer::Cidr(range.parse().expect("a range")), text);
    let rules = |range: &str, text: &str| SecurityGroupRules {
        group: group.clone(),
        ingress: [out(range, text)].into(),
        egress: [out(range, text)].into(),
    };
    let mut address = None;
    for text in ["one", "two"] {
        address = Some(stage.make("security-group-rules/nodes", rules("10.0.0.0/8", text)).await);
    }
    let address = address.expect("made");
    let found = stage.see(&address).await.expect("they are seen");
    assert_eq!(found.resource, rules("10.0.0.0/8", "two").into());
    let (second, who) = (rules("10.0.0.0/8", "three").into(), identity(&address));
    let change = update(&stage.aws, &found, &second, &who, &stage.ids);
    noted(&stage.aws, (Kind::SecurityGroupRules, Act::Update), change).await.expect("they can be changed");
}

#[tokio::test(start_paused = true)]
pub(super) async fn a_gateway_moves_to_another_vpc() {
    let mut stage = Stage::new().await;
    let main = stage.make("vpc/main", vpc()).await.into();
    let other = stage.make("vpc/other", Vpc { cidr: "10.1.0.0/16".parse().expect("a range"), ..vpc() }).await.into();
    let first = InternetGateway { vpc: main, tags: tags("main") };
    let second = InternetGateway { vpc: other, ..first.clone() };
    stage.lifecycle("internet-gateway/main", first, second).await;
}

#[tokio::test(start_paused = true)]
pub(super) async fn a_network_interface() {
    let mut stage = Stage::new().await;
    let (vpc, subnet) = stage.ground().await;
    let group = |name: &str| SecurityGroup {
        vpc: vpc.clone(),
        name: name.into(),
        description: "windlass: members".into(),
        tags: tags(name),
    };
    let members: Reference = stage.make("security-group/members", group("members")).await.into();
    let nodes: Reference = stage.make("security-group/nodes", group("nodes")).await.into();
    let first = NetworkInterface {
        subnet,
        security_groups: vec![members.clone()],
        private_address: Some("10.0.0.10".parse().expect("an address")),
        description: "member a".into(),
        tags: tags("a"),
    };
    let second = NetworkInterface {
        security_groups: vec![members, nodes],
        description: "member a, once more".into(),
        tags: other(),
        ..first.clone()
    };
    stage.lifecycle("network-interface/a", first, second).await;
}

#[tokio::test(start_paused = true)]
pub(super) async fn a_volume() {
    let mut stage = Stage::new().await;
    let first = Volume {
        zone: "eu-west-3a".into(),
        size: 20,
        volume_type: "gp3".into(),
        iops: Some(3000),
        throughput: Some(125),
        encrypted: true,
        kms_key: None,
        tags: tags("etcd-a"),
    };
    let made = stage.make("volume/etcd-a", first.clone()).await;
    let Some(Resource::Volume(seen)) = stage.see(&made).await.map(|found| found.resource) else {
        panic!("it is seen");
    };
    assert!(seen.kms_key.as_ref().is_some_and(|key| key.starts_with("arn:")), "{:?}", seen.kms_key);
    let first = Volume { kms_key: seen.kms_key, ..first };
    let second = Volume { size: 40, iops: Some(4000), throughput: Some(250), tags: other(), ..first.clone() };
    stage.lifecycle("volume/etcd-a", first, second).await;
}

#[tokio::test(start_paused = true)]
pub(super) async fn an_id_that_does_not_exist_is_gone() {
    let (aws, _) = sandboxed().await;
    let id = String::from("vpc-0a1b2c3d4e5f60718");
    let seen = readiness(&aws, Kind::Vpc, std::slice::from_ref(&id)).await.expect("it can be asked");
    assert_eq!(seen.get(&id), Some(&Readiness::Gone));
}
