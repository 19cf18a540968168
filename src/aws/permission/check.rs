//! Asks IAM, before anything is changed, whether the caller may do all that a piece of work needs.
//!
//! IAM's simulator knows the caller's own policies, those of its groups and its permissions boundary. It knows neither
//! the policies of a session nor those of a key or a bucket, and of an organization's policies only those without
//! conditions (IAM user guide, "Testing IAM policies with the IAM policy simulator"). So a yes is no promise; a no that
//! depends on something that the simulation does not have is none.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use aws_sdk_iam::types::{ContextEntry, ContextKeyTypeEnum, EvaluationResult, PolicyEvaluationDecisionType};
use futures_util::future::try_join_all;

use super::{OPERATIONS, Permission, SWEPT, Target, Territory};
use crate::aws::call::{Call, call};
use crate::aws::connect::Aws;
use crate::aws::error::Error;
use crate::aws::failure::Failure;
use crate::aws::pages;

const OPERATION: &str = "SimulatePrincipalPolicy";

/// Results of one page (IAM API reference, SimulatePrincipalPolicy: at most 1000).
const PAGE: i32 = 1000;

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Checked {
    /// Nothing speaks against the work.
    Allowed,
    /// These are missing.
    Missing(Vec<Missing>),
    /// It cannot be found out, for this reason.
    Unknown(String),
}

/// A permission that is missing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Missing {
    /// The action.
    pub action: &'static str,
    /// On what.
    pub resource: String,
    /// Whether a policy denies it, rather than none allowing it.
    pub denied: bool,
}

impl fmt::Display for Missing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} on {}", self.action, self.resource)?;
        if self.denied { formatter.write_str(", which a policy denies") } else { Ok(()) }
    }
}

/// Checks whether the caller has these permissions. A call for each kind of resource; none when there is nothing to do.
///
/// # Errors
/// That of a call, but not that the caller may not ask: then nothing is known.
pub async fn check(aws: &Aws, of: &Territory, permissions: &BTreeSet<Permission>) -> Result<Checked, Error> {
    let questions = questions(permissions);
    if questions.is_empty() {
        return Ok(Checked::Allowed);
    }
    let Some(principal) = principal(aws).await? else {
        let arn = aws.identity().await?.arn;
        return Ok(Checked::Unknown(format!("IAM cannot simulate {arn}")));
    };
    let known = known_keys(of);
    let asked = questions.iter().map(|(on, actions)| simulate(aws, of, &principal, (*on, actions), &known));
    match try_join_all(asked).await {
        Ok(missing) => {
            let missing: BTreeSet<Missing> = missing.into_iter().flatten().collect();
            Ok(if missing.is_empty() { Checked::Allowed } else { Checked::Missing(missing.into_iter().collect()) })
        }
        Err(error) if is_about_the_caller(&error) => Err(error),
        // The check only tells early what the calls would tell: that it cannot be made stops nobody.
        Err(error) => Ok(Checked::Unknown(error.to_string())),
    }
}

/// Whether no other call would get through either.
fn is_about_the_caller(error: &Error) -> bool {
    let failure = error.failure();
    [Failure::NoCredentials, Failure::ExpiredCredentials, Failure::Clock].into_iter().any(|it| failure == Some(it))
}

/// The actions to ask about, by what they are on. A service's own role is needed only until it exists, in most accounts
/// since years: nobody is stopped for it.
fn questions(permissions: &BTreeSet<Permission>) -> BTreeMap<Target, BTreeSet<&'static str>> {
    let mut questions: BTreeMap<Target, BTreeSet<&'static str>> = BTreeMap::new();
    for Permission { action, on } in permissions {
        if !matches!(on, Target::ServiceRole(_)) {
            questions.entry(*on).or_default().insert(action);
        }
    }
    questions
}

