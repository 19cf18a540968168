//! `windlass etcd restore`: back to a snapshot, on all members, step by step.

use std::time::Duration;

use clap::Args;

use super::members::{self, Member};
use super::store::{Place, Row};
use crate::aws::{self, Script};
use crate::cli::failure::Stopped;
use crate::cli::options::{Global, LockOptions, Which};
use crate::cli::run;
use crate::cli::session::Session;
use crate::exit::Exit;
use crate::state::Lease;
use crate::ui::output::Output;
use crate::ui::prompt;

/// The member's own script; each step can be run again.
const SCRIPT: &str = "/usr/local/lib/windlass/restore.sh";
/// How long all steps together may take, and some more: the lock is waited for no longer.
const LONGEST: Duration = Duration::from_secs(2 * 60 * 60);

/// Put etcd back to a snapshot, on all members. Everything that was written since is lost.
///
/// Shows the steps, asks for the cluster's name, and does one step on every member before the next begins: stop, load,
/// start. What etcd held before stays on each member's volume. After an interruption, run it again.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    which: Which,
    /// The snapshot's key, as `etcd list` shows it, or `latest`.
    #[arg(long, value_name = "KEY")]
    snapshot: String,
    /// Do not ask.
    #[arg(short, long)]
    yes: bool,
    /// Show the steps, and stop.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    lock: LockOptions,
}

/// One step: all members do it before the next one begins.
struct Step {
    word: &'static str,
    what: &'static str,
    /// How long a member may take.
    timeout: Duration,
}

const STEPS: [Step; 3] = [
    Step {
        word: "stop",
        what: "the control plane stops; pods run on, and nothing in the cluster can be changed",
        timeout: Duration::from_secs(10 * 60),
    },
    Step {
        word: "load",
        what: "the snapshot is fetched, checked and loaded; the data so far is kept beside it",
        // As long as a snapshot of etcd's greatest size may take to store.
        timeout: Duration::from_secs(30 * 60),
    },
    Step {
        word: "start",
        what: "the control plane starts with the snapshot; done when its API server is ready",
        timeout: Duration::from_secs(15 * 60),
    },
];

impl Arguments {
    /// Looks, shows, asks, does.
    pub async fn run(&self, global: &Global, output: Output) -> anyhow::Result<Exit> {
        if !self.yes && !self.dry_run && !prompt::somebody_is_there() {
            return Err(prompt::NobodyToAsk.into());
        }
        let session = members::session(global, output, &self.which).await?;
        let place = Place::of(&session)?;
        let snapshot = find(&session, &place, &self.snapshot).await?;
        let members = members::find(&session).await?;
        output.data(&plan(&session, &place, &snapshot, &members))?;
        let missing: Vec<&Member> = members.iter().filter(|member| member.instance.is_none()).collect();
        if let Some(member) = missing.first() {
            let cluster = session.cluster();
            let message = format!(
                "{}: all members are restored together, so that no old one goes on by itself\n  hint: windlass apply {cluster}",
                member.describe()
            );
            return Err(Stopped::new(Exit::Provider, message).into());
        }
        if self.dry_run {
            return Ok(Exit::Done);
        }
        let cluster = session.cluster().to_string();
        if !self.yes && !prompt::confirm(&format!("Put etcd of {cluster} back?"), &cluster)? {
            return Err(Stopped::new(Exit::Refused, "not confirmed: nothing was changed").into());
        }
        let source = place.address(&snapshot.key);
        let lock = LockOptions { timeout: LONGEST, ..self.lock };
        run::recorded(&session, "etcd restore", lock, async |lease| restore(&session, lease, &members, &source).await)
            .await?;
        output.message(&format!(
            "etcd of {cluster} is that of {source}\n  \
             hint: look at what runs (kubectl get pods -A); what was created since the snapshot is unknown to the cluster now"
        ));
        Ok(Exit::Done)
    }
}

