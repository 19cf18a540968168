//! Where a cluster's snapshots are, and what their names say.

use jiff::Timestamp;
use serde::Serialize;

use crate::aws;
use crate::cli::failure::Stopped;
use crate::cli::session::Session;
use crate::duration;
use crate::exit::Exit;

/// Bucket and prefix.
pub struct Place {
    /// The bucket's name.
    pub bucket: String,
    /// Ends with a slash.
    pub prefix: String,
}

impl Place {
    /// What the manifests say.
    ///
    /// # Errors
    /// Exit 10 without a `spec.backup`.
    pub fn of(session: &Session) -> anyhow::Result<Self> {
        let cluster = session.cluster();
        let Some(backup) = &session.specification().cluster.spec.backup else {
            let message = format!(
                "{cluster} has no backup: its manifest has no spec.backup\n  \
                 hint: set spec.backup.bucket to an S3 bucket in the cluster's account, and apply"
            );
            return Err(Stopped::new(Exit::Config, message).into());
        };
        Ok(Self { bucket: backup.bucket.clone(), prefix: format!("{}/", backup.folder(cluster.as_str())) })
    }

    /// `s3://bucket/key`.
    pub fn address(&self, key: &str) -> String {
        format!("s3://{}/{key}", self.bucket)
    }

    /// The key that somebody means: as listed, or a whole address.
    ///
    /// # Errors
    /// Exit 10 when it is in another bucket or folder.
    pub fn key(&self, text: &str) -> anyhow::Result<String> {
        let key = text.strip_prefix(&self.address("")).unwrap_or(text);
        let key = if key.contains('/') { key.to_owned() } else { format!("{}{key}", self.prefix) };
        if key.starts_with(&self.prefix) && !key.starts_with("s3:") {
            return Ok(key);
        }
        let message = format!("{text} is not beneath {}", self.address(&self.prefix));
        Err(Stopped::new(Exit::Config, message).into())
    }
}

/// A snapshot as people see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// Its key.
    pub key: String,
    /// Bytes.
    pub size: u64,
    /// When it was taken, by its name; else when it was stored.
    pub taken: Timestamp,
    /// The member that took it, by its name.
    pub member: Option<String>,
    /// Seconds since it was taken.
    pub age: u64,
}

impl Row {
    /// Of an object at a moment. Members call them `<UTC time>-<member>.db`.
    pub fn read(snapshot: &aws::Snapshot, now: Timestamp) -> Self {
        let name = snapshot.key.rsplit('/').next().unwrap_or_default();
        let parts = name.strip_suffix(".db").and_then(|name| name.split_once('-'));
        let named = parts.and_then(|(time, member)| {
            let taken = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", time).ok()?.to_zoned(jiff::tz::TimeZone::UTC);
            Some((taken.ok()?.timestamp(), member.to_owned()))
        });
        let (taken, member) = match named {
            Some((taken, member)) => (taken, Some(member)),
            None => (snapshot.stored, None),
        };
        let age = u64::try_from(now.duration_since(taken).as_secs()).unwrap_or(0);
        Self { key: snapshot.key.clone(), size: snapshot.size, taken, member, age }
    }

    /// `12.3 MiB`.
    pub fn size_text(&self) -> String {
        size(self.size)
    }

    /// `2 h 5 min ago`.
    pub fn age_text(&self) -> String {
        match self.age {
            seconds @ 0..172_800 => format!("{} ago", duration::seconds(seconds)),
            seconds => format!("{} days ago", seconds / 86_400),
        }
    }
}

fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    // Snapshots are far below 2⁵³ bytes.
    #[expect(clippy::cast_precision_loss, reason = "one decimal is shown")]
    let mut value = bytes as f64 / 1024.0;
    let mut unit = UNITS[0];
    for next in &UNITS[1..] {
        if value < 1024.0 {
            break;
        }
        value /= 1024.0;
        unit = next;
    }
    format!("{value:.1} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshots_name_says_when_and_by_whom() {
        let now: Timestamp = "2026-11-20T14:05:00Z".parse().expect("a date");
        let stored: Timestamp = "2026-11-20T12:00:09Z".parse().expect("a date");
        let row = |key: &str| {
            let snapshot = aws::Snapshot { key: key.to_owned(), size: 3 << 20, stored };
            Row::read(&snapshot, now)
        };
        let named = row("prod/20261120T120000Z-a.db");
        assert_eq!((named.member.as_deref(), named.age), (Some("a"), 7500));
        assert_eq!((named.size_text().as_str(), named.age_text().as_str()), ("3.0 MiB", "2 h 5 min ago"));
        let other = row("prod/by-hand.db");
        assert_eq!((other.member, other.taken), (None, stored));
        assert_eq!([size(0), size(1023), size(1536), size(5 << 40)], ["0 B", "1023 B", "1.5 KiB", "5.0 TiB"]);
    }
}
