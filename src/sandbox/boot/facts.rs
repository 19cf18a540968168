//! What an instance knows of itself: the files that windlass' own scripts read, and nothing else.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::user_data::Document;

/// The facts as shell variables, which the scripts source.
const ENVIRONMENT: &str = "/etc/windlass/node.env";
/// The same and more for people and for scripts of the image: the version, labels and taints are read from it.
const NODE: &str = "/etc/windlass/node.json";
/// Parameters that the scripts fetch: name, blank, file beneath `/etc/kubernetes`, one a line.
const PARAMETERS: &str = "/etc/windlass/parameters";
/// Where the scripts are.
pub const SCRIPTS: &str = "/usr/local/lib/windlass/";
/// Where commands for people are.
const COMMANDS: &str = "/usr/local/sbin/";
const UNITS: &str = "/etc/systemd/system/";
/// The unit that does the bootstrap.
const BOOTSTRAP: &str = "windlass-bootstrap.service";

/// What an instance is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// A member of the control plane.
    Member,
    /// Something that joins.
    Node,
    /// Something that does not.
    Bastion,
}

impl Role {
    /// As `sandbox list` shows it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Node => "node",
            Self::Bastion => "bastion",
        }
    }
}

/// What the scripts of an instance know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Facts {
    /// The cluster's name.
    pub cluster: String,
    /// What it is.
    pub role: Role,
    /// Of the member or the group.
    pub name: String,
    /// Path of the cluster's parameters, with a slash at its end.
    pub path: String,
    /// Parameters that it reads, with the file that each goes into.
    pub reads: BTreeMap<String, String>,
    /// The parameter with the join token.
    pub join: String,
    /// The parameter that a member writes about itself.
    pub status: String,
    /// The name that nodes call the API by.
    pub api_host: String,
    /// Value of the address tag of a member's volume.
    pub volume: String,
    /// The same of the network interface of each member.
    pub interfaces: BTreeMap<String, String>,
    /// `bucket/prefix` of snapshots.
    pub backup: Option<String>,
    /// Its version of Kubernetes, `1.34.2`.
    #[serde(default)]
    pub version: String,
    /// Labels of its node.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Taints of its node, `key=value:Effect`.
    #[serde(default)]
    pub taints: Vec<String>,
    /// The scripts that are there: what a shell calls them → name of the script.
    pub scripts: BTreeMap<String, String>,
}

impl Facts {
    /// Reads the facts. `None`: the document is not windlass'.
    ///
    /// # Errors
    /// A file, variable, unit or script that another one needs and that is not there.
    pub fn read(document: &Document) -> Result<Option<Self>, String> {
        let Some(environment) = document.files.get(ENVIRONMENT) else { return Ok(None) };
        let variables = variables(environment)?;
        started(document)?;
        let get = |name: &str| variables.get(name).cloned().unwrap_or_default();
        let need = |name: &str| {
            let value = variables.get(name).filter(|value| !value.is_empty()).cloned();
            value.ok_or_else(|| format!("{ENVIRONMENT}: {name}: unbound variable"))
        };
        let role = match need("ROLE")?.as_str() {
            "control-plane" => Role::Member,
            "bastion" => Role::Bastion,
            _ => Role::Node,
        };
        let mut facts = Self {
            cluster: need("CLUSTER")?,
            role,
            name: need("NAME")?,
            path: get("PARAMETERS"),
            reads: BTreeMap::new(),
            join: get("JOIN"),
            status: get("STATUS"),
            api_host: get("API_HOST"),
            volume: get("VOLUME"),
            interfaces: BTreeMap::new(),
            backup: get("BACKUP").strip_prefix("s3://").map(str::to_owned),
            version: String::new(),
            labels: BTreeMap::new(),
            taints: Vec::new(),
            scripts: scripts(document),
        };
        if let Some(node) = document.files.get(NODE).and_then(|it| serde_json::from_str::<serde_json::Value>(it).ok()) {
            facts.version = node["kubernetesVersion"].as_str().unwrap_or_default().to_owned();
            let labels = node["nodeLabels"].as_object().into_iter().flatten();
            facts.labels = labels.filter_map(|(key, it)| Some((key.clone(), it.as_str()?.to_owned()))).collect();
            let taints = node["taints"].as_array().into_iter().flatten();
            facts.taints = taints.filter_map(|it| it.as_str().map(str::to_owned)).collect();
        }
        if role == Role::Bastion {
            return Ok(Some(facts));
        }
        for name in ["PARAMETERS", "JOIN", "API_HOST"] {
            need(name)?;
        }
        facts.reads = table(document.files.get(PARAMETERS).ok_or(format!("{PARAMETERS}: No such file or directory"))?)?;
        if role == Role::Member {
            for name in ["STATUS", "VOLUME"] {
                need(name)?;
            }
            for pair in need("INTERFACES")?.split_whitespace() {
                let (member, address) = pair.split_once('=').ok_or_else(|| format!("INTERFACES: {pair}"))?;
                facts.interfaces.insert(member.to_owned(), address.to_owned());
            }
        }
        Ok(Some(facts))
    }
}

