use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_elasticloadbalancingv2::types::{
    Action, ActionTypeEnum, LoadBalancerAttribute, LoadBalancerSchemeEnum, LoadBalancerStateEnum, LoadBalancerTypeEnum,
    ProtocolEnum, Tag,
};

use crate::sandbox::seed::Seed;
use crate::sandbox::tests::{Clients, clients_of, code};
use crate::sandbox::world::World;

struct Stage {
    clients: Clients,
    balancing: aws_sdk_elasticloadbalancingv2::Client,
    vpc: String,
    subnets: Vec<String>,
}

fn stage() -> Stage {
    let seed = Seed::example();
    let mut world = World::from_seed(&seed, seed.clock);
    world.behaviour.throttling = false;
    let vpc = world.ec2.subnets.values().next().expect("a subnet").vpc.clone();
    let mut zones = BTreeMap::new();
    for subnet in world.ec2.subnets.values().filter(|it| it.vpc == vpc) {
        zones.entry(subnet.zone.clone()).or_insert_with(|| subnet.id.clone());
    }
    let clients = clients_of(world);
    let balancing = aws_sdk_elasticloadbalancingv2::Client::new(clients.configuration());
    Stage { clients, balancing, vpc, subnets: zones.into_values().collect() }
}

impl Stage {
    fn balancer(
        &self,
        name: &str,
    ) -> aws_sdk_elasticloadbalancingv2::operation::create_load_balancer::builders::CreateLoadBalancerFluentBuilder
    {
        let request = self.balancing.create_load_balancer().name(name).r#type(LoadBalancerTypeEnum::Network);
        let tag = Tag::builder().key("team").value("video").build();
        request.scheme(LoadBalancerSchemeEnum::Internal).set_subnets(Some(self.subnets.clone())).tags(tag)
    }

    async fn target_group(&self, name: &str, port: i32) -> Result<String, String> {
        let request = self.balancing.create_target_group().name(name).protocol(ProtocolEnum::Tcp).port(port);
        let made = request.vpc_id(&self.vpc).send().await.map_err(|error| code(Err::<(), _>(error)))?;
        Ok(made.target_groups()[0].target_group_arn().unwrap_or_default().to_owned())
    }
}

#[tokio::test(start_paused = true)]
async fn a_balancer_is_made_once_becomes_active_and_holds_its_subnets() {
    let stage = stage();
    let made = stage.balancer("api").send().await.expect("made");
    let first = &made.load_balancers()[0];
    let arn = first.load_balancer_arn().expect("an ARN").to_owned();
    assert!(arn.contains(":loadbalancer/net/api/"), "{arn}");
    assert_eq!(first.canonical_hosted_zone_id(), Some("Z1CMS0P5QUZ6D5"));
    let again = stage.balancer("api").send().await.expect("the same");
    assert_eq!(again.load_balancers()[0].load_balancer_arn(), Some(arn.as_str()));
    let other = stage.balancer("api").scheme(LoadBalancerSchemeEnum::InternetFacing).send().await;
    assert_eq!(code(other), "DuplicateLoadBalancerName");
    assert_eq!(code(stage.balancer(&"x".repeat(33)).send().await), "ValidationError");
    let state = async || {
        let shown = stage.balancing.describe_load_balancers().names("api").send().await.expect("shown");
        shown.load_balancers()[0].state().and_then(|it| it.code().cloned()).expect("a state")
    };
    assert_eq!(state().await, LoadBalancerStateEnum::Provisioning);
    tokio::time::sleep(Duration::from_secs(161)).await;
    assert_eq!(state().await, LoadBalancerStateEnum::Active);
    let held = stage.clients.ec2().delete_subnet().subnet_id(&stage.subnets[0]).send().await;
    assert_eq!(code(held), "DependencyViolation");
    let interfaces = stage.clients.ec2().describe_network_interfaces().send().await.expect("interfaces");
    let of_balancer =
        |it: &&aws_sdk_ec2::types::NetworkInterface| it.description().is_some_and(|it| it.starts_with("ELB net/api/"));
    assert_eq!(interfaces.network_interfaces().iter().filter(of_balancer).count(), stage.subnets.len());
    let protect = |value: &str| {
        let attribute = LoadBalancerAttribute::builder().key("deletion_protection.enabled").value(value).build();
        stage.balancing.modify_load_balancer_attributes().load_balancer_arn(&arn).attributes(attribute).send()
    };
    let delete = || stage.balancing.delete_load_balancer().load_balancer_arn(&arn).send();
    protect("true").await.expect("protected");
    assert_eq!(code(delete().await), "OperationNotPermitted");
    protect("false").await.expect("open");
    delete().await.expect("deleted");
    assert_eq!(code(stage.balancing.describe_load_balancers().names("api").send().await), "LoadBalancerNotFound");
    let interfaces = stage.clients.ec2().describe_network_interfaces().send().await.expect("interfaces");
    assert_eq!(interfaces.network_interfaces().iter().filter(of_balancer).count(), 0);
}

#[tokio::test(start_paused = true)]
async fn listeners_are_unique_by_port_and_hold_their_target_group() {
    let stage = stage();
    let made = stage.balancer("api").send().await.expect("made");
    let balancer = made.load_balancers()[0].load_balancer_arn().expect("an ARN").to_owned();
    let one = stage.target_group("one", 6443).await.expect("a group");
    assert_eq!(stage.target_group("one", 6443).await, Ok(one.clone()));
    assert_eq!(stage.target_group("one", 6444).await, Err("DuplicateTargetGroupName".to_owned()));
    let two = stage.target_group("two", 6443).await.expect("a group");
    let listen = |group: &str, port| {
        let action = Action::builder().r#type(ActionTypeEnum::Forward).target_group_arn(group).build();
        let request = stage.balancing.create_listener().load_balancer_arn(&balancer).protocol(ProtocolEnum::Tcp);
        request.port(port).default_actions(action).send()
    };
    let listener = listen(&one, 443).await.expect("made");
    let arn = listener.listeners()[0].listener_arn().expect("an ARN").to_owned();
    let again = listen(&one, 443).await.expect("the same");
    assert_eq!(again.listeners()[0].listener_arn(), Some(arn.as_str()));
    assert_eq!(code(listen(&two, 443).await), "DuplicateListener");
    assert_eq!(code(stage.balancing.delete_target_group().target_group_arn(&one).send().await), "ResourceInUse");
    let tags = stage.balancing.describe_tags().resource_arns(&balancer).resource_arns(&arn).send().await.expect("tags");
    assert_eq!(tags.tag_descriptions()[0].tags()[0].value(), Some("video"));
    let many = stage.balancing.describe_tags().set_resource_arns(Some(vec![balancer.clone(); 21]));
    assert_eq!(code(many.send().await), "ValidationError");
    stage.balancing.delete_listener().listener_arn(&arn).send().await.expect("deleted");
    stage.balancing.delete_target_group().target_group_arn(&one).send().await.expect("deleted");
}
