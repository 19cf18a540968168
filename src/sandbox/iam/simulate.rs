//! The policy simulator: what the caller's policies would say to calls that nobody makes.
//!
//! Source: IAM API reference, SimulatePrincipalPolicy. Only the caller itself can be simulated: it is the one user whose
//! policies the sandbox has. What faults refuse is denied here too, so that whoever asks first learns what a call would
//! meet.

use super::super::wire::{Answer, Call, Refusal, Xml};
use super::super::world::World;
use super::evaluate::{Decision, Request, decide};
use super::{no_such, page};

/// The caller without policies may do everything.
const EVERYTHING: &str = r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;

pub fn principal_policy(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let source = call.required("PolicySourceArn")?;
    if source != world.sts.arn(&world.account) {
        return Err(no_such(format!("The entity {source} cannot be found.")));
    }
    let actions = call.texts("ActionNames");
    if actions.is_empty() {
        return Err(Refusal::new("ValidationError", "ActionNames must have at least one member"));
    }
    let mut resources = call.texts("ResourceArns");
    if resources.is_empty() {
        resources.push(String::from("*"));
    }
    let context: Vec<(String, Vec<String>)> = call
        .list("ContextEntries")
        .iter()
        .map(|entry| {
            entry.accept_all(&["ContextKeyType"]);
            Ok((entry.required("ContextKeyName")?, entry.texts("ContextKeyValues")))
        })
        .collect::<Result<_, Refusal>>()?;
    let mut results = Vec::new();
    for action in &actions {
        for resource in &resources {
            let mut request = Request::new(action, resource);
            for (key, values) in &context {
                request = request.with(key, values);
            }
            let decision = decision(world, &request);
            let xml = Xml::new()
                .text("EvalActionName", action)
                .text("EvalResourceName", resource)
                .text("EvalDecision", decision);
            results.push((format!("{:06}", results.len()), xml));
        }
    }
    let (results, end) = page(call, results)?;
    Ok(Xml::new().list("EvaluationResults", "member", results).and(end).into())
}

fn decision(world: &World, request: &Request) -> &'static str {
    if is_refused_by_a_fault(world, &request.action) {
        return "explicitDeny";
    }
    let policies = world.sts.policies.as_ref();
    let decision = match policies {
        Some(policies) => decide(policies.iter().map(String::as_str), request),
        None => decide([EVERYTHING].into_iter(), request),
    };
    match decision {
        Decision::Allowed => "allowed",
        Decision::ExplicitDeny => "explicitDeny",
        Decision::ImplicitDeny => "implicitDeny",
    }
}

/// Faults name operations; two of S3's have actions of another name (S3 user guide, "Required permissions for Amazon S3
/// API operations").
fn is_refused_by_a_fault(world: &World, action: &str) -> bool {
    let name = match action {
        "s3:ListBucket" => "ListObjectsV2",
        "s3:GetObject" => "HeadObject",
        action => action.split_once(':').map_or(action, |(_, name)| name),
    };
    world.sts.denied.contains(name)
}
