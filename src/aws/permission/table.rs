//! The table. A row per operation; the order is that of the services, reads first.

use super::Target::{
    Any, Bucket, Caller, Change, Everything, ImageParameter, Launched, Neighbour, New, NewTags, Own, Parameter,
    PassedRole, Profile, Record, Role, Script, ServiceRole, Snapshot, Swept, Zone,
};
use super::{Operation, Permission, Target};
use crate::aws::limits::Service;

const fn ec2(name: &'static str, permissions: &'static [Permission]) -> Operation {
    Operation { service: Service::Ec2, name, permissions }
}

const fn scaling(name: &'static str, permissions: &'static [Permission]) -> Operation {
    Operation { service: Service::AutoScaling, name, permissions }
}

const fn balancing(name: &'static str, permissions: &'static [Permission]) -> Operation {
    Operation { service: Service::LoadBalancing, name, permissions }
}

const fn iam(name: &'static str, permissions: &'static [Permission]) -> Operation {
    Operation { service: Service::Iam, name, permissions }
}

const fn route53(name: &'static str, permissions: &'static [Permission]) -> Operation {
    Operation { service: Service::Route53, name, permissions }
}

const fn ssm(name: &'static str, permissions: &'static [Permission]) -> Operation {
    Operation { service: Service::Ssm, name, permissions }
}

const fn s3(name: &'static str, permissions: &'static [Permission]) -> Operation {
    Operation { service: Service::S3, name, permissions }
}

const fn on(action: &'static str, on: Target) -> Permission {
    Permission { action, on }
}

/// Tags in a create call of EC2 (EC2 user guide, "Grant permission to tag Amazon EC2 resources during creation").
const TAGS: Permission = on("ec2:CreateTags", NewTags("ec2"));
/// The same of Elastic Load Balancing.
const BALANCING_TAGS: Permission = on("elasticloadbalancing:AddTags", NewTags("elasticloadbalancing"));

const VPC: &str = "ec2:vpc";
const SUBNET: &str = "ec2:subnet";
const GATEWAY: &str = "ec2:internet-gateway";
const ADDRESS: &str = "ec2:elastic-ip";
const NAT: &str = "ec2:natgateway";
const TABLE: &str = "ec2:route-table";
const SECURITY_GROUP: &str = "ec2:security-group";
const INTERFACE: &str = "ec2:network-interface";
const VOLUME: &str = "ec2:volume";
const TEMPLATE: &str = "ec2:launch-template";
const INSTANCE: &str = "ec2:instance";
const GROUP: &str = "autoscaling:autoScalingGroup";
const BALANCER: &str = "elasticloadbalancing:loadbalancer/net";
const ANY_BALANCER: &str = "elasticloadbalancing:loadbalancer";
const TARGETS: &str = "elasticloadbalancing:targetgroup";
const LISTENER: &str = "elasticloadbalancing:listener/net";

/// Whoever gives a launch template to a group must be allowed to start what it describes (Auto Scaling user guide, "Control
/// Amazon EC2 launch template usage in Auto Scaling groups").
const LAUNCH: [Permission; 9] = [
    on("ec2:RunInstances", Launched(INSTANCE)),
    on("ec2:RunInstances", Launched("ec2:image")),
    on("ec2:RunInstances", Launched(INTERFACE)),
    on("ec2:RunInstances", Launched(SUBNET)),
    on("ec2:RunInstances", Launched(SECURITY_GROUP)),
    on("ec2:RunInstances", Launched(VOLUME)),
    on("ec2:RunInstances", Launched(TEMPLATE)),
    TAGS,
    on("iam:PassRole", PassedRole),
];