/// Scripts by their paths, and the commands that only call one by theirs and by their names.
fn scripts(document: &Document) -> BTreeMap<String, String> {
    let mut scripts = BTreeMap::new();
    for (path, text) in &document.files {
        if let Some(name) = path.strip_prefix(SCRIPTS) {
            scripts.insert(path.clone(), name.to_owned());
        }
        let called = text.lines().find_map(|line| line.strip_prefix("exec ")?.split_whitespace().next());
        if let (Some(command), Some(name)) =
            (path.strip_prefix(COMMANDS), called.and_then(|it| it.strip_prefix(SCRIPTS)))
        {
            scripts.extend([(path.clone(), name.to_owned()), (command.to_owned(), name.to_owned())]);
        }
    }
    scripts
}

/// `NAME=value` lines, each value one word of the shell.
fn variables(text: &str) -> Result<BTreeMap<String, String>, String> {
    let mut variables = BTreeMap::new();
    for line in text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')) {
        let (name, value) = line.split_once('=').ok_or_else(|| format!("{ENVIRONMENT}: {line}: command not found"))?;
        let mut plain = String::new();
        let mut quoted = false;
        let mut letters = value.chars();
        while let Some(letter) = letters.next() {
            match letter {
                '\'' => quoted = !quoted,
                '\\' if !quoted => plain.extend(letters.next()),
                ' ' if !quoted => return Err(format!("{ENVIRONMENT}: {name} is more than one word")),
                letter => plain.push(letter),
            }
        }
        variables.insert(name.to_owned(), plain);
    }
    Ok(variables)
}

fn table(text: &str) -> Result<BTreeMap<String, String>, String> {
    let lines = text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
    lines
        .map(|line| match line.split_whitespace().collect::<Vec<_>>()[..] {
            [name, file, ..] => Ok((name.to_owned(), file.to_owned())),
            _ => Err(format!("{PARAMETERS}: {line}")),
        })
        .collect()
}

/// The bootstrap's unit must be started, and must start a script that is there.
fn started(document: &Document) -> Result<(), String> {
    if !document.units.iter().any(|unit| unit == BOOTSTRAP) {
        return Err(format!("{BOOTSTRAP} is not started"));
    }
    for unit in &document.units {
        let Some(text) = document.files.get(&format!("{UNITS}{unit}")) else {
            return Err(format!("Unit {unit} could not be found."));
        };
        let programs = text.lines().filter_map(|line| line.trim().strip_prefix("ExecStart="));
        let words =
            programs.flat_map(str::split_whitespace).map(|word| word.trim_start_matches(['-', '+', '!', ':', '@']));
        let missing = words.filter(|word| word.starts_with(SCRIPTS)).find(|word| !document.files.contains_key(*word));
        if let Some(missing) = missing {
            return Err(format!("{unit}: Failed to locate executable {missing}: No such file or directory"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_words_of_the_shell() {
        let read = variables("A=plain/1\nB='two words'\nC=''\nD='it'\\''s'\n").expect("sound");
        let expected = [("A", "plain/1"), ("B", "two words"), ("C", ""), ("D", "it's")];
        assert_eq!(read.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect::<Vec<_>>(), expected);
        assert!(variables("A=two words\n").is_err());
        assert!(variables("rm -rf\n").is_err());
    }

    #[test]
    fn a_unit_that_is_not_there_and_a_script_that_is_not_there_are_told() {
        let mut document = Document::default();
        assert_eq!(Facts::read(&document), Ok(None));
        document.files.insert(ENVIRONMENT.to_owned(), String::from("CLUSTER=a\nROLE=bastion\nNAME=b\n"));
        assert!(Facts::read(&document).expect_err("nothing is started").contains("is not started"));
        document.units.push(BOOTSTRAP.to_owned());
        assert!(Facts::read(&document).expect_err("no unit").contains("could not be found"));
        let unit = format!("[Service]\nExecStart=/bin/bash {SCRIPTS}bastion.sh\n");
        document.files.insert(format!("{UNITS}{BOOTSTRAP}"), unit);
        assert!(Facts::read(&document).expect_err("no script").contains("bastion.sh"));
        document.files.insert(format!("{SCRIPTS}bastion.sh"), String::new());
        let facts = Facts::read(&document).expect("sound").expect("windlass'");
        assert_eq!((facts.role, facts.name.as_str()), (Role::Bastion, "b"));
    }
}
