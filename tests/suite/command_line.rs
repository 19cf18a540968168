//! What a user meets at the edges: wrong words, no terminal, no project, a pipe that closes.

use std::process::Stdio;

use crate::support::{Fleet, Ran};

const CLUSTER: &str = "staging-customer.k8s.foo.bar";

#[test]
fn without_a_terminal_and_without_yes_nothing_is_called() {
    let fleet = Fleet::new();
    for verb in ["apply", "destroy"] {
        fleet.sandboxed(&[verb, CLUSTER]).exits(11).warns("--yes");
    }
    assert!(!fleet.path().join(".windlass/sandbox.json").exists(), "the account was looked at");
}

#[test]
fn a_wrong_cluster_name_gets_the_nearest_right_one() {
    Fleet::new().windlass(&["render", "staging-costumer.k8s.foo.bar"]).exits(10).warns(CLUSTER);
}

#[test]
fn a_wrong_command_is_a_usage_error_and_not_pending_changes() {
    let fleet = Fleet::new();
    fleet.windlass(&["aply", CLUSTER]).exits(10).warns("apply");
    fleet.windlass(&["plan"]).exits(10);
    fleet.windlass(&[]).exits(10).warns("Usage");
}

#[test]
fn outside_a_project_it_says_what_a_project_is() {
    let fleet = Fleet::new();
    fleet.windlass(&["-C", "/", "lint"]).exits(10).warns("windlass.yaml");
}

#[test]
fn help_fits_and_names_every_verb() {
    let fleet = Fleet::new();
    let help = fleet.windlass(&["--help"]).exits(0).stdout;
    for verb in ["render", "explain", "lint", "plan", "apply", "status", "destroy", "history", "unlock", "sandbox"] {
        assert!(help.contains(verb), "{verb} is not in the help");
        fleet.windlass(&[verb, "--help"]).exits(0).says("Usage");
    }
    assert!(help.lines().all(|line| line.chars().count() <= 100), "a line is too long");
}

#[test]
fn defaults_are_written_out_on_request() {
    let fleet = Fleet::new();
    let plain = fleet.windlass(&["render", CLUSTER]).exits(0).stdout;
    let full = fleet.windlass(&["render", CLUSTER, "--defaults"]).exits(0).stdout;
    for field in ["maxSurge:", "podPidsLimit:"] {
        assert!(full.matches(field).count() > plain.matches(field).count(), "{field} is not written out");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let fleet = Fleet::new();
    let mut child = fleet
        .command(&["render", "prod-customer.k8s.foo.bar"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("windlass runs");
    drop(child.stdout.take());
    let ran = Ran::of(child.wait_with_output().expect("windlass ends"));
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
}

#[test]
fn colours_follow_the_flag() {
    let fleet = Fleet::new();
    let plain = fleet.sandboxed(&["plan", CLUSTER, "--color", "never"]).exits(0).stdout;
    let colored = fleet.sandboxed(&["plan", CLUSTER, "--color", "always"]).exits(0).stdout;
    assert!(!plain.contains('\u{1b}') && colored.contains('\u{1b}'));
    assert!(!fleet.sandboxed(&["plan", CLUSTER]).exits(0).stdout.contains('\u{1b}'), "a pipe has no colours");
}

#[test]
fn completions_of_every_shell_know_the_clusters() {
    let fleet = Fleet::new();
    for shell in ["bash", "zsh", "fish"] {
        fleet.windlass(&["completions", shell]).exits(0).says("windlass");
    }
    let mut command = fleet.command(&["--", "windlass", "plan", "stag"]);
    command.env("WINDLASS_COMPLETE", "bash").env("_CLAP_COMPLETE_INDEX", "2").env("_CLAP_COMPLETE_COMP_TYPE", "9");
    command.env("_CLAP_IFS", "\n").env("_CLAP_COMPLETE_SPACE", "false");
    Ran::of(command.output().expect("windlass runs")).exits(0).says(CLUSTER);
}

#[test]
fn json_of_every_reading_command_is_one_document() {
    let fleet = Fleet::new();
    for arguments in [
        &["render", CLUSTER][..],
        &["lint"],
        &["plan", CLUSTER],
        &["status", CLUSTER],
        &["history", CLUSTER],
        &["state", "fsck", CLUSTER],
    ] {
        let mut all = arguments.to_vec();
        all.extend(["--output", "json"]);
        let ran = fleet.sandboxed(&all).exits(0);
        serde_json::from_str::<serde_json::Value>(&ran.stdout).unwrap_or_else(|error| panic!("{arguments:?}: {error}"));
    }
}
