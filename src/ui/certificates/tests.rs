//! The three views of the same rows.

use std::collections::BTreeSet;

use super::*;
use crate::pki::{Authority, Leaf, Usage};
use crate::spec::KeyAlgorithm;

const DAY: u64 = 24 * 3600;

fn moment(text: &str) -> Timestamp {
    text.parse().expect("a moment")
}

fn rows() -> Vec<Row> {
    let now = moment("2026-11-20T12:00:00Z");
    let cluster = "prod.example.com".parse().expect("a name");
    let until = |end: &str| Ends { not_before: moment("2026-11-20T11:55:00Z"), not_after: moment(end) };
    let ends = until("2036-11-17T11:55:00Z");
    let authority = Authority::create(AuthorityName::Etcd, &cluster, 1, KeyAlgorithm::EcdsaP256, ends).expect("one");
    let leaf = |name: &str, end| {
        let leaf = Leaf {
            common_name: name.to_owned(),
            organizations: BTreeSet::from([String::from("a \"b\"\\c, d; é")]),
            usages: BTreeSet::from([Usage::Server]),
            names: BTreeSet::new(),
            addresses: BTreeSet::new(),
            algorithm: KeyAlgorithm::EcdsaP256,
        };
        authority.issue(&leaf, until(end)).expect("issued").certificate
    };
    let mut all = vec![
        Row::of(authority.certificate(), "prod.example.com", "authority 1", AuthorityName::Etcd),
        Row::of(&leaf("a", "2027-01-09T12:00:00Z"), "prod.example.com", "etcd-peer", AuthorityName::Etcd),
        Row::of(&leaf("b", "2026-11-20T12:30:00Z"), "prod.example.com", "etcd-server", AuthorityName::Etcd),
    ];
    // Serials are random: the views are compared with fixed ones.
    for (row, serial) in all.iter_mut().zip(["4000000000000000000000000000000a", "41ff", "7fffffff00000000"]) {
        row.serial = serial.to_owned();
    }
    let warned = |row: Row, days: [u64; 3]| row.warned(days.map(|it| it * DAY).to_vec(), now);
    let mut all: Vec<Row> = all.into_iter().map(|row| warned(row, [90, 60, 30])).collect();
    all[1].place = String::from("a");
    all[1].path = String::from("/windlass/prod.example.com/members/a/etcd-peer.pem");
    all[1].requested_end = Some(all[1].ends.not_after);
    all[1].reported = Seen::Same;
    all[1].live = Seen::Unreachable(String::from("timed out"));
    all[2].place = String::from("b");
    all[2].requested_end = Some(moment("2027-11-20T12:30:00Z"));
    all[2].reported = Seen::Other { serial: String::from("1234567890abcdef"), not_after: None };
    all[2].live = Seen::Missing;
    all
}

