//! Which operations a piece of work may call: what each kind's create, update and delete do, what looking does, and what
//! the other commands add.
//!
//! Waits count: a create that is done and cannot be watched is half done.

use super::Name;
use crate::aws::limits::Service;
use crate::resource::Kind;

/// What is done to one object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Act {
    /// It is made.
    Create,
    /// It is changed in place.
    Update,
    /// It goes.
    Delete,
}

impl Act {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Create, Self::Update, Self::Delete];
}

/// The operations of a service, for the lists below.
macro_rules! names {
    ($($service:ident: $($name:literal),+ $(,)?);* $(;)?) => { &[$($((Service::$service, $name)),+),*] };
}

/// What a look at a cluster calls, with everything that the commands call that change nothing.
pub const LOOK: &[Name] = names!(
    Ec2: "DescribeAddresses", "DescribeAvailabilityZones", "DescribeImages", "DescribeInstances",
        "DescribeInstanceTypeOfferings", "DescribeInternetGateways", "DescribeLaunchTemplates",
        "DescribeLaunchTemplateVersions", "DescribeNatGateways", "DescribeNetworkInterfaces", "DescribeRouteTables",
        "DescribeSecurityGroups", "DescribeSubnets", "DescribeVolumes", "DescribeVpcAttribute", "DescribeVpcs";
    AutoScaling: "DescribeAutoScalingGroups", "DescribeScalingActivities", "DescribeScheduledActions";
    LoadBalancing: "DescribeListeners", "DescribeLoadBalancerAttributes", "DescribeLoadBalancers", "DescribeTags",
        "DescribeTargetGroupAttributes", "DescribeTargetGroups", "DescribeTargetHealth";
    Iam: "GetAccountAuthorizationDetails", "GetInstanceProfile", "ListInstanceProfiles";
    Route53: "ListHostedZonesByName", "ListResourceRecordSets";
    Ssm: "DescribeParameters", "GetParameters", "GetParametersByPath";
    S3: "HeadObject", "ListObjectsV2";
);

/// What finds out, before anything is changed, whether the rest is allowed.
pub const CHECK: &[Name] = names!(Iam: "GetRole", "SimulatePrincipalPolicy");

/// What runs a script on machines.
pub const COMMANDS: &[Name] = names!(Ssm: "SendCommand", "GetCommandInvocation");

/// What a roll does to the groups of a cluster and the machines in them.
pub const ROLL: &[Name] = names!(
    AutoScaling: "DescribeAutoScalingGroups", "DescribeScalingActivities", "ResumeProcesses", "SuspendProcesses",
        "TerminateInstanceInAutoScalingGroup", "UpdateAutoScalingGroup";
    Ssm: "SendCommand", "GetCommandInvocation";
);

/// What deletes what Kubernetes made.
pub const SWEEP: &[Name] = names!(
    Ec2: "DeleteNetworkInterface", "DeleteSecurityGroup", "DeleteVolume", "DescribeAddresses", "DescribeInstances",
        "DescribeNetworkInterfaces", "DescribeSecurityGroups", "DescribeVolumes", "ReleaseAddress",
        "RevokeSecurityGroupEgress", "RevokeSecurityGroupIngress", "TerminateInstances";
    LoadBalancing: "DeleteLoadBalancer", "DeleteTargetGroup", "DescribeLoadBalancers", "DescribeTags",
        "DescribeTargetGroups", "ModifyLoadBalancerAttributes";
    Ssm: "DeleteParameters", "DescribeParameters";
);

/// What one act on an object of a kind may call, with what tells its state.
pub fn of(kind: Kind, act: Act) -> impl Iterator<Item = Name> {
    changes(kind, act).iter().chain(state(kind)).copied()
}

/// What tells the state of objects of a kind: that they are ready, and that they are gone.
#[must_use]
pub const fn state(kind: Kind) -> &'static [Name] {
    match kind {
        Kind::Vpc => names!(Ec2: "DescribeVpcs"),
        Kind::Subnet => names!(Ec2: "DescribeSubnets"),
        Kind::InternetGateway => names!(Ec2: "DescribeInternetGateways"),
        Kind::ElasticIp => names!(Ec2: "DescribeAddresses"),
        Kind::NatGateway => names!(Ec2: "DescribeNatGateways"),
        Kind::RouteTable => names!(Ec2: "DescribeRouteTables"),
        Kind::SecurityGroup | Kind::SecurityGroupRules => names!(Ec2: "DescribeSecurityGroups"),
        Kind::Role => names!(Iam: "ListRoles"),
        Kind::InstanceProfile => names!(Iam: "ListInstanceProfiles"),
        Kind::NetworkInterface => names!(Ec2: "DescribeNetworkInterfaces"),
        Kind::Volume => names!(Ec2: "DescribeVolumes"),
        Kind::LoadBalancer => names!(Ec2: "DescribeNetworkInterfaces"; LoadBalancing: "DescribeLoadBalancers"),
        Kind::TargetGroup => names!(LoadBalancing: "DescribeTargetGroups"),
        Kind::Listener => names!(LoadBalancing: "DescribeListeners"),
        Kind::LaunchTemplate => names!(Ec2: "DescribeLaunchTemplates"),
        Kind::AutoScalingGroup => names!(
            AutoScaling: "DescribeAutoScalingGroups", "DescribeScalingActivities";
            LoadBalancing: "DescribeTargetHealth";
        ),
        Kind::ScheduledAction => names!(AutoScaling: "DescribeScheduledActions"),
        Kind::RecordSet => names!(Route53: "GetChange"),
        Kind::Parameter => names!(Ssm: "DescribeParameters"),
    }
}

