//! On what an action is allowed: the ARN, the conditions of a policy, and what a request that fulfils them carries.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::aws::identity::tag;

/// The account, region and cluster that a policy is about. Plain text, so that a reference can have placeholders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Territory {
    /// `aws`, `aws-cn`, `aws-us-gov`.
    pub partition: String,
    /// The account's id.
    pub account: String,
    /// The region.
    pub region: String,
    /// The cluster's name.
    pub cluster: String,
    /// Names of DNS records outside of the cluster's own name.
    pub records: BTreeSet<String>,
    /// Systems Manager parameters that name machine images, beside AWS' own.
    pub image_parameters: BTreeSet<String>,
    /// Where snapshots of etcd are; `None`: there are none.
    pub backup: Option<Backup>,
}

/// A place for snapshots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backup {
    /// The bucket.
    pub bucket: String,
    /// The folder, without slashes around it.
    pub folder: String,
}

/// On what. Types of objects are written as `service:type`, the type as it stands in ARNs: `ec2:vpc`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// IAM knows no resource for the action, or the call lists across all of them.
    Everything,
    /// An object that is being made, with the cluster's tag.
    New(&'static str),
    /// Tags of an object of a service that is being made: the service asks for them as for an action of its own.
    NewTags(&'static str),
    /// An object that has the cluster's tag.
    Own(&'static str),
    /// What Kubernetes' controllers made for the cluster, by their tags.
    Swept(&'static str),
    /// A security group of several clusters: rules in it that name a group of this one hold that.
    Neighbour(&'static str),
    /// An object that may be somebody else's, such as the subnet of an existing VPC.
    Any(&'static str),
    /// A part of a machine that a launch template of the account describes.
    Launched(&'static str),
    /// The cluster's roles.
    Role,
    /// The cluster's roles, for machines to have.
    PassedRole,
    /// The cluster's instance profiles.
    Profile,
    /// The role of a service of AWS' own, which is made when its first object is.
    ServiceRole(&'static str),
    /// Whoever calls.
    Caller,
    /// The cluster's parameters.
    Parameter,
    /// Parameters that name machine images.
    ImageParameter,
    /// Records of the cluster, in any hosted zone.
    Record,
    /// Any hosted zone.
    Zone,
    /// A change of records.
    Change,
    /// The document that runs a script on a machine.
    Script,
    /// The bucket of snapshots.
    Bucket,
    /// The snapshots in it.
    Snapshot,
}

/// Keys of tags by which Kubernetes' controllers mark what they make, with the cluster's name as the value; see
/// [`crate::aws::leftovers`].
const SWEPT_BY_NAME: [&str; 3] = ["elbv2.k8s.aws/cluster", "KubernetesCluster", "cluster.k8s.amazonaws.com/name"];

/// The services that make a role for themselves.
const SERVICES: [&str; 2] = ["autoscaling.amazonaws.com", "elasticloadbalancing.amazonaws.com"];

impl Target {
    /// The ARNs, as policies name them. Empty: the territory has no such thing. Where a tag decides, the type of the object
    /// does not: the action has it already, and a policy is only so long.
    #[must_use]
    pub fn resources(self, of: &Territory) -> Vec<String> {
        let Territory { partition, account, region, cluster, .. } = of;
        let arn = |rest: String| vec![format!("arn:{partition}:{rest}")];
        match self {
            Self::Everything => vec![String::from("*")],
            Self::New(kind) | Self::Own(kind) | Self::Swept(kind) | Self::Neighbour(kind) => {
                let service = kind.split(':').next().unwrap_or_default();
                arn(format!("{service}:{region}:{account}:*"))
            }
            Self::NewTags(service) => arn(format!("{service}:{region}:{account}:*")),
            Self::Launched("ec2:image") => vec![object("ec2:image", of)],
            Self::Launched(_) => arn(format!("ec2:{region}:{account}:*")),
            Self::Any(kind) => vec![object(kind, of)],
            Self::Role | Self::PassedRole => arn(format!("iam::{account}:role/windlass/{cluster}/*")),
            Self::Profile => arn(format!("iam::{account}:instance-profile/windlass/{cluster}/*")),
            Self::ServiceRole(service) => arn(format!("iam::{account}:role/aws-service-role/{service}/*")),
            Self::Caller => [arn(format!("iam::{account}:user/*")), arn(format!("iam::{account}:role/*"))].concat(),
            Self::Parameter => {
                let path = format!("ssm:{region}:{account}:parameter/windlass/{cluster}");
                // A path without what is below it is what GetParametersByPath is asked about.
                [arn(path.clone()), arn(path + "/*")].concat()
            }
            Self::ImageParameter => {
                let own = of.image_parameters.iter().map(|name| {
                    format!("arn:{partition}:ssm:{region}:{account}:parameter/{}", name.trim_start_matches('/'))
                });
                arn(format!("ssm:{region}::parameter/aws/service/*")).into_iter().chain(own).collect()
            }
            Self::Record | Self::Zone => arn(String::from("route53:::hostedzone/*")),
            Self::Change => arn(String::from("route53:::change/*")),
            Self::Script => arn(format!("ssm:{region}::document/AWS-RunShellScript")),
            Self::Bucket => of.backup.iter().flat_map(|it| arn(format!("s3:::{}", it.bucket))).collect(),
            Self::Snapshot => {
                of.backup.iter().flat_map(|it| arn(format!("s3:::{}/{}/*", it.bucket, it.folder))).collect()
            }
        }
    }

    /// The ARN of one such object, or nearly, for a simulation; `None`: the territory has no such thing.
    #[must_use]
    pub fn example(self, of: &Territory) -> Option<String> {
        match self {
            Self::New(kind) | Self::Own(kind) | Self::Swept(kind) | Self::Neighbour(kind) | Self::Launched(kind) => {
                Some(object(kind, of))
            }
            Self::NewTags(service) => Some(object(&format!("{service}:*"), of)),
            _ => self.resources(of).into_iter().next(),
        }
    }

    /// The conditions, any of which must hold; one that is empty always does.
    #[must_use]
    pub fn conditions(self, of: &Territory) -> Vec<Value> {
        let cluster = &of.cluster;
        let equals = |key: String, value: &str| {
            let keys = Map::from_iter([(key, Value::from(value))]);
            json!({ "StringEquals": keys })
        };
        let one = |condition| vec![condition];
        match self {
            Self::New(_) => one(equals(format!("aws:RequestTag/{}", tag::CLUSTER), cluster)),
            Self::NewTags(service) => {
                let (request, made) = (format!("aws:RequestTag/{}", tag::CLUSTER), format!("{service}:CreateAction"));
                let request = Map::from_iter([(request, Value::from(cluster.as_str()))]);
                let made = Map::from_iter([(made, Value::from("false"))]);
                one(json!({ "StringEquals": request, "Null": made }))
            }
            Self::Own(_) => one(equals(format!("aws:ResourceTag/{}", tag::CLUSTER), cluster)),
            Self::Swept(_) => {
                let by_name = SWEPT_BY_NAME.map(|key| equals(format!("aws:ResourceTag/{key}"), cluster));
                let owned = equals(format!("aws:ResourceTag/kubernetes.io/cluster/{cluster}"), "owned");
                by_name.into_iter().chain([owned]).collect()
            }
            Self::Neighbour(_) => one(equals(format!("aws:ResourceTag/kubernetes.io/cluster/{cluster}"), "shared")),
            Self::Launched(_) => one(json!({ "ArnLike": { "ec2:LaunchTemplate": object("ec2:launch-template", of) } })),
            Self::PassedRole => one(equals(String::from("iam:PassedToService"), "ec2.amazonaws.com")),
            Self::ServiceRole(_) => one(json!({ "StringEquals": { "iam:AWSServiceName": SERVICES } })),
            Self::Record => {
                let names: Vec<&str> = of.records.iter().map(String::as_str).collect();
                let below = format!("*.{cluster}");
                let names = [vec![below.as_str()], names].concat();
                one(
                    json!({ "ForAllValues:StringLike": { "route53:ChangeResourceRecordSetsNormalizedRecordNames": names } }),
                )
            }
            Self::Bucket => of
                .backup
                .iter()
                .map(|it| json!({ "StringLike": { "s3:prefix": format!("{}/*", it.folder) } }))
                .collect(),
            Self::Everything
            | Self::Any(_)
            | Self::Role
            | Self::Profile
            | Self::Caller
            | Self::Parameter
            | Self::ImageParameter
            | Self::Zone
            | Self::Change
            | Self::Script
            | Self::Snapshot => one(json!({})),
        }
    }

    /// What a request has with it that fulfils the first of the conditions, for a simulation.
    #[must_use]
    pub fn context(self, of: &Territory) -> Vec<(String, Vec<String>)> {
        let mut context = vec![(String::from("aws:RequestedRegion"), vec![of.region.clone()])];
        let mut with = |key: String, value: &str| context.push((key, vec![value.to_owned()]));
        let cluster = of.cluster.as_str();
        match self {
            Self::New(_) => with(format!("aws:RequestTag/{}", tag::CLUSTER), cluster),
            Self::NewTags(service) => {
                with(format!("aws:RequestTag/{}", tag::CLUSTER), cluster);
                with(format!("{service}:CreateAction"), "Create");
            }
            Self::Own(_) => with(format!("aws:ResourceTag/{}", tag::CLUSTER), cluster),
            Self::Swept(_) => {
                for key in SWEPT_BY_NAME {
                    with(format!("aws:ResourceTag/{key}"), cluster);
                }
                with(format!("aws:ResourceTag/kubernetes.io/cluster/{cluster}"), "owned");
            }
            Self::Neighbour(_) => with(format!("aws:ResourceTag/kubernetes.io/cluster/{cluster}"), "shared"),
            Self::Launched(_) => with(String::from("ec2:LaunchTemplate"), &object("ec2:launch-template", of)),
            Self::PassedRole => with(String::from("iam:PassedToService"), "ec2.amazonaws.com"),
            Self::ServiceRole(service) => with(String::from("iam:AWSServiceName"), service),
            Self::Record => {
                let key = String::from("route53:ChangeResourceRecordSetsNormalizedRecordNames");
                with(key, &format!("api.{cluster}"));
            }
            Self::Bucket => {
                let folder = of.backup.as_ref().map(|it| it.folder.as_str()).unwrap_or_default();
                with(String::from("s3:prefix"), &format!("{folder}/"));
            }
            _ => {}
        }
        context
    }
}

/// The ARN of all objects of a type.
fn object(kind: &str, of: &Territory) -> String {
    let Territory { partition, account, region, .. } = of;
    let (service, kind) = kind.split_once(':').unwrap_or((kind, "*"));
    match kind {
        // Images belong to their makers, and their ARNs to nobody.
        "image" => format!("arn:{partition}:{service}:{region}::image/*"),
        "autoScalingGroup" => format!("arn:{partition}:{service}:{region}:{account}:autoScalingGroup:*"),
        kind => format!("arn:{partition}:{service}:{region}:{account}:{kind}/*"),
    }
}
