//! Managed policies: the account's own, and the AWS ones that nodes are likely to have.

use super::super::wire::{Answer, Call, Refusal, Xml};
use super::super::world::World;
use super::document::{Purpose, check};
use super::{Policy, State, already_exists, checked_name, checked_path, conflict, date, id, no_such, tags};

/// AWS managed policies that exist, after `arn:aws:iam::aws:policy/`.
const AWS: [&str; 14] = [
    "AdministratorAccess",
    "AmazonEC2ContainerRegistryPullOnly",
    "AmazonEC2ContainerRegistryReadOnly",
    "AmazonEC2FullAccess",
    "AmazonEC2ReadOnlyAccess",
    "AmazonEKSWorkerNodePolicy",
    "AmazonEKS_CNI_Policy",
    "AmazonRoute53FullAccess",
    "AmazonS3FullAccess",
    "AmazonS3ReadOnlyAccess",
    "AmazonSSMManagedInstanceCore",
    "CloudWatchAgentServerPolicy",
    "ReadOnlyAccess",
    "service-role/AmazonEBSCSIDriverPolicy",
];

/// Whether a policy of that ARN can be attached.
pub fn exists(iam: &State, arn: &str) -> bool {
    match arn.strip_prefix("arn:aws:iam::aws:policy/") {
        Some(name) => AWS.contains(&name),
        None => iam.policies.contains_key(arn),
    }
}

/// `PolicyName` and `PolicyArn`.
pub fn attached(arn: &str) -> Xml {
    Xml::new().text("PolicyName", arn.rsplit('/').next().unwrap_or(arn)).text("PolicyArn", arn)
}

fn xml(policy: &Policy, attachments: usize) -> Xml {
    let xml = Xml::new()
        .text("PolicyName", &policy.name)
        .text("PolicyId", &policy.id)
        .text("Arn", &policy.arn)
        .text("Path", &policy.path)
        .text("DefaultVersionId", "v1")
        .text("AttachmentCount", attachments)
        .text("IsAttachable", true)
        .text("CreateDate", date(policy.created))
        .text("UpdateDate", date(policy.created));
    if policy.tags.is_empty() { xml } else { xml.and(tags::xml(&policy.tags)) }
}

fn attachments(iam: &State, arn: &str) -> usize {
    iam.roles.values().filter(|role| role.attached.contains(arn)).count()
}

pub fn create(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let name = checked_name(call, "PolicyName", 128)?;
    let path = checked_path(call)?;
    let document = call.required("PolicyDocument")?;
    check(&document, Purpose::Permission)?;
    call.accept_all(&["Description"]);
    let tags = tags::read(call)?;
    let arn = format!("arn:aws:iam::{}:policy{path}{name}", world.account);
    if world.iam.policies.contains_key(&arn) {
        return Err(already_exists(format!("A policy called {name} already exists. Duplicate names are not allowed.")));
    }
    let policy = Policy { id: id(world, "ANPA"), arn: arn.clone(), name, path, document, created: world.now, tags };
    let answer = Xml::new().element("Policy", xml(&policy, 0));
    world.iam.policies.insert(arn, policy);
    Ok(answer.into())
}

pub fn get(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let arn = call.required("PolicyArn")?;
    let policy = world.iam.policies.get(&arn).ok_or_else(|| no_such(format!("Policy {arn} was not found.")))?;
    Ok(Xml::new().element("Policy", xml(policy, attachments(&world.iam, &arn))).into())
}

pub fn delete(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let arn = call.required("PolicyArn")?;
    if !world.iam.policies.contains_key(&arn) {
        return Err(no_such(format!("Policy {arn} was not found.")));
    }
    if attachments(&world.iam, &arn) > 0 {
        return Err(conflict("Cannot delete a policy attached to entities."));
    }
    world.iam.policies.remove(&arn);
    Ok(Answer::empty())
}
