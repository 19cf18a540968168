//! IAM policy documents: what an instance may do, scoped to its own cluster by tag or path wherever IAM can.

use serde_json::{Value, json};

use super::builder::Builder;
use super::{names, tags};
use crate::spec::Cni;

/// Under the cluster's parameter path: the token with which a worker joins. Members write it.
pub(super) const JOIN_PARAMETER: &str = "join";
/// Under the cluster's parameter path: whom a worker trusts.
const TRUST_PARAMETER: &str = "pki/cluster.crt";
/// Under the cluster's parameter path: where members tell what they have installed.
const STATUS_PARAMETERS: &str = "status/*";

/// Who may take a role: EC2 instances.
pub(super) fn trust(builder: &Builder<'_>) -> Value {
    // In China the service's name has another ending (IAM user guide, "AWS service principals").
    let service =
        if partition(&builder.facts.region) == "aws-cn" { "ec2.amazonaws.com.cn" } else { "ec2.amazonaws.com" };
    json!({
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}],
    })
}

/// What a control-plane member does itself: take its volume, read its keys, publish the join token, tell what it has.
///
/// All members share one role, so each can read what is under `members/` of the others: their certificates are worth
/// the same, and with root on one member the cluster is lost anyway. A role for each would be two more resources and
/// four more calls per member, and scopes nothing that matters.
pub(super) fn member(builder: &Builder<'_>) -> Value {
    let owned = json!({"StringEquals": {format!("aws:ResourceTag/{}", tags::cluster_tag(builder.name())): "owned"}});
    let mut statements = vec![
        json!({
            "Sid": "FindVolumeAndAddress", "Effect": "Allow", "Resource": "*",
            "Action": ["ec2:DescribeInstances", "ec2:DescribeNetworkInterfaces", "ec2:DescribeVolumes"],
        }),
        json!({
            "Sid": "TakeVolume", "Effect": "Allow", "Action": "ec2:AttachVolume",
            "Resource": [ec2(builder, "volume/*"), ec2(builder, "instance/*")],
            "Condition": owned,
        }),
        json!({
            "Sid": "MarkVolume", "Effect": "Allow", "Action": "ec2:CreateTags",
            "Resource": ec2(builder, "volume/*"),
            "Condition": {
                "StringEquals": {format!("aws:ResourceTag/{}", tags::cluster_tag(builder.name())): "owned"},
                "ForAllValues:StringEquals": {"aws:TagKeys": ["etcd-initialized"]},
            },
        }),
        json!({
            "Sid": "ReadKeys", "Effect": "Allow", "Action": ["ssm:GetParameter", "ssm:GetParameters", "ssm:GetParametersByPath"],
            "Resource": [parameter(builder, "*"), parameter(builder, "").trim_end_matches('/').to_owned()],
        }),
        json!({
            "Sid": "Publish", "Effect": "Allow", "Action": "ssm:PutParameter",
            "Resource": [parameter(builder, JOIN_PARAMETER), parameter(builder, STATUS_PARAMETERS)],
        }),
        answer_commands(),
    ];
    statements.extend(parameter_key(builder, &["kms:Decrypt", "kms:Encrypt"], "*"));
    if let Some(backup) = &builder.spec().backup {
        let bucket = format!("arn:{}:s3:::{}", partition(&builder.facts.region), backup.bucket);
        let prefix = backup.folder(builder.name().as_str());
        statements.push(json!({
            "Sid": "StoreSnapshots", "Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"],
            "Resource": format!("{bucket}/{prefix}/*"),
        }));
        statements.push(json!({
            "Sid": "ListSnapshots", "Effect": "Allow", "Action": "s3:ListBucket", "Resource": bucket,
            "Condition": {"StringLike": {"s3:prefix": format!("{prefix}/*")}},
        }));
        statements.extend(backup_key(builder));
    }
    document(statements)
}

