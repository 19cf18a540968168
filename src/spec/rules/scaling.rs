//! Sizes, schedules, warm pools, prices, rolling.

use super::super::read::{Document, Located, Step, steps};
use super::super::value::{Duration, Share};
use super::super::{Gate, NodeGroup, ResolvedRolling, Rolling};
use super::{Rules, repeats};
use crate::name::{InvalidName, dns_label};

pub(super) fn check(rules: &mut Rules<'_>) {
    let cluster = &rules.spec().rolling;
    rolling(rules, rules.document(), &steps!["spec", "rolling"], cluster, &cluster.resolve());
    for group in rules.groups {
        let spec = &group.manifest.spec;
        if spec.min_size > spec.max_size {
            let finding = rules
                .error(format!("minSize {} is more than maxSize {}", spec.min_size, spec.max_size))
                .at(&group.document, &steps!["spec", "minSize"], "more")
                .at(&group.document, &steps!["spec", "maxSize"], "than this");
            rules.push(finding);
        }
        price(rules, group);
        schedules(rules, group);
        warm_pool(rules, group);
        if spec.rolling != Rolling::default() {
            let resolved = spec.rolling.over(&rules.spec().rolling).resolve();
            rolling(rules, &group.document, &steps!["spec", "rolling"], &spec.rolling, &resolved);
        }
    }
}

fn price(rules: &mut Rules<'_>, group: &Located<NodeGroup>) {
    let Some(mixed) = &group.manifest.spec.mixed_instances else { return };
    let Some(price) = &mixed.max_price else { return };
    let path = steps!["spec", "mixedInstances", "maxPrice"];
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = price.split_once('.').unwrap_or((price, "0"));
    if !digits(whole) || !digits(fraction) || price.bytes().all(|byte| matches!(byte, b'0' | b'.')) {
        let finding = rules.error(format!("{price:?} is no price: expected dollars an hour, such as \"0.25\"")).at(
            &group.document,
            &path,
            "",
        );
        rules.push(finding);
    }
    if !mixed.buys_spot() {
        let finding = rules
            .error("maxPrice is for spot instances, and all of this group are on demand")
            .at(&group.document, &path, "")
            .at(&group.document, &steps!["spec", "mixedInstances", "onDemandPercentageAboveBase"], "all on demand");
        rules.push(finding);
    }
}

fn schedules(rules: &mut Rules<'_>, group: &Located<NodeGroup>) {
    let spec = &group.manifest.spec;
    let names: Vec<&str> = spec.schedules.iter().map(|schedule| schedule.name.as_str()).collect();
    for (first, second) in repeats(&names) {
        let finding = rules
            .error(format!("two schedules are called {:?}", names[second]))
            .at(&group.document, &steps!["spec", "schedules", second, "name"], "again here")
            .at(&group.document, &steps!["spec", "schedules", first, "name"], "first here");
        rules.push(finding);
    }
    for (index, schedule) in spec.schedules.iter().enumerate() {
        let mut wrong = |field: Option<&str>, message: String| {
            let mut path = steps!["spec", "schedules", index].to_vec();
            path.extend(field.map(Step::from));
            let finding = rules.error(message).at(&group.document, &path, "");
            rules.push(finding);
        };
        let name = &schedule.name;
        if let Err(InvalidName(why)) = dns_label(name) {
            wrong(Some("name"), format!("schedule {name:?}: {why}"));
        }
        let (least, most) = (schedule.min_size, schedule.max_size);
        if least.is_none() && most.is_none() && schedule.desired_capacity.is_none() {
            let message = format!("schedule {name:?} changes nothing: give minSize, maxSize or desiredCapacity");
            wrong(None, message);
            continue;
        }
        // What the schedule leaves out can be what the group says, or what another schedule has set.
        if let (Some(least), Some(most)) = (least, most)
            && least > most
        {
            wrong(Some("minSize"), format!("schedule {name:?}: minSize {least} is more than maxSize {most}"));
        }
        if let Some(desired) = schedule.desired_capacity
            && (least.is_some_and(|least| desired < least) || most.is_some_and(|most| desired > most))
        {
            let message = format!("schedule {name:?}: desiredCapacity {desired} is not between minSize and maxSize");
            wrong(Some("desiredCapacity"), message);
        }
        if let Some(most) = most.filter(|most| *most > spec.max_size) {
            let message = format!("schedule {name:?}: maxSize {most} is more than the group's {}", spec.max_size);
            wrong(Some("maxSize"), message);
        }
    }
}

fn warm_pool(rules: &mut Rules<'_>, group: &Located<NodeGroup>) {
    let spec = &group.manifest.spec;
    let Some(pool) = &spec.warm_pool else { return };
    if spec.buys_spot() {
        // Auto Scaling user guide, "Warm pool limitations".
        let finding = rules
            .error("a group that buys spot instances can have no warm pool")
            .at(&group.document, &steps!["spec", "warmPool"], "")
            .at(&group.document, &steps!["spec", "mixedInstances"], "buys spot");
        rules.push(finding);
    }
    let most = pool.max_prepared.unwrap_or(spec.max_size);
    if pool.min_size > most {
        let finding = rules
            .error(format!("a warm pool of at least {} instances, where at most {most} are prepared", pool.min_size))
            .at(&group.document, &steps!["spec", "warmPool", "minSize"], "");
        rules.push(finding);
    }
}

fn rolling(rules: &mut Rules<'_>, document: &Document, path: &[Step], own: &Rolling, resolved: &ResolvedRolling) {
    let at = |fields: &[Step]| -> Vec<Step> { path.iter().chain(fields).cloned().collect() };
    let mut wrong = |path: Vec<Step>, message: String| {
        let finding = rules.error(message).at(document, &path, "");
        rules.push(finding);
    };
    let nothing = |share: Share| share.of(100) == 0;
    if nothing(resolved.max_surge) && nothing(resolved.max_unavailable) {
        let message = "with neither maxSurge nor maxUnavailable no node could ever be replaced";
        let field = if own.max_unavailable.is_some() { "maxUnavailable" } else { "maxSurge" };
        wrong(at(&steps![field]), message.to_owned());
    }
    for (index, gate) in own.gates.iter().flatten().enumerate() {
        let (field, url) = match gate {
            Gate::Http(url) => (steps!["gates", index, "http"].to_vec(), url),
            Gate::PromQl(query) => (steps!["gates", index, "promQL", "server"].to_vec(), &query.server),
        };
        if !url.starts_with("https://") && !url.starts_with("http://") {
            wrong(at(&field), format!("{url:?} is no URL: expected http:// or https://"));
        }
    }
    for (index, window) in own.maintenance_windows.iter().flatten().enumerate() {
        let long = window.duration;
        if long.as_seconds() == 0 || long > Duration::days(7) {
            let field = steps!["maintenanceWindows", index, "duration"];
            wrong(at(&field), format!("a maintenance window of {long} is not possible: up to 7d"));
        }
    }
}
