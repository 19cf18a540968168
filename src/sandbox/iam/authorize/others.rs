//! IAM, Route 53, Systems Manager and S3.

use super::super::super::route53::normalize;
use super::super::super::wire::Call;
use super::super::super::world::World;
use super::super::evaluate::Request;
use super::{action, everything, tags};

pub(super) fn iam(world: &World, call: &Call<'_>) -> Vec<Request> {
    let path = call.text("Path").unwrap_or_else(|| String::from("/"));
    let new = tags(&call.list("Tags"));
    let (role, profile) = (call.text("RoleName"), call.text("InstanceProfileName"));
    let role_arn = role.map(|name| match world.iam.roles.get(&name) {
        Some(role) => role.arn.clone(),
        None => format!("arn:aws:iam::{}:role{path}{name}", world.account),
    });
    let profile_arn = profile.map(|name| match world.iam.profiles.get(&name) {
        Some(profile) => profile.arn.clone(),
        None => format!("arn:aws:iam::{}:instance-profile{path}{name}", world.account),
    });
    let source = (call.operation == "SimulatePrincipalPolicy").then(|| call.text("PolicySourceArn")).flatten();
    let Some(arn) = profile_arn.or(role_arn.clone()).or(source) else { return everything(call) };
    let mut requests = vec![Request::new(&action(call), &arn).bringing(&new)];
    match call.operation {
        "CreateRole" if !new.is_empty() => requests.push(Request::new("iam:TagRole", arn).bringing(&new)),
        "CreateInstanceProfile" if !new.is_empty() => {
            requests.push(Request::new("iam:TagInstanceProfile", arn).bringing(&new));
        }
        // "The caller of this operation must be granted the PassRole permission" (IAM API reference).
        "AddRoleToInstanceProfile" => requests.extend(role_arn.as_deref().map(pass)),
        _ => {}
    }
    requests
}

/// A role that is handed to machines.
pub(super) fn pass(role: &str) -> Request {
    Request::new("iam:PassRole", role).with("iam:PassedToService", ["ec2.amazonaws.com"])
}

/// A service that is used for the first time makes a role for itself, with the caller's permission (IAM user guide,
/// "Create a service-linked role"). Nothing in an account of the sandbox has made it before.
pub(super) fn service_role(world: &World, service: &str, name: &str) -> Option<Request> {
    if world.iam.roles.contains_key(name) {
        return None;
    }
    let arn = format!("arn:aws:iam::{}:role/aws-service-role/{service}/{name}", world.account);
    Some(Request::new("iam:CreateServiceLinkedRole", arn).with("iam:AWSServiceName", [service]))
}

pub(super) fn route53(_world: &World, call: &Call<'_>) -> Vec<Request> {
    let arn = match call.operation {
        "ChangeResourceRecordSets" | "ListResourceRecordSets" => {
            let zone = call.text("Id").unwrap_or_default();
            format!("arn:aws:route53:::hostedzone/{}", zone.trim_start_matches("/hostedzone/"))
        }
        "GetChange" => format!("arn:aws:route53:::change/{}", call.text("Id").unwrap_or_default()),
        _ => return everything(call),
    };
    let request = Request::new(&action(call), arn);
    let changes = call.view("ChangeBatch").list("Changes");
    if changes.is_empty() {
        return vec![request];
    }
    // In lower case and without the last dot (Route 53 developer guide, "Using IAM policy conditions").
    let name = |change: &crate::sandbox::wire::Parameters<'_>| {
        normalize(&change.view("ResourceRecordSet").text("Name").unwrap_or_default()).trim_end_matches('.').to_owned()
    };
    let names: Vec<String> = changes.iter().map(name).collect();
    vec![request.with("route53:ChangeResourceRecordSetsNormalizedRecordNames", names)]
}

pub(super) fn ssm(world: &World, call: &Call<'_>) -> Vec<Request> {
    let parameter = |name: String| {
        let name = name.trim_start_matches('/');
        let account = if name.starts_with("aws/") { "" } else { &world.account };
        format!("arn:aws:ssm:{}:{account}:parameter/{name}", world.region)
    };
    let request = |name: String| Request::new(&action(call), parameter(name));
    match call.operation {
        "PutParameter" => {
            let new = tags(&call.list("Tags"));
            let arn = parameter(call.text("Name").unwrap_or_default());
            let tagging = (!new.is_empty()).then(|| Request::new("ssm:AddTagsToResource", &arn).bringing(&new));
            [Request::new(&action(call), arn).bringing(&new)].into_iter().chain(tagging).collect()
        }
        "DeleteParameter" => call.text("Name").into_iter().map(request).collect(),
        "DeleteParameters" | "GetParameters" => call.texts("Names").into_iter().map(request).collect(),
        "GetParametersByPath" => call.text("Path").into_iter().map(request).collect(),
        "AddTagsToResource" | "RemoveTagsFromResource" => call.text("ResourceId").into_iter().map(request).collect(),
        "SendCommand" => {
            let document = call.text("DocumentName").unwrap_or_default();
            let document = format!("arn:aws:ssm:{}::document/{document}", world.region);
            let machine = |id: String| {
                let present = crate::sandbox::ec2::tags_of(world, &id).unwrap_or_default();
                Request::new(&action(call), world.arn("ec2", &format!("instance/{id}"))).tagged(&present)
            };
            let machines = call.texts("InstanceIds").into_iter().map(machine);
            [Request::new(&action(call), document)].into_iter().chain(machines).collect()
        }
        _ => everything(call),
    }
}

pub(super) fn s3(call: &Call<'_>) -> Vec<Request> {
    let bucket = format!("arn:aws:s3:::{}", call.text("Bucket").unwrap_or_default());
    match call.operation {
        "ListObjectsV2" => {
            let prefix = call.text("prefix").unwrap_or_default();
            vec![Request::new("s3:ListBucket", bucket).with("s3:prefix", [prefix])]
        }
        "HeadObject" | "GetObject" => {
            vec![Request::new("s3:GetObject", format!("{bucket}/{}", call.text("Key").unwrap_or_default()))]
        }
        _ => everything(call),
    }
}
