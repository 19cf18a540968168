//! Rollouts: how they progress, finish and fail.

use serde_json::{Value, json};

use super::{Lab, condition, holds, workload};

const DEPLOYMENT: &str = "/apis/apps/v1/namespaces/default/deployments/a";
const DAEMON_SET: &str = "/apis/apps/v1/namespaces/default/daemonsets/a";
const STATEFUL_SET: &str = "/apis/apps/v1/namespaces/default/statefulsets/a";
const JOB: &str = "/apis/batch/v1/namespaces/default/jobs/a";

fn is_ready(pod: &Value) -> bool {
    holds(pod, "Ready") && pod["metadata"]["deletionTimestamp"].is_null()
}

fn image(pod: &Value) -> &str {
    pod["spec"]["containers"][0]["image"].as_str().unwrap_or_default()
}

fn is_complete(deployment: &Value, wanted: u32) -> bool {
    let status = &deployment["status"];
    status["observedGeneration"] == deployment["metadata"]["generation"]
        && ["replicas", "updatedReplicas", "availableReplicas"].iter().all(|field| status[*field] == wanted)
        && condition(deployment, "Progressing") == ("True".into(), "NewReplicaSetAvailable".into())
}

#[test]
fn a_new_template_replaces_the_pods_of_a_deployment_within_its_limits() {
    let mut lab = Lab::new();
    let more = json!({"replicas": 4, "strategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 1}}});
    lab.apply(DEPLOYMENT, &workload("Deployment", "i:1", &more));
    lab.until(60, |lab| is_complete(&lab.get(DEPLOYMENT), 4));
    assert_eq!(condition(&lab.get(DEPLOYMENT), "Available"), ("True".into(), "MinimumReplicasAvailable".into()));
    lab.apply(DEPLOYMENT, &workload("Deployment", "i:2", &more));
    assert_ne!(lab.get(DEPLOYMENT)["status"]["observedGeneration"], 2);
    let took = lab.until(300, |lab| {
        let pods = lab.pods("a");
        let ready = pods.iter().filter(|(_, pod)| is_ready(pod)).count();
        let living = pods.iter().filter(|(_, pod)| pod["metadata"]["deletionTimestamp"].is_null()).count();
        assert!(ready >= 3 && living <= 5, "{ready} ready of {living}");
        is_complete(&lab.get(DEPLOYMENT), 4) && lab.get(DEPLOYMENT)["status"]["observedGeneration"] == 2
    });
    assert!(took > 10, "it took {took} s");
    lab.pass(60);
    assert!(lab.pods("a").iter().all(|(_, pod)| image(pod) == "i:2"));
    let deployment = lab.get(DEPLOYMENT);
    assert_eq!(deployment["metadata"]["annotations"]["deployment.kubernetes.io/revision"], "2");
    lab.applies_nothing(DEPLOYMENT, &workload("Deployment", "i:2", &more));
    let managers = deployment["metadata"]["managedFields"].as_array().expect("managers");
    assert!(managers.iter().any(|it| it["manager"] == "kube-controller-manager" && it["subresource"] == "status"));
}

#[test]
fn a_broken_image_fails_the_rollout_and_keeps_the_old_pods() {
    let mut lab = Lab::new();
    let more = json!({"replicas": 2, "progressDeadlineSeconds": 120});
    lab.apply(DEPLOYMENT, &workload("Deployment", "i:1", &more));
    lab.until(60, |lab| is_complete(&lab.get(DEPLOYMENT), 2));
    lab.apply(DEPLOYMENT, &workload("Deployment", "registry.example.com/broken:2", &more));
    lab.pass(60);
    let pods = lab.pods("a");
    let waiting: Vec<&Value> = pods.iter().map(|(_, pod)| pod).filter(|pod| image(pod).contains("broken")).collect();
    assert_eq!(waiting.len(), 1);
    let state = &waiting[0]["status"]["containerStatuses"][0]["state"]["waiting"];
    assert_eq!((&state["reason"], &waiting[0]["status"]["phase"]), (&json!("ImagePullBackOff"), &json!("Pending")));
    assert_eq!(pods.iter().filter(|(_, pod)| is_ready(pod) && image(pod) == "i:1").count(), 2);
    assert!(holds(&lab.get(DEPLOYMENT), "Progressing"));
    lab.pass(120);
    let deployment = lab.get(DEPLOYMENT);
    assert_eq!(condition(&deployment, "Progressing"), ("False".into(), "ProgressDeadlineExceeded".into()));
    assert!(holds(&deployment, "Available"));
    assert_eq!(deployment["status"]["unavailableReplicas"], 1);
    lab.apply(DEPLOYMENT, &workload("Deployment", "i:3", &more));
    lab.until(200, |lab| is_complete(&lab.get(DEPLOYMENT), 2));
    assert!(lab.pods("a").iter().all(|(_, pod)| image(pod) != "registry.example.com/broken:2" || !is_ready(pod)));
}

#[test]
fn a_rollout_at_rest_changes_nothing() {
    let mut lab = Lab::new();
    lab.apply(DEPLOYMENT, &workload("Deployment", "i:1", &json!({"replicas": 2})));
    lab.pass(100);
    let before = lab.get(DEPLOYMENT);
    lab.pass(3600);
    assert_eq!(lab.get(DEPLOYMENT), before);
    assert!(is_complete(&before, 2));
}

#[test]
fn a_daemon_set_replaces_its_pods_node_by_node() {
    let mut lab = Lab::new();
    let everywhere = |image: &str| {
        let mut set = workload("DaemonSet", image, &json!({}));
        set["spec"]["template"]["spec"]["tolerations"] = json!([{"operator": "Exists"}]);
        set
    };
    let is_through = |set: &Value| {
        let status = &set["status"];
        status["observedGeneration"] == set["metadata"]["generation"]
            && ["updatedNumberScheduled", "numberAvailable"].iter().all(|field| status[*field] == 4)
    };
    lab.apply(DAEMON_SET, &everywhere("i:1"));
    lab.until(60, |lab| is_through(&lab.get(DAEMON_SET)));
    lab.apply(DAEMON_SET, &everywhere("i:2"));
    lab.until(300, |lab| {
        let ready = lab.pods("a").iter().filter(|(_, pod)| is_ready(pod)).count();
        assert!(ready >= 3, "{ready}");
        is_through(&lab.get(DAEMON_SET))
    });
    assert!(lab.pods("a").iter().all(|(_, pod)| image(pod) == "i:2"));
    lab.applies_nothing(DAEMON_SET, &everywhere("i:2"));
    lab.apply(DAEMON_SET, &everywhere("broken:3"));
    lab.pass(300);
    let status = lab.get(DAEMON_SET)["status"].clone();
    let told = |field: &str| status[field].as_u64();
    assert_eq!((told("updatedNumberScheduled"), told("numberAvailable")), (Some(1), Some(3)), "it stops at one");
    assert_eq!(told("numberUnavailable"), Some(1));
    lab.apply(DAEMON_SET, &everywhere("i:4"));
    lab.until(300, |lab| is_through(&lab.get(DAEMON_SET)));
}

#[test]
fn a_stateful_set_replaces_its_pods_from_the_last_on() {
    let mut lab = Lab::new();
    let more = json!({"replicas": 3, "serviceName": "a"});
    let is_through = |set: &Value| {
        let status = &set["status"];
        status["currentRevision"] == status["updateRevision"]
            && status["updatedReplicas"] == 3
            && status["availableReplicas"] == 3
            && status["observedGeneration"] == set["metadata"]["generation"]
    };
    lab.apply(STATEFUL_SET, &workload("StatefulSet", "i:1", &more));
    lab.until(120, |lab| is_through(&lab.get(STATEFUL_SET)));
    lab.apply(STATEFUL_SET, &workload("StatefulSet", "i:2", &more));
    lab.pass(2);
    let status = lab.get(STATEFUL_SET)["status"].clone();
    assert_ne!(status["currentRevision"], status["updateRevision"]);
    let going: Vec<String> =
        lab.pods("a").iter().filter(|(_, pod)| !is_ready(pod)).map(|(key, _)| key.name.clone()).collect();
    assert_eq!(going, ["a-2"]);
    lab.until(300, |lab| is_through(&lab.get(STATEFUL_SET)));
    assert!(lab.pods("a").iter().all(|(_, pod)| image(pod) == "i:2"));
}

#[test]
fn a_job_ends_and_goes_when_its_time_is_over() {
    let mut lab = Lab::new();
    let job = json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "a", "namespace": "default"},
        "spec": {"ttlSecondsAfterFinished": 100, "template": {"metadata": {"labels": {"app": "a"}},
            "spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i:1"}]}}}});
    lab.apply(JOB, &job);
    lab.until(150, |lab| holds(&lab.get(JOB), "Complete"));
    let job_now = lab.get(JOB);
    assert_eq!(job_now["status"]["succeeded"], 1);
    let mut other = job.clone();
    other["spec"]["template"]["spec"]["containers"][0]["image"] = json!("i:2");
    let path = format!("{JOB}?fieldManager=windlass");
    assert_eq!(lab.ask("PATCH", &path, (super::APPLY, &other)).0, 422, "its template is immutable");
    lab.pass(105);
    assert!(!lab.has(JOB));
    let mut broken = job;
    broken["spec"]["template"]["spec"]["containers"][0]["image"] = json!("broken:1");
    lab.apply(JOB, &broken);
    lab.pass(600);
    assert!(!holds(&lab.get(JOB), "Complete"));
}
