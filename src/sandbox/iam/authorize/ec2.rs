//! EC2: each call is about what it names and what it makes; tags in a create call are asked for once more.

use super::super::super::ec2::{Profile, RouteTable, tags_of};
use super::super::super::wire::Call;
use super::super::super::world::World;
use super::super::evaluate::Request;
use super::{Tags, action, everything, tags};

/// Operation, the type of what it makes if anything, and the parameters that name what it is about.
type Row = (&'static str, Option<&'static str>, &'static [&'static str]);

/// The calls that are about something.
const ROWS: &[Row] = &[
    ("AllocateAddress", Some("elastic-ip"), &[]),
    ("AssociateRouteTable", None, &["RouteTableId", "SubnetId"]),
    ("AttachInternetGateway", None, &["InternetGatewayId", "VpcId"]),
    ("AuthorizeSecurityGroupEgress", None, &["GroupId"]),
    ("AuthorizeSecurityGroupIngress", None, &["GroupId"]),
    ("CreateInternetGateway", Some("internet-gateway"), &[]),
    ("CreateLaunchTemplate", Some("launch-template"), &[]),
    ("CreateLaunchTemplateVersion", None, &["LaunchTemplateId"]),
    ("CreateNatGateway", Some("natgateway"), &["AllocationId", "SubnetId"]),
    ("CreateNetworkInterface", Some("network-interface"), &["SecurityGroupId", "SubnetId"]),
    ("CreateRoute", None, &["RouteTableId"]),
    ("CreateRouteTable", Some("route-table"), &["VpcId"]),
    ("CreateSecurityGroup", Some("security-group"), &["VpcId"]),
    ("CreateSubnet", Some("subnet"), &["VpcId"]),
    ("CreateTags", None, &["ResourceId"]),
    ("CreateVolume", Some("volume"), &[]),
    ("CreateVpc", Some("vpc"), &[]),
    ("DeleteInternetGateway", None, &["InternetGatewayId"]),
    ("DeleteLaunchTemplate", None, &["LaunchTemplateId"]),
    ("DeleteNatGateway", None, &["NatGatewayId"]),
    ("DeleteNetworkInterface", None, &["NetworkInterfaceId"]),
    ("DeleteRoute", None, &["RouteTableId"]),
    ("DeleteRouteTable", None, &["RouteTableId"]),
    ("DeleteSecurityGroup", None, &["GroupId"]),
    ("DeleteSubnet", None, &["SubnetId"]),
    ("DeleteTags", None, &["ResourceId"]),
    ("DeleteVolume", None, &["VolumeId"]),
    ("DeleteVpc", None, &["VpcId"]),
    ("DescribeVpcAttribute", None, &["VpcId"]),
    ("DetachInternetGateway", None, &["InternetGatewayId", "VpcId"]),
    ("DisassociateRouteTable", None, &["AssociationId"]),
    ("GetConsoleOutput", None, &["InstanceId"]),
    ("ModifyLaunchTemplate", None, &["LaunchTemplateId"]),
    ("ModifyNetworkInterfaceAttribute", None, &["NetworkInterfaceId", "SecurityGroupId"]),
    ("ModifySubnetAttribute", None, &["SubnetId"]),
    ("ModifyVolume", None, &["VolumeId"]),
    ("ModifyVpcAttribute", None, &["VpcId"]),
    ("ReleaseAddress", None, &["AllocationId"]),
    ("ReplaceRoute", None, &["RouteTableId"]),
    ("ReplaceRouteTableAssociation", None, &["AssociationId", "RouteTableId"]),
    ("RevokeSecurityGroupEgress", None, &["GroupId"]),
    ("RevokeSecurityGroupIngress", None, &["GroupId"]),
    ("TerminateInstances", None, &["InstanceId"]),
    ("UpdateSecurityGroupRuleDescriptionsEgress", None, &["GroupId"]),
    ("UpdateSecurityGroupRuleDescriptionsIngress", None, &["GroupId"]),
];

