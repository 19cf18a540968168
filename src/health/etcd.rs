//! What `windlass-etcd status` prints on a member, read: etcd's members, who leads, and who is not in sync.
//!
//! Three JSON documents, a line each, as etcdctl 3.4 to 3.7 write them with `--write-out json`: `member list`,
//! `endpoint status --cluster`, `endpoint health --cluster`.

use std::collections::BTreeMap;

use serde::Deserialize;

/// A follower that has applied so many entries fewer than the leader can no longer catch up from the log alone (etcd's
/// default of `--snapshot-catchup-entries`).
const LAG: u64 = 5000;

/// etcd's members by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EtcdStatus {
    /// All members that etcd has, also those that do not answer.
    pub members: BTreeMap<String, EtcdMember>,
}

/// One of etcd's members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EtcdMember {
    /// Its id, which never changes.
    pub id: u64,
    /// Whether it leads.
    pub leader: bool,
    /// Its raft term; 0 when it does not answer.
    pub term: u64,
    /// Why it is not healthy; `None`: it is.
    pub trouble: Option<String>,
}

impl EtcdMember {
    /// As etcdctl takes it.
    #[must_use]
    pub fn hexadecimal(&self) -> String {
        format!("{:x}", self.id)
    }
}

/// Fields that are not named are of no concern, and differ from version to version.
#[derive(Deserialize)]
struct List {
    members: Vec<Listed>,
}

#[derive(Deserialize)]
struct Listed {
    #[serde(rename = "ID")]
    id: u64,
    #[serde(default)]
    name: String,
    #[serde(rename = "clientURLs", default)]
    client_urls: Vec<String>,
}

#[derive(Deserialize)]
struct Endpoint {
    #[serde(rename = "Endpoint")]
    _endpoint: String,
    #[serde(rename = "Status")]
    status: Status,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    header: Header,
    #[serde(default)]
    leader: u64,
    #[serde(default)]
    raft_term: u64,
    #[serde(default)]
    raft_applied_index: u64,
    #[serde(default)]
    errors: Vec<String>,
}

#[derive(Deserialize)]
struct Header {
    member_id: u64,
}

#[derive(Deserialize)]
struct Health {
    endpoint: String,
    health: bool,
    #[serde(default)]
    error: String,
}

/// Reads the three documents.
///
/// # Errors
/// What could not be understood, in a few words.
pub fn read(output: &str) -> Result<EtcdStatus, String> {
    let mut documents = output.lines().filter(|line| line.trim_start().starts_with(['{', '[']));
    let list: List = parse("the list of members", documents.next())?;
    let status: Vec<Endpoint> = parse("the status of members", documents.next())?;
    let health: Vec<Health> = parse("the health of members", documents.next())?;
    let newest = status.iter().map(|it| it.status.raft_applied_index).max().unwrap_or(0);
    let member = |listed: &Listed| {
        let status = status.iter().map(|it| &it.status).find(|it| it.header.member_id == listed.id);
        let asked = health.iter().find(|it| listed.client_urls.contains(&it.endpoint));
        let trouble = match (status, asked) {
            (_, Some(asked)) if !asked.health => Some(said(&asked.error, "it is not healthy")),
            (None, _) => Some(String::from("it does not answer")),
            (Some(status), _) if !status.errors.is_empty() => Some(status.errors.join("; ")),
            (Some(status), _) if status.leader == 0 => Some(String::from("it knows no leader")),
            (Some(status), _) if newest - status.raft_applied_index > LAG => {
                Some(format!("it is {} entries behind", newest - status.raft_applied_index))
            }
            (Some(_), None) => Some(String::from("nobody could ask for its health")),
            (Some(_), Some(_)) => None,
        };
        EtcdMember {
            id: listed.id,
            leader: status.is_some_and(|it| it.leader == listed.id),
            term: status.map_or(0, |it| it.raft_term),
            trouble,
        }
    };
    // A member that has been added and has not started yet has no name.
    let name = |it: &Listed| if it.name.is_empty() { format!("{:x}", it.id) } else { it.name.clone() };
    Ok(EtcdStatus { members: list.members.iter().map(|it| (name(it), member(it))).collect() })
}

fn said(words: &str, otherwise: &str) -> String {
    if words.is_empty() { otherwise.to_owned() } else { words.to_owned() }
}

fn parse<'text, T: Deserialize<'text>>(what: &str, line: Option<&'text str>) -> Result<T, String> {
    let line = line.ok_or_else(|| format!("etcdctl did not print {what}"))?;
    serde_json::from_str(line).map_err(|error| format!("{what} cannot be read: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = r#"{"header":{"cluster_id":1},"members":[
        {"ID":11,"name":"a","peerURLs":["https://10.0.0.1:2380"],"clientURLs":["https://10.0.0.1:2379"]},
        {"ID":12,"name":"b","clientURLs":["https://10.0.0.2:2379"]},{"ID":13,"name":"c","clientURLs":["https://10.0.0.3:2379"]}]}"#;

    fn endpoint(number: u32, applied: u64) -> String {
        format!(
            r#"{{"Endpoint":"https://10.0.0.{number}:2379","Status":{{"header":{{"member_id":1{number},"raft_term":4}},"version":"3.6.4",
            "dbSize":1,"leader":12,"raftIndex":{applied},"raftTerm":4,"raftAppliedIndex":{applied}}}}}"#
        )
    }

    fn health(number: u32, healthy: bool) -> String {
        let error = if healthy { "" } else { r#","error":"context deadline exceeded""# };
        format!(r#"{{"endpoint":"https://10.0.0.{number}:2379","health":{healthy},"took":"9ms"{error}}}"#)
    }

    fn output(status: &[String], health: &[String]) -> String {
        let line = |text: &str| text.replace('\n', " ");
        format!(
            "{}\n{}\n{}\n",
            line(LIST),
            line(&format!("[{}]", status.join(","))),
            line(&format!("[{}]", health.join(",")))
        )
    }

    #[test]
    fn three_healthy_members_and_their_leader() {
        let all = [endpoint(1, 900), endpoint(2, 901), endpoint(3, 890)];
        let read = read(&output(&all, &[health(1, true), health(2, true), health(3, true)])).expect("sound");
        assert!(read.members.values().all(|it| it.trouble.is_none() && it.term == 4));
        let leaders: Vec<&String> = read.members.iter().filter(|(_, it)| it.leader).map(|(name, _)| name).collect();
        assert_eq!(leaders, ["b"]);
        assert_eq!(read.members["b"].hexadecimal(), "c");
    }

    #[test]
    fn whoever_does_not_answer_or_is_behind_is_named() {
        let some = [endpoint(1, 90_000), endpoint(2, 100_000)];
        let read = read(&output(&some, &[health(1, true), health(2, true), health(3, false)])).expect("sound");
        assert_eq!(read.members["a"].trouble.as_deref(), Some("it is 10000 entries behind"));
        assert_eq!(read.members["b"].trouble, None);
        assert_eq!(read.members["c"].trouble.as_deref(), Some("context deadline exceeded"));
        assert!(!read.members["c"].leader);
    }

    #[test]
    fn what_is_no_answer_is_told() {
        assert!(read("").expect_err("nothing").contains("list of members"));
        assert!(read("{\"members\":[]}\n[]\nnot json").expect_err("two").contains("health"));
        assert!(read("{\"members\":1}\n[]\n[]").expect_err("wrong").contains("cannot be read"));
    }
}
