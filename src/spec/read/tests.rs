use super::*;
use crate::name::ClusterName;

/// A good cluster: every test changes a line or two.
pub(in crate::spec) const CLUSTER: &str = r#"apiVersion: windlass/v1
kind: Cluster
metadata:
  name: test.k8s.foo.bar
  labels: { env: test }
spec:
  aws:
    region: eu-west-3
    account: "123456789012"
  kubernetes:
    version: 1.34.2
  network:
    vpc: { cidr: 10.20.0.0/16 }
    subnets:
      - { name: public-a, zone: eu-west-3a, cidr: 10.20.0.0/24, type: public }
      - { name: public-b, zone: eu-west-3b, cidr: 10.20.1.0/24, type: public }
      - { name: public-c, zone: eu-west-3c, cidr: 10.20.2.0/24, type: public }
      - { name: private-a, zone: eu-west-3a, cidr: 10.20.32.0/19, type: private }
      - { name: private-b, zone: eu-west-3b, cidr: 10.20.64.0/19, type: private }
      - { name: private-c, zone: eu-west-3c, cidr: 10.20.96.0/19, type: private }
  controlPlane:
    members:
      - { name: a, subnet: private-a }
      - { name: b, subnet: private-b }
      - { name: c, subnet: private-c }
    machineType: m6i.large
    image: { ssm: /foo/images/kubernetes }
  dns:
    zone: k8s.foo.bar
"#;

/// A good node group.
pub(in crate::spec) const GROUP: &str = r#"apiVersion: windlass/v1
kind: NodeGroup
metadata:
  name: nodes
spec:
  cluster: test.k8s.foo.bar
  subnets: [private-a, private-b, private-c]
  minSize: 1
  maxSize: 10
  machineTypes: [m6i.xlarge]
"#;

/// Reads texts as the files `1_cluster.yaml`, `2_nodes.yaml`, ….
pub(in crate::spec) fn read_texts(texts: &[&str]) -> Result<Specification, Problems> {
    let cluster: ClusterName = "test.k8s.foo.bar".parse().expect("a cluster name");
    let names = ["1_cluster.yaml", "2_nodes.yaml", "3_nodes.yaml", "4_nodes.yaml"];
    read(&Rendered::from_texts(cluster, names.into_iter().zip(texts.iter().copied())))
}

/// `from` → `to` in a text that has `from`.
pub(in crate::spec) fn with(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "the good text has no {from:?}");
    text.replacen(from, to, 1)
}

/// Each problem as `line:column message`, with ` | hint` if it has one; the line is that of the file it is in.
pub(in crate::spec) fn messages(result: Result<Specification, Problems>) -> Vec<String> {
    let problems = match result {
        Ok(specification) => specification.warnings,
        Err(Problems(problems)) => problems,
    };
    problems.iter().map(message).collect()
}

fn message(problem: &Problem) -> String {
    let place = problem.places.first().map(|place| {
        let file = place.file.trim_start_matches("rendered ").split('_').next().unwrap_or_default();
        format!("{file}:{}:{} ", place.line, place.column)
    });
    let hint = problem.hint.as_ref().map(|hint| format!(" | {hint}"));
    format!("{}{}{}", place.unwrap_or_default(), problem.message, hint.unwrap_or_default())
}

/// The problems of the good cluster with a change.
pub(in crate::spec) fn of_cluster(from: &str, to: &str) -> Vec<String> {
    messages(read_texts(&[&with(CLUSTER, from, to), GROUP]))
}

/// The problems of the good group with a change.
pub(in crate::spec) fn of_group(from: &str, to: &str) -> Vec<String> {
    messages(read_texts(&[CLUSTER, &with(GROUP, from, to)]))
}

/// A field more in the group's `spec`.
pub(in crate::spec) fn of_group_with(field: &str) -> Vec<String> {
    of_group("  minSize", &format!("  {field}\n  minSize"))
}

#[test]
fn good_manifests_read_without_a_word() {
    let specification = read_texts(&[CLUSTER, GROUP]).expect("good manifests");
    assert_eq!(messages(Ok(specification.clone())), Vec::<String>::new());
    assert_eq!(specification.node_groups.len(), 1);
    assert_eq!(specification.cluster.spec.kubernetes.controller_manager.terminated_pod_gc_threshold, 1000);
}

