//! Any bytes as a request to the sandbox, and any text as what its world is made of.

use std::sync::LazyLock;

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::scenario::Scenario;
use super::seed::Seed;
use super::wire::{Service, WireRequest};
use super::{Sandbox, World};
use crate::clock::Clock;
use crate::fault::FaultPlan;
use crate::fuzzing::has_places;
use crate::render::source::Source;

/// A request as text: method and path, headers, an empty line, the body. Whatever it is, there is an answer, and a
/// refusal is the caller's fault.
pub(crate) fn wire(data: &[u8]) {
    let Some(request) = request(data) else { return };
    // Made once: it takes a thousand times as long as a request.
    static WORLD: LazyLock<World> = LazyLock::new(|| World::from_seed(&Seed::example(), Timestamp::UNIX_EPOCH));
    let sandbox = Sandbox::in_memory(Clock::system(), WORLD.clone());
    let response = sandbox.handle(&request);
    assert!((200..500).contains(&response.status), "{response:?}");
}

/// `GET /a?b=c`, lines of `name: value`, an empty line, the body. A line `service: ec2` stands for a signature.
fn request(data: &[u8]) -> Option<WireRequest> {
    let cut = data.windows(2).position(|two| two == b"\n\n").unwrap_or(data.len());
    let head = std::str::from_utf8(&data[..cut]).ok()?;
    let mut lines = head.lines();
    let (method, target) = lines.next()?.split_once(' ')?;
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let asked = headers.iter().find(|(name, _)| name == "service").map(|(_, value)| value.as_str());
    if let Some(service) = Service::ALL.into_iter().find(|service| Some(service.signing_name()) == asked) {
        let scope = format!("AWS4-HMAC-SHA256 Credential=A/20261120/eu-west-3/{}/aws4_request", service.signing_name());
        headers.push((String::from("authorization"), scope));
    }
    Some(WireRequest {
        method: method.to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        headers,
        body: data.get(cut + 2..).unwrap_or_default().to_vec(),
    })
}

/// Seeds, scenarios and plans of faults: mistakes are within the file, and what is read is printed so that it reads the
/// same and makes a world.
pub(crate) fn worlds(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let source = Source::new("seed.yaml", text);
    match Seed::read(&source) {
        Ok(seed) => {
            same(&seed, |text| Seed::read(&Source::new("seed.yaml", text)).ok());
            drop(World::from_seed(&seed, Timestamp::UNIX_EPOCH));
        }
        Err(problem) => has_places(&problem, &[&source]),
    }
    match Scenario::read(text) {
        Ok(scenario) => {
            same(&scenario, |text| Scenario::read(text).ok());
            // Larger ones take longer than an input may.
            let machines = scenario.groups.iter().map(|group| u64::from(group.size)).sum::<u64>();
            let pods = scenario.workloads.iter().map(|workload| u64::from(workload.replicas)).sum::<u64>();
            if machines + pods < 20 {
                drop(scenario.world(Timestamp::UNIX_EPOCH));
            }
        }
        Err(problems) => problems.0.iter().for_each(|problem| {
            has_places(problem, &[&Source::new("scenario", text)]);
        }),
    }
    if let Ok(plan) = FaultPlan::read(text) {
        same(&plan, |text| FaultPlan::read(text).ok());
    }
}

fn same<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(value: &T, read: impl Fn(&str) -> Option<T>) {
    let printed = serde_json::to_string(value).expect("a value is written");
    assert_eq!(read(&printed).as_ref(), Some(value), "{printed}");
}
