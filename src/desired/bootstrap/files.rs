//! Which files a machine gets: facts, scripts, units, documents of kubeadm.

use std::collections::BTreeMap;

use super::document::{Document, FACTS};
use super::facts::{Facts, Machine};
use super::{environment, kubeadm, parameters};
use crate::desired::builder::Builder;
use crate::spec::value::FileName;
use crate::spec::{Member, NodeGroup, Packages, Role};

/// Where scripts are.
const SCRIPTS: &str = "/usr/local/lib/windlass";
const UNITS: &str = "/etc/systemd/system";

/// A script or unit that a manifest may override.
struct BuiltIn {
    name: &'static str,
    folder: &'static str,
    content: &'static str,
}

macro_rules! built_in {
    ($($constant:ident = $folder:ident / $name:literal in $source:literal;)+) => {
        $(const $constant: BuiltIn = BuiltIn {
            name: $name,
            folder: $folder,
            content: include_str!(concat!($source, "/", $name)),
        };)+
        const ALL: &[BuiltIn] = &[$($constant),+];
    };
}

built_in! {
    COMMON = SCRIPTS / "common.sh" in "scripts";
    PACKAGES = SCRIPTS / "packages.sh" in "scripts";
    MEMBER = SCRIPTS / "member.sh" in "scripts";
    VOLUME = SCRIPTS / "volume.sh" in "scripts";
    KEYS = SCRIPTS / "keys.sh" in "scripts";
    CONTROL_PLANE = SCRIPTS / "control-plane.sh" in "scripts";
    REFRESH = SCRIPTS / "refresh.sh" in "scripts";
    JOIN_TOKEN = SCRIPTS / "join-token.sh" in "scripts";
    ETCD = SCRIPTS / "etcd.sh" in "scripts";
    ETCD_MEMBERS = SCRIPTS / "etcd-members.sh" in "scripts";
    SNAPSHOT = SCRIPTS / "snapshot.sh" in "scripts";
    RESTORE = SCRIPTS / "restore.sh" in "scripts";
    WORKER = SCRIPTS / "worker.sh" in "scripts";
    WORKER_REFRESH = SCRIPTS / "worker-refresh.sh" in "scripts";
    BASTION = SCRIPTS / "bastion.sh" in "scripts";
    BOOTSTRAP_UNIT = UNITS / "windlass-bootstrap.service" in "units";
    REFRESH_UNIT = UNITS / "windlass-refresh.service" in "units";
    REFRESH_TIMER = UNITS / "windlass-refresh.timer" in "units";
    JOIN_TOKEN_UNIT = UNITS / "windlass-join-token.service" in "units";
    JOIN_TOKEN_TIMER = UNITS / "windlass-join-token.timer" in "units";
    SNAPSHOT_UNIT = UNITS / "windlass-snapshot.service" in "units";
    SNAPSHOT_TIMER = UNITS / "windlass-snapshot.timer" in "units";
}

/// The names of the scripts and units that a manifest may override, with what they say.
pub fn built_in() -> impl Iterator<Item = (&'static str, &'static str)> {
    ALL.iter().map(|file| (file.name, file.content))
}

/// What every machine gets, whatever it is.
pub(super) fn common(builder: &Builder<'_>, document: &mut Document, machine: &Machine<'_>, facts: &Facts) {
    // Plain data with string keys always serializes.
    let json = serde_json::to_string_pretty(facts).unwrap_or_default();
    document.file(FACTS, json + "\n");
    document.file("/etc/windlass/node.env", environment::text(builder, machine, facts));
    let mut put = Put { builder, document };
    put.file(&COMMON, &[]);
    let (script, what) = match machine {
        Machine::Member => ("member.sh", "member of the control plane"),
        Machine::Node(group) if group.spec.role == Role::Bastion => ("bastion.sh", "bastion"),
        Machine::Node(_) => ("worker.sh", "node"),
    };
    if script == "bastion.sh" {
        put.file(&BASTION, &[]);
    }
    put.file(&BOOTSTRAP_UNIT, &[("@SCRIPT@", script), ("@WHAT@", what)]);
    document.enable(BOOTSTRAP_UNIT.name);
}