#[test]
fn an_unknown_field_is_named_with_the_nearest_right_one() {
    let messages = of_group("minSize", "minsize");
    assert_eq!(messages.len(), 1, "{messages:?}");
    let (message, hint) = messages[0].split_once(" | ").expect("a hint");
    assert_eq!(message, r#"2:8:3 unknown field "minsize" in NodeGroup.spec"#);
    assert!(hint.starts_with(r#"did you mean "minSize"? valid fields: cluster, role, application,"#), "{hint}");
}

#[test]
fn a_wrong_type_says_what_was_expected_and_found() {
    assert_eq!(
        of_group("minSize: 1", "minSize: one"),
        [r#"2:8:12 NodeGroup.spec.minSize: expected a whole number, at least 0, found the string "one""#]
    );
    assert_eq!(
        of_group("minSize: 1", "minSize: \"1\""),
        [
            r#"2:8:12 NodeGroup.spec.minSize: expected a whole number, at least 0, found the string "1" | write it without quotes"#
        ]
    );
    assert_eq!(
        of_group("minSize: 1", "minSize: -1"),
        ["2:8:12 NodeGroup.spec.minSize: expected a whole number, at least 0, found the number -1"]
    );
    assert_eq!(
        of_cluster("\"123456789012\"", "123456789012"),
        ["1:9:14 Cluster.spec.aws.account: expected a string, found the number 123456789012 | put it in quotes"]
    );
    assert_eq!(
        of_cluster("1.34.2", "1.34"),
        ["1:11:14 Cluster.spec.kubernetes.version: expected a string, found the number 1.34 | put it in quotes"]
    );
    assert_eq!(
        of_group("[private-a, private-b, private-c]", "private-a"),
        [r#"2:7:12 NodeGroup.spec.subnets: expected a list, found the string "private-a""#]
    );
    assert_eq!(
        of_cluster("{ env: test }", "test"),
        [r#"1:5:11 Cluster.metadata.labels: expected a mapping, found the string "test""#]
    );
}

#[test]
fn a_missing_field_is_named_at_what_should_have_it() {
    assert_eq!(of_group("  minSize: 1\n", ""), [r#"2:5:1 missing field "minSize" in NodeGroup.spec"#]);
    assert_eq!(
        of_cluster("  dns:\n    zone: k8s.foo.bar\n", "  dns:\n"),
        [r#"1:6:1 missing field "dns" in Cluster.spec"#]
    );
    assert_eq!(
        of_cluster("{ name: a, subnet: private-a }", "{ subnet: private-a }"),
        [r#"1:23:9 missing field "name" in Cluster.spec.controlPlane.members[0]"#]
    );
}

#[test]
fn a_word_that_is_not_possible_lists_the_possible_ones() {
    assert_eq!(
        of_group_with("role: nodes"),
        [
            r#"2:8:9 NodeGroup.spec.role: expected one of node, admin, bastion, found the string "nodes" | did you mean "node"?"#
        ]
    );
    assert_eq!(
        of_cluster("{ cidr: 10.20.0.0/16 }", "10.20.0.0/16"),
        [
            r#"1:13:10 Cluster.spec.network.vpc: expected a mapping with one of cidr, id, found the string "10.20.0.0/16""#
        ]
    );
    assert_eq!(
        of_cluster("{ cidr: 10.20.0.0/16 }", "{ cidr: 10.20.0.0/16, id: vpc-0a1b2c3d }"),
        ["1:13:5 Cluster.spec.network.vpc: expected exactly one of cidr, id, found cidr, id"]
    );
    assert_eq!(
        of_cluster("{ ssm: /foo", "{ smm: /foo"),
        [
            r#"1:27:14 unknown field "smm" in Cluster.spec.controlPlane.image | did you mean "ssm"? valid fields: id, ssm, search"#
        ]
    );
}

#[test]
fn a_value_that_breaks_its_types_rule_says_which() {
    assert_eq!(
        of_cluster("10.20.0.0/16", "10.20.3.0/16"),
        [
            r#"1:13:18 Cluster.spec.network.vpc.cidr: "10.20.3.0/16" has an address within the range: did you mean 10.20.0.0/16"#
        ]
    );
    assert_eq!(
        of_group_with("taints: [\"dedicated:Sometimes\"]"),
        [
            r#"2:8:12 NodeGroup.spec.taints[0]: "dedicated:Sometimes" is no taint: the effect is NoSchedule, PreferNoSchedule or NoExecute"#
        ]
    );
    assert_eq!(
        of_cluster("    version", "    controllerManager: { nodeMonitorGracePeriod: 5 minutes }\n    version"),
        [
            r#"1:11:50 Cluster.spec.kubernetes.controllerManager.nodeMonitorGracePeriod: "5 minutes" is no length of time: expected such as 30m, 1h30m, 90d or 10y"#
        ]
    );
}

#[test]
fn all_mistakes_of_all_documents_come_at_once_and_in_order() {
    let cluster =
        with(&with(CLUSTER, "region: eu-west-3", "region: europe"), "zone: k8s.foo.bar", "zones: k8s.foo.bar");
    let group =
        with(&with(GROUP, "kind: NodeGroup", "kind: Nodegroup"), "  minSize: 1\n  maxSize: 10\n", "  maxSize: [1]\n");
    let messages = messages(read_texts(&[&cluster, &group]));
    let starts: Vec<&str> = messages.iter().map(|message| message.split(" | ").next().unwrap_or_default()).collect();
    assert_eq!(
        starts,
        [
            r#"1:8:13 Cluster.spec.aws.region: "europe" is no region: expected a name such as eu-west-3"#,
            r#"1:29:5 unknown field "zones" in Cluster.spec.dns"#,
            r#"2:2:7 unknown kind "Nodegroup""#,
            r#"2:5:1 missing field "minSize" in NodeGroup.spec"#,
            r#"2:8:3 NodeGroup.spec.maxSize: expected a whole number, at least 0, found a list"#,
        ]
    );
}

#[test]
fn a_document_must_say_what_it_is() {
    assert_eq!(
        of_group("kind: NodeGroup\n", ""),
        [r#"2:1:1 missing field "kind": it says what the document describes | valid kinds: Cluster, NodeGroup"#]
    );
    assert_eq!(
        of_group("windlass/v1", "windlass/v2"),
        [
            r#"2:1:13 NodeGroup.apiVersion: expected one of windlass/v1, found the string "windlass/v2" | did you mean "windlass/v1"?"#
        ]
    );
    assert_eq!(
        messages(read_texts(&[CLUSTER, "- a\n"])),
        ["2:1:1 expected a manifest, found a list | a manifest begins with apiVersion and kind"]
    );
    assert_eq!(
        messages(read_texts(&[CLUSTER, &with(GROUP, "kind: NodeGroup", "kind: Deployment")])),
        [r#"2:2:7 unknown kind "Deployment" | valid kinds: Cluster, NodeGroup"#]
    );
}

#[test]
fn there_is_exactly_one_cluster() {
    assert_eq!(
        messages(read_texts(&[GROUP])),
        ["no Cluster document for test.k8s.foo.bar | one rendered file has to hold it; read: 1_cluster.yaml"]
    );
    let twice = messages(read_texts(&[CLUSTER, CLUSTER]));
    assert_eq!(twice, ["2:2:7 more than one Cluster document | one project file describes one cluster"]);
}

#[test]
fn a_field_without_a_value_is_as_good_as_no_field() {
    assert_eq!(of_group_with("taints:"), Vec::<String>::new());
    assert_eq!(of_group("minSize: 1", "minSize:"), [r#"2:5:1 missing field "minSize" in NodeGroup.spec"#]);
    assert!(of_group_with("taint:")[0].starts_with(r#"2:8:3 unknown field "taint""#));
}

#[test]
fn broken_yaml_does_not_hide_the_mistakes_of_other_files() {
    let messages = messages(read_texts(&[&with(CLUSTER, "1.34.2", "latest"), "a: [\n"]));
    assert_eq!(messages.len(), 2, "{messages:?}");
    assert!(messages[0].contains("is no Kubernetes version"), "{messages:?}");
    assert!(messages[1].starts_with("2:"), "{messages:?}");
}

#[test]
fn the_nearest_word_is_near_enough_to_be_meant() {
    let valid = ["minSize", "maxSize", "machineTypes", "role"];
    assert_eq!(nearest("min_size", &valid), Some("minSize"));
    assert_eq!(nearest("machineType", &valid), Some("machineTypes"));
    assert_eq!(nearest("colour", &valid), None);
}

/// Each line of a text replaced in turn: dropped, emptied, or with a value of another kind.
fn damaged(text: &str) -> impl Iterator<Item = String> {
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let values =
        ["", " null", " []", " {}", " 5", " -1", " 1.5", " true", " \"\"", " x", " [{ a: [1] }]", " { name: 7 }"];
    (0..lines.len()).flat_map(move |index| {
        let mut variants = Vec::new();
        let mut dropped = lines.clone();
        dropped.remove(index);
        variants.push(dropped.join("\n"));
        if let Some((key, _)) = lines[index].split_once(':') {
            for value in values {
                let mut changed = lines.clone();
                changed[index] = format!("{key}:{value}");
                variants.push(changed.join("\n"));
            }
        }
        variants
    })
}

#[test]
fn any_damage_ends_in_messages_with_places_or_in_a_good_manifest() {
    let (mut refused, mut accepted) = (0, 0);
    let clusters = damaged(CLUSTER).map(|cluster| (cluster, GROUP.to_owned()));
    let groups = damaged(GROUP).map(|group| (CLUSTER.to_owned(), group));
    for (cluster, group) in clusters.chain(groups) {
        match read_texts(&[&cluster, &group]) {
            Ok(_) => accepted += 1,
            Err(Problems(problems)) => {
                refused += 1;
                assert!(problems.iter().any(|problem| problem.severity == Severity::Error), "{cluster}\n{group}");
                for problem in problems {
                    let without_place = problem.message.starts_with("no Cluster document");
                    assert!(without_place || !problem.places.is_empty(), "{problem:?}\n{cluster}\n{group}");
                }
            }
        }
    }
    assert!(refused > 300 && accepted > 5, "{refused} refused, {accepted} accepted");
}