/// The snapshot that is meant.
async fn find(session: &Session, place: &Place, text: &str) -> anyhow::Result<Row> {
    let now = session.clock.now();
    let cluster = session.cluster();
    if text == "latest" {
        let all = aws::snapshots(&session.aws, &place.bucket, &place.prefix).await?;
        let rows = all.iter().map(|snapshot| Row::read(snapshot, now));
        return rows.max_by_key(|row| row.taken).ok_or_else(|| {
            let message = format!("there is no snapshot beneath {}", place.address(&place.prefix));
            Stopped::new(Exit::Config, message).into()
        });
    }
    let key = place.key(text)?;
    match aws::snapshot(&session.aws, &place.bucket, &key).await? {
        Some(snapshot) => Ok(Row::read(&snapshot, now)),
        None => {
            let message = format!("there is no {}\n  hint: windlass etcd list {cluster}", place.address(&key));
            Err(Stopped::new(Exit::Config, message).into())
        }
    }
}

/// What will be done, in words.
fn plan(session: &Session, place: &Place, snapshot: &Row, members: &[Member]) -> String {
    let by = snapshot.member.as_ref().map(|member| format!(" by member {member}")).unwrap_or_default();
    let mut lines = vec![
        format!("restore etcd of {} to {}", session.cluster(), place.address(&snapshot.key)),
        format!(
            "  taken {}{by}, {}, {}",
            snapshot.taken.strftime("%F %T UTC"),
            snapshot.age_text(),
            snapshot.size_text()
        ),
        String::new(),
    ];
    lines.extend(members.iter().map(|member| format!("  member {}", member.describe())));
    lines.push(String::new());
    for (index, step) in STEPS.iter().enumerate() {
        lines.push(format!("  {}. {:<6} all members: {}", index + 1, step.word, step.what));
    }
    lines.push(String::new());
    lines.push(format!(
        "Everything that was written to the cluster after {} is lost.",
        snapshot.taken.strftime("%F %T UTC")
    ));
    lines.join("\n") + "\n"
}

async fn restore(session: &Session, lease: &mut Lease, members: &[Member], source: &str) -> anyhow::Result<()> {
    run::fence(session, lease);
    for (index, step) in STEPS.iter().enumerate() {
        let (number, of) = (index + 1, STEPS.len());
        session.output.message(&format!("step {number}/{of}: {}", step.word));
        let argument = if step.word == "load" { format!(" '{source}'") } else { String::new() };
        let script = Script {
            instances: members.iter().filter_map(|member| member.instance.clone()).collect(),
            lines: vec![format!("{SCRIPT} {}{argument}", step.word)],
            timeout: step.timeout,
            comment: format!("windlass etcd restore {}: {}", session.cluster(), step.word),
        };
        let runs = lease.beating(aws::run_command(&session.aws, &script)).await??;
        let mut failed = Vec::new();
        for member in members {
            let run = member.instance.as_ref().and_then(|instance| runs.get(instance));
            match run {
                Some(run) if run.succeeded() => {
                    session.output.message(&format!("  member {}: {} done", member.name, step.word));
                }
                Some(run) => failed.push(format!("  member {}: {}", member.name, run.complaint())),
                None => failed.push(format!("  member {}: no answer", member.name)),
            }
        }
        if !failed.is_empty() {
            return Err(stopped(session, step.word, source, &failed));
        }
    }
    Ok(())
}

/// Where it stands, and how it goes on.
fn stopped(session: &Session, step: &str, source: &str, failed: &[String]) -> anyhow::Error {
    let cluster = session.cluster();
    let state = match step {
        "stop" => "some members may be stopped; nothing was changed on any volume",
        "load" => "the control plane is stopped on all members; the data before is kept on each volume",
        _ => "the snapshot is loaded on all members",
    };
    let message = format!(
        "restore of {cluster} stopped at step {step}: {state}\n{}\n  \
         hint: see to that, then run it again, it goes on where it was: windlass etcd restore {cluster} --snapshot {source}",
        failed.join("\n")
    );
    Stopped::new(Exit::Resumable, message).into()
}