/// What Kubernetes' cloud controller and EBS driver do on members: load balancers and volumes of the cluster only
/// (cloud-provider-aws, "Prerequisites"; each create is tied to the cluster's tag in the request).
pub(super) fn cloud_controller(builder: &Builder<'_>) -> Value {
    let tag = tags::cluster_tag(builder.name());
    let owned = json!({"StringEquals": {format!("aws:ResourceTag/{tag}"): "owned"}});
    let created = json!({"StringEquals": {format!("aws:RequestTag/{tag}"): "owned"}});
    document(vec![
        json!({
            "Sid": "Look", "Effect": "Allow", "Resource": "*",
            "Action": [
                "autoscaling:DescribeAutoScalingGroups", "autoscaling:DescribeLaunchConfigurations",
                "autoscaling:DescribeTags", "ec2:DescribeAvailabilityZones", "ec2:DescribeInstances",
                "ec2:DescribeInstanceTopology", "ec2:DescribeRegions", "ec2:DescribeRouteTables",
                "ec2:DescribeSecurityGroups", "ec2:DescribeSnapshots", "ec2:DescribeSubnets", "ec2:DescribeTags",
                "ec2:DescribeVolumeStatus", "ec2:DescribeVolumes", "ec2:DescribeVolumesModifications",
                "ec2:DescribeVpcs",
                "elasticloadbalancing:Describe*",
            ],
        }),
        json!({
            "Sid": "Make", "Effect": "Allow", "Resource": "*", "Condition": created,
            "Action": [
                "ec2:CreateSecurityGroup", "ec2:CreateVolume", "elasticloadbalancing:CreateLoadBalancer",
                "elasticloadbalancing:CreateTargetGroup", "elasticloadbalancing:CreateListener",
            ],
        }),
        json!({
            "Sid": "MakeGroupInNetwork", "Effect": "Allow", "Action": "ec2:CreateSecurityGroup",
            "Resource": ec2(builder, "vpc/*"),
        }),
        // Each service has a key of its own for the call that makes what is tagged (EC2 user guide, "Grant permission to
        // tag Amazon EC2 resources during creation"; ELB user guide, "Tag during creation").
        json!({
            "Sid": "TagWhatItMakes", "Effect": "Allow", "Resource": "*", "Action": "ec2:CreateTags",
            "Condition": {
                "StringEquals": {format!("aws:RequestTag/{tag}"): "owned"},
                "Null": {"ec2:CreateAction": "false"},
            },
        }),
        json!({
            "Sid": "TagLoadBalancers", "Effect": "Allow", "Resource": "*", "Action": "elasticloadbalancing:AddTags",
            "Condition": {
                "StringEquals": {format!("aws:RequestTag/{tag}"): "owned"},
                "Null": {"elasticloadbalancing:CreateAction": "false"},
            },
        }),
        json!({
            "Sid": "ChangeItsOwn", "Effect": "Allow", "Resource": "*", "Condition": owned,
            "Action": [
                "ec2:AttachVolume", "ec2:AuthorizeSecurityGroupIngress", "ec2:CreateTags",
                "ec2:DeleteSecurityGroup", "ec2:DeleteVolume", "ec2:DetachVolume", "ec2:ModifyVolume",
                "ec2:RevokeSecurityGroupIngress", "elasticloadbalancing:AddTags",
                "elasticloadbalancing:ApplySecurityGroupsToLoadBalancer",
                "elasticloadbalancing:AttachLoadBalancerToSubnets", "elasticloadbalancing:ConfigureHealthCheck",
                "elasticloadbalancing:CreateListener", "elasticloadbalancing:CreateLoadBalancerListeners",
                "elasticloadbalancing:CreateLoadBalancerPolicy", "elasticloadbalancing:DeleteListener",
                "elasticloadbalancing:DeleteLoadBalancer", "elasticloadbalancing:DeleteLoadBalancerListeners",
                "elasticloadbalancing:DeleteTargetGroup", "elasticloadbalancing:DeregisterInstancesFromLoadBalancer",
                "elasticloadbalancing:DeregisterTargets", "elasticloadbalancing:DetachLoadBalancerFromSubnets",
                "elasticloadbalancing:ModifyListener", "elasticloadbalancing:ModifyLoadBalancerAttributes",
                "elasticloadbalancing:ModifyTargetGroup", "elasticloadbalancing:ModifyTargetGroupAttributes",
                "elasticloadbalancing:RegisterInstancesWithLoadBalancer", "elasticloadbalancing:RegisterTargets",
                "elasticloadbalancing:SetLoadBalancerPoliciesForBackendServer",
                "elasticloadbalancing:SetLoadBalancerPoliciesOfListener", "elasticloadbalancing:SetSecurityGroups",
                "elasticloadbalancing:SetSubnets",
            ],
        }),
    ])
}

