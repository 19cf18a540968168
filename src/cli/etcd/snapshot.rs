//! `windlass etcd snapshot`: a snapshot now.

use std::time::Duration;

use clap::Args;

use super::members;
use super::store::{Place, Row};
use crate::aws::{self, Fence, Script};
use crate::cli::failure::Stopped;
use crate::cli::options::{Format, Global, Which};
use crate::exit::Exit;
use crate::ui::output::Output;

/// The member's own script, which its timer runs too.
const SCRIPT: &str = "/usr/local/lib/windlass/snapshot.sh";
/// How long it may take: etcd's 8 GiB at most, through a network of some hundred Mbit/s.
const TIMEOUT: Duration = Duration::from_secs(30 * 60);

/// Take a snapshot of etcd now, on one healthy member, and see that it is in the bucket.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    which: Which,
    /// How to show it.
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: Format,
}

impl Arguments {
    /// Runs the script, waits, looks into the bucket.
    pub async fn run(&self, global: &Global, output: Output) -> anyhow::Result<Exit> {
        let session = members::session(global, output, &self.which).await?;
        let place = Place::of(&session)?;
        let cluster = session.cluster();
        let all = members::find(&session).await?;
        let Some((member, instance)) = all.iter().find_map(|member| Some((member, member.healthy()?))) else {
            let list: Vec<String> = all.iter().map(|member| format!("  {}", member.describe())).collect();
            let message = format!("no member of {cluster} is healthy:\n{}", list.join("\n"));
            return Err(Stopped::new(Exit::Provider, message).into());
        };
        output.message(&format!("member {} ({instance}) takes a snapshot", member.name));
        // Nothing that a run manages is changed, so it needs no lock: before a run is the best moment.
        session.aws.hold(Fence::open());
        let script = Script {
            instances: vec![instance.clone()],
            lines: vec![SCRIPT.to_owned()],
            timeout: TIMEOUT,
            comment: format!("windlass etcd snapshot {cluster}"),
        };
        let runs = aws::run_command(&session.aws, &script).await?;
        let run = runs.get(instance).filter(|run| run.succeeded()).ok_or_else(|| {
            let why = runs.get(instance).map(aws::ScriptRun::complaint).unwrap_or_default();
            Stopped::new(Exit::Provider, format!("member {} took no snapshot: {why}", member.name))
        })?;
        let address = run.output.lines().last().unwrap_or_default().trim();
        let key = place.key(address)?;
        let stored = aws::snapshot(&session.aws, &place.bucket, &key).await?.filter(|it| it.size > 0);
        let Some(stored) = stored else {
            let message = format!("member {} says that it stored {address}, and it is not there", member.name);
            return Err(Stopped::new(Exit::Provider, message).into());
        };
        let row = Row::read(&stored, session.clock.now());
        output.data(&match self.output {
            Format::Json => serde_json::to_string_pretty(&row)? + "\n",
            Format::Text => format!("{}\n", row.key),
        })?;
        output.message(&format!("stored {}, {}, {}", place.address(&row.key), row.size_text(), row.age_text()));
        Ok(Exit::Done)
    }
}
