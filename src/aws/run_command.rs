//! Runs a shell script on instances through Systems Manager, and waits for its end: the way in when the API of a cluster
//! is down.
//!
//! Numbers are from the Systems Manager API reference, SendCommand and GetCommandInvocation, and from the document
//! AWS-RunShellScript.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_ssm::types::CommandInvocationStatus;

use super::call::{Call, call};
use super::connect::Aws;
use super::error::{CallError, Error};

/// Instances in one call (SendCommand, "InstanceIds").
const INSTANCES: usize = 50;
/// Seconds after which a command that no agent fetched is given up: the least that is allowed. A live agent fetches it
/// within a second.
const DELIVERY: i32 = 30;
/// What an agent may add to the time of the script, until its answer is there.
const SLACK: Duration = Duration::from_secs(60);
/// How often an invocation is asked for: at first soon, because most scripts take seconds.
const INTERVALS: [Duration; 4] =
    [Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(3), Duration::from_secs(5)];
/// Characters of a comment (SendCommand, "Comment").
const COMMENT: usize = 100;

/// A script for some instances.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// Ids of instances.
    pub instances: Vec<String>,
    /// Lines of a POSIX shell script, run by root. No secret: Systems Manager keeps it for 30 days.
    pub lines: Vec<String>,
    /// How long it may run.
    pub timeout: Duration,
    /// Why, for those who read the account's history.
    pub comment: String,
}

/// What became of a script on one instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptRun {
    /// How it ended.
    pub end: ScriptEnd,
    /// The first 24,000 characters of its standard output.
    pub output: String,
    /// The first 8,000 characters of its standard error.
    pub errors: String,
}

/// How a script ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScriptEnd {
    /// With exit code 0.
    Succeeded,
    /// With another exit code.
    Exited(i32),
    /// In Systems Manager's words: `Delivery Timed Out`, `Undeliverable`, `Cancelled`.
    NotRun(String),
    /// It was still running when windlass stopped waiting.
    Running,
}

impl ScriptRun {
    /// Whether the script did what it should.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        self.end == ScriptEnd::Succeeded
    }

    /// Why it did not, in a few words: the last line of what it complained about.
    #[must_use]
    pub fn complaint(&self) -> String {
        let last = |text: &str| text.lines().rev().map(str::trim).find(|line| !line.is_empty()).map(str::to_owned);
        let said = last(&self.errors).or_else(|| last(&self.output));
        let end = match &self.end {
            ScriptEnd::Succeeded => String::from("it succeeded"),
            ScriptEnd::Exited(code) => format!("it ended with exit code {code}"),
            ScriptEnd::NotRun(state) => format!("it was not run: {state}"),
            ScriptEnd::Running => String::from("it was still running"),
        };
        said.map(|said| format!("{end}: {said}")).unwrap_or(end)
    }
}

/// Runs a script on all its instances at the same time, and gives what became of it on each.
///
/// A change like any other: it needs the lease. It is sent once: whoever is told of a broken connection does not know
/// whether it runs.
///
/// # Errors
/// `InvalidInstanceId`, with a hint, when an instance is not running or its agent is not registered; otherwise that of the
/// call that failed. A script that fails is no error.
pub async fn run_command(aws: &Aws, script: &Script) -> Result<BTreeMap<String, ScriptRun>, Error> {
    let mut runs = BTreeMap::new();
    for instances in script.instances.chunks(INSTANCES) {
        let sent = aws.clock().now();
        let id = send(aws, script, instances).await?;
        let deadline = aws.clock().since_boot() + script.timeout + SLACK;
        let mut waiting: Vec<&String> = instances.iter().collect();
        let mut round = 0;
        while !waiting.is_empty() {
            aws.clock().sleep(INTERVALS[round]).await;
            round = (round + 1).min(INTERVALS.len() - 1);
            let late = aws.clock().since_boot() > deadline;
            let mut still = Vec::new();
            for instance in waiting {
                let (end, output, errors) = invocation(aws, &id, instance, sent).await?;
                match end {
                    ScriptEnd::Running if !late => still.push(instance),
                    end => {
                        runs.insert(instance.clone(), ScriptRun { end, output, errors });
                    }
                }
            }
            waiting = still;
        }
    }
    Ok(runs)
}

async fn send(aws: &Aws, script: &Script, instances: &[String]) -> Result<String, Error> {
    let request = aws
        .ssm()
        .send_command()
        .document_name("AWS-RunShellScript")
        .set_instance_ids(Some(instances.to_vec()))
        .timeout_seconds(DELIVERY)
        .comment(script.comment.chars().take(COMMENT).collect::<String>())
        .parameters("commands", script.lines.clone())
        .parameters("executionTimeout", vec![script.timeout.as_secs().max(1).to_string()]);
    let answer = call(aws, Call::unrepeatable("SendCommand"), || request.clone().send()).await;
    let answer = answer.map_err(|error| explained(error, instances))?;
    let id = answer.command.and_then(|command| command.command_id);
    id.ok_or(Error::Malformed { operation: "SendCommand", what: "no command" })
}

/// Systems Manager has one code for instances that do not exist, do not run, and never registered.
fn explained(error: Error, instances: &[String]) -> Error {
    match error {
        Error::Call(call) if call.code.as_deref() == Some("InvalidInstanceId") => {
            let hint = format!(
                "is {} running, and its SSM agent registered? It needs the network, and a profile that allows \
                 ssm:UpdateInstanceInformation, ssmmessages:* and ec2messages:*",
                instances.join(", ")
            );
            Error::Call(Box::new(CallError { hint: Some(hint), ..*call }))
        }
        other => other,
    }
}

async fn invocation(
    aws: &Aws,
    command: &str,
    instance: &str,
    sent: jiff::Timestamp,
) -> Result<(ScriptEnd, String, String), Error> {
    let request = aws.ssm().get_command_invocation().command_id(command).instance_id(instance);
    // Right after SendCommand there is no invocation yet.
    let asked = Call::read("GetCommandInvocation").right_after(sent);
    let answer = call(aws, asked, || request.clone().send()).await?;
    let code = answer.response_code;
    let detail = answer.status_details.clone().unwrap_or_default();
    let end = match answer.status() {
        Some(CommandInvocationStatus::Success) => ScriptEnd::Succeeded,
        Some(
            CommandInvocationStatus::Pending
            | CommandInvocationStatus::InProgress
            | CommandInvocationStatus::Delayed
            | CommandInvocationStatus::Cancelling,
        ) => ScriptEnd::Running,
        Some(CommandInvocationStatus::Failed) if code > 0 => ScriptEnd::Exited(code),
        Some(status) if detail.is_empty() => ScriptEnd::NotRun(status.as_str().to_owned()),
        _ => ScriptEnd::NotRun(detail),
    };
    let text = |text: Option<String>| text.unwrap_or_default();
    Ok((end, text(answer.standard_output_content), text(answer.standard_error_content)))
}
