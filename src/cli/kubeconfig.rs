//! `windlass kubeconfig`: a short-lived certificate for a person, in the file where kubectl looks for it.

use std::time::Duration;

use anyhow::Context;
use clap::Args;

use super::api::{self, ADMINISTRATORS};
use super::failure::Stopped;
use super::files;
use super::options::{Global, LockOptions, Which, parse_duration};
use super::run::{self, actor};
use super::session::Session;
use crate::exit::Exit;
use crate::pki::kubeconfig::{Credentials, Current, Kubeconfig, Trust};
use crate::pki::{AuthorityName, Ends, Issued};
use crate::state::{CertificateRecord, CertificateRole, Records};
use crate::ui::output::Output;
use crate::ui::prompt;

/// The longest life of a person's certificate: nobody can revoke one, it can only end.
pub const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// Kubernetes asks nobody about this group.
const MASTERS: &str = "system:masters";

/// Write a short-lived administrator's certificate for a cluster into the kubeconfig file.
///
/// The certificate is issued here, from the sealed key of the cluster's authority: it needs an age identity, no AWS and
/// no API server. It goes into the first file of $KUBECONFIG, or ~/.kube/config; whatever else is in there stays.
///
/// The server is api.CLUSTER at the port of its load balancer, public or internal; without a load balancer that name
/// leads to the members' own addresses.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    which: Which,
    /// How long it is valid, at most 24h. Default: spec.pki.lifetimes.admin of the cluster.
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    ttl: Option<Duration>,
    /// Who it is for, as audit logs will show. Default: user@host.
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Name of the context. Default: the cluster's name.
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
    /// Use api.internal.CLUSTER, which always leads to private addresses.
    #[arg(long)]
    internal: bool,
    /// Reach the API here, such as https://localhost:6443 at the end of a port forwarding. The server must still prove that
    /// it is the cluster's.
    #[arg(long, value_name = "URL", value_parser = parse_server, conflicts_with = "internal")]
    server: Option<String>,
    /// Leave current-context as it is.
    #[arg(long)]
    keep_current: bool,
    /// Print a kubeconfig of its own on stdout, and write no file.
    #[arg(long)]
    print: bool,
    /// Issue it for system:masters, whose rights nothing can take away: for a cluster whose bindings are broken. Goes
    /// into the audit log on the state branch.
    #[arg(long)]
    break_glass: bool,
    /// With --break-glass: do not ask.
    #[arg(short, long)]
    yes: bool,
    #[command(flatten)]
    lock: LockOptions,
}

impl Arguments {
    /// Opens the authority, issues, writes.
    pub async fn run(&self, global: &Global, output: Output) -> anyhow::Result<Exit> {
        let session = Session::open(global, output, &self.which.cluster, std::num::NonZeroUsize::MIN).await?;
        let user = self.user.clone().unwrap_or_else(actor);
        let ends = self.ends(&session)?;
        check_name(&user)?;
        if self.break_glass {
            confirm(self.yes, &session, &user)?;
        }
        let records = session.store.read().await?;
        let issued = api::issue(&session, &records, &user, self.group(), ends)?;
        if self.break_glass {
            self.record(&session, &user, &issued).await?;
        }
        let kubeconfig = self.kubeconfig(&session, &records, &user, &issued)?;
        if self.print {
            let document = kubeconfig.document();
            output.verbatim(document.expose_text().context("a kubeconfig is text")?)?;
        } else {
            let path = files::kubeconfig()?;
            let current = if self.keep_current { Current::Keep } else { Current::Switch };
            files::change(&path, |existing| Ok(kubeconfig.merge(existing, current)?))?;
            output.message(&format!("context {} is in {}", kubeconfig.context, path.display()));
        }
        let until = issued.certificate.ends.not_after;
        output.message(&format!("{user} may administer {} until {until}", session.cluster()));
        Ok(Exit::Done)
    }

