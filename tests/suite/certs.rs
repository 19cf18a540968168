//! Certificates of a cluster in the sandbox: what openssl says of them, how they are listed, renewed, rotated, rescued.

use std::process::{Command, Stdio};

use jiff::Timestamp;
use serde_json::Value;

use crate::support::{Fleet, Ran};

const CLUSTER: &str = "prod-customer.k8s.foo.bar";
const SMALL: &str = "staging-customer.k8s.foo.bar";

/// Members of the production cluster.
const MEMBERS: usize = 3;
/// Certificates of a member.
const LEAFS: usize = 11;

/// `certs list -o json`.
fn list(fleet: &Fleet, cluster: &str) -> Vec<Value> {
    let listed = fleet.sandboxed(&["certs", "list", cluster, "--output", "json"]).exits(0);
    let document: Value = serde_json::from_str(&listed.stdout).expect("the list is JSON");
    document["certificates"].as_array().expect("a list").clone()
}

fn text<'a>(certificate: &'a Value, field: &str) -> &'a str {
    certificate[field].as_str().unwrap_or_else(|| panic!("{field} of {certificate}"))
}

fn moment(certificate: &Value, field: &str) -> Timestamp {
    text(certificate, field).parse().expect("a moment")
}

/// All records of certificates on the state branch: authority, whether it is one, PEM.
fn recorded(fleet: &Fleet, cluster: &str) -> Vec<(String, bool, String)> {
    let repository = fleet.path().join(".windlass/sandbox-state.git");
    let branch = format!("windlass-state/{cluster}");
    let git = |arguments: &[&str]| {
        let output = Command::new("git").arg("-C").arg(&repository).args(arguments).output().expect("git runs");
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("git prints UTF-8")
    };
    let paths = git(&["ls-tree", "-r", "--name-only", &branch, "certs/"]);
    let read = |path: &str| {
        let record: Value = serde_json::from_str(&git(&["show", &format!("{branch}:{path}")])).expect("a record");
        let is_authority = record["role"].get("authority").is_some();
        (text(&record, "authority").to_owned(), is_authority, text(&record, "pem").to_owned())
    };
    paths.lines().map(read).collect()
}

/// openssl, which must be there: a certificate that only its maker has read proves nothing.
fn openssl(arguments: &[&str], stdin: &str) -> String {
    use std::io::Write;
    let mut command = Command::new("openssl");
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("these tests need openssl in PATH (Debian package openssl)");
    child.stdin.take().expect("a pipe").write_all(stdin.as_bytes()).expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "openssl {arguments:?}: {said}");
    said
}

#[test]
fn every_certificate_of_a_new_cluster_verifies_with_openssl_and_has_the_requested_lifetime() {
    let fleet = Fleet::created(CLUSTER);
    let records = recorded(&fleet, CLUSTER);
    assert_eq!(records.len(), 3 + MEMBERS * LEAFS);
    for (authority, _, pem) in &records {
        let trusted = records.iter().find(|(name, is, _)| name == authority && *is).expect("its authority");
        let bundle = fleet.path().join(format!("{authority}.crt"));
        std::fs::write(&bundle, &trusted.2).expect("files can be written");
        // From AWS' time on the certificate is valid; here it may be minutes earlier.
        let bundle = bundle.to_str().expect("a UTF-8 path");
        let said = openssl(&["verify", "-no_check_time", "-x509_strict", "-CAfile", bundle], pem);
        assert!(said.contains("OK"), "{said}");
    }
    let certificates = list(&fleet, CLUSTER);
    // The members' API servers are shown once more behind the load balancer.
    assert_eq!(certificates.len(), 3 + MEMBERS * LEAFS + 1);
    for certificate in &certificates {
        let days = moment(certificate, "notAfter").duration_since(moment(certificate, "notBefore")).as_hours() / 24;
        let expected = if text(certificate, "place") == "git" { 3650..=3650 } else { 328..=365 };
        assert!(expected.contains(&days), "{days} days: {certificate}");
        assert_eq!(certificate["mismatch"], Value::Bool(false), "{certificate}");
        if text(certificate, "path").contains("/members/") {
            assert_eq!(moment(certificate, "requestedEnd"), moment(certificate, "notAfter"));
            assert_eq!(text(&certificate["reported"], "seen"), "same", "{certificate}");
        }
    }
    fleet.sandboxed(&["certs", "check", CLUSTER, "--fail-under", "60d"]).exits(0).warns("37 certificates are good");
    let metrics = fleet.sandboxed(&["certs", "list", CLUSTER, "--output", "openmetrics"]).exits(0);
    metrics.says("x509_cert_not_after{").says("# EOF");
    let calendar = fleet.sandboxed(&["certs", "list", CLUSTER, "--output", "icalendar"]).exits(0);
    calendar.says("BEGIN:VCALENDAR").says("END:VCALENDAR");
}

