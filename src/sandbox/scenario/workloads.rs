//! Workloads of scenarios and seeds as Kubernetes objects.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::kubernetes::controllers::{START, STOP, workload};
use super::super::kubernetes::{Key, Objects};
use super::{Kind, Workload};

/// Puts a workload and its budget into a cluster that does not have it.
pub fn deploy(objects: &mut Objects, it: &Workload, now: Timestamp) {
    let namespace = Key::new("namespaces", "", &it.namespace);
    if objects.get(&namespace).is_none() {
        let labels = json!({"kubernetes.io/metadata.name": it.namespace});
        let object = json!({"metadata": {"labels": labels}, "spec": {"finalizers": ["kubernetes"]},
                            "status": {"phase": "Active"}});
        objects.create(&namespace, object, now);
    }
    let resource = match it.kind {
        Kind::Deployment => "deployments.apps",
        Kind::StatefulSet => "statefulsets.apps",
        Kind::DaemonSet => "daemonsets.apps",
        Kind::Job => "jobs.batch",
        Kind::Pod => "pods",
    };
    let key = Key::new(resource, &it.namespace, &it.name);
    if objects.get(&key).is_some() {
        return;
    }
    let labels = json!({"app": it.name});
    let template = template(it);
    match it.kind {
        Kind::Pod => {
            for number in 0..it.replicas {
                let mut pod = template.clone();
                pod["status"] = json!({"phase": "Pending"});
                objects.create(&Key::new("pods", &it.namespace, &format!("{}-{number}", it.name)), pod, now);
            }
        }
        Kind::Job => {
            let mut job = workload(labels.clone(), template, None);
            job["spec"]["completions"] = json!(it.replicas);
            job["spec"]["parallelism"] = json!(it.replicas);
            objects.create(&key, job, now);
        }
        Kind::DaemonSet => {
            objects.create(&key, workload(labels.clone(), template, None), now);
        }
        Kind::Deployment | Kind::StatefulSet => {
            objects.create(&key, workload(labels.clone(), template, Some(it.replicas)), now);
        }
    }
    if let Some(budget) = &it.budget {
        let mut spec = json!({"selector": {"matchLabels": labels}});
        if let Some(least) = &budget.min_available {
            spec["minAvailable"] = least.clone();
        }
        if let Some(most) = &budget.max_unavailable {
            spec["maxUnavailable"] = most.clone();
        }
        let object = json!({"metadata": {"generation": 1}, "spec": spec, "status": {}});
        objects.create(&Key::new("poddisruptionbudgets.policy", &it.namespace, &it.name), object, now);
    }
}

fn template(it: &Workload) -> Value {
    let labels = json!({"app": it.name});
    let mut template = json!({
        "metadata": {"labels": labels, "annotations": {}},
        "spec": {
            "containers": [{
                "name": it.name, "image": format!("registry.example.com/{}:1", it.name),
                "resources": {"requests": {"cpu": it.cpu, "memory": it.memory}},
            }],
            "priority": it.priority,
        },
    });
    if let Some((from, to)) = it.start_seconds {
        template["metadata"]["annotations"][START] = json!(format!("{from}-{to}"));
    }
    if let Some((from, to)) = it.stop_seconds {
        template["metadata"]["annotations"][STOP] = json!(format!("{from}-{to}"));
        template["spec"]["terminationGracePeriodSeconds"] = json!(to.max(30));
    }
    if let Some(finalizer) = &it.finalizer {
        template["metadata"]["finalizers"] = json!([finalizer]);
    }
    if !it.node_selector.is_empty() {
        template["spec"]["nodeSelector"] = json!(it.node_selector);
    }
    if !it.tolerations.is_empty() {
        template["spec"]["tolerations"] = json!(it.tolerations);
    }
    if let Some(topology) = it.spread {
        template["spec"]["topologySpreadConstraints"] = json!([{
            "maxSkew": 1, "topologyKey": topology.label(), "whenUnsatisfiable": "DoNotSchedule",
            "labelSelector": {"matchLabels": labels},
        }]);
    }
    if let Some(topology) = it.anti_affinity {
        template["spec"]["affinity"]["podAntiAffinity"] = json!({"requiredDuringSchedulingIgnoredDuringExecution": [
            {"topologyKey": topology.label(), "labelSelector": {"matchLabels": labels}},
        ]});
    }
    template
}
