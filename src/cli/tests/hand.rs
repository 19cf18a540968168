//! What somebody does to the account by hand, past windlass.

use serde_json::Value;

use super::account::Account;
use super::oracle::{ADDRESS, kind_and_id};
use crate::sandbox;
use crate::sandbox::wire::Service;

/// A call that somebody makes.
#[derive(Clone, Debug)]
pub struct Deed {
    pub service: Service,
    pub operation: &'static str,
    pub parameters: Vec<(String, String)>,
}

/// A deed.
pub fn deed<const N: usize>(service: Service, operation: &'static str, parameters: [(&str, &str); N]) -> Deed {
    let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    Deed { service, operation, parameters: parameters.map(owned).to_vec() }
}

impl Account {
    /// Does it; `None`: AWS refuses, because something uses the object.
    pub fn does(&mut self, deed: &Deed) -> Option<()> {
        let done = sandbox::call(&mut self.world, deed.service, deed.operation, &deed.parameters);
        match done {
            Ok(()) => Some(()),
            Err(refusal) if ["InvalidAction", "UnknownParameter", "MissingParameter"].contains(&&*refusal.code) => {
                panic!("{deed:?}: {} {}", refusal.code, refusal.message)
            }
            Err(_) => None,
        }
    }

    /// Does it, and AWS must let it happen.
    #[track_caller]
    pub fn surely_does(&mut self, deed: &Deed) {
        assert!(self.does(deed).is_some(), "AWS refuses {deed:?}");
    }
}

/// How somebody deletes an object of this kind.
pub fn deletion(kind: &str, id: &str) -> Option<Deed> {
    let ec2 = |operation, parameter| Some(deed(Service::Ec2, operation, [(parameter, id)]));
    let elb = |operation, parameter| Some(deed(Service::ElasticLoadBalancing, operation, [(parameter, id)]));
    match kind {
        "ec2/vpc" => ec2("DeleteVpc", "VpcId"),
        "ec2/subnet" => ec2("DeleteSubnet", "SubnetId"),
        "ec2/internet-gateway" => ec2("DeleteInternetGateway", "InternetGatewayId"),
        "ec2/elastic-ip" => ec2("ReleaseAddress", "AllocationId"),
        "ec2/natgateway" => ec2("DeleteNatGateway", "NatGatewayId"),
        "ec2/route-table" => ec2("DeleteRouteTable", "RouteTableId"),
        "ec2/security-group" => ec2("DeleteSecurityGroup", "GroupId"),
        "ec2/network-interface" => ec2("DeleteNetworkInterface", "NetworkInterfaceId"),
        "ec2/volume" => ec2("DeleteVolume", "VolumeId"),
        "ec2/launch-template" => ec2("DeleteLaunchTemplate", "LaunchTemplateId"),
        "elbv2/load-balancer" => elb("DeleteLoadBalancer", "LoadBalancerArn"),
        "elbv2/target-group" => elb("DeleteTargetGroup", "TargetGroupArn"),
        "elbv2/listener" => elb("DeleteListener", "ListenerArn"),
        "autoscaling/group" => {
            let parameters = [("AutoScalingGroupName", id), ("ForceDelete", "true")];
            Some(deed(Service::AutoScaling, "DeleteAutoScalingGroup", parameters))
        }
        "iam/role" => Some(deed(Service::Iam, "DeleteRole", [("RoleName", id)])),
        "iam/instance-profile" => Some(deed(Service::Iam, "DeleteInstanceProfile", [("InstanceProfileName", id)])),
        "ssm/parameter" => Some(deed(Service::Ssm, "DeleteParameter", [("Name", id)])),
        _ => None,
    }
}

