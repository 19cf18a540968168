//! Add-ons: names, what needs what, charts.

use super::super::Chart;
use super::super::read::{Step, nearest, steps};
use super::{Rules, repeats};
use crate::name::dns_label;

pub(super) fn check(rules: &mut Rules<'_>) {
    let addons = &rules.spec().addons;
    let names: Vec<&str> = addons.iter().map(|addon| addon.name.as_str()).collect();
    for (first, second) in repeats(&names) {
        let finding = rules
            .error(format!("two add-ons are called {:?}", names[second]))
            .at(rules.document(), &steps!["spec", "addons", second, "name"], "again here")
            .at(rules.document(), &steps!["spec", "addons", first, "name"], "first here");
        rules.push(finding);
    }
    for (index, addon) in addons.iter().enumerate() {
        for (field, text) in [("name", &addon.name), ("namespace", &addon.namespace)] {
            if let Err(why) = dns_label(text) {
                rules.wrong(&steps!["spec", "addons", index, field], format!("add-on {:?}: {why}", addon.name));
            }
        }
        if let Some(chart) = &addon.chart {
            self::chart(rules, &steps!["spec", "addons", index, "chart"], chart);
        }
        needs(rules, index, &names);
    }
    cycles(rules);
}

fn needs(rules: &mut Rules<'_>, index: usize, names: &[&str]) {
    let addons = &rules.spec().addons;
    let addon = &addons[index];
    for (first, second) in repeats(&addon.needs) {
        let finding = rules
            .error(format!("the add-on {:?} is needed twice", addon.needs[second]))
            .at(rules.document(), &steps!["spec", "addons", index, "needs", second], "again here")
            .at(rules.document(), &steps!["spec", "addons", index, "needs", first], "first here");
        rules.push(finding);
    }
    for (at, needed) in addon.needs.iter().enumerate() {
        let path = steps!["spec", "addons", index, "needs", at];
        let Some(found) = names.iter().position(|name| name == needed) else {
            let near = nearest(needed, names).filter(|near| *near != addon.name);
            let near = near.map(|near| format!("did you mean {near:?}? ")).unwrap_or_default();
            let finding = rules
                .error(format!("there is no add-on {needed:?}"))
                .at(rules.document(), &path, "unknown add-on")
                .hint(format!("{near}add-ons of the cluster: {}", names.join(", ")));
            rules.push(finding);
            continue;
        };
        if addon.enabled && !addons[found].enabled {
            let finding = rules
                .error(format!("{:?} needs {needed:?}, which is switched off", addon.name))
                .at(rules.document(), &path, "")
                .at(rules.document(), &steps!["spec", "addons", found, "enabled"], "switched off here")
                .hint(format!("switch {needed:?} on, or {:?} off, too", addon.name));
            rules.push(finding);
        }
    }
}

/// Add-ons that wait for each other would wait for ever; each circle is reported once, at its first add-on by name.
fn cycles(rules: &mut Rules<'_>) {
    let addons = &rules.spec().addons;
    for (index, addon) in addons.iter().enumerate() {
        // Depth first, from this add-on back to itself, over names that stand behind it in the alphabet only.
        let mut walks = vec![vec![addon.name.as_str()]];
        let mut seen: Vec<&str> = Vec::new();
        while let Some(walk) = walks.pop() {
            let last = walk.last().copied().unwrap_or_default();
            let Some(here) = addons.iter().find(|other| other.name == last) else { continue };
            if here.needs.contains(&addon.name) {
                let mut circle = walk.clone();
                circle.push(&addon.name);
                let finding = rules
                    .error(format!("the add-ons need each other in a circle: {}", circle.join(" → ")))
                    .at(rules.document(), &steps!["spec", "addons", index, "needs"], "")
                    .hint("what is needed has to be healthy first: take one of them out of `needs`");
                rules.push(finding);
                break;
            }
            for next in here.needs.iter().map(String::as_str) {
                if next > addon.name.as_str() && !seen.contains(&next) {
                    seen.push(next);
                    walks.push(walk.iter().copied().chain([next]).collect());
                }
            }
        }
    }
}

fn chart(rules: &mut Rules<'_>, path: &[Step], chart: &Chart) {
    let at = |field: &str| -> Vec<Step> { path.iter().cloned().chain([Step::from(field)]).collect() };
    let rest = ["https://", "oci://"].iter().find_map(|scheme| chart.repository.strip_prefix(scheme));
    let host = rest.map(|rest| rest.split('/').next().unwrap_or_default());
    match host {
        Some(host) if host.contains('@') => {
            let finding = rules
                .error("the URL of the chart's repository has credentials in it")
                .at(rules.document(), &at("repository"), "")
                .hint("run `helm registry login` or `helm repo add` where windlass runs");
            rules.push(finding);
        }
        Some(host) if !host.is_empty() && !chart.repository.contains(char::is_whitespace) => {}
        _ => rules.wrong(
            &at("repository"),
            format!("{:?} is no repository of charts: expected https://… or oci://…", chart.repository),
        ),
    }
    let begins = chart.name.starts_with(|first: char| first.is_ascii_alphanumeric());
    let good = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
    if !begins || !chart.name.chars().all(good) {
        let message = format!("{:?} is no name of a chart: expected a word, such as ingress-nginx", chart.name);
        rules.wrong(&at("name"), message);
    }
    if !is_exact(&chart.version) {
        let finding = rules
            .error(format!("{:?} is no exact version of a chart", chart.version))
            .at(rules.document(), &at("version"), "")
            .hint("write the three numbers, such as 4.13.0: the same manifests give the same cluster");
        rules.push(finding);
    }
}

/// Three numbers, and what may stand behind them (Semantic Versioning 2.0.0). What has fewer, helm takes for a range.
fn is_exact(version: &str) -> bool {
    let version = version.strip_prefix('v').unwrap_or(version);
    let end = version.find(['-', '+']).unwrap_or(version.len());
    let (numbers, rest) = version.split_at(end);
    let number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let good = |letter: char| letter.is_ascii_alphanumeric() || ".-+".contains(letter);
    numbers.split('.').count() == 3 && numbers.split('.').all(number) && rest.len() != 1 && rest.chars().all(good)
}
