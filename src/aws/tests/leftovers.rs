//! What Kubernetes leaves in the sandbox, swept away or named.

use aws_sdk_ec2::types as ec2;
use aws_sdk_elasticloadbalancingv2::types as elb;

use super::permission::restrict;
use super::services::Stage;
use super::{identity, scope};
use crate::aws::{Leftover, LeftoverKind, create, leftovers, sweep};
use crate::resource::{Address, SecurityGroup, Tags};

const OWNED: (&str, &str) = ("kubernetes.io/cluster/a.example.com", "owned");
const SHARED: (&str, &str) = ("kubernetes.io/cluster/a.example.com", "shared");

fn tags(kind: ec2::ResourceType, (key, value): (&str, &str)) -> ec2::TagSpecification {
    let tag = ec2::Tag::builder().key(key).value(value).build();
    ec2::TagSpecification::builder().resource_type(kind).tags(tag).build()
}

impl Stage {
    async fn security_group(&self, name: &str, tag: (&str, &str)) -> String {
        let request = self.aws.ec2().create_security_group().vpc_id(&self.vpc).group_name(name).description(name);
        let request = request.tag_specifications(tags(ec2::ResourceType::SecurityGroup, tag));
        request.send().await.expect("a group").group_id.expect("its id")
    }

    async fn allow(&self, into: &str, from: &str) {
        let pair = ec2::UserIdGroupPair::builder().group_id(from).build();
        let permission = ec2::IpPermission::builder().ip_protocol("tcp").from_port(80).to_port(80);
        let permission = permission.user_id_group_pairs(pair).build();
        let request = self.aws.ec2().authorize_security_group_ingress().group_id(into);
        request.ip_permissions(permission).send().await.expect("a rule");
    }

    async fn kubernetes_balancer(&self, name: &str, group: &str) -> String {
        let tag = elb::Tag::builder().key("elbv2.k8s.aws/cluster").value("a.example.com").build();
        let subnets = self.subnets.iter().map(ToString::to_string).collect();
        let request = self.aws.load_balancing().create_load_balancer().name(name);
        let request = request.r#type(elb::LoadBalancerTypeEnum::Network).scheme(elb::LoadBalancerSchemeEnum::Internal);
        let request = request.set_subnets(Some(subnets)).security_groups(group).tags(tag.clone());
        let made = request.send().await.expect("a balancer").load_balancers.and_then(|all| all.into_iter().next());
        let arn = made.and_then(|balancer| balancer.load_balancer_arn).expect("its ARN");
        let request = self.aws.load_balancing().create_target_group().name(name).vpc_id(&self.vpc).tags(tag);
        let request = request.protocol(elb::ProtocolEnum::Tcp).port(80).target_type(elb::TargetTypeEnum::Instance);
        let target = request.send().await.expect("a target group").target_groups.and_then(|all| all.into_iter().next());
        let target = target.and_then(|target| target.target_group_arn).expect("its ARN");
        let action = elb::Action::builder().r#type(elb::ActionTypeEnum::Forward).target_group_arn(target).build();
        let request = self.aws.load_balancing().create_listener().load_balancer_arn(&arn).port(80);
        request.protocol(elb::ProtocolEnum::Tcp).default_actions(action).send().await.expect("a listener");
        arn
    }
}

fn kinds(leftovers: &[Leftover]) -> Vec<LeftoverKind> {
    leftovers.iter().map(|leftover| leftover.kind).collect()
}

#[tokio::test(start_paused = true)]
async fn what_kubernetes_made_is_swept_and_what_is_shared_stays() {
    let stage = Stage::of_anybody().await;
    let outer = stage.security_group("k8s-elb-outer", OWNED).await;
    let inner = stage.security_group("k8s-elb-inner", OWNED).await;
    let shared = stage.security_group("shared", SHARED).await;
    for (into, from) in [(&outer, &inner), (&inner, &outer), (&shared, &inner)] {
        stage.allow(into, from).await;
    }
    stage.kubernetes_balancer("k8s-web", &outer).await;
    let volume = stage.aws.ec2().create_volume().availability_zone("eu-west-3a").size(8);
    volume.tag_specifications(tags(ec2::ResourceType::Volume, OWNED)).send().await.expect("a volume");
    let address = stage.aws.ec2().allocate_address().domain(ec2::DomainType::Vpc);
    address.tag_specifications(tags(ec2::ResourceType::ElasticIp, OWNED)).send().await.expect("an address");

    let left = leftovers(&stage.aws, &scope()).await.expect("they are found");
    use LeftoverKind::{ElasticIp, LoadBalancer, SecurityGroup, TargetGroup, Volume};
    assert_eq!(kinds(&left), [LoadBalancer, TargetGroup, Volume, ElasticIp, SecurityGroup, SecurityGroup]);
    let held = left.iter().find(|leftover| leftover.id == outer).expect("it is listed");
    let rule = format!("a rule of security group {inner}");
    assert!(held.held_by.iter().any(|holder| holder.contains("(ELB net/k8s-web/")), "{held}");
    assert!(held.held_by.contains(&rule), "{held}");

    restrict(&stage.sandbox);
    let failed = sweep(&stage.aws, &left, &|_| {}).await.expect("it can be swept");
    assert!(failed.is_empty(), "{failed:?}");
    assert_eq!(leftovers(&stage.aws, &scope()).await.expect("they are found"), []);
    let request = stage.aws.ec2().describe_security_groups().group_ids(&shared);
    let stays = request.send().await.expect("it is still there").security_groups.unwrap_or_default();
    assert!(stays[0].ip_permissions().is_empty(), "only the rule that named a swept group is gone");
    sweep(&stage.aws, &left, &|_| {}).await.expect("a repeat finds nothing");
}

#[tokio::test(start_paused = true)]
async fn the_cluster_s_own_resources_are_named_but_not_swept() {
    let stage = Stage::of_anybody().await;
    let address: Address = "security-group/nodes".parse().expect("an address");
    let vpc = crate::resource::Reference::Id(stage.vpc.clone());
    let group = SecurityGroup { vpc, name: "nodes".into(), description: "nodes".into(), tags: Tags::new() };
    create(&stage.aws, &identity(&address), &group.into(), &stage.ids).await.expect("a group");
    let left = leftovers(&stage.aws, &scope()).await.expect("they are found");
    assert_eq!(left.iter().map(|it| it.because.as_str()).collect::<Vec<_>>(), ["security-group/nodes"]);
    let failed = sweep(&stage.aws, &left, &|_| {}).await.expect("nothing is to do");
    assert!(failed.is_empty());
    assert_eq!(leftovers(&stage.aws, &scope()).await.expect("they are found"), left);
}