#[test]
fn the_table_begins_with_what_ends_first() {
    insta::assert_snapshot!(text::table(&rows(), moment("2026-11-20T12:00:00Z")), @r"
    CERTIFICATE  AUTHORITY  WHERE  SERIAL    EXPIRES           LEFT       STANDING                                     IN USE
    etcd-server  etcd       b      7fffffff  2026-11-20 12:30  30 min     urgent, NOT AS REQUESTED (2027-11-20 12:30)  member: OTHER (12345678), live: MISSING
    etcd-peer    etcd       a      41ff      2027-01-09 12:00  50 d       very soon                                    member: yes, live: no answer (timed out)
    authority 1  etcd       git    40000000  2036-11-17 11:55  9 y 364 d  good                                         -
    ");
}

#[test]
fn the_time_that_is_left_is_short() {
    let now = moment("2026-11-20T12:00:00Z");
    for (end, expected) in [
        ("2036-11-20T12:00:00Z", "10 y 3 d"),
        ("2028-11-19T12:00:00Z", "2 y 0 d"),
        ("2028-11-18T12:00:00Z", "729 d"),
        ("2026-11-22T12:00:00Z", "2 d"),
        ("2026-11-22T11:59:59Z", "47 h"),
        ("2026-11-20T12:59:00Z", "59 min"),
        ("2026-11-20T11:59:00Z", "-1 min"),
        ("2026-11-18T11:00:00Z", "-2 d"),
    ] {
        assert_eq!(text::left(moment(end), now), expected, "{end}");
    }
}

#[test]
fn several_clusters_have_a_column() {
    let mut rows = rows();
    rows[0].cluster = String::from("test.example.com");
    assert!(text::table(&rows, moment("2026-11-20T12:00:00Z")).starts_with("CLUSTER "));
}

#[test]
fn mismatch_is_another_end_or_another_certificate() {
    let rows = rows();
    assert_eq!(rows.iter().map(Row::is_mismatch).collect::<Vec<_>>(), [false, false, true]);
    let other_end = Row { reported: Seen::NotAsked, live: Seen::NotAsked, ..rows[2].clone() };
    assert!(other_end.is_mismatch());
}

#[test]
fn metrics_have_the_names_and_labels_of_the_exporter() {
    let rows = rows();
    let text = openmetrics::metrics(&[rows[1].clone(), rows[1].clone()], moment("2027-01-09T12:00:01Z"));
    let labels = [
        r#"cluster="prod.example.com",authority="etcd",certificate="etcd-peer",place="a","#,
        r#"filename="etcd-peer.pem",filepath="/windlass/prod.example.com/members/a/etcd-peer.pem","#,
        r#"serial_number="16895",subject_O="a \"b\"\\c, d; é",subject_CN="a","#,
        r#"issuer_O="prod.example.com",issuer_CN="etcd authority 1""#,
    ];
    let short = text.replace(&labels.concat(), "LABELS");
    insta::assert_snapshot!(short, @r"
    # TYPE x509_cert_not_before gauge
    # HELP x509_cert_not_before Unix time from which the certificate is valid.
    x509_cert_not_before{LABELS} 1795175700
    # TYPE x509_cert_not_after gauge
    # HELP x509_cert_not_after Unix time until which the certificate is valid.
    x509_cert_not_after{LABELS} 1799496000
    # TYPE x509_cert_expired gauge
    # HELP x509_cert_expired 1 when the certificate is expired.
    x509_cert_expired{LABELS} 1
    # TYPE x509_cert_expires_in_seconds gauge
    # UNIT x509_cert_expires_in_seconds seconds
    # HELP x509_cert_expires_in_seconds Seconds until the certificate expires.
    x509_cert_expires_in_seconds{LABELS} -1
    # TYPE x509_cert_valid_since_seconds gauge
    # UNIT x509_cert_valid_since_seconds seconds
    # HELP x509_cert_valid_since_seconds Seconds since the certificate became valid.
    x509_cert_valid_since_seconds{LABELS} 4320301
    # TYPE windlass_certificate_mismatch gauge
    # HELP windlass_certificate_mismatch 1 when another certificate than the recorded one is in use.
    windlass_certificate_mismatch{LABELS} 0
    # EOF
    ");
}

#[test]
fn metrics_are_well_formed() {
    let text = openmetrics::metrics(&rows(), moment("2026-11-20T12:00:00Z"));
    assert!(text.ends_with("\n# EOF\n") && text.matches("# EOF").count() == 1);
    let mut families = BTreeSet::new();
    let mut family = "";
    for line in text.lines().filter(|line| *line != "# EOF") {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            family = rest.split(' ').next().expect("a name");
            assert!(families.insert(family), "{family} twice");
        } else if !line.starts_with('#') {
            assert!(line.starts_with(&format!("{family}{{")), "{line}");
            let (_, value) = line.rsplit_once("} ").expect("a value");
            assert!(value.parse::<i64>().is_ok(), "{line}");
        }
    }
    assert_eq!(openmetrics::metrics(&[], moment("2026-11-20T12:00:00Z")).lines().last(), Some("# EOF"));
}

#[test]
fn the_calendar_has_an_event_for_each_certificate() {
    let rows = rows();
    let text = calendar::calendar(&[rows[1].clone(), rows[1].clone()], moment("2026-11-20T12:00:00Z"));
    insta::assert_snapshot!(text.replace("\r\n", "\n"), @r#"
    BEGIN:VCALENDAR
    VERSION:2.0
    PRODID:-//windlass//certificates//EN
    CALSCALE:GREGORIAN
    BEGIN:VEVENT
    UID:41ff.etcd@prod.example.com
    DTSTAMP:20261120T120000Z
    DTSTART:20270109T120000Z
    SUMMARY:Certificate etcd-peer of prod.example.com ends
    DESCRIPTION:O=a "b"\\\\c\\\, d\; é\, CN=a\nSigned by: O=prod.example.com\,
      CN=etcd authority 1\nSerial: 41ff\nWhere: a (/windlass/prod.example.com/m
     embers/a/etcd-peer.pem)
    TRANSP:TRANSPARENT
    BEGIN:VALARM
    ACTION:DISPLAY
    DESCRIPTION:Certificate etcd-peer of prod.example.com ends in 90 days
    TRIGGER:-P90D
    END:VALARM
    BEGIN:VALARM
    ACTION:DISPLAY
    DESCRIPTION:Certificate etcd-peer of prod.example.com ends in 60 days
    TRIGGER:-P60D
    END:VALARM
    BEGIN:VALARM
    ACTION:DISPLAY
    DESCRIPTION:Certificate etcd-peer of prod.example.com ends in 30 days
    TRIGGER:-P30D
    END:VALARM
    END:VEVENT
    END:VCALENDAR
    "#);
}

#[test]
fn the_calendar_is_well_formed() {
    let mut rows = rows();
    rows[0].name = format!("{}\n;,\\", "é".repeat(200));
    let now = moment("2026-11-20T12:00:00Z");
    let text = calendar::calendar(&rows, now);
    assert_eq!(text.matches('\n').count(), text.matches("\r\n").count());
    assert!(text.ends_with("END:VCALENDAR\r\n"));
    for line in text.split("\r\n") {
        assert!(line.len() <= 75, "{} octets: {line}", line.len());
    }
    let unfolded = text.replace("\r\n ", "");
    assert!(
        unfolded.contains(&format!("SUMMARY:Certificate {}\\n\\;\\,\\\\ of prod.example.com ends", "é".repeat(200)))
    );
    assert_eq!(text.matches("BEGIN:VEVENT").count(), 3);
    assert_eq!(text.matches("BEGIN:VALARM").count(), 9);
    let later = calendar::calendar(&rows, moment("2027-01-01T00:00:00Z"));
    let uids =
        |text: &str| text.split("\r\n").filter(|it| it.starts_with("UID:")).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(uids(&text), uids(&later));
}