#[test]
fn without_aws_the_list_is_what_git_says() {
    let fleet = Fleet::created(SMALL);
    let table = fleet.sandboxed(&["certs", "list", SMALL, "--offline"]).exits(0).stdout;
    assert!(table.contains("etcd-peer") && !table.contains("member:") && !table.contains("live:"), "{table}");
    let at = r#"{"operation":"GetParametersByPath"}"#;
    let ran = fleet.disturbed(&["certs", "list", SMALL], at, "accessDenied").exits(0);
    assert_eq!(ran.stdout, table);
    ran.warns("AWS cannot be asked");
}

#[test]
fn what_is_due_is_a_pending_change_and_apply_renews_it() {
    let fleet = Fleet::created(SMALL);
    let before = list(&fleet, SMALL);
    fleet.sandboxed(&["sandbox", "advance", "200d"]).exits(0);
    fleet.sandboxed(&["plan", SMALL, "--detailed-exitcode"]).exits(0);
    fleet.sandboxed(&["sandbox", "advance", "100d"]).exits(0);
    fleet
        .sandboxed(&["plan", SMALL, "--detailed-exitcode"])
        .exits(2)
        .says("its certificate is renewed")
        .warns("expires in");
    let ran = fleet.sandboxed(&["certs", "check", SMALL, "--fail-under", "90d"]).exits(12);
    ran.says("etcd-peer of the etcd authority").warns("windlass certs renew");
    fleet.sandboxed(&["apply", SMALL, "--yes"]).exits(0);
    fleet.sandboxed(&["sandbox", "advance", "2h"]).exits(0);
    fleet.sandboxed(&["certs", "check", SMALL, "--fail-under", "90d"]).exits(0);
    let after = list(&fleet, SMALL);
    let serials = |certificates: &[Value]| -> Vec<String> {
        let leafs = certificates.iter().filter(|it| text(it, "path").contains("/members/"));
        leafs.map(|it| text(it, "serial").to_owned()).collect()
    };
    assert!(serials(&after).iter().all(|serial| !serials(&before).contains(serial)));
    // What has expired opens no door: its record goes with the next apply that changes anything.
    let records = recorded(&fleet, SMALL).len();
    fleet.sandboxed(&["sandbox", "advance", "100d"]).exits(0);
    fleet.sandboxed(&["certs", "renew", SMALL, "etcd-peer", "--yes"]).exits(0);
    assert!(recorded(&fleet, SMALL).len() < records);
    fleet.sandboxed(&["state", "fsck", SMALL]).exits(0);
}

#[test]
fn a_renewal_touches_what_was_named_and_nothing_else() {
    let fleet = Fleet::created(SMALL);
    fleet.sandboxed(&["certs", "renew", SMALL, "nothing-of-that-name", "--yes"]).exits(10).warns("a/etcd-peer");
    let ran = fleet.sandboxed(&["certs", "renew", SMALL, "a/etcd-peer", "--yes", "--refresh"]).exits(0);
    ran.says("1 to change, 0 to replace, 0 to destroy.").warns("is refreshed");
    let peer = |it: &&Value| text(it, "name") == "etcd-peer" && text(it, "place") == "a";
    let certificates = list(&fleet, SMALL);
    let peer = certificates.iter().find(peer).expect("it is listed");
    assert_eq!(text(&peer["reported"], "seen"), "same");
    assert_eq!(text(&peer["live"], "seen"), "same");
    fleet.sandboxed(&["plan", SMALL, "--detailed-exitcode"]).exits(0);
    fleet.sandboxed(&["history", SMALL]).exits(0).says("certs renew").says("certs refresh");
}