pub(super) fn requests(world: &World, call: &Call<'_>) -> Vec<Request> {
    let Some((_, made, parameters)) = ROWS.iter().find(|(operation, ..)| *operation == call.operation) else {
        return everything(call);
    };
    let mut requests = Vec::new();
    if let Some(kind) = made {
        let all = call.list("TagSpecification");
        let of_kind = all.iter().filter(|it| it.text("ResourceType").as_deref() == Some(*kind));
        let new: Tags = of_kind.flat_map(|it| tags(&it.list("Tag"))).collect();
        let arn = world.arn("ec2", &format!("{kind}/*"));
        requests.push(Request::new(&action(call), &arn).bringing(&new));
        if !new.is_empty() {
            requests
                .push(Request::new("ec2:CreateTags", &arn).bringing(&new).with("ec2:CreateAction", [call.operation]));
        }
    }
    let brought = tags(&call.list("Tag"));
    for id in parameters.iter().flat_map(|name| call.texts(name).into_iter().chain(call.text(name))) {
        requests.extend(about(world, &id).into_iter().map(|(kind, id, present)| {
            let arn = world.arn("ec2", &format!("{kind}/{id}"));
            Request::new(&action(call), arn).tagged(&present).bringing(&brought)
        }));
    }
    requests
}

/// What an id stands for: type, id and tags. An association stands for its table and its subnet.
fn about(world: &World, id: &str) -> Vec<(&'static str, String, Tags)> {
    if id.starts_with("rtbassoc-") {
        let holds = |table: &&RouteTable| table.associations.contains_key(id);
        let table = world.ec2.route_tables.values().find(holds);
        let subnet = table.and_then(|table| table.associations.get(id).cloned().flatten());
        let ids = table.map(|table| table.id.clone()).into_iter().chain(subnet);
        return ids.flat_map(|id| about(world, &id)).collect();
    }
    let kind = match id.rsplit_once('-').map_or(id, |(prefix, _)| prefix) {
        "vpc" => "vpc",
        "subnet" => "subnet",
        "igw" => "internet-gateway",
        "eipalloc" => "elastic-ip",
        "nat" => "natgateway",
        "rtb" => "route-table",
        "sg" => "security-group",
        "eni" => "network-interface",
        "vol" => "volume",
        "lt" => "launch-template",
        "i" => "instance",
        _ => "unknown",
    };
    vec![(kind, id.to_owned(), tags_of(world, id).unwrap_or_default())]
}

/// What starting machines from a template needs: whoever gives a template to a group must be allowed to start what it
/// describes, and to pass its role on.
pub(super) fn launch(world: &World, template: &str) -> Vec<Request> {
    let arn = world.arn("ec2", &format!("launch-template/{template}"));
    let kinds = ["instance", "network-interface", "subnet", "security-group", "volume"];
    let parts = kinds.iter().map(|kind| world.arn("ec2", &format!("{kind}/*")));
    let image = format!("arn:aws:ec2:{}::image/*", world.region);
    let run = |resource: String| Request::new("ec2:RunInstances", resource).with("ec2:LaunchTemplate", [&arn]);
    let mut requests: Vec<Request> = parts.chain([image, arn.clone()]).map(run).collect();
    let Some(version) = world.ec2.launch_templates.get(template).and_then(|it| it.versions.get(&it.default_version))
    else {
        return requests;
    };
    for (kind, new) in &version.data.tags {
        let arn = world.arn("ec2", &format!("{kind}/*"));
        requests.push(Request::new("ec2:CreateTags", arn).bringing(new).with("ec2:CreateAction", ["RunInstances"]));
    }
    let named = version.data.instance_profile.as_ref().map(Profile::text).unwrap_or_default();
    let profile = world.iam.profiles.values().find(|it| it.name == named || it.arn == named);
    let role = profile.and_then(|profile| world.iam.roles.get(profile.role.as_ref()?));
    requests.extend(role.map(|role| super::others::pass(&role.arn)));
    requests
}
