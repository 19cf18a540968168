//! Renders charts with the helm command, which is the only one that knows how.
//!
//! It is run without the environment of windlass: no credentials, but what finds the network and helm's own files.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use crate::addon::{ChartCall, Charts};
use crate::problem::Problem;

/// How long a chart may take: it is fetched from the network. helm itself has no limit.
const PATIENCE: Duration = Duration::from_secs(120);
/// How often the process is looked at.
const LOOK: Duration = Duration::from_millis(10);
/// Bytes of output that are read: as many as all templates of a cluster may print.
const LARGEST_OUTPUT: u64 = 10 * 1024 * 1024;
/// Lines of what helm says on its way down that are shown.
const SHOWN_LINES: usize = 12;

/// What helm may see of the environment, by name or (with `_` at the end) by beginning: where it is found, its own
/// settings, and the way to the network.
const ENVIRONMENT: [&str; 12] = [
    "HOME",
    "PATH",
    "HELM_",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "XDG_",
];

/// The helm command.
#[derive(Debug)]
pub struct Helm {
    program: PathBuf,
    environment: Vec<(OsString, OsString)>,
    patience: Duration,
    /// What was printed before, by everything that was asked: a fleet has the same chart in many clusters.
    known: Mutex<BTreeMap<String, Result<String, Problem>>>,
}

impl Helm {
    /// The helm of the search path.
    #[must_use]
    pub fn new() -> Self {
        Self::with("helm", std::env::vars_os(), PATIENCE)
    }

    fn with(
        program: impl Into<PathBuf>,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
        patience: Duration,
    ) -> Self {
        let allowed = |name: &OsString| {
            let Some(name) = name.to_str() else { return false };
            ENVIRONMENT.iter().any(|known| *known == name || (known.ends_with('_') && name.starts_with(known)))
        };
        Self {
            program: program.into(),
            environment: environment.into_iter().filter(|(name, _)| allowed(name)).collect(),
            patience,
            known: Mutex::default(),
        }
    }

    fn run(&self, arguments: &[String], values: &str) -> Result<String, Problem> {
        let mut command = Command::new(&self.program);
        command.args(arguments).env_clear().envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = match command.spawn() {
            Ok(child) => child,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(Problem::error("the command `helm` is not there, and the add-on is a chart")
                    .hint("install Helm 3 or newer and put it into PATH, or write the add-on as templates"));
            }
            Err(error) => return Err(Problem::error(format!("cannot run helm: {error}"))),
        };
        let (input, output, words) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        thread::scope(|scope| {
            scope.spawn(move || {
                // A helm that ends without reading its values says why by itself.
                let _unread = input.map(|mut input| input.write_all(values.as_bytes()));
            });
            let output = scope.spawn(move || output.map(read).unwrap_or_default());
            let words = scope.spawn(move || words.map(read).unwrap_or_default());
            let ended = self.wait(&mut child);
            let output = output.join().unwrap_or_default();
            let words = String::from_utf8_lossy(&words.join().unwrap_or_default()).trim().to_owned();
            let status = ended?;
            if !status.success() {
                let lines: Vec<&str> = words.lines().collect();
                let shown = lines[lines.len().saturating_sub(SHOWN_LINES)..].join("\n");
                return Err(Problem::error(format!("helm could not render the chart ({status}): {shown}"))
                    .hint(format!("try it by hand: helm {}", arguments.join(" "))));
            }
            if output.len() as u64 > LARGEST_OUTPUT {
                return Err(Problem::error(format!("the chart prints more than {LARGEST_OUTPUT} bytes")));
            }
            String::from_utf8(output).map_err(|_| Problem::error("the chart prints what is not UTF-8"))
        })
    }

    fn wait(&self, child: &mut Child) -> Result<std::process::ExitStatus, Problem> {
        let start = Instant::now();
        loop {
            match child.try_wait() {
                Ok(Some(status)) => return Ok(status),
                Ok(None) if start.elapsed() < self.patience => thread::sleep(LOOK),
                Ok(None) => {
                    // Either may fail only because it has just ended.
                    let _killed = child.kill();
                    let _reaped = child.wait();
                    let seconds = self.patience.as_secs();
                    return Err(Problem::error(format!("helm did not end within {seconds} seconds"))
                        .hint("look whether the chart's repository can be reached from here"));
                }
                Err(error) => return Err(Problem::error(format!("cannot wait for helm: {error}"))),
            }
        }
    }
}

impl Default for Helm {
    fn default() -> Self {
        Self::new()
    }
}

impl Charts for Helm {
    fn template(&self, call: &ChartCall<'_>) -> Result<String, Problem> {
        let arguments = arguments(call);
        // JSON is YAML, too.
        let values = serde_json::Value::Object(call.chart.values.clone()).to_string();
        let asked = format!("{}\n{values}", arguments.join("\n"));
        let mut known = self.known.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        known.entry(asked).or_insert_with(|| self.run(&arguments, &values)).clone()
    }
}

/// The arguments of helm (its documentation, "helm template"). A chart of an OCI registry is named by its whole URL.
fn arguments(call: &ChartCall<'_>) -> Vec<String> {
    let chart = call.chart;
    let mut arguments = vec![String::from("template"), call.release.to_owned()];
    if chart.repository.starts_with("oci://") {
        arguments.push(format!("{}/{}", chart.repository.trim_end_matches('/'), chart.name));
    } else {
        arguments.extend([chart.name.clone(), String::from("--repo"), chart.repository.clone()]);
    }
    arguments.extend([
        String::from("--version"),
        chart.version.clone(),
        String::from("--namespace"),
        call.namespace.to_owned(),
        String::from("--kube-version"),
        call.kubernetes.to_string(),
        String::from("--include-crds"),
        String::from("--values"),
        String::from("-"),
    ]);
    arguments
}