/// The ARN whose policies are the caller's; `None`: root, or a user of another kind.
///
/// A session's ARN lacks the path of its role, which SimulatePrincipalPolicy wants.
async fn principal(aws: &Aws) -> Result<Option<String>, Error> {
    let caller = aws.identity().await?;
    if caller.arn.contains(":user/") {
        return Ok(Some(caller.arn));
    }
    let Some((_, session)) = caller.arn.split_once(":assumed-role/") else { return Ok(None) };
    let role = session.split('/').next().unwrap_or_default();
    let partition = caller.arn.split(':').nth(1).unwrap_or("aws");
    let without_path = format!("arn:{partition}:iam::{}:role/{role}", caller.account);
    let asked = call(aws, Call::read("GetRole"), || aws.iam().get_role().role_name(role).send()).await;
    match asked {
        Ok(answer) => Ok(Some(answer.role.map_or(without_path, |role| role.arn))),
        Err(error) if error.failure() == Some(Failure::Permission) => Ok(Some(without_path)),
        Err(error) => Err(error),
    }
}

async fn simulate(
    aws: &Aws,
    of: &Territory,
    principal: &str,
    (on, actions): (Target, &BTreeSet<&'static str>),
    known: &BTreeSet<String>,
) -> Result<Vec<Missing>, Error> {
    // What a territory does not have, nobody needs.
    let Some(example) = on.example(of) else { return Ok(Vec::new()) };
    let resource = if on == Target::Caller { principal.to_owned() } else { example };
    let context: Vec<ContextEntry> = on.context(of).into_iter().map(entry).collect();
    let names: Vec<String> = actions.iter().map(|action| (*action).to_owned()).collect();
    let results = pages::all(OPERATION, async |marker: Option<String>| {
        let request = aws
            .iam()
            .simulate_principal_policy()
            .policy_source_arn(principal)
            .set_action_names(Some(names.clone()))
            .resource_arns(&resource)
            .set_context_entries(Some(context.clone()))
            .max_items(PAGE)
            .set_marker(marker);
        let answer = call(aws, Call::read(OPERATION), || request.clone().send()).await?;
        Ok((answer.evaluation_results.unwrap_or_default(), answer.marker))
    })
    .await?;
    let missing = |action: &&'static str| {
        let result = results.iter().find(|result| result.eval_action_name() == *action)?;
        let denied = refused(result, known)?;
        Some(Missing { action, resource: resource.clone(), denied })
    };
    Ok(actions.iter().filter_map(missing).collect())
}

/// Whether a policy denies it (`true`) or none allows it (`false`); `None`: it is allowed, or depends on what the
/// simulation does not know. That a key of ours is missing is no such thing: the request will not have it either.
fn refused(result: &EvaluationResult, known: &BTreeSet<String>) -> Option<bool> {
    let by_resource = result.resource_specific_results().iter().flat_map(|it| it.missing_context_values());
    if result.missing_context_values().iter().chain(by_resource).any(|key| !known.contains(key)) {
        return None;
    }
    match result.eval_decision() {
        PolicyEvaluationDecisionType::Allowed => None,
        PolicyEvaluationDecisionType::ExplicitDeny => Some(true),
        _ => Some(false),
    }
}

/// The keys of conditions that the simulated requests have, where the real ones do.
fn known_keys(of: &Territory) -> BTreeSet<String> {
    let targets = OPERATIONS.iter().flat_map(|row| row.permissions).chain(SWEPT).map(|permission| permission.on);
    // Many operations are on the same kinds of things.
    let targets: BTreeSet<Target> = targets.collect();
    targets.into_iter().flat_map(|on| on.context(of)).map(|(key, _)| key).collect()
}

/// Names of records come as a list, everything else is one value.
fn entry((key, values): (String, Vec<String>)) -> ContextEntry {
    let kind = match key.starts_with("route53:") {
        true => ContextKeyTypeEnum::StringList,
        false => ContextKeyTypeEnum::String,
    };
    ContextEntry::builder().context_key_name(key).set_context_key_values(Some(values)).context_key_type(kind).build()
}