/// What a node does: join, and nothing else; with the Amazon VPC plug-in, give addresses to pods.
pub(super) fn node(builder: &Builder<'_>) -> Value {
    let mut statements = vec![
        json!({
            // The token by itself, what is trusted by the function that members use too.
            "Sid": "Join", "Effect": "Allow", "Action": ["ssm:GetParameter", "ssm:GetParameters"],
            "Resource": [parameter(builder, JOIN_PARAMETER), parameter(builder, TRUST_PARAMETER)],
        }),
        json!({"Sid": "FindItself", "Effect": "Allow", "Action": "ec2:DescribeInstances", "Resource": "*"}),
    ];
    statements.extend(parameter_key(builder, &["kms:Decrypt"], JOIN_PARAMETER));
    if builder.spec().network.cni == Cni::AmazonVpc {
        // The plug-in's own list ("Amazon VPC CNI: IAM policy").
        statements.push(json!({
            "Sid": "PodAddresses", "Effect": "Allow", "Resource": "*",
            "Action": [
                "ec2:AssignPrivateIpAddresses", "ec2:AttachNetworkInterface", "ec2:CreateNetworkInterface",
                "ec2:DeleteNetworkInterface", "ec2:DescribeInstanceTypes", "ec2:DescribeNetworkInterfaces",
                "ec2:DescribeSubnets", "ec2:DescribeTags", "ec2:DetachNetworkInterface",
                "ec2:ModifyNetworkInterfaceAttribute", "ec2:UnassignPrivateIpAddresses",
            ],
        }));
        statements.push(json!({
            "Sid": "PodAddressTags", "Effect": "Allow", "Action": "ec2:CreateTags",
            "Resource": ec2(builder, "network-interface/*"),
        }));
    }
    document(statements)
}

/// The cluster-autoscaler, which runs on admin nodes: it resizes this cluster's groups only (its documentation, "IAM
/// policy").
pub(super) fn autoscaler(builder: &Builder<'_>) -> Value {
    let tag = format!("aws:ResourceTag/k8s.io/cluster-autoscaler/{}", builder.name());
    document(vec![
        json!({
            "Sid": "Look", "Effect": "Allow", "Resource": "*",
            "Action": [
                "autoscaling:DescribeAutoScalingGroups", "autoscaling:DescribeAutoScalingInstances",
                "autoscaling:DescribeLaunchConfigurations", "autoscaling:DescribeScalingActivities",
                "autoscaling:DescribeTags", "ec2:DescribeImages", "ec2:DescribeInstanceTypes",
                "ec2:DescribeLaunchTemplateVersions", "ec2:GetInstanceTypesFromInstanceRequirements",
            ],
        }),
        json!({
            "Sid": "Resize", "Effect": "Allow", "Resource": "*",
            "Action": ["autoscaling:SetDesiredCapacity", "autoscaling:TerminateInstanceInAutoScalingGroup"],
            "Condition": {"StringEquals": {tag: "owned"}},
        }),
    ])
}

/// Session Manager's channels, without the parameters that AWS' managed policy lets an instance read.
pub(super) fn session_manager() -> Value {
    document(vec![json!({
        "Sid": "SessionManager", "Effect": "Allow", "Resource": "*",
        "Action": [
            "ssm:UpdateInstanceInformation", "ssmmessages:CreateControlChannel", "ssmmessages:CreateDataChannel",
            "ssmmessages:OpenControlChannel", "ssmmessages:OpenDataChannel",
        ],
    })])
}

