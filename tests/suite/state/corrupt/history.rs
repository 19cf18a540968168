//! Damages of the history: foreign commits, merges, other pasts, falling epochs, missing objects, other clusters.

use windlass::state::{Error, FindingKind};

use super::branch::{Case, Change, Tip, block_on};
use super::{BASE, bench, forged};
use crate::support::git::git;
use crate::support::proof;

/// How a history is damaged, what is found, and whether a repair is windlass' to make.
struct History {
    name: &'static str,
    kind: FindingKind,
    repair: Repair,
    damage: fn(&Case, &Tip) -> String,
}

enum Repair {
    /// `state recover` goes on from it.
    Recover,
    /// A person must say which past is right; the message has the command.
    Person,
}

fn change(text: &str) -> Vec<(String, Change)> {
    vec![(String::from("manifests/x.yaml"), Change::Write("100644", text.as_bytes().to_vec()))]
}

/// Trailers of another operation, with something replaced.
fn with(tip: &Tip, from: &str, to: &str) -> String {
    let text = forged(tip);
    let line = text.lines().find(|line| line.starts_with(from)).expect("a trailer");
    text.replace(line, to)
}

fn histories() -> Vec<History> {
    use FindingKind as Kind;
    use Repair::{Person, Recover};
    let history = |name, kind, repair, damage| History { name, kind, repair, damage };
    vec![
        history("by hand", Kind::Foreign, Recover, |case, tip| case.commit(&[&tip.commit], "fix", &change("a: 1\n"))),
        history("by hand and empty", Kind::Foreign, Recover, |case, tip| case.commit(&[&tip.commit], "fix", &[])),
        history("a copied message", Kind::Foreign, Recover, |case, tip| {
            case.commit(&[&tip.commit], &tip.message, &change("a: 1\n"))
        }),
        history("half of the trailers", Kind::Foreign, Recover, |case, tip| {
            case.commit(&[&tip.commit], &with(tip, "Windlass-Run: ", "Windlass-Ran: x"), &change("a: 1\n"))
        }),
        history("an epoch that is no number", Kind::Foreign, Recover, |case, tip| {
            case.commit(&[&tip.commit], &with(tip, "Windlass-Epoch: ", "Windlass-Epoch: many"), &change("a: 1\n"))
        }),
        history("an unknown phase", Kind::Foreign, Recover, |case, tip| {
            case.commit(&[&tip.commit], &with(tip, "Windlass-Phase: ", "Windlass-Phase: dance"), &change("a: 1\n"))
        }),
        history("of another cluster", Kind::Foreign, Recover, |case, tip| {
            let name = with(tip, "Windlass-Cluster: ", "Windlass-Cluster: other.k8s.foo.bar");
            case.commit(&[&tip.commit], &name, &change("a: 1\n"))
        }),
        history("a merge", Kind::History, Person, |case, tip| {
            let side = case.commit(&[&format!("{}~1", tip.commit)], &forged(tip), &change("a: 1\n"));
            case.commit(&[&tip.commit, &side], &forged(tip).replace("0badc0de", "0badc0d1"), &[])
        }),
        history("moved back", Kind::History, Person, |case, tip| {
            let back = git(&case.repository(), &["rev-parse", &format!("{}~2", tip.commit)]);
            case.set(&back);
            back
        }),
        history("amended", Kind::History, Person, |case, tip| {
            case.commit(&[&format!("{}~1", tip.commit)], &tip.message, &change("a: 1\n"))
        }),
        history("forked", Kind::History, Person, |case, tip| {
            case.commit(&[&format!("{}~3", tip.commit)], &forged(tip), &change("a: 1\n"))
        }),
        history("squashed", Kind::History, Person, |case, tip| {
            let files = tip.files.iter().map(|(path, it)| (path.clone(), Change::Write("100644", it.clone())));
            case.commit(&[], &forged(tip), &files.collect::<Vec<_>>())
        }),
        history("somebody's branch", Kind::History, Person, |case, _| case.commit(&[], "Begin", &change("a: 1\n"))),
        history("gone", Kind::History, Recover, |case, tip| {
            git(
                &case.repository(),
                &["update-ref", "-d", &format!("refs/heads/windlass-state/{}", super::branch::CLUSTER)],
            );
            tip.commit.clone()
        }),
        history("an empty tree", Kind::Missing, Recover, |case, tip| {
            let all = tip.files.keys().map(|path| (path.clone(), Change::Remove));
            case.commit(&[&tip.commit], &forged(tip), &all.collect::<Vec<_>>())
        }),
    ]
}