/// Every operation that windlass calls, but GetCallerIdentity, which needs no permission.
pub const OPERATIONS: &[Operation] = &[
    ec2("DescribeAddresses", &[on("ec2:DescribeAddresses", Everything)]),
    ec2("DescribeAvailabilityZones", &[on("ec2:DescribeAvailabilityZones", Everything)]),
    ec2("DescribeImages", &[on("ec2:DescribeImages", Everything)]),
    ec2("DescribeInstances", &[on("ec2:DescribeInstances", Everything)]),
    ec2("DescribeInstanceTypeOfferings", &[on("ec2:DescribeInstanceTypeOfferings", Everything)]),
    ec2("DescribeInternetGateways", &[on("ec2:DescribeInternetGateways", Everything)]),
    ec2("DescribeLaunchTemplates", &[on("ec2:DescribeLaunchTemplates", Everything)]),
    ec2("DescribeLaunchTemplateVersions", &[on("ec2:DescribeLaunchTemplateVersions", Everything)]),
    ec2("DescribeNatGateways", &[on("ec2:DescribeNatGateways", Everything)]),
    ec2("DescribeNetworkInterfaces", &[on("ec2:DescribeNetworkInterfaces", Everything)]),
    ec2("DescribeRouteTables", &[on("ec2:DescribeRouteTables", Everything)]),
    ec2("DescribeSecurityGroups", &[on("ec2:DescribeSecurityGroups", Everything)]),
    ec2("DescribeSubnets", &[on("ec2:DescribeSubnets", Everything)]),
    ec2("DescribeVolumes", &[on("ec2:DescribeVolumes", Everything)]),
    // The VPC may be an existing one, without the cluster's tag.
    ec2("DescribeVpcAttribute", &[on("ec2:DescribeVpcAttribute", Any(VPC))]),
    ec2("DescribeVpcs", &[on("ec2:DescribeVpcs", Everything)]),
    ec2("GetConsoleOutput", &[on("ec2:GetConsoleOutput", Own(INSTANCE))]),
    ec2("AllocateAddress", &[on("ec2:AllocateAddress", New(ADDRESS)), TAGS]),
    ec2(
        "AssociateRouteTable",
        &[on("ec2:AssociateRouteTable", Own(TABLE)), on("ec2:AssociateRouteTable", Any(SUBNET))],
    ),
    ec2(
        "AttachInternetGateway",
        &[on("ec2:AttachInternetGateway", Own(GATEWAY)), on("ec2:AttachInternetGateway", Own(VPC))],
    ),
    ec2("AuthorizeSecurityGroupEgress", &[on("ec2:AuthorizeSecurityGroupEgress", Own(SECURITY_GROUP))]),
    ec2("AuthorizeSecurityGroupIngress", &[on("ec2:AuthorizeSecurityGroupIngress", Own(SECURITY_GROUP))]),
    ec2("CreateInternetGateway", &[on("ec2:CreateInternetGateway", New(GATEWAY)), TAGS]),
    ec2("CreateLaunchTemplate", &[on("ec2:CreateLaunchTemplate", New(TEMPLATE)), TAGS]),
    ec2("CreateLaunchTemplateVersion", &[on("ec2:CreateLaunchTemplateVersion", Own(TEMPLATE))]),
    ec2(
        "CreateNatGateway",
        &[
            on("ec2:CreateNatGateway", New(NAT)),
            on("ec2:CreateNatGateway", Own(ADDRESS)),
            on("ec2:CreateNatGateway", Any(SUBNET)),
            TAGS,
        ],
    ),
    ec2(
        "CreateNetworkInterface",
        &[
            on("ec2:CreateNetworkInterface", New(INTERFACE)),
            on("ec2:CreateNetworkInterface", Any(SUBNET)),
            on("ec2:CreateNetworkInterface", Any(SECURITY_GROUP)),
            TAGS,
        ],
    ),
    ec2("CreateRoute", &[on("ec2:CreateRoute", Own(TABLE))]),
    ec2("CreateRouteTable", &[on("ec2:CreateRouteTable", New(TABLE)), on("ec2:CreateRouteTable", Any(VPC)), TAGS]),
    ec2(
        "CreateSecurityGroup",
        &[on("ec2:CreateSecurityGroup", New(SECURITY_GROUP)), on("ec2:CreateSecurityGroup", Any(VPC)), TAGS],
    ),
    ec2("CreateSubnet", &[on("ec2:CreateSubnet", New(SUBNET)), on("ec2:CreateSubnet", Any(VPC)), TAGS]),
    ec2("CreateTags", &[on("ec2:CreateTags", Own("ec2:*"))]),
    ec2("CreateVolume", &[on("ec2:CreateVolume", New(VOLUME)), TAGS]),
    ec2("CreateVpc", &[on("ec2:CreateVpc", New(VPC)), TAGS]),
    ec2("DeleteInternetGateway", &[on("ec2:DeleteInternetGateway", Own(GATEWAY))]),
    ec2("DeleteLaunchTemplate", &[on("ec2:DeleteLaunchTemplate", Own(TEMPLATE))]),
    ec2("DeleteNatGateway", &[on("ec2:DeleteNatGateway", Own(NAT))]),
    ec2("DeleteNetworkInterface", &[on("ec2:DeleteNetworkInterface", Own(INTERFACE))]),
    ec2("DeleteRoute", &[on("ec2:DeleteRoute", Own(TABLE))]),
    ec2("DeleteRouteTable", &[on("ec2:DeleteRouteTable", Own(TABLE))]),
    ec2("DeleteSecurityGroup", &[on("ec2:DeleteSecurityGroup", Own(SECURITY_GROUP))]),
    ec2("DeleteSubnet", &[on("ec2:DeleteSubnet", Own(SUBNET))]),
    ec2("DeleteTags", &[on("ec2:DeleteTags", Own("ec2:*"))]),
    ec2("DeleteVolume", &[on("ec2:DeleteVolume", Own(VOLUME))]),
    ec2("DeleteVpc", &[on("ec2:DeleteVpc", Own(VPC))]),
    ec2(
        "DetachInternetGateway",
        &[on("ec2:DetachInternetGateway", Own(GATEWAY)), on("ec2:DetachInternetGateway", Own(VPC))],
    ),
    ec2(
        "DisassociateRouteTable",
        &[on("ec2:DisassociateRouteTable", Own(TABLE)), on("ec2:DisassociateRouteTable", Any(SUBNET))],
    ),
    ec2("ModifyLaunchTemplate", &[on("ec2:ModifyLaunchTemplate", Own(TEMPLATE))]),
    ec2(
        "ModifyNetworkInterfaceAttribute",
        &[
            on("ec2:ModifyNetworkInterfaceAttribute", Own(INTERFACE)),
            on("ec2:ModifyNetworkInterfaceAttribute", Any(SECURITY_GROUP)),
        ],
    ),
    ec2("ModifySubnetAttribute", &[on("ec2:ModifySubnetAttribute", Own(SUBNET))]),
    ec2("ModifyVolume", &[on("ec2:ModifyVolume", Own(VOLUME))]),
    ec2("ModifyVpcAttribute", &[on("ec2:ModifyVpcAttribute", Own(VPC))]),
    ec2("ReleaseAddress", &[on("ec2:ReleaseAddress", Own(ADDRESS))]),
    ec2("ReplaceRoute", &[on("ec2:ReplaceRoute", Own(TABLE))]),
    ec2(
        "ReplaceRouteTableAssociation",
        &[on("ec2:ReplaceRouteTableAssociation", Own(TABLE)), on("ec2:ReplaceRouteTableAssociation", Any(SUBNET))],
    ),
    ec2("RevokeSecurityGroupEgress", &[on("ec2:RevokeSecurityGroupEgress", Own(SECURITY_GROUP))]),
    ec2("RevokeSecurityGroupIngress", &[on("ec2:RevokeSecurityGroupIngress", Own(SECURITY_GROUP))]),
    ec2("TerminateInstances", &[on("ec2:TerminateInstances", Own(INSTANCE))]),
    ec2(
        "UpdateSecurityGroupRuleDescriptionsEgress",
        &[on("ec2:UpdateSecurityGroupRuleDescriptionsEgress", Own(SECURITY_GROUP))],
    ),
    ec2(
        "UpdateSecurityGroupRuleDescriptionsIngress",
        &[on("ec2:UpdateSecurityGroupRuleDescriptionsIngress", Own(SECURITY_GROUP))],
    ),
    scaling("DescribeAutoScalingGroups", &[on("autoscaling:DescribeAutoScalingGroups", Everything)]),
    scaling("DescribeScalingActivities", &[on("autoscaling:DescribeScalingActivities", Everything)]),
    scaling("DescribeScheduledActions", &[on("autoscaling:DescribeScheduledActions", Everything)]),
    scaling("AttachLoadBalancerTargetGroups", &[on("autoscaling:AttachLoadBalancerTargetGroups", Own(GROUP))]),
    scaling(
        "CreateAutoScalingGroup",
        &[
            on("autoscaling:CreateAutoScalingGroup", New(GROUP)),
            on("iam:CreateServiceLinkedRole", ServiceRole("autoscaling.amazonaws.com")),
            LAUNCH[0],
            LAUNCH[1],
            LAUNCH[2],
            LAUNCH[3],
            LAUNCH[4],
            LAUNCH[5],
            LAUNCH[6],
            LAUNCH[7],
            LAUNCH[8],
        ],
    ),
    scaling("CreateOrUpdateTags", &[on("autoscaling:CreateOrUpdateTags", Own(GROUP))]),
    scaling("DeleteAutoScalingGroup", &[on("autoscaling:DeleteAutoScalingGroup", Own(GROUP))]),
    scaling("DeleteScheduledAction", &[on("autoscaling:DeleteScheduledAction", Own(GROUP))]),
    scaling("DeleteTags", &[on("autoscaling:DeleteTags", Own(GROUP))]),
    scaling("DeleteWarmPool", &[on("autoscaling:DeleteWarmPool", Own(GROUP))]),
    scaling("DetachLoadBalancerTargetGroups", &[on("autoscaling:DetachLoadBalancerTargetGroups", Own(GROUP))]),
    scaling("PutScheduledUpdateGroupAction", &[on("autoscaling:PutScheduledUpdateGroupAction", Own(GROUP))]),
    scaling("PutWarmPool", &[on("autoscaling:PutWarmPool", Own(GROUP))]),
    scaling("ResumeProcesses", &[on("autoscaling:ResumeProcesses", Own(GROUP))]),
    scaling("SuspendProcesses", &[on("autoscaling:SuspendProcesses", Own(GROUP))]),
    scaling(
        "TerminateInstanceInAutoScalingGroup",
        &[on("autoscaling:TerminateInstanceInAutoScalingGroup", Own(GROUP))],
    ),
    scaling(
        "UpdateAutoScalingGroup",
        &[
            on("autoscaling:UpdateAutoScalingGroup", Own(GROUP)),
            LAUNCH[0],
            LAUNCH[1],
            LAUNCH[2],
            LAUNCH[3],
            LAUNCH[4],
            LAUNCH[5],
            LAUNCH[6],
            LAUNCH[7],
            LAUNCH[8],
        ],
    ),
    balancing("DescribeListeners", &[on("elasticloadbalancing:DescribeListeners", Everything)]),
    balancing(
        "DescribeLoadBalancerAttributes",
        &[on("elasticloadbalancing:DescribeLoadBalancerAttributes", Everything)],
    ),
    balancing("DescribeLoadBalancers", &[on("elasticloadbalancing:DescribeLoadBalancers", Everything)]),
    balancing("DescribeTags", &[on("elasticloadbalancing:DescribeTags", Everything)]),
    balancing("DescribeTargetGroupAttributes", &[on("elasticloadbalancing:DescribeTargetGroupAttributes", Everything)]),
    balancing("DescribeTargetGroups", &[on("elasticloadbalancing:DescribeTargetGroups", Everything)]),
    balancing("DescribeTargetHealth", &[on("elasticloadbalancing:DescribeTargetHealth", Everything)]),
    balancing("AddTags", &[on("elasticloadbalancing:AddTags", Own("elasticloadbalancing:*"))]),
    balancing("CreateListener", &[on("elasticloadbalancing:CreateListener", Own(BALANCER)), BALANCING_TAGS]),
    balancing(
        "CreateLoadBalancer",
        &[
            on("elasticloadbalancing:CreateLoadBalancer", New(BALANCER)),
            on("iam:CreateServiceLinkedRole", ServiceRole("elasticloadbalancing.amazonaws.com")),
            BALANCING_TAGS,
        ],
    ),
    balancing("CreateTargetGroup", &[on("elasticloadbalancing:CreateTargetGroup", New(TARGETS)), BALANCING_TAGS]),
    balancing("DeleteListener", &[on("elasticloadbalancing:DeleteListener", Own(LISTENER))]),
    balancing("DeleteLoadBalancer", &[on("elasticloadbalancing:DeleteLoadBalancer", Own(BALANCER))]),
    balancing("DeleteTargetGroup", &[on("elasticloadbalancing:DeleteTargetGroup", Own(TARGETS))]),
    balancing("ModifyListener", &[on("elasticloadbalancing:ModifyListener", Own(LISTENER))]),
    balancing(
        "ModifyLoadBalancerAttributes",
        &[on("elasticloadbalancing:ModifyLoadBalancerAttributes", Own(BALANCER))],
    ),
    balancing("ModifyTargetGroup", &[on("elasticloadbalancing:ModifyTargetGroup", Own(TARGETS))]),
    balancing("ModifyTargetGroupAttributes", &[on("elasticloadbalancing:ModifyTargetGroupAttributes", Own(TARGETS))]),
    balancing("RemoveTags", &[on("elasticloadbalancing:RemoveTags", Own("elasticloadbalancing:*"))]),
    balancing("SetSecurityGroups", &[on("elasticloadbalancing:SetSecurityGroups", Own(BALANCER))]),
    balancing("SetSubnets", &[on("elasticloadbalancing:SetSubnets", Own(BALANCER))]),
    iam("GetAccountAuthorizationDetails", &[on("iam:GetAccountAuthorizationDetails", Everything)]),
    iam("GetInstanceProfile", &[on("iam:GetInstanceProfile", Profile)]),
    iam("GetRole", &[on("iam:GetRole", Caller)]),
    iam("ListInstanceProfiles", &[on("iam:ListInstanceProfiles", Everything)]),
    iam("ListRoles", &[on("iam:ListRoles", Everything)]),
    iam("SimulatePrincipalPolicy", &[on("iam:SimulatePrincipalPolicy", Caller)]),
    iam("AddRoleToInstanceProfile", &[on("iam:AddRoleToInstanceProfile", Profile), on("iam:PassRole", PassedRole)]),
    iam("AttachRolePolicy", &[on("iam:AttachRolePolicy", Role)]),
    iam("CreateInstanceProfile", &[on("iam:CreateInstanceProfile", Profile), on("iam:TagInstanceProfile", Profile)]),
    iam("CreateRole", &[on("iam:CreateRole", Role), on("iam:TagRole", Role)]),
    iam("DeleteInstanceProfile", &[on("iam:DeleteInstanceProfile", Profile)]),
    iam("DeleteRole", &[on("iam:DeleteRole", Role)]),
    iam("DeleteRolePolicy", &[on("iam:DeleteRolePolicy", Role)]),
    iam("DetachRolePolicy", &[on("iam:DetachRolePolicy", Role)]),
    iam("PutRolePolicy", &[on("iam:PutRolePolicy", Role)]),
    iam("RemoveRoleFromInstanceProfile", &[on("iam:RemoveRoleFromInstanceProfile", Profile)]),
    iam("TagInstanceProfile", &[on("iam:TagInstanceProfile", Profile)]),
    iam("TagRole", &[on("iam:TagRole", Role)]),
    iam("UntagInstanceProfile", &[on("iam:UntagInstanceProfile", Profile)]),
    iam("UntagRole", &[on("iam:UntagRole", Role)]),
    iam("UpdateAssumeRolePolicy", &[on("iam:UpdateAssumeRolePolicy", Role)]),
    route53("GetChange", &[on("route53:GetChange", Change)]),
    route53("ListHostedZonesByName", &[on("route53:ListHostedZonesByName", Everything)]),
    route53("ListResourceRecordSets", &[on("route53:ListResourceRecordSets", Zone)]),
    route53("ChangeResourceRecordSets", &[on("route53:ChangeResourceRecordSets", Record)]),
    ssm("DescribeParameters", &[on("ssm:DescribeParameters", Everything)]),
    ssm("GetCommandInvocation", &[on("ssm:GetCommandInvocation", Everything)]),
    ssm("GetParameters", &[on("ssm:GetParameters", ImageParameter)]),
    ssm("GetParametersByPath", &[on("ssm:GetParametersByPath", Parameter)]),
    ssm("AddTagsToResource", &[on("ssm:AddTagsToResource", Parameter)]),
    ssm("DeleteParameter", &[on("ssm:DeleteParameter", Parameter)]),
    ssm("DeleteParameters", &[on("ssm:DeleteParameters", Parameter)]),
    ssm("PutParameter", &[on("ssm:PutParameter", Parameter), on("ssm:AddTagsToResource", Parameter)]),
    ssm("RemoveTagsFromResource", &[on("ssm:RemoveTagsFromResource", Parameter)]),
    ssm("SendCommand", &[on("ssm:SendCommand", Script), on("ssm:SendCommand", Own(INSTANCE))]),
    s3("HeadObject", &[on("s3:GetObject", Snapshot)]),
    s3("ListObjectsV2", &[on("s3:ListBucket", Bucket)]),
];

/// What a sweep asks for beyond that: on what Kubernetes made, which has its controllers' tags and not windlass'.
pub const SWEPT: &[Permission] = &[
    on("ec2:DeleteNetworkInterface", Swept(INTERFACE)),
    on("ec2:DeleteSecurityGroup", Swept(SECURITY_GROUP)),
    on("ec2:DeleteVolume", Swept(VOLUME)),
    on("ec2:ReleaseAddress", Swept(ADDRESS)),
    on("ec2:RevokeSecurityGroupEgress", Neighbour(SECURITY_GROUP)),
    on("ec2:RevokeSecurityGroupEgress", Swept(SECURITY_GROUP)),
    on("ec2:RevokeSecurityGroupIngress", Neighbour(SECURITY_GROUP)),
    on("ec2:RevokeSecurityGroupIngress", Swept(SECURITY_GROUP)),
    on("ec2:TerminateInstances", Swept(INSTANCE)),
    on("elasticloadbalancing:DeleteLoadBalancer", Swept(ANY_BALANCER)),
    on("elasticloadbalancing:DeleteTargetGroup", Swept(TARGETS)),
    on("elasticloadbalancing:ModifyLoadBalancerAttributes", Swept(ANY_BALANCER)),
];
