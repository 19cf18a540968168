//! Run Command: scripts on instances whose agent is registered. What a script does is [`boot::scripts`]' business.
//!
//! Source: Systems Manager API reference, SendCommand, GetCommandInvocation, ListCommands.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::boot::scripts::{self, Outcome};
use super::super::wire::{Answer, Call, Refusal};
use super::super::world::World;

/// Seconds until an agent fetched a command; before, there is no invocation.
const FETCH: f64 = 1.5;
/// Seconds after which a script that waits looks again.
const LOOK: f64 = 5.0;
/// Characters of output that an answer shows (GetCommandInvocation).
const OUTPUT: usize = 24_000;
/// The same of standard error.
const ERRORS: usize = 8_000;
/// Instances of one command (SendCommand, "InstanceIds").
const INSTANCES: usize = 50;
/// Days that commands are kept (Systems Manager user guide, "Understanding command statuses").
const KEPT: i64 = 30 * 24 * 3600;

/// A command on one instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Invocation {
    /// The command's id.
    pub command: String,
    /// Where it runs.
    pub instance: String,
    /// Lines of the script.
    pub lines: Vec<String>,
    /// Why, for people.
    pub comment: String,
    /// When it was sent.
    pub sent: Timestamp,
    /// When the agent has it.
    pub begun: Timestamp,
    /// When it ends.
    pub until: Timestamp,
    /// What became of it.
    pub outcome: Option<Outcome>,
}

pub fn send(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let document = call.text("DocumentName").unwrap_or_default();
    if document != "AWS-RunShellScript" {
        return Err(Refusal::new("InvalidDocument", format!("Document with name {document} does not exist.")));
    }
    call.accept_all(&["DocumentVersion", "TimeoutSeconds", "MaxConcurrency", "MaxErrors"]);
    let parameters = call.view("Parameters");
    let lines = parameters.texts("commands");
    let limit: f64 = parameters.texts("executionTimeout").first().and_then(|text| text.parse().ok()).unwrap_or(3600.0);
    parameters.accept_all(&["workingDirectory"]);
    let comment = call.text("Comment").unwrap_or_default();
    let instances = call.texts("InstanceIds");
    if lines.is_empty() || instances.is_empty() || instances.len() > INSTANCES || comment.chars().count() > 100 {
        return Err(Refusal::new("ValidationException", "1 validation error detected: SendCommand"));
    }
    let unknown: Vec<&String> = instances.iter().filter(|id| !scripts::is_managed(world, id)).collect();
    if let Some(id) = unknown.first() {
        let message = format!("Instances [[{id}]] not in a valid state for account {}", world.account);
        return Err(Refusal::new("InvalidInstanceId", message));
    }
    let bits = (world.random(), world.random());
    let id = format!(
        "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
        bits.0 >> 32,
        bits.0 >> 16 & 0xffff,
        bits.0 & 0xfff,
        bits.1 >> 52,
        bits.1 & 0xffff_ffff_ffff
    );
    let begun = world.after(FETCH);
    for instance in &instances {
        let until = world.after(FETCH + scripts::seconds(&lines).min(limit));
        let invocation = Invocation {
            command: id.clone(),
            instance: instance.clone(),
            lines: lines.clone(),
            comment: comment.clone(),
            sent: world.now,
            begun,
            until,
            outcome: None,
        };
        world.ssm.invocations.insert(format!("{id}/{instance}"), invocation);
    }
    let command = json!({
        "CommandId": id,
        "DocumentName": document,
        "Comment": comment,
        "InstanceIds": instances,
        "RequestedDateTime": world.now.as_second(),
        "Status": "Pending",
        "StatusDetails": "Pending",
        "TargetCount": instances.len(),
    });
    Ok(json!({ "Command": command }).into())
}

pub fn invocation(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    call.accept_all(&["PluginName"]);
    let command = call.text("CommandId").unwrap_or_default();
    let instance = call.text("InstanceId").unwrap_or_default();
    let found = world.ssm.invocations.get(&format!("{command}/{instance}")).filter(|it| it.begun <= world.now);
    let Some(it) = found else { return Err(Refusal::new("InvocationDoesNotExist", "")) };
    Ok(view(it).into())
}

fn view(it: &Invocation) -> Value {
    let cut = |text: &str, most: usize| text.chars().take(most).collect::<String>();
    let (status, code, output, errors) = match &it.outcome {
        None => ("InProgress", -1, String::new(), String::new()),
        Some(Outcome { code: 0, output, errors }) => ("Success", 0, cut(output, OUTPUT), cut(errors, ERRORS)),
        Some(Outcome { code, output, errors }) => ("Failed", *code, cut(output, OUTPUT), cut(errors, ERRORS)),
    };
    json!({
        "CommandId": it.command,
        "InstanceId": it.instance,
        "Comment": it.comment,
        "DocumentName": "AWS-RunShellScript",
        "PluginName": "aws:runShellScript",
        "ResponseCode": code,
        "Status": status,
        "StatusDetails": status,
        "StandardOutputContent": output,
        "StandardErrorContent": errors,
    })
}

pub fn list(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    call.accept_all(&["InstanceId", "MaxResults", "Filters"]);
    let mut commands = BTreeMap::new();
    for it in world.ssm.invocations.values() {
        let instances = commands.entry(it.command.clone()).or_insert_with(|| (it.sent, it.comment.clone(), Vec::new()));
        instances.2.push(it.instance.clone());
    }
    let view = |(id, (sent, comment, instances)): (String, (Timestamp, String, Vec<String>))| json!({ "CommandId": id, "Comment": comment, "RequestedDateTime": sent.as_second(), "InstanceIds": instances });
    Ok(json!({ "Commands": commands.into_iter().map(view).collect::<Vec<_>>() }).into())
}

/// When the next script ends.
#[must_use]
pub fn due(world: &World) -> Option<Timestamp> {
    world.ssm.invocations.values().filter(|it| it.outcome.is_none()).map(|it| it.until).min()
}

/// Lets scripts end, with what they do.
pub fn advance(world: &mut World) {
    let now = world.now;
    let ended = |it: &Invocation| it.outcome.is_none() && it.until <= now;
    let due: Vec<(String, String, Vec<String>, Timestamp)> = world
        .ssm
        .invocations
        .iter()
        .filter(|(_, it)| ended(it))
        .map(|(key, it)| (key.clone(), it.instance.clone(), it.lines.clone(), it.begun))
        .collect();
    for (key, instance, lines, begun) in due {
        let outcome = scripts::run(world, &instance, &lines, begun);
        let again = world.after(LOOK);
        if let Some(it) = world.ssm.invocations.get_mut(&key) {
            it.until = if outcome.is_none() { again } else { it.until };
            it.outcome = outcome;
        }
    }
    world.ssm.invocations.retain(|_, it| now.duration_since(it.sent).as_secs() < KEPT);
}