/// What one act on an object of a kind does, and looks up for that.
#[must_use]
pub const fn changes(kind: Kind, act: Act) -> &'static [Name] {
    use Act::{Create, Delete, Update};
    match (kind, act) {
        (Kind::Vpc, Create) => names!(Ec2: "CreateVpc", "ModifyVpcAttribute"),
        (Kind::Vpc, Update) => names!(Ec2: "CreateTags", "DeleteTags", "ModifyVpcAttribute"),
        (Kind::Vpc, Delete) => names!(Ec2: "DeleteVpc"),
        (Kind::Subnet, Create) => names!(Ec2: "CreateSubnet", "ModifySubnetAttribute"),
        (Kind::Subnet, Update) => names!(Ec2: "CreateTags", "DeleteTags", "ModifySubnetAttribute"),
        (Kind::Subnet, Delete) => names!(Ec2: "DeleteSubnet"),
        (Kind::InternetGateway, Create) => {
            names!(Ec2: "AttachInternetGateway", "CreateInternetGateway")
        }
        (Kind::InternetGateway, Update) => {
            names!(Ec2: "AttachInternetGateway", "CreateTags", "DeleteTags", "DetachInternetGateway")
        }
        (Kind::InternetGateway, Delete) => names!(Ec2: "DeleteInternetGateway", "DetachInternetGateway"),
        (Kind::ElasticIp, Create) => names!(Ec2: "AllocateAddress"),
        (Kind::ElasticIp, Delete) => names!(Ec2: "ReleaseAddress"),
        (Kind::NatGateway, Create) => names!(Ec2: "CreateNatGateway"),
        (Kind::ElasticIp | Kind::NatGateway | Kind::SecurityGroup, Update) => {
            names!(Ec2: "CreateTags", "DeleteTags")
        }
        (Kind::NatGateway, Delete) => names!(Ec2: "DeleteNatGateway"),
        (Kind::RouteTable, Create) => names!(
            Ec2: "AssociateRouteTable", "CreateRoute", "CreateRouteTable", "ReplaceRoute",
                "ReplaceRouteTableAssociation";
        ),
        (Kind::RouteTable, Update) => names!(
            Ec2: "AssociateRouteTable", "CreateRoute", "CreateTags", "DeleteRoute", "DeleteTags",
                "DisassociateRouteTable", "ReplaceRoute", "ReplaceRouteTableAssociation";
        ),
        (Kind::RouteTable, Delete) => {
            names!(Ec2: "DeleteRouteTable", "DisassociateRouteTable")
        }
        (Kind::SecurityGroup, Create) => names!(Ec2: "CreateSecurityGroup"),
        (Kind::SecurityGroup, Delete) => names!(Ec2: "DeleteSecurityGroup"),
        // What AWS puts into a new group goes; what somebody else has put there is an update's business.
        (Kind::SecurityGroupRules, Create) => names!(
            Ec2: "AuthorizeSecurityGroupEgress", "AuthorizeSecurityGroupIngress", "RevokeSecurityGroupEgress",
                "UpdateSecurityGroupRuleDescriptionsEgress", "UpdateSecurityGroupRuleDescriptionsIngress";
        ),
        (Kind::SecurityGroupRules, Update) => names!(
            Ec2: "AuthorizeSecurityGroupEgress", "AuthorizeSecurityGroupIngress", "RevokeSecurityGroupEgress",
                "RevokeSecurityGroupIngress", "UpdateSecurityGroupRuleDescriptionsEgress",
                "UpdateSecurityGroupRuleDescriptionsIngress";
        ),
        (Kind::SecurityGroupRules, Delete) => {
            names!(Ec2: "RevokeSecurityGroupEgress", "RevokeSecurityGroupIngress")
        }
        (Kind::Role, Create) => names!(
            Iam: "AttachRolePolicy", "CreateRole", "GetRole", "PutRolePolicy", "UpdateAssumeRolePolicy";
        ),
        (Kind::Role, Update) => names!(
            Iam: "AttachRolePolicy", "DeleteRolePolicy", "DetachRolePolicy", "PutRolePolicy", "TagRole", "UntagRole",
                "UpdateAssumeRolePolicy";
        ),
        (Kind::Role, Delete) => names!(Iam: "DeleteRole", "DeleteRolePolicy", "DetachRolePolicy"),
        (Kind::InstanceProfile, Create) => names!(
            Iam: "AddRoleToInstanceProfile", "CreateInstanceProfile", "GetInstanceProfile",
                "RemoveRoleFromInstanceProfile";
        ),
        (Kind::InstanceProfile, Update) => names!(
            Iam: "AddRoleToInstanceProfile", "GetInstanceProfile", "RemoveRoleFromInstanceProfile",
                "TagInstanceProfile", "UntagInstanceProfile";
        ),
        (Kind::InstanceProfile, Delete) => {
            names!(Iam: "DeleteInstanceProfile", "GetInstanceProfile", "RemoveRoleFromInstanceProfile")
        }
        (Kind::NetworkInterface, Create) => names!(Ec2: "CreateNetworkInterface"),
        (Kind::NetworkInterface, Update) => {
            names!(Ec2: "CreateTags", "DeleteTags", "ModifyNetworkInterfaceAttribute")
        }
        (Kind::NetworkInterface, Delete) => names!(Ec2: "DeleteNetworkInterface"),
        (Kind::Volume, Create) => names!(Ec2: "CreateVolume"),
        (Kind::Volume, Update) => names!(Ec2: "CreateTags", "DeleteTags", "ModifyVolume"),
        (Kind::Volume, Delete) => names!(Ec2: "DeleteVolume"),
        (Kind::LoadBalancer, Create) => names!(
            LoadBalancing: "CreateLoadBalancer", "DescribeTags",
                "ModifyLoadBalancerAttributes";
        ),
        (Kind::LoadBalancer, Update) => names!(
            LoadBalancing: "AddTags", "ModifyLoadBalancerAttributes", "RemoveTags", "SetSecurityGroups", "SetSubnets";
        ),
        (Kind::LoadBalancer, Delete) => names!(
            LoadBalancing: "DeleteLoadBalancer", "ModifyLoadBalancerAttributes";
        ),
        (Kind::TargetGroup, Create) => names!(
            LoadBalancing: "CreateTargetGroup", "DescribeTags", "ModifyTargetGroupAttributes";
        ),
        (Kind::TargetGroup, Update) => {
            names!(LoadBalancing: "AddTags", "ModifyTargetGroup", "ModifyTargetGroupAttributes", "RemoveTags")
        }
        (Kind::TargetGroup, Delete) => names!(LoadBalancing: "DeleteTargetGroup"),
        (Kind::Listener, Create) => {
            names!(LoadBalancing: "CreateListener", "DescribeTags")
        }
        (Kind::Listener, Update) => names!(LoadBalancing: "AddTags", "ModifyListener", "RemoveTags"),
        (Kind::Listener, Delete) => names!(LoadBalancing: "DeleteListener"),
        (Kind::LaunchTemplate, Create) => names!(
            Ec2: "CreateLaunchTemplate", "CreateLaunchTemplateVersion", "ModifyLaunchTemplate";
        ),
        (Kind::LaunchTemplate, Update) => names!(
            Ec2: "CreateLaunchTemplateVersion", "CreateTags", "DeleteTags", "ModifyLaunchTemplate";
        ),
        (Kind::LaunchTemplate, Delete) => names!(Ec2: "DeleteLaunchTemplate"),
        (Kind::AutoScalingGroup, Create) => names!(
            Ec2: "GetConsoleOutput";
            AutoScaling: "AttachLoadBalancerTargetGroups", "CreateAutoScalingGroup", "CreateOrUpdateTags", "DeleteTags",
                "DeleteWarmPool", "DetachLoadBalancerTargetGroups", "PutWarmPool", "ResumeProcesses",
                "SuspendProcesses", "UpdateAutoScalingGroup";
        ),
        (Kind::AutoScalingGroup, Update) => names!(
            Ec2: "GetConsoleOutput";
            AutoScaling: "AttachLoadBalancerTargetGroups", "CreateOrUpdateTags", "DeleteTags", "DeleteWarmPool",
                "DetachLoadBalancerTargetGroups", "PutWarmPool", "ResumeProcesses", "SuspendProcesses",
                "UpdateAutoScalingGroup";
        ),
        (Kind::AutoScalingGroup, Delete) => {
            names!(AutoScaling: "DeleteAutoScalingGroup")
        }
        (Kind::ScheduledAction, Create) => names!(AutoScaling: "PutScheduledUpdateGroupAction"),
        // A bound that is taken away goes only with the action.
        (Kind::ScheduledAction, Update) => {
            names!(AutoScaling: "DeleteScheduledAction", "PutScheduledUpdateGroupAction")
        }
        (Kind::ScheduledAction, Delete) => names!(AutoScaling: "DeleteScheduledAction"),
        (Kind::RecordSet, Create | Update | Delete) => names!(Route53: "ChangeResourceRecordSets"),
        (Kind::Parameter, Create) => names!(Ssm: "PutParameter"),
        (Kind::Parameter, Update) => {
            names!(Ssm: "AddTagsToResource", "PutParameter", "RemoveTagsFromResource")
        }
        (Kind::Parameter, Delete) => names!(Ssm: "DeleteParameter"),
    }
}
