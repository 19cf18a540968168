//! What most commands begin with: the project, the cluster's specification, and the ways to AWS and to the state.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use anyhow::Context;

use super::keys::Age;
use super::options::Global;
use crate::aws::{Aws, Settings};
use crate::clock::{Clock, Skew};
use crate::fault::{FaultPlan, Faults, InvalidFaultPlan};
use crate::live::{Dial, Network};
use crate::name::ClusterName;
use crate::private;
use crate::problem::{Problems, Severity};
use crate::render::settings::StateRemote;
use crate::render::{self, Project, Rendered};
use crate::sandbox::seed::Seed;
use crate::sandbox::{Place, Sandbox, World};
use crate::spec::{self, Specification};
use crate::state::{self, Location, Store, StoreSettings, Timing};
use crate::ui;
use crate::ui::output::Output;

/// The folder of windlass' own files in a project; never committed.
pub const OWN_FOLDER: &str = ".windlass";

/// Calls at the same time of commands that make few: as many as `--parallelism` has by default elsewhere.
pub const FEW_CALLS: NonZeroUsize = NonZeroUsize::new(16).expect("16 is not 0");

/// How many seconds a lease lasts in the sandbox, for tests that wait for its end. Nothing shortens a real one.
const SANDBOX_LEASE: &str = "WINDLASS_SANDBOX_LEASE";

/// The directory that a command works in: `-C`, or the working directory.
pub fn directory(global: &Global) -> anyhow::Result<PathBuf> {
    match &global.directory {
        Some(directory) => Ok(directory.clone()),
        None => std::env::current_dir().context("the working directory cannot be found"),
    }
}

/// The project that the command stands in.
pub fn project(global: &Global) -> anyhow::Result<Project> {
    Ok(Project::find(&directory(global)?)?)
}

/// A cluster's manifests, rendered and checked.
pub struct Manifests {
    /// The project.
    pub project: Project,
    /// The cluster.
    pub cluster: ClusterName,
    /// The rendered documents.
    pub rendered: Rendered,
    /// What they say.
    pub specification: Specification,
}

impl Manifests {
    /// Renders and checks; shows the warnings.
    pub fn read(global: &Global, output: Output, cluster: &ClusterName) -> anyhow::Result<Self> {
        let project = project(global)?;
        let cluster = project.cluster(cluster.as_str())?;
        let rendered = render::render(&project, &cluster)?;
        let specification = spec::read(&rendered)?;
        show_warnings(output, &Problems(specification.warnings.clone()));
        Ok(Self { project, cluster, rendered, specification })
    }
}

/// Warnings go to stderr, and never stop a run.
pub fn show_warnings(output: Output, problems: &Problems) {
    let warnings: Vec<_> = problems.0.iter().filter(|problem| problem.severity == Severity::Warning).cloned().collect();
    if !warnings.is_empty() {
        output.message(ui::problem::text(&Problems(warnings), output.message_style()).trim_end());
    }
}

/// The manifests of a cluster, and the ways to everything that they are about.
pub struct Session {
    /// Where text goes.
    pub output: Output,
    /// The manifests.
    pub manifests: Manifests,
    /// The clock of waiting and of dates.
    pub clock: Clock,
    /// The way to AWS.
    pub aws: Aws,
    /// The way to endpoints on the network: members, load balancers.
    pub dial: Arc<dyn Dial>,
    /// The way to the state branch.
    pub store: Store,
    /// Commit of the configuration.
    pub config: Option<String>,
    /// For whom secrets are sealed, and who opens them here.
    pub age: Age,
}

impl Session {
    /// Reads the manifests, and connects; calls nothing yet.
    pub async fn open(
        global: &Global,
        output: Output,
        cluster: &ClusterName,
        parallelism: NonZeroUsize,
    ) -> anyhow::Result<Self> {
        let manifests = Manifests::read(global, output, cluster)?;
        let region = manifests.specification.cluster.spec.aws.region.to_string();
        let Connected { clock, aws, dial } = connect(global, &manifests.project, &region, parallelism).await?;
        let store = store(global, &manifests.project, &manifests.cluster).await?;
        let config = match global.stage {
            None => state::checked_out_commit(manifests.project.root()).await,
            Some(_) => None,
        };
        let age = age(global, &manifests.project);
        Ok(Self { output, manifests, clock, aws, dial, store, config, age })
    }

    /// The cluster.
    pub const fn cluster(&self) -> &ClusterName {
        &self.manifests.cluster
    }