/// The channels of the Systems Manager agent through which Run Command reaches an instance: the way in when the API is
/// down ("Actions defined by AWS Systems Manager", "Reference: ec2messages, ssmmessages, and other API operations").
fn answer_commands() -> Value {
    json!({
        "Sid": "AnswerCommands", "Effect": "Allow", "Resource": "*",
        "Action": [
            "ec2messages:AcknowledgeMessage", "ec2messages:DeleteMessage", "ec2messages:FailMessage",
            "ec2messages:GetEndpoint", "ec2messages:GetMessages", "ec2messages:SendReply",
            "ssm:UpdateInstanceInformation", "ssmmessages:CreateControlChannel", "ssmmessages:CreateDataChannel",
            "ssmmessages:OpenControlChannel", "ssmmessages:OpenDataChannel",
        ],
    })
}

/// The use of the key that `spec.pki.kmsKey` names, for these parameters only; nothing without one, because everybody
/// in the account may use its own key for Systems Manager (KMS developer guide, "AWS managed keys").
fn parameter_key(builder: &Builder<'_>, actions: &[&str], name: &str) -> Option<Value> {
    let key = builder.spec().pki.kms_key.as_deref()?;
    // Parameter Store encrypts in the context of the parameter ("How AWS Systems Manager Parameter Store uses AWS KMS").
    let condition = json!({"StringLike": {"kms:EncryptionContext:PARAMETER_ARN": parameter(builder, name)}});
    Some(use_key(builder, "UseParameterKey", key, actions, condition))
}

/// The use of the key that `spec.backup.kmsKey` names: to write and read snapshots, by way of S3 only.
fn backup_key(builder: &Builder<'_>) -> Option<Value> {
    let key = builder.spec().backup.as_ref()?.kms_key.as_deref()?;
    // Same name in every partition (KMS developer guide, "kms:ViaService").
    let condition = json!({"StringEquals": {"kms:ViaService": format!("s3.{}.amazonaws.com", builder.facts.region)}});
    Some(use_key(builder, "UseBackupKey", key, &["kms:GenerateDataKey", "kms:Decrypt"], condition))
}

/// A statement about a key, whose ARN, id or alias a manifest gives.
fn use_key(builder: &Builder<'_>, sid: &str, key: &str, actions: &[&str], mut condition: Value) -> Value {
    let facts = builder.facts;
    let of_account =
        |what: &str| format!("arn:{}:kms:{}:{}:{what}", partition(&facts.region), facts.region, facts.account);
    let resource = match key.split_once(":alias/").map(|(_, alias)| alias).or_else(|| key.strip_prefix("alias/")) {
        // No resource element names an alias (KMS developer guide, "Using aliases to control access to KMS keys").
        Some(alias) => {
            condition["ForAnyValue:StringEquals"] = json!({"kms:ResourceAliases": format!("alias/{alias}")});
            of_account("key/*")
        }
        None if key.starts_with("arn:") => key.to_owned(),
        None => of_account(&format!("key/{key}")),
    };
    json!({"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resource, "Condition": condition})
}

fn document(statements: Vec<Value>) -> Value {
    json!({"Version": "2012-10-17", "Statement": statements})
}

fn ec2(builder: &Builder<'_>, what: &str) -> String {
    let facts = builder.facts;
    format!("arn:{}:ec2:{}:{}:{what}", partition(&facts.region), facts.region, facts.account)
}

/// The ARN of a parameter of the cluster (its path begins with the slash that the ARN has anyway).
fn parameter(builder: &Builder<'_>, name: &str) -> String {
    let facts = builder.facts;
    let path = names::parameter_path(builder.name());
    format!("arn:{}:ssm:{}:{}:parameter{path}{name}", partition(&facts.region), facts.region, facts.account)
}

/// AWS' separate worlds (IAM user guide, "ARN format"): `aws` for most regions.
#[must_use]
pub fn partition(region: &str) -> &'static str {
    match region {
        region if region.starts_with("cn-") => "aws-cn",
        region if region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    }
}