/// One step of the rotation of etcd's authority.
fn rotate(fleet: &Fleet, more: &[&str]) -> Ran {
    let mut arguments = vec!["certs", "rotate-ca", SMALL, "--authority", "etcd", "--yes"];
    arguments.extend(more);
    fleet.sandboxed(&arguments)
}

#[test]
fn an_authority_is_rotated_in_steps_that_wait_for_the_members_and_can_be_taken_back() {
    let fleet = Fleet::created(SMALL);
    let position = |part: &str| {
        fleet.sandboxed(&["certs", "rotate-ca", SMALL, "--authority", "etcd", "--status"]).exits(0).says(part);
    };
    position("no rotation is under way");
    rotate(&fleet, &[]).exits(0).warns("preparing revision 2");
    rotate(&fleet, &[]).exits(11).warns("member a does not trust revision 2 yet");
    rotate(&fleet, &["--abort"]).exits(0).warns("withdrawing revision 2");
    fleet.sandboxed(&["sandbox", "advance", "1h"]).exits(0);
    rotate(&fleet, &[]).exits(0).warns("preparing revision 3");
    fleet.sandboxed(&["sandbox", "advance", "1h"]).exits(0);
    rotate(&fleet, &[]).exits(0).warns("signing with revision 3");
    position("revision 1 is still trusted");
    rotate(&fleet, &[]).exits(11).warns("has not installed the newest etcd-peer yet");
    fleet.sandboxed(&["sandbox", "advance", "1h"]).exits(0);
    fleet.sandboxed(&["certs", "check", SMALL]).exits(0);
    rotate(&fleet, &[]).exits(0).warns("the rotation is complete");
    rotate(&fleet, &["--abort"]).exits(11).warns("nothing to take back");
    fleet.sandboxed(&["sandbox", "advance", "1h"]).exits(0);
    position("preparing revision 4");
    fleet.sandboxed(&["plan", SMALL, "--detailed-exitcode"]).exits(0);
    fleet.sandboxed(&["state", "fsck", SMALL]).exits(0);
    fleet.sandboxed(&["secrets", "list", SMALL]).exits(0).says("authority-etcd-3");
}

#[test]
fn a_rotation_that_was_killed_goes_on_from_what_is_there() {
    let fleet = Fleet::created(SMALL);
    rotate(&fleet, &[]).exits(0);
    fleet.sandboxed(&["sandbox", "advance", "1h"]).exits(0);
    let at = r#"{"occurrence":{"operation":"PutParameter","index":2}}"#;
    fleet.killed(&["certs", "rotate-ca", SMALL, "--authority", "etcd", "--yes"], at);
    rotate(&fleet, &[]).exits(0).warns("took over the lock").warns("that comes first");
    fleet.sandboxed(&["sandbox", "advance", "1h"]).exits(0);
    fleet.sandboxed(&["certs", "check", SMALL]).exits(0);
    rotate(&fleet, &[]).exits(0).warns("the rotation is complete");
    fleet.sandboxed(&["state", "fsck", SMALL]).exits(0);
    fleet.sandboxed(&["plan", SMALL, "--detailed-exitcode"]).exits(0);
}

#[test]
fn a_cluster_that_expired_is_rescued_without_its_api() {
    let fleet = Fleet::created(SMALL);
    fleet.sandboxed(&["sandbox", "advance", "400d"]).exits(0);
    fleet.sandboxed(&["sandbox", "list"]).exits(0).says("has expired");
    fleet.sandboxed(&["certs", "check", SMALL]).exits(12).says("expired on");
    fleet.sandboxed(&["status", SMALL]).exits(0).says("EXPIRED");
    let ran = fleet.sandboxed(&["certs", "rescue", SMALL, "--yes"]).exits(0);
    ran.warns("expired on").warns("is refreshed");
    fleet.sandboxed(&["sandbox", "advance", "1h"]).exits(0);
    fleet.sandboxed(&["certs", "check", SMALL]).exits(0);
    let live = fleet.sandboxed(&["sandbox", "list"]).exits(0).stdout;
    assert!(live.contains("member a of") && !live.contains("has expired"), "{live}");
}

