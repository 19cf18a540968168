//! The control-plane members as AWS sees them: which instance each is, and whether it works.

use crate::aws::{self, Instances};
use crate::cli::failure::Stopped;
use crate::cli::options::{Global, Which};
use crate::cli::picture::look_at;
use crate::cli::session::{FEW_CALLS, Session};
use crate::desired::member_group;
use crate::exit::Exit;
use crate::plan::Purpose;
use crate::resource::{AutoScalingGroup, Kind, Resource};
use crate::spec;
use crate::ui::output::Output;

/// A member.
pub struct Member {
    /// Its name.
    pub name: String,
    /// Its instance, if one is in service.
    pub instance: Option<String>,
    /// Why the load balancer does not send to it; `None`: it does, or there is none.
    pub trouble: Option<String>,
}

impl Member {
    /// The instance of one that works.
    pub fn healthy(&self) -> Option<&String> {
        self.instance.as_ref().filter(|_| self.trouble.is_none())
    }

    /// `a (i-…)`, `b (no instance)`.
    pub fn describe(&self) -> String {
        match (&self.instance, &self.trouble) {
            (None, _) => format!("{} has no instance in service", self.name),
            (Some(instance), Some(trouble)) => format!("{} ({instance}) is {trouble}", self.name),
            (Some(instance), None) => format!("{} ({instance}) is healthy", self.name),
        }
    }
}

/// Opens a session for a command about etcd.
pub async fn session(global: &Global, output: Output, which: &Which) -> anyhow::Result<Session> {
    Session::open(global, output, &which.cluster, FEW_CALLS).await
}

/// Finds the members of the manifest.
///
/// # Errors
/// Exit 15 when none of them is there at all: there is no cluster.
pub async fn find(session: &Session) -> anyhow::Result<Vec<Member>> {
    let records = session.store.read().await?;
    let picture = look_at(session, Purpose::Destroy, records, Instances::Listed).await?;
    let group = |member: &spec::Member| -> Option<&AutoScalingGroup> {
        let name = member_group(member);
        picture.observed.found.iter().find_map(|found| match &found.resource {
            Resource::AutoScalingGroup(group) if found.address.name() == name => Some(group),
            _ => None,
        })
    };
    let target_group = picture.observed.found.iter().find(|found| found.address.kind() == Kind::TargetGroup);
    let health = match target_group {
        Some(found) => Some(aws::target_health(&session.aws, &found.id).await?),
        None => None,
    };
    let mut members = Vec::new();
    for member in &session.specification().cluster.spec.control_plane.members {
        let group = group(member);
        let instance = group.and_then(|group| {
            let own = picture.observed.instances.iter().filter(|it| it.group == group.name && it.state == "InService");
            own.map(|it| it.id.clone()).next()
        });
        let balanced = group.is_some_and(|group| !group.target_groups.is_empty());
        let trouble = match (&instance, &health) {
            (Some(id), Some(health)) if balanced => match health.get(id) {
                Some(target) if target.healthy => None,
                Some(target) => Some(format!("{} to the load balancer", target.state)),
                None => Some(String::from("not registered with the load balancer")),
            },
            _ => None,
        };
        members.push(Member { name: member.name.to_string(), instance, trouble });
    }
    if members.iter().all(|member| member.instance.is_none()) {
        let cluster = session.cluster();
        let message = format!("no member of {cluster} has an instance in service\n  hint: windlass apply {cluster}");
        return Err(Stopped::new(Exit::Provider, message).into());
    }
    Ok(members)
}
