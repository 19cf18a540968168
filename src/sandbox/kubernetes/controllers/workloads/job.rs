//! Jobs: pods until enough of them have ended. Pods of jobs never fail here; one whose image cannot be pulled never ends.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::super::objects::{Key, Objects, time};
use super::super::index::{Index, Phase, condition};
use super::super::{kubelet, later};
use super::{ending, owner, pod, report, uid};

pub fn step(objects: &mut Objects, index: &Index, (key, job): (&Key, &Value), now: Timestamp) -> Option<Timestamp> {
    let ended = condition(job, "Complete").filter(|it| it["status"] == "True");
    if let Some(ended) = ended {
        let kept = job["spec"]["ttlSecondsAfterFinished"].as_i64();
        let since = ended["lastTransitionTime"].as_str().and_then(|it| it.parse::<Timestamp>().ok());
        let until = since.zip(kept).map(|(since, seconds)| later(since, seconds))?;
        if until > now {
            return Some(until);
        }
        objects.remove(key);
        return None;
    }
    let wanted = usize::try_from(job["spec"]["completions"].as_u64().unwrap_or(1)).unwrap_or(1);
    let width = usize::try_from(job["spec"]["parallelism"].as_u64().unwrap_or(1)).unwrap_or(1);
    let done = index.owned(uid(job)).filter(|(_, pod)| pod.phase == Phase::Ended && pod.deletion.is_none()).count();
    let active = index.owned(uid(job)).filter(|(_, pod)| pod.counts()).count();
    let labels = [("job-name", key.name.as_str()), ("batch.kubernetes.io/job-name", &key.name)];
    let made = pod(objects, &job["spec"]["template"], owner("batch/v1", "Job", key, job), &labels);
    for _ in active..width.min(wanted.saturating_sub(done)).max(active) {
        let name = format!("{}-{}", key.name, ending(&json!([key.name, objects.revision()])));
        let name = Key::new("pods", &key.namespace, &name);
        if objects.get(&name).is_none() {
            objects.create(&name, made.clone(), now);
        }
    }
    report(objects, key, now, |job| {
        if !job["status"].is_object() {
            job["status"] = json!({});
        }
        job["status"]["active"] = json!(active);
        job["status"]["succeeded"] = json!(done);
        if job["status"]["startTime"].is_null() {
            job["status"]["startTime"] = json!(time(now));
        }
        if done >= wanted {
            job["status"]["completionTime"] = json!(time(now));
            kubelet::set_condition(job, "Complete", "True", "CompletionsReached", "", now);
        }
    });
    None
}
