//! Certificates as OpenMetrics text, for Prometheus' textfile collector or a push gateway.
//!
//! Names and labels are those of x509-certificate-exporter (its docs/metrics.md), so that its alerts and dashboards
//! work unchanged. That exporter shows labels without a meaning as empty, which Prometheus takes for absent: they are absent
//! here.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::Timestamp;

use super::Row;
use crate::pki::Subject;

/// The attributes of subject and issuer that the exporter shows.
const ATTRIBUTES: [&str; 6] = ["C", "ST", "L", "O", "OU", "CN"];

type Value = fn(&Row, i64) -> i64;

/// Name, help and value of each metric; all are gauges. The last one is windlass's own.
const METRICS: [(&str, &str, Value); 6] = [
    ("x509_cert_not_before", "Unix time from which the certificate is valid.", |row, _| {
        row.ends.not_before.as_second()
    }),
    ("x509_cert_not_after", "Unix time until which the certificate is valid.", |row, _| row.ends.not_after.as_second()),
    ("x509_cert_expired", "1 when the certificate is expired.", |row, now| {
        i64::from(now > row.ends.not_after.as_second())
    }),
    ("x509_cert_expires_in_seconds", "Seconds until the certificate expires.", |row, now| {
        row.ends.not_after.as_second() - now
    }),
    ("x509_cert_valid_since_seconds", "Seconds since the certificate became valid.", |row, now| {
        now - row.ends.not_before.as_second()
    }),
    ("windlass_certificate_mismatch", "1 when another certificate than the recorded one is in use.", |row, _| {
        i64::from(row.is_mismatch())
    }),
];

/// The whole exposition, with its end.
#[must_use]
pub fn metrics(rows: &[Row], now: Timestamp) -> String {
    // The same labels twice would make the whole text invalid.
    let series: BTreeMap<String, &Row> = rows.iter().map(|row| (labels(row), row)).collect();
    let mut text = String::new();
    for (name, help, value) in METRICS {
        let _ = writeln!(text, "# TYPE {name} gauge");
        if name.ends_with("_seconds") {
            let _ = writeln!(text, "# UNIT {name} seconds");
        }
        let _ = writeln!(text, "# HELP {name} {help}");
        for (labels, row) in &series {
            let _ = writeln!(text, "{name}{{{labels}}} {}", value(row, now.as_second()));
        }
    }
    text.push_str("# EOF\n");
    text
}

fn labels(row: &Row) -> String {
    let filename = row.path.rsplit('/').next().unwrap_or_default();
    let mut labels = vec![
        (String::from("cluster"), row.cluster.clone()),
        (String::from("authority"), row.authority.to_string()),
        (String::from("certificate"), row.name.clone()),
        (String::from("place"), row.place.clone()),
        (String::from("filename"), filename.to_owned()),
        (String::from("filepath"), row.path.clone()),
        (String::from("serial_number"), crate::pki::decimal(&row.serial)),
    ];
    labels.extend(subject("subject", &row.subject));
    labels.extend(subject("issuer", &row.issuer));
    let shown = labels.into_iter().filter(|(_, value)| !value.is_empty());
    shown.map(|(name, value)| format!("{name}=\"{}\"", escaped(&value))).collect::<Vec<_>>().join(",")
}

fn subject<'a>(prefix: &'a str, subject: &'a Subject) -> impl Iterator<Item = (String, String)> + 'a {
    ATTRIBUTES.into_iter().filter_map(move |attribute| {
        subject.get(attribute).map(|value| (format!("{prefix}_{attribute}"), value.to_owned()))
    })
}

/// OpenMetrics' escapes in label values: backslash, quote, line feed.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