/// How somebody changes an object of this kind in ways that matter.
pub fn changes(kind: &str, id: &str, object: &Value) -> Vec<Deed> {
    let ec2 = |operation, parameters: [(&str, &str); 2]| deed(Service::Ec2, operation, parameters);
    let mut deeds = Vec::new();
    if kind.starts_with("ec2/") {
        let renamed = [("ResourceId.1", id), ("Tag.1.Key", "Name"), ("Tag.1.Value", "mine")];
        deeds.push(deed(Service::Ec2, "CreateTags", renamed));
    }
    match kind {
        "ec2/vpc" => deeds.push(ec2("ModifyVpcAttribute", [("VpcId", id), ("EnableDnsHostnames.Value", "false")])),
        "ec2/subnet" => {
            let turned = if object["mapPublicIpOnLaunch"] == true { "false" } else { "true" };
            deeds.push(ec2("ModifySubnetAttribute", [("SubnetId", id), ("MapPublicIpOnLaunch.Value", turned)]));
        }
        "ec2/route-table" => {
            deeds.push(ec2("DeleteRoute", [("RouteTableId", id), ("DestinationCidrBlock", "0.0.0.0/0")]));
        }
        "ec2/security-group" => {
            let everybody = [
                ("GroupId", id),
                ("IpPermissions.1.IpProtocol", "tcp"),
                ("IpPermissions.1.FromPort", "22"),
                ("IpPermissions.1.ToPort", "22"),
                ("IpPermissions.1.IpRanges.1.CidrIp", "0.0.0.0/0"),
            ];
            deeds.push(deed(Service::Ec2, "AuthorizeSecurityGroupIngress", everybody));
            let way_out = [
                ("GroupId", id),
                ("IpPermissions.1.IpProtocol", "-1"),
                ("IpPermissions.1.IpRanges.1.CidrIp", "0.0.0.0/0"),
            ];
            deeds.push(deed(Service::Ec2, "RevokeSecurityGroupEgress", way_out));
        }
        "ec2/internet-gateway" => {
            let vpc = object["vpc"].as_str().unwrap_or_default();
            deeds.push(ec2("DetachInternetGateway", [("InternetGatewayId", id), ("VpcId", vpc)]));
        }
        "autoscaling/group" => {
            let larger = [("AutoScalingGroupName", id), ("MaxSize", "9")];
            deeds.push(deed(Service::AutoScaling, "UpdateAutoScalingGroup", larger));
            let still = [("AutoScalingGroupName", id), ("ScalingProcesses.member.1", "Launch")];
            deeds.push(deed(Service::AutoScaling, "SuspendProcesses", still));
            for target_group in object["targetGroups"].as_array().into_iter().flatten().filter_map(Value::as_str) {
                let without = [("AutoScalingGroupName", id), ("TargetGroupARNs.member.1", target_group)];
                deeds.push(deed(Service::AutoScaling, "DetachLoadBalancerTargetGroups", without));
            }
        }
        "elbv2/load-balancer" => {
            let own_zone = [
                ("LoadBalancerArn", id),
                ("Attributes.member.1.Key", "load_balancing.cross_zone.enabled"),
                ("Attributes.member.1.Value", "false"),
            ];
            deeds.push(deed(Service::ElasticLoadBalancing, "ModifyLoadBalancerAttributes", own_zone));
        }
        "elbv2/target-group" => {
            let other = [("TargetGroupArn", id), ("HealthCheckPath", "/")];
            deeds.push(deed(Service::ElasticLoadBalancing, "ModifyTargetGroup", other));
        }
        "iam/role" => {
            let more = [("RoleName", id), ("PolicyName", "more"), ("PolicyDocument", EVERYTHING)];
            deeds.push(deed(Service::Iam, "PutRolePolicy", more));
        }
        "iam/instance-profile" => {
            let role = object["role"].as_str().unwrap_or_default();
            let without = [("InstanceProfileName", id), ("RoleName", role)];
            deeds.push(deed(Service::Iam, "RemoveRoleFromInstanceProfile", without));
        }
        "ssm/parameter" => {
            let other = [("Name", id), ("Value", "mine"), ("Overwrite", "true")];
            deeds.push(deed(Service::Ssm, "PutParameter", other));
        }
        _ => {}
    }
    deeds
}

const EVERYTHING: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;

/// Everything that somebody could do to what is ours in the account, one thing at a time.
pub fn deeds(account: &Account) -> Vec<Deed> {
    let mut deeds = Vec::new();
    for (key, object) in account.live().iter().filter(|(_, it)| it["tags"][ADDRESS].is_string()) {
        let (kind, id) = kind_and_id(key);
        deeds.extend(deletion(kind, id));
        deeds.extend(changes(kind, id, object));
    }
    deeds
}

/// What a cluster's own controllers leave in the account, and what they tag it with.
pub fn litter(account: &mut Account) {
    let cluster = format!("kubernetes.io/cluster/{}", account.cluster);
    let volume = [
        ("AvailabilityZone", "eu-west-3a"),
        ("Size", "10"),
        ("TagSpecification.1.ResourceType", "volume"),
        ("TagSpecification.1.Tag.1.Key", &cluster),
        ("TagSpecification.1.Tag.1.Value", "owned"),
        ("TagSpecification.1.Tag.2.Key", "kubernetes.io/created-for/pvc/name"),
        ("TagSpecification.1.Tag.2.Value", "data-database-0"),
    ];
    account.surely_does(&deed(Service::Ec2, "CreateVolume", volume));
    let vpc = ours(account, "ec2/vpc", "vpc/main");
    let group = [
        ("GroupName", "k8s-elb-a1b2c3"),
        ("GroupDescription", "Security group for Kubernetes ELB a1b2c3 (shop/frontend)"),
        ("VpcId", &vpc),
        ("TagSpecification.1.ResourceType", "security-group"),
        ("TagSpecification.1.Tag.1.Key", &cluster),
        ("TagSpecification.1.Tag.1.Value", "owned"),
    ];
    account.surely_does(&deed(Service::Ec2, "CreateSecurityGroup", group));
    let subnet = ours(account, "ec2/subnet", "subnet/public-a");
    let balancer = [
        ("Name", "a1b2c3"),
        ("Type", "network"),
        ("Scheme", "internet-facing"),
        ("Subnets.member.1", &subnet),
        ("Tags.member.1.Key", &cluster),
        ("Tags.member.1.Value", "owned"),
        ("Tags.member.2.Key", "kubernetes.io/service-name"),
        ("Tags.member.2.Value", "shop/frontend"),
    ];
    account.surely_does(&deed(Service::ElasticLoadBalancing, "CreateLoadBalancer", balancer));
}

/// The id of an object of ours.
#[track_caller]
pub fn ours(account: &Account, kind: &str, address: &str) -> String {
    let live = account.live();
    let found = live.iter().find(|(key, it)| key.starts_with(kind) && it["tags"][ADDRESS] == address);
    let (key, _) = found.unwrap_or_else(|| panic!("there is no {address}"));
    kind_and_id(key).1.to_owned()
}
