//! Lifetimes of certificates, and of what must not outlive them; backups.

use super::super::read::steps;
use super::super::value::Duration;
use super::Rules;

/// A kubeconfig of a person is for a working day.
const LONGEST_ADMIN: Duration = Duration::hours(24);
/// Less and a certificate ends before the machine that gets it is up.
const SHORTEST_LEAF: Duration = Duration::hours(1);

pub(super) fn check(rules: &mut Rules<'_>) {
    lifetimes(rules);
    thresholds(rules);
    backup(rules);
}

fn lifetimes(rules: &mut Rules<'_>) {
    let pki = &rules.spec().pki;
    let lifetimes = &pki.lifetimes;
    let path = |field: &str| steps!["spec", "pki", "lifetimes", field];
    if lifetimes.leaf > lifetimes.authority {
        let (leaf, authority) = (lifetimes.leaf, lifetimes.authority);
        let finding = rules
            .error(format!("a leaf ({leaf}) would outlive its authority ({authority})"))
            .at(rules.document(), &path("leaf"), "longer")
            .at(rules.document(), &path("authority"), "than this");
        rules.push(finding);
    }
    if lifetimes.leaf < SHORTEST_LEAF {
        rules.wrong(&path("leaf"), format!("a leaf of {} is too short: at least {SHORTEST_LEAF}", lifetimes.leaf));
    }
    if lifetimes.admin > LONGEST_ADMIN || lifetimes.admin.as_seconds() == 0 {
        let finding = rules
            .error(format!("a person's kubeconfig cannot be valid for {}: at most {LONGEST_ADMIN}", lifetimes.admin))
            .at(rules.document(), &path("admin"), "")
            .hint("it cannot be revoked one by one: make a new one when it ends");
        rules.push(finding);
    }
    let renew = pki.renew_at_percent.get();
    if !(10..=90).contains(&renew) {
        rules.wrong(
            &steps!["spec", "pki", "renewAtPercent"],
            format!("{renew} % is not possible: certificates are renewed at 10 to 90 % of their life"),
        );
    }
    let skew = lifetimes.skew_percent.get();
    if renew <= 90 && (skew + renew > 100 || skew > 50) {
        let finding = rules
            .error(format!("with a skew of {skew} % a leaf can end before it is renewed at {renew} %"))
            .at(rules.document(), &path("skewPercent"), "");
        rules.push(finding);
    }
    node_age(rules);
}

/// A node must be gone before its certificates end.
fn node_age(rules: &mut Rules<'_>) {
    // Auto Scaling API reference, CreateAutoScalingGroup, MaxInstanceLifetime: 86400 to 31536000 seconds.
    let (least, most) = (Duration::days(1), Duration::days(365));
    let lifetimes = &rules.spec().pki.lifetimes;
    let skew = u64::from(lifetimes.skew_percent.get());
    let certain = Duration::seconds(lifetimes.leaf.as_seconds() / 100 * (100 - skew));
    for group in rules.groups {
        let Some(age) = group.manifest.spec.max_instance_lifetime else { continue };
        let path = steps!["spec", "maxInstanceLifetime"];
        if !(least..=most).contains(&age) {
            let finding = rules
                .error(format!("Auto Scaling replaces instances at an age of {least} to {most}, not {age}"))
                .at(&group.document, &path, "");
            rules.push(finding);
        } else if age >= certain {
            let finding = rules
                .error(format!(
                    "an instance of {age} can be older than its certificates, which last {certain} for certain"
                ))
                .at(&group.document, &path, "")
                .at(rules.document(), &steps!["spec", "pki", "lifetimes", "leaf"], "a leaf's life");
            rules.push(finding);
        }
    }
}

fn thresholds(rules: &mut Rules<'_>) {
    let pki = &rules.spec().pki;
    let kinds = [
        ("leaf", &pki.thresholds.leaf, pki.lifetimes.leaf),
        ("authority", &pki.thresholds.authority, pki.lifetimes.authority),
    ];
    for (field, thresholds, life) in kinds {
        let path = steps!["spec", "pki", "thresholds", field];
        if !thresholds.is_sorted_by(|one, next| one > next) {
            rules.wrong(&path, "warnings go from the longest remaining life to the shortest");
        }
        // With the default thresholds a short life is no mistake: the certificate is simply always young.
        if let Some(first) = thresholds.first().filter(|first| **first >= life)
            && rules.document().node(&path).is_some()
        {
            let message = format!("a warning {first} before the end comes before a life of {life} begins");
            rules.wrong(&path, message);
        }
    }
}

fn backup(rules: &mut Rules<'_>) {
    let Some(backup) = &rules.spec().backup else { return };
    let path = |field: &str| steps!["spec", "backup", field];
    // S3 user guide, "General purpose bucket naming rules".
    let letter = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit();
    let good = (3..=63).contains(&backup.bucket.len())
        && backup.bucket.chars().all(|it| letter(it) || it == '-' || it == '.')
        && backup.bucket.starts_with(letter)
        && backup.bucket.ends_with(letter);
    if !good {
        rules.wrong(
            &path("bucket"),
            format!(
                "{:?} is no name of a bucket: 3 to 63 of a-z 0-9 - ., at the ends a letter or digit",
                backup.bucket
            ),
        );
    }
    if backup.interval < Duration::minutes(5) {
        rules.wrong(&path("interval"), format!("a snapshot every {} is too often: at least every 5m", backup.interval));
    }
    if backup.retention < backup.interval {
        let finding = rules
            .error(format!(
                "snapshots are kept for {}, less than the time between two ({})",
                backup.retention, backup.interval
            ))
            .at(rules.document(), &path("retention"), "")
            .at(rules.document(), &path("interval"), "");
        rules.push(finding);
    }
}