/// All that a process prints, a little more than the limit at most; what is beyond is read and dropped, so that the
/// process can end.
fn read(mut from: impl Read) -> Vec<u8> {
    let mut text = Vec::new();
    let _complete = from.by_ref().take(LARGEST_OUTPUT + 1).read_to_end(&mut text);
    let _dropped = std::io::copy(&mut from, &mut std::io::sink());
    text
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    use tempfile::TempDir;

    use super::*;
    use crate::spec::Chart;

    /// A helm that is a shell script.
    fn helm(script: &str, patience: Duration) -> (TempDir, Helm) {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let path = folder.path().join("helm");
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("a file");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("permissions");
        let environment = [
            ("PATH", "/usr/bin:/bin"),
            ("HOME", "/home/me"),
            ("HELM_CACHE_HOME", "/cache"),
            ("HTTPS_PROXY", "http://proxy"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
            ("KUBECONFIG", "/home/me/config"),
        ];
        let environment = environment.map(|(name, value)| (OsString::from(name), OsString::from(value)));
        (folder, Helm::with(path, environment, patience))
    }

    fn chart(repository: &str) -> Chart {
        Chart {
            repository: repository.to_owned(),
            name: String::from("ingress-nginx"),
            version: String::from("4.13.0"),
            values: [(String::from("replicas"), serde_json::json!(2))].into_iter().collect(),
        }
    }

    fn template(helm: &Helm, repository: &str) -> Result<String, Problem> {
        let chart = chart(repository);
        let kubernetes = "1.34.2".parse().expect("a version");
        helm.template(&ChartCall { release: "ingress", namespace: "web", chart: &chart, kubernetes })
    }

    #[test]
    fn helm_is_asked_with_the_values_and_without_credentials() {
        let (_folder, helm) = helm("echo \"$@\"; cat; echo; /usr/bin/env | sort", PATIENCE);
        let text = template(&helm, "https://charts.foo.bar").expect("printed");
        let lines: Vec<&str> =
            text.lines().filter(|line| !line.starts_with("PWD=") && !line.starts_with("_=")).collect();
        assert_eq!(
            lines,
            [
                "template ingress ingress-nginx --repo https://charts.foo.bar --version 4.13.0 --namespace web \
                 --kube-version 1.34.2 --include-crds --values -",
                "{\"replicas\":2}",
                "HELM_CACHE_HOME=/cache",
                "HOME=/home/me",
                "HTTPS_PROXY=http://proxy",
                "PATH=/usr/bin:/bin",
            ]
        );
        let text = template(&helm, "oci://registry.foo.bar/charts/").expect("printed");
        assert!(text.starts_with("template ingress oci://registry.foo.bar/charts/ingress-nginx --version"), "{text}");
    }

    #[test]
    fn the_same_chart_is_rendered_once() {
        let (folder, helm) = helm("echo x >> \"$0.calls\"; echo 'a: 1'", PATIENCE);
        for _ in 0..3 {
            assert_eq!(template(&helm, "https://charts.foo.bar").as_deref(), Ok("a: 1\n"));
        }
        let calls =
            |folder: &Path| std::fs::read_to_string(folder.join("helm.calls")).expect("it was called").lines().count();
        assert_eq!(calls(folder.path()), 1);
        template(&helm, "https://other.foo.bar").expect("printed");
        assert_eq!(calls(folder.path()), 2);
    }

    #[test]
    fn what_helm_says_is_shown() {
        let (_folder, helm) = helm("echo 'Error: chart \"ingress-nginx\" not found' >&2; exit 3", PATIENCE);
        let problem = template(&helm, "https://charts.foo.bar").expect_err("it fails");
        assert_eq!(
            problem.message,
            "helm could not render the chart (exit status: 3): Error: chart \"ingress-nginx\" not found"
        );
        assert_eq!(
            problem.hint.as_deref(),
            Some(
                "try it by hand: helm template ingress ingress-nginx --repo https://charts.foo.bar --version 4.13.0 \
                 --namespace web --kube-version 1.34.2 --include-crds --values -"
            )
        );
    }

    #[test]
    fn a_helm_that_is_not_there_or_does_not_end_is_told() {
        let absent = Helm::with("/nowhere/helm", [], PATIENCE);
        let problem = template(&absent, "https://charts.foo.bar").expect_err("there is none");
        assert_eq!(problem.message, "the command `helm` is not there, and the add-on is a chart");
        let (_folder, helm) = helm("exec sleep 60", Duration::from_millis(50));
        let problem = template(&helm, "https://charts.foo.bar").expect_err("it takes too long");
        assert_eq!(problem.message, "helm did not end within 0 seconds");
    }

    #[test]
    fn more_than_anybody_reads_is_refused() {
        let (_folder, helm) = helm("head -c 11000000 /dev/zero", PATIENCE);
        let problem = template(&helm, "https://charts.foo.bar").expect_err("too much");
        assert_eq!(problem.message, "the chart prints more than 10485760 bytes");
    }
}
