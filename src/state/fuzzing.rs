//! Any content as a file of the state branch.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::journal::Journal;
use super::layout::{self, File};
use super::message::Stamp;
use super::reading::Body;
use super::record::{
    AddOnRecord, CertificateRecord, ClusterRecord, KeyRecords, LockRecord, RequestRecord, ResourceRecord, RunRecord,
};
use super::{format, roll, secret, tree};
use crate::name::ClusterName;

/// A path in the first line, its content behind. Damage is told with the path; what is read is printed so that it reads
/// the same.
pub(crate) fn records(data: &[u8]) {
    let cut = data.iter().position(|&byte| byte == b'\n').unwrap_or(data.len());
    let (path, content) = (&data[..cut], data.get(cut + 1..).unwrap_or_default());
    let Ok(path) = std::str::from_utf8(path) else { return };
    let name: ClusterName = "test.k8s.foo.bar".parse().expect("a cluster's name");
    let body = Body::new(content.to_vec());
    for flaw in &body.reading(&name, path).flaws {
        assert_eq!(flaw.path.as_deref(), Some(path), "{flaw:?}");
        assert!(!flaw.message.is_empty() && !flaw.repair.is_empty(), "{flaw:?}");
    }
    let _ = (format::check(name.as_str(), content), secret::find(content), secret::is_encrypted(content));
    match File::of(path) {
        Some(File::Cluster | File::Former(_)) => same::<ClusterRecord>(content),
        Some(File::Lock) => same::<LockRecord>(content),
        Some(File::Resource(address)) => {
            assert_eq!(layout::resource(&address), path, "two paths of one address");
            same::<ResourceRecord>(content);
        }
        Some(File::Run(_)) => same::<RunRecord>(content),
        Some(File::AddOn(_)) => same::<AddOnRecord>(content),
        Some(File::Keys) => same::<KeyRecords>(content),
        Some(File::Certificate(..)) => same::<CertificateRecord>(content),
        Some(File::Roll) => same::<roll::Record>(content),
        Some(File::Request(_)) => same::<RequestRecord>(content),
        Some(File::Format | File::Generations | File::Journal(_) | File::Manifest | File::Secret(_)) | None => {}
    }
}

fn same<T: DeserializeOwned + Serialize + PartialEq + std::fmt::Debug>(content: &[u8]) {
    let Ok(record) = serde_json::from_slice::<T>(content) else { return };
    let printed = tree::json(&record);
    let again = serde_json::from_slice::<T>(&printed);
    assert_eq!(again.expect("what is printed is read"), record);
}

/// A journal: read at once or line by line it says the same, and its lines give its text. And a commit's message.
pub(crate) fn journal(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data)
        && let Some(stamp) = Stamp::read(text)
    {
        let message = stamp.message("apply", "wave 1");
        let again = Stamp::read(&message).expect("a message of ours is read");
        assert_eq!(Stamp::read(&again.message("apply", "wave 1")), Some(again));
    }
    let whole = Journal::read(data);
    let mut pieces = Ok(Journal::default());
    for line in data.split_inclusive(|&byte| byte == b'\n') {
        pieces = pieces.and_then(|journal: Journal| journal.grown(line));
    }
    match (whole, pieces) {
        (Ok(whole), Ok(pieces)) => {
            assert_eq!(whole, pieces);
            assert_eq!(whole.content(), data);
            let printed = Journal::of(whole.lines().to_vec());
            assert_eq!(Journal::read(printed.content()).expect("what is printed is read").lines(), whole.lines());
            assert!(whole.orphan_result().is_none_or(|line| (1..=whole.lines().len()).contains(&line)));
        }
        (Err(damage), Err(_)) => {
            let lines = data.split(|&byte| byte == b'\n').count();
            assert!((1..=lines).contains(&damage.line), "no such line: {damage:?}");
        }
        (whole, pieces) => panic!("at once {whole:?}, in pieces {pieces:?}"),
    }
}