/// What a member gets besides.
pub(super) fn of_member(builder: &Builder<'_>, document: &mut Document, member: &Member) {
    let spec = builder.spec();
    let position = spec.control_plane.members.iter().position(|it| it.name == member.name).unwrap_or_default();
    // Five minutes apart: never two members at once, also while one waits for the API server to come back.
    let minute = format!("{:02}", position * 5 % 30);
    let mut put = Put { builder, document };
    for file in [&MEMBER, &VOLUME, &KEYS, &CONTROL_PLANE, &REFRESH, &JOIN_TOKEN, &ETCD, &ETCD_MEMBERS, &RESTORE] {
        put.file(file, &[]);
    }
    put.command("windlass-restore", &RESTORE);
    put.command("windlass-etcd", &ETCD_MEMBERS);
    put.file(&REFRESH_UNIT, &[("@SCRIPT@", "refresh.sh")]);
    put.file(&REFRESH_TIMER, &[("@MINUTE@", &minute), ("@SPREAD@", "0")]);
    put.file(&JOIN_TOKEN_UNIT, &[]);
    put.file(&JOIN_TOKEN_TIMER, &[]);
    if let Some(backup) = &spec.backup {
        put.file(&SNAPSHOT, &[]);
        put.command("windlass-snapshot", &SNAPSHOT);
        put.file(&SNAPSHOT_UNIT, &[]);
        put.file(&SNAPSHOT_TIMER, &[("@INTERVAL@", &backup.interval.as_seconds().to_string())]);
    }
    packages(builder, document);
    let mut table = String::new();
    for (name, file) in parameters::of_member(builder, member) {
        table.push_str(&format!("{name} {file}\n"));
    }
    document.file("/etc/windlass/parameters", table);
    for (path, content) in kubeadm::of_member(builder, member) {
        document.file(path, content);
    }
    system(document);
    // Before etcd's volume is there, no kubelet may start etcd on the empty folder beneath it.
    let fence = "[Unit]\nConditionPathIsMountPoint=/var/lib/etcd\n";
    document.public(format!("{UNITS}/kubelet.service.d/20-windlass.conf"), fence);
}

/// What a node that runs pods gets besides.
pub(super) fn of_worker(builder: &Builder<'_>, document: &mut Document, group: &NodeGroup) {
    let mut put = Put { builder, document };
    put.file(&WORKER, &[]);
    put.file(&WORKER_REFRESH, &[]);
    put.file(&REFRESH_UNIT, &[("@SCRIPT@", "worker-refresh.sh")]);
    // A hundred nodes must not ask in the same second.
    put.file(&REFRESH_TIMER, &[("@MINUTE@", "00"), ("@SPREAD@", "1500")]);
    packages(builder, document);
    document.file("/etc/windlass/parameters", format!("{} pki/ca.crt\n", parameters::trust(builder)));
    for (path, content) in kubeadm::of_worker(builder, group) {
        document.file(path, content);
    }
    system(document);
}

/// Kernel settings that kubelet (protectKernelDefaults) and pods' networks want.
fn system(document: &mut Document) {
    document.public("/etc/sysctl.d/90-windlass.conf", include_str!("units/sysctl.conf"));
    document.public("/etc/modules-load.d/windlass.conf", "overlay\nbr_netfilter\n");
}

fn packages(builder: &Builder<'_>, document: &mut Document) {
    let Packages::Apt(apt) = &builder.spec().bootstrap.packages else { return };
    Put { builder, document }.file(&PACKAGES, &[]);
    for source in &apt.sources {
        let key = format!("/etc/apt/keyrings/windlass-{}.asc", source.name);
        let mut text = format!("Types: deb\nURIs: {}\nSuites: {}\n", source.url, source.suite);
        if !source.components.is_empty() {
            text.push_str(&format!("Components: {}\n", source.components.join(" ")));
        }
        text.push_str(&format!("Signed-By: {key}\n"));
        document.public(format!("/etc/apt/sources.list.d/windlass-{}.sources", source.name), text);
        document.public(key, source.key.clone());
    }
    let pinned: Vec<String> = apt.versions.iter().map(|(name, version)| format!("{name}={version}\n")).collect();
    document.public("/etc/windlass/packages", pinned.concat());
}

/// Comments stay in this repository: of 16 KB of user data they would take two.
fn without_comments(content: &str) -> String {
    let kept = |line: &&str| {
        let line = line.trim_start();
        !line.starts_with("# ") || line.starts_with("# shellcheck")
    };
    content.lines().filter(kept).flat_map(|line| [line, "\n"]).collect()
}

struct Put<'a, 'b> {
    builder: &'a Builder<'b>,
    document: &'a mut Document,
}

impl Put<'_, '_> {
    /// A name for a script by which people and `windlass` call it.
    fn command(&mut self, name: &str, file: &BuiltIn) {
        let content = format!("#!/bin/sh\nexec {}/{} \"$@\"\n", file.folder, file.name);
        self.document.script(format!("/usr/local/sbin/{name}"), content);
    }

    /// A built-in file, or what the manifest has in its place, with words put in.
    fn file(&mut self, file: &BuiltIn, words: &[(&str, &str)]) {
        let overriding: &BTreeMap<FileName, String> = &self.builder.spec().bootstrap.files;
        let own = overriding.iter().find(|(name, _)| name.as_str() == file.name);
        let mut content = own.map_or_else(|| without_comments(file.content), |(_, content)| content.clone());
        for (word, value) in words {
            content = content.replace(word, value);
        }
        let path = format!("{}/{}", file.folder, file.name);
        if file.folder == SCRIPTS {
            self.document.script(path, content);
        } else {
            self.document.public(path, content);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_manifest_may_override_is_what_there_is() {
        let mut names: Vec<&str> = built_in().map(|(name, _)| name).collect();
        names.sort_unstable();
        assert_eq!(names, crate::spec::OVERRIDABLE);
    }
}
