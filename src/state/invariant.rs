//! What must hold between one commit of the branch and the next.

use super::finding::{Finding, FindingKind};
use super::layout;
use super::record::{CertificateRecord, CertificateRole, ClusterRecord, KeyPhase};
use super::tree::View;

/// What breaks if `after` follows `before`. Epochs are those of the commits.
pub(super) fn transition(before: &View, before_epoch: u64, after: &View, after_epoch: u64) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut flaw = |kind, path: &str, message: String| {
        let repair = String::from("This is a mistake in windlass: please report it.");
        findings.push(Finding { kind, path: Some(path.to_owned()), commit: String::new(), message, repair });
    };
    let holder = |view: &View| view.records.lock.as_ref().map(|lock| (lock.run.clone(), lock.epoch));
    match (holder(before), holder(after)) {
        (_, None) => {}
        (Some((old, epoch)), Some((new, new_epoch))) if old == new && epoch == new_epoch => {}
        (_, Some((_, epoch))) if epoch > before_epoch => {}
        (_, Some((run, epoch))) => flaw(
            FindingKind::Epoch,
            layout::LOCK,
            format!("run {run} takes the lock with epoch {epoch}, which is not above {before_epoch}"),
        ),
    }
    if after_epoch < before_epoch {
        let message = format!("the epoch falls from {before_epoch} to {after_epoch}");
        flaw(FindingKind::Epoch, layout::LOCK, message);
    }
    let (old, new) = (before.records.cluster.as_ref(), after.records.cluster.as_ref());
    if let Some(message) = identity(old, new, |uid| after.former.contains(uid)) {
        flaw(FindingKind::Identity, layout::CLUSTER, message);
    }
    for run in before.runs.difference(&after.runs) {
        flaw(FindingKind::History, &layout::run(run), String::from("a closed run is removed"));
    }
    for uid in before.former.difference(&after.former) {
        flaw(FindingKind::History, &layout::former(uid), String::from("a former identity is removed"));
    }
    let is_retired = old.is_some() && new.is_none();
    for record in before.records.certificates.iter().filter(|_| !is_retired) {
        let same = |other: &&CertificateRecord| (other.authority, &other.serial) == (record.authority, &record.serial);
        let path = layout::certificate(record.authority, &record.serial);
        match after.records.certificates.iter().find(same) {
            Some(now) if now.pem != record.pem => {
                flaw(FindingKind::Certificate, &path, String::from("the certificate is replaced by another one"));
            }
            Some(now) if phase(record) == Some(KeyPhase::Dropped) && phase(now) != phase(record) => {
                flaw(FindingKind::Certificate, &path, String::from("an authority that was dropped comes back"));
            }
            Some(_) | None => {}
        }
    }
    findings
}

const fn phase(record: &CertificateRecord) -> Option<KeyPhase> {
    match &record.role {
        CertificateRole::Authority { phase } => Some(*phase),
        CertificateRole::Leaf { .. } | CertificateRole::Person { .. } => None,
    }
}

/// What is wrong when `new` follows `old`. The identity of a destroyed cluster moves to `former/` first.
pub(super) fn identity(
    old: Option<&ClusterRecord>,
    new: Option<&ClusterRecord>,
    is_former: impl Fn(&str) -> bool,
) -> Option<String> {
    let old = old?;
    if is_former(&old.uid) {
        return None;
    }
    let Some(new) = new else {
        return Some(String::from("the identity is removed without being kept as a former one"));
    };
    let fields = [
        ("name", old.name.as_str(), new.name.as_str()),
        ("uid", &old.uid, &new.uid),
        ("account", &old.account, &new.account),
        ("region", &old.region, &new.region),
    ];
    fields
        .iter()
        .find(|(_, old, new)| old != new)
        .map(|(field, old, new)| format!("{field} changes from {old:?} to {new:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::LockRecord;

    fn cluster(uid: &str, region: &str) -> ClusterRecord {
        ClusterRecord {
            name: "prod.example".parse().expect("a name"),
            uid: uid.to_owned(),
            account: String::from("123456789012"),
            region: region.to_owned(),
            config: None,
            plan: None,
        }
    }

    fn held(run: &str, epoch: u64) -> View {
        let mut view = View::default();
        view.records.lock = Some(LockRecord {
            epoch,
            run: run.to_owned(),
            holder: String::from("a@b pid 1"),
            operation: String::from("apply"),
            started: jiff::Timestamp::UNIX_EPOCH,
            ttl: 300,
            beat: 1,
        });
        view
    }

    #[test]
    fn the_lock_changes_hands_only_with_a_higher_epoch() {
        let free = View::default();
        assert_eq!(transition(&free, 3, &held("a", 4), 4), []);
        assert_eq!(transition(&held("a", 4), 4, &held("a", 4), 4), []);
        assert_eq!(transition(&held("a", 4), 4, &held("b", 5), 5), []);
        assert_eq!(transition(&held("a", 4), 4, &free, 4), []);
        for (before, before_epoch, after, after_epoch) in
            [(&free, 3, held("a", 3), 3), (&held("a", 4), 4, held("b", 4), 4), (&held("a", 4), 4, held("a", 3), 4)]
        {
            let kinds: Vec<_> = transition(before, before_epoch, &after, after_epoch).iter().map(|f| f.kind).collect();
            assert_eq!(kinds, [FindingKind::Epoch]);
        }
        assert_eq!(transition(&free, 3, &free, 2).len(), 1);
    }

    #[test]
    fn an_identity_never_changes_unless_it_is_kept_as_a_former_one() {
        let (one, other) = (cluster("u1", "eu-west-3"), cluster("u2", "eu-west-3"));
        let never = |_: &str| false;
        assert_eq!(identity(None, Some(&one), never), None);
        assert_eq!(
            identity(Some(&one), Some(&ClusterRecord { plan: Some(String::from("x")), ..one.clone() }), never),
            None
        );
        assert!(identity(Some(&one), Some(&other), never).is_some_and(|message| message.contains("uid")));
        assert!(identity(Some(&one), Some(&cluster("u1", "eu-west-1")), never).is_some_and(|m| m.contains("region")));
        assert!(identity(Some(&one), None, never).is_some());
        assert_eq!(identity(Some(&one), Some(&other), |uid| uid == "u1"), None);
        assert_eq!(identity(Some(&one), None, |uid| uid == "u1"), None);
    }

    #[test]
    fn closed_runs_and_former_identities_stay() {
        let mut before = View::default();
        before.runs.insert(String::from("r1"));
        before.former.insert(String::from("u1"));
        let paths: Vec<_> = transition(&before, 1, &View::default(), 1).into_iter().map(|f| f.path).collect();
        assert_eq!(paths, [Some(String::from("runs/r1.json")), Some(String::from("former/u1.json"))]);
    }
}