    /// What the manifests say.
    pub const fn specification(&self) -> &Specification {
        &self.manifests.specification
    }
}

/// For whom a project's secrets are sealed, and who opens them here.
pub fn age(global: &Global, project: &Project) -> Age {
    let own = project.root().join(OWN_FOLDER);
    Age::new(&project.settings.age_recipients, global.sandbox.then_some(own.as_path()))
}

struct Connected {
    clock: Clock,
    aws: Aws,
    dial: Arc<dyn Dial>,
}

async fn connect(
    global: &Global,
    project: &Project,
    region: &str,
    parallelism: NonZeroUsize,
) -> anyhow::Result<Connected> {
    let (clock, http_client, dial): (_, _, Arc<dyn Dial>) = if global.sandbox {
        let (clock, sandbox) = sandbox(global, project)?;
        (clock, Some(sandbox.http_client()), Arc::new(sandbox))
    } else {
        (Clock::system(), None, Arc::new(Network))
    };
    let settings = Settings { http_client, parallelism: parallelism.get(), ..Settings::new(region, clock) };
    Ok(Connected { clock, aws: Aws::connect(settings).await, dial })
}

/// The project's sandbox, as its file left it or new from its seed, and a clock that goes on from its date.
pub fn sandbox(global: &Global, project: &Project) -> anyhow::Result<(Clock, Sandbox)> {
    if let Some(stage) = &global.stage {
        return Ok((stage.clock, stage.sandbox.clone()));
    }
    private::folder(&project.root().join(OWN_FOLDER))?;
    let file = sandbox_file(project.root());
    let seed = seed(project)?;
    // A new account begins today, so that its dates go with those of the state branch.
    let begin = Sandbox::date_in(&file)?.unwrap_or_else(|| Clock::system().now());
    // Other processes move the account's time, and this machine's date with it.
    let clock = Clock::starting_at(begin).skewed(Skew::none());
    let sandbox = Sandbox::open(Place::File(file), clock, || World::from_seed(&seed, clock.now()))?;
    Ok((clock, sandbox.with_faults(faults()?)))
}

/// What goes wrong on purpose in this process: one plan, whatever it meets first.
fn faults() -> Result<Faults, InvalidFaultPlan> {
    static FAULTS: OnceLock<Faults> = OnceLock::new();
    if let Some(faults) = FAULTS.get() {
        return Ok(faults.clone());
    }
    let faults = Faults::from(FaultPlan::from_environment()?.unwrap_or_default());
    Ok(FAULTS.get_or_init(|| faults).clone())
}

/// What the sandbox's account holds at its start: the file that windlass.yaml names, else the example fleet's.
fn seed(project: &Project) -> anyhow::Result<Seed> {
    Ok(match &project.settings.sandbox.world {
        Some(name) => Seed::read(&project.read(Path::new(name)).map_err(Problems::from)?).map_err(Problems::from)?,
        None => Seed::example(),
    })
}

/// Where the sandbox keeps its world.
pub fn sandbox_file(root: &Path) -> PathBuf {
    root.join(OWN_FOLDER).join("sandbox.json")
}

/// The clock of leases. Other processes share the state branch, so it is the machine's own, in the sandbox too.
pub fn lease_clock(global: &Global) -> Clock {
    global.stage.as_ref().map_or_else(Clock::system, |stage| stage.clock)
}

/// The state branch of a cluster.
pub async fn store(global: &Global, project: &Project, cluster: &ClusterName) -> anyhow::Result<Store> {
    let location = match &project.settings.state.remote {
        _ if global.sandbox => Location::Sandbox,
        StateRemote::None => Location::Local,
        StateRemote::Named(remote) | StateRemote::Url(remote) => Location::Remote(remote.clone()),
    };
    let mut settings = StoreSettings::new(cluster.clone(), location, project.root()).with_clock(lease_clock(global));
    if global.sandbox
        && let Ok(seconds) = std::env::var(SANDBOX_LEASE)
    {
        let seconds = seconds.parse().with_context(|| format!("{SANDBOX_LEASE} is no number of seconds"))?;
        settings.timing = Timing::of_lease(std::time::Duration::from_secs(seconds));
    }
    Ok(Store::open(match &global.stage {
        Some(stage) => settings.with_faults(stage.faults.clone()).with_imitation(stage.git.clone()),
        None if global.sandbox => settings.with_faults(faults()?),
        None => settings,
    })
    .await?)
}