#[test]
fn every_damage_of_the_history_is_named_stops_everything_and_leads_back() {
    let base = &*BASE;
    let histories = histories();
    for History { name, kind, repair, damage } in &histories {
        let case = base.copy(&base.rest);
        block_on(async {
            let store = case.store().await;
            store.read().await.expect("a good branch");
            let tree = case.tree();
            let commit = damage(&case, &base.rest);
            let error = bench::acquire(&store, "r9").await.expect_err(name);
            let Error::Corrupt(findings) = &error else { panic!("{name}: {error:?}") };
            let finding = findings.0.iter().find(|it| it.kind == *kind);
            let finding = finding.unwrap_or_else(|| panic!("{name}: {findings}"));
            assert!(!finding.repair.is_empty(), "{name}");
            assert!(
                commit.starts_with(&finding.commit) || findings.to_string().contains(&base.rest.commit),
                "{name}: {findings}"
            );
            assert!(store.read().await.is_err(), "{name}");
            assert!(store.fsck().await.expect("a check").iter().any(|it| it.kind == *kind), "{name}");
            let recovered = bench::recover(&store, bench::repair()).await;
            match repair {
                Repair::Recover => {
                    recovered.unwrap_or_else(|error| panic!("{name}: {error}"));
                    store.read().await.unwrap_or_else(|error| panic!("{name}: {error}"));
                    let now =
                        case.tree().lines().filter(|line| !line.contains("manifests/")).collect::<Vec<_>>().join("\n");
                    let before =
                        tree.lines().filter(|line| !line.contains("manifests/")).collect::<Vec<_>>().join("\n");
                    assert_eq!(now, before, "{name}");
                }
                Repair::Person => {
                    assert!(matches!(recovered, Err(Error::Corrupt(_))), "{name}: {recovered:?}");
                    assert!(
                        finding.repair.contains("git -C") || finding.repair.contains("Push"),
                        "{name}: {}",
                        finding.repair
                    );
                }
            }
        });
    }
    proof::report("row 10, histories", histories.len(), 15);
}

#[test]
fn epochs_that_fall_or_belong_to_nobody_are_found_by_the_check() {
    let base = &*BASE;
    let messages = [
        (
            "falls",
            with(&base.rest, "Windlass-Epoch: ", "Windlass-Epoch: 1").replace("Phase: request", "Phase: acquire"),
        ),
        ("a result without the lock", with(&base.rest, "Windlass-Phase: ", "Windlass-Phase: result")),
    ];
    for (name, message) in &messages {
        let case = base.copy(&base.rest);
        block_on(async {
            let commit = case.commit(&[&base.rest.commit], message, &[]);
            let found = case.store().await.fsck().await.expect("a check");
            assert!(found.iter().any(|it| it.kind == FindingKind::Epoch && it.commit == commit), "{name}: {found:?}");
        });
    }
    proof::report("row 10, epochs", messages.len(), 2);
}

#[test]
fn an_object_that_is_missing_on_the_host_is_named_and_nothing_is_written() {
    let base = &*BASE;
    let case = base.copy(&base.rest);
    block_on(async {
        let store = case.store().await;
        store.read().await.expect("a good branch");
        let content = Change::Write("100644", b"{\"a\": \"an object of its own\"}\n".to_vec());
        let commit =
            case.commit(&[&base.rest.commit], &forged(&base.rest), &[(String::from("manifests/x.yaml"), content)]);
        let object = git(&case.repository(), &["rev-parse", &format!("{commit}:manifests/x.yaml")]);
        let repository = case.repository();
        // fast-import leaves a pack: unpacked, so that one object can be taken away.
        let pack = std::fs::read_dir(repository.join("objects/pack")).expect("a folder");
        for file in pack.map(|entry| entry.expect("an entry").path()).collect::<Vec<_>>() {
            let out = repository.join(file.file_name().expect("a name"));
            std::fs::rename(&file, &out).expect("moved");
            if out.extension().is_some_and(|it| it == "pack") {
                let input = std::fs::File::open(&out).expect("a pack");
                let mut unpack = std::process::Command::new("git");
                unpack.arg("-C").arg(&repository).args(["unpack-objects", "-q"]).stdin(input);
                assert!(unpack.status().expect("git runs").success());
            }
        }
        let loose = repository.join("objects").join(&object[..2]).join(&object[2..]);
        std::fs::remove_file(&loose).unwrap_or_else(|error| panic!("{}: {error}", loose.display()));
        let error = bench::acquire(&store, "r9").await.expect_err("an object is missing");
        assert!(error.to_string().contains(&object[..12]), "{error}");
        assert_eq!(case.tip(), commit, "nothing was written");
    });
}