#[test]
fn an_authority_that_expired_is_refused_by_apply_and_replaced_by_the_rescue() {
    let fleet = Fleet::new();
    let template = "templates/1_cluster.yaml.j2";
    let text = fleet.read(template);
    let short = "  pki:\n    lifetimes: { authority: 20d, leaf: 10d }\n";
    fleet.write(template, &text.replacen("spec:\n", &format!("spec:\n{short}"), 1));
    fleet.sandboxed(&["apply", SMALL, "--yes"]).exits(0);
    fleet.sandboxed(&["sandbox", "advance", "21d"]).exits(0);
    fleet.sandboxed(&["apply", SMALL, "--yes"]).exits(12).warns("windlass certs rescue");
    fleet.sandboxed(&["certs", "rescue", SMALL, "--yes"]).exits(0).warns("replaced at once").warns("is refreshed");
    fleet.sandboxed(&["certs", "check", SMALL, "--offline", "--fail-under", "1d"]).exits(0);
    fleet.sandboxed(&["plan", SMALL, "--detailed-exitcode"]).exits(0);
    fleet.sandboxed(&["state", "fsck", SMALL]).exits(0);
}

/// kubeadm's layout, made by openssl with RSA keys; gives the serial number of the cluster's authority.
fn kubeadm_folder(folder: &std::path::Path) -> String {
    std::fs::create_dir_all(folder.join("etcd")).expect("a folder");
    let path = |name: String| folder.join(name).to_str().expect("UTF-8").to_owned();
    for name in ["ca", "front-proxy-ca", "etcd/ca"] {
        let (key, certificate) = (path(format!("{name}.key")), path(format!("{name}.crt")));
        let subject = format!("/CN={name}").replace("etcd/ca", "etcd-ca");
        let usage = "keyUsage=critical,keyCertSign,cRLSign,digitalSignature";
        #[rustfmt::skip]
        let arguments = [
            "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3650", "-keyout", &key, "-out", &certificate,
            "-subj", &subject, "-addext", "basicConstraints=critical,CA:TRUE", "-addext", usage,
        ];
        openssl(&arguments, "");
    }
    let (private, public) = (path(String::from("sa.key")), path(String::from("sa.pub")));
    openssl(&["genrsa", "-out", &private, "2048"], "");
    openssl(&["rsa", "-in", &private, "-pubout", "-out", &public], "");
    let serial = openssl(&["x509", "-in", &path(String::from("ca.crt")), "-noout", "-serial"], "");
    serial.trim().trim_start_matches("serial=").trim_start_matches('0').to_lowercase()
}

#[test]
fn authorities_of_kubeadm_are_taken_over_once_and_sign_what_the_cluster_gets() {
    let fleet = Fleet::new();
    let folder = fleet.path().join(".windlass/kubeadm");
    let serial = kubeadm_folder(&folder);
    let from = folder.to_str().expect("UTF-8");
    fleet.sandboxed(&["certs", "import", SMALL, "--from", "/nowhere", "--yes"]).exits(1).warns("/nowhere");
    fleet.sandboxed(&["certs", "import", SMALL, "--from", from]).exits(11).warns("--yes");
    fleet.sandboxed(&["certs", "import", SMALL, "--from", from, "--yes"]).exits(0);
    fleet.sandboxed(&["apply", SMALL, "--yes"]).exits(0);
    let all = list(&fleet, SMALL);
    let authority = all.iter().find(|it| text(it, "place") == "git" && text(it, "authority") == "cluster");
    assert_eq!(text(authority.expect("the cluster's authority"), "serial").trim_start_matches('0'), serial);
    let leafs = all.iter().filter(|it| text(it, "authority") == "cluster" && text(it, "place") != "git");
    assert!(leafs.clone().count() > 0 && leafs.clone().all(|it| text(it, "issuer").contains("CN=ca")), "{all:?}");
    fleet.sandboxed(&["certs", "check", SMALL]).exits(0);
    fleet.sandboxed(&["certs", "import", SMALL, "--from", from, "--yes"]).exits(11).warns("rotate-ca");
}