    fn ends(&self, session: &Session) -> anyhow::Result<Ends> {
        let usual = Duration::from_secs(session.specification().cluster.spec.pki.lifetimes.admin.as_seconds());
        let ttl = self.ttl.unwrap_or(usual);
        if ttl > LONGEST || ttl.is_zero() {
            let message = format!(
                "a person's certificate is valid for up to 24h, not for {}\n  hint: nobody can revoke it; ask again \
                 when it has ended",
                crate::duration::seconds(ttl.as_secs())
            );
            return Err(Stopped::new(Exit::Refused, message).into());
        }
        // Back-dated, so that what is asked for is what is left.
        Ok(Ends::issued_at(session.clock.now(), ttl.as_secs() + crate::pki::BACKDATED_SECONDS))
    }

    const fn group(&self) -> &'static str {
        if self.break_glass { MASTERS } else { ADMINISTRATORS }
    }

    /// Nobody uses it unseen: it is on the state branch before it is in any file.
    async fn record(&self, session: &Session, user: &str, issued: &Issued) -> anyhow::Result<()> {
        let certificate = &issued.certificate;
        run::recorded(session, "kubeconfig --break-glass", self.lock, async |lease| {
            let revision = lease.records().issuing(AuthorityName::Cluster).map_or(1, |record| record.revision);
            let run = lease.run().to_owned();
            lease.stage_certificate(CertificateRecord {
                authority: AuthorityName::Cluster,
                revision,
                serial: certificate.serial.clone(),
                pem: certificate.pem(),
                not_before: certificate.ends.not_before,
                not_after: certificate.ends.not_after,
                role: CertificateRole::Person { name: user.to_owned() },
                run,
            })?;
            Ok(())
        })
        .await
    }

    fn kubeconfig(
        &self,
        session: &Session,
        records: &Records,
        user: &str,
        issued: &Issued,
    ) -> anyhow::Result<Kubeconfig> {
        let cluster = session.cluster();
        let (host, port) = api::address(session);
        let host = if self.internal { format!("api.internal.{cluster}") } else { host };
        let context = self.context.clone().unwrap_or_else(|| cluster.to_string());
        Ok(Kubeconfig {
            user: format!("{user} of {context}"),
            context,
            tls_server_name: self.server.as_ref().map(|_| format!("api.{cluster}")),
            server: self.server.clone().unwrap_or_else(|| format!("https://{host}:{port}")),
            trust: Trust::Embedded(api::trust(records)),
            credentials: Credentials::Embedded { certificate: issued.certificate.pem(), key: issued.key.clone() },
        })
    }
}

/// Nothing but an address: whatever stands behind it would be part of every path.
fn parse_server(text: &str) -> Result<String, String> {
    let wrong = || format!("{text:?} is no address of an API server: write https://HOST:PORT");
    let uri: http::Uri = text.parse().map_err(|_| wrong())?;
    let is_bare = uri.query().is_none() && uri.path() == "/";
    match uri.scheme_str() {
        Some("https") if is_bare && uri.host().is_some_and(|host| !host.is_empty()) => {
            Ok(text.trim_end_matches('/').to_owned())
        }
        _ => Err(wrong()),
    }
}

/// A person must not look like a component.
fn check_name(user: &str) -> anyhow::Result<()> {
    if user.is_empty() || user.len() > 64 || user.starts_with("system:") || user.starts_with("kubeadm:") {
        let message = format!(
            "{user:?} is no name for a person: 1 to 64 characters, and not beginning with system: or kubeadm:\n  hint: \
             add --user NAME"
        );
        return Err(Stopped::new(Exit::Refused, message).into());
    }
    Ok(())
}

fn confirm(yes: bool, session: &Session, user: &str) -> anyhow::Result<()> {
    let cluster = session.cluster();
    session.output.message(&format!(
        "warning: system:masters may do everything in {cluster}, and no binding, webhook or policy of the cluster can \
         take that away from {user} before the certificate ends; this goes into the audit log"
    ));
    if yes || prompt::confirm(&format!("Issue it for {user}?"), "break glass")? {
        return Ok(());
    }
    Err(Stopped::new(Exit::Refused, "not confirmed: nothing was issued").into())
}
