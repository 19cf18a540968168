//! `windlass sandbox`: the imitated account itself.

use clap::{Args, Subcommand};
use jiff::SignedDuration;

use super::failure::Stopped;
use super::keys::SANDBOX_FILE;
use super::options::{Format, Global};
use super::session::{OWN_FOLDER, project, sandbox};
use crate::exit::Exit;
use crate::sandbox::{World, boot, serve};
use crate::spec::value::Duration;
use crate::state::Location;
use crate::ui::output::Output;

/// How far time passes at once.
const STEP: SignedDuration = SignedDuration::from_hours(24);

/// The sandbox's account: serve it to other tools, let time pass, or begin anew.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(Serve),
    List(List),
    Advance(Advance),
    Reset(Reset),
}

/// List what exists in the account: what one would be billed for or stumble over.
#[derive(Debug, Args)]
struct List {
    /// How to show it; JSON has every field.
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: Format,
}

/// Serve the account on a loopback port, for the AWS CLI, boto3 or anything that takes AWS_ENDPOINT_URL; and each cluster.
///
/// The first line of the output is the account's address; then comes a line for each cluster that has members: its name,
/// and where its API server listens. That one wants a client's certificate, as on AWS, such as the one that
/// `windlass kubeconfig` writes: kubectl --context NAME --server https://localhost:PORT get nodes. A cluster that is made
/// later is served from the next start on.
#[derive(Debug, Args)]
struct Serve {
    /// The port; 0 takes a free one.
    #[arg(long, default_value = "0")]
    port: u16,
    /// How many times as fast as the real clock the account's time passes.
    #[arg(long, default_value = "1", value_parser = clap::value_parser!(i32).range(1..=100_000))]
    speed: i32,
}

/// Let time pass in the account, such as 30d or 2y: to see what expires, renews or scales then.
#[derive(Debug, Args)]
struct Advance {
    /// How much.
    #[arg(value_name = "TIME")]
    time: Duration,
}

/// Forget the account and the sandbox's state; the next command begins anew from the seed.
#[derive(Debug, Args)]
struct Reset {}

impl Arguments {
    /// Whether the command serves others, so that time must pass as it does for them.
    pub const fn needs_real_time(&self) -> bool {
        matches!(self.command, Command::Serve(_))
    }

    /// Runs the subcommand.
    pub async fn run(&self, global: &Global, output: Output) -> anyhow::Result<Exit> {
        match &self.command {
            Command::Serve(serve) => serve.run(global, output).await,
            Command::List(list) => list.run(global, output),
            Command::Advance(advance) => advance.run(global, output),
            Command::Reset(_) => reset(global, output),
        }
    }
}

impl List {
    fn run(&self, global: &Global, output: Output) -> anyhow::Result<Exit> {
        let (_, sandbox) = sandbox(global, &project(global)?)?;
        let text = sandbox.with_world(|world| match self.output {
            Format::Json => serde_json::to_string_pretty(&world.live()).map(|text| text + "\n"),
            Format::Text => Ok(lines(world)),
        })??;
        output.data(&text)?;
        Ok(Exit::Done)
    }
}

/// An object a line; machines with how they are doing.
fn lines(world: &World) -> String {
    let line = |object: &String| {
        let instance = object.strip_prefix("ec2/instance/");
        match instance.and_then(|id| boot::summary(world, id)) {
            Some(summary) => format!("{object} ({summary})\n"),
            None => format!("{object}\n"),
        }
    };
    world.live().keys().map(line).collect()
}

impl Advance {
    fn run(&self, global: &Global, output: Output) -> anyhow::Result<Exit> {
        let (_, sandbox) = sandbox(global, &project(global)?)?;
        let too_far = || Stopped::new(Exit::Config, format!("{} from now is beyond the calendar", self.time));
        let seconds = i64::try_from(self.time.as_seconds()).map_err(|_| too_far())?;
        let now = sandbox.with_world(|world| {
            let end = world.now.checked_add(SignedDuration::from_secs(seconds)).ok()?;
            // In steps: one step gives up on a service that never comes to rest.
            while world.now < end {
                let next = world.now.saturating_add(STEP).unwrap_or(end);
                world.advance_to(next.min(end));
            }
            Some(world.now)
        })?;
        output.message(&format!("it is {} in the sandbox", now.ok_or_else(too_far)?.strftime("%F %T UTC")));
        Ok(Exit::Done)
    }
}

impl Serve {
    async fn run(&self, global: &Global, output: Output) -> anyhow::Result<Exit> {
        let (_, sandbox) = sandbox(global, &project(global)?)?;
        let sandbox = sandbox.with_speed(self.speed);
        let server = serve::listen(sandbox, self.port).await?;
        let endpoint = server.endpoint();
        let clusters: String = server.clusters().iter().map(|(name, at)| format!("{name} {at}\n")).collect();
        output.data(&format!("{endpoint}\n{clusters}"))?;
        output.message(&format!(
            "serving the sandbox until Ctrl-C; in another terminal:\n  \
             export AWS_ENDPOINT_URL={endpoint} AWS_ACCESS_KEY_ID=sandbox AWS_SECRET_ACCESS_KEY=sandbox"
        ));
        server.run_until(stop_signal()).await?;
        output.message("the account stays in .windlass/sandbox.json");
        Ok(Exit::Done)
    }
}

/// Comes when the process is told to stop; if signals cannot be listened to, they end the process anyway.
async fn stop_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupts), Ok(mut terminations)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupts.recv() => {}
        _ = terminations.recv() => {}
    }
}

fn reset(global: &Global, output: Output) -> anyhow::Result<Exit> {
    let project = project(global)?;
    let folder = project.root().join(OWN_FOLDER);
    for name in ["sandbox.json", "sandbox.json.lock", SANDBOX_FILE].into_iter().chain(Location::SANDBOX_FILES) {
        let path = folder.join(name);
        let removed = if path.is_dir() { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) };
        match removed {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(anyhow::Error::from(error).context(format!("cannot remove {}", path.display())));
            }
            Ok(()) | Err(_) => {}
        }
    }
    output.message("the sandbox begins anew");
    Ok(Exit::Done)
}
