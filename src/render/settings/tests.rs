use super::*;
use crate::render::source::Source;

fn settings(text: &str) -> Settings {
    read(&Source::new("windlass.yaml", text)).expect("valid settings")
}

fn name(text: &str) -> ClusterName {
    text.parse().expect("a cluster name")
}

#[test]
fn an_empty_file_means_defaults() {
    assert_eq!(settings("# nothing yet\n"), Settings::default());
}

#[test]
fn layers_are_common_then_the_rules_that_fit_then_the_clusters_own() {
    let settings = settings(
        "layers:\n  - match: 'prod-*'\n    vars: [env/prod.yaml, eu.yaml]\n  - match: '*-customer.*'\n    vars: [eu.yaml, customer.yaml]\n  - match: 'staging-*'\n    vars: [env/staging.yaml]\n",
    );
    assert_eq!(
        settings.layers_of(&name("prod-customer.k8s.foo.bar")),
        ["common.yaml", "env/prod.yaml", "eu.yaml", "customer.yaml", "prod-customer.k8s.foo.bar.yaml"]
    );
}

#[test]
fn later_guards_win_field_by_field() {
    let settings = settings(
        "guards:\n  - account: '123456789012'\n    regions: [eu-west-3]\n    maxDestroys: 5\n  - match: 'prod-*'\n    maxDestroys: 0\n    deletionProtection: true\n",
    );
    let guards = settings.guards_of(&name("prod-a.b"));
    assert_eq!((guards.max_destroys, guards.deletion_protection), (Some(0), Some(true)));
    assert_eq!(guards.account.as_deref(), Some("123456789012"));
    assert_eq!(settings.guards_of(&name("staging-a.b")).max_destroys, Some(5));
}

#[test]
fn the_remote_is_none_a_name_or_a_url() {
    assert_eq!(settings("state: {remote: none}").state.remote, StateRemote::None);
    assert_eq!(settings("state: {remote: origin}").state.remote, StateRemote::Named(String::from("origin")));
    assert_eq!(
        settings("state: {remote: 'git@github.com:a/b.git'}").state.remote,
        StateRemote::Url(String::from("git@github.com:a/b.git"))
    );
}

#[test]
fn mistakes_have_a_place_and_a_hint() {
    let mistakes = |text: &str| {
        let problems = read(&Source::new("windlass.yaml", text)).expect_err("a mistake");
        problems
            .0
            .iter()
            .map(|problem| {
                let place = problem.places.first().expect("a place");
                let hint = problem.hint.clone().unwrap_or_default();
                format!("{}:{}+{} {} | {hint}", place.line, place.column, place.length, problem.message)
            })
            .collect::<Vec<_>>()
            .join("\n")
    };
    insta::assert_snapshot!(
        [
            "layer: []\n",
            "state:\n  remot: none\n",
            "layers:\n  - vars: [a.yaml]\n",
            "guards:\n  - maxDestroys: many\n",
            "ageRecipients: [AGE-SECRET-KEY-1]\nlayers:\n  - match: '*'\n    vars: [../a.yaml, common.yaml]\nguards:\n  - account: '12'\nwaves:\n  - {name: a, match: []}\n  - {name: a, match: [], soak: soon}\n",
            "- a\n",
        ]
        .map(mistakes)
        .join("\n\n")
    );
}

#[test]
fn the_schema_describes_every_field() {
    let schema = schemars::schema_for!(Settings).to_value();
    let properties = schema.pointer("/properties").and_then(serde_json::Value::as_object).expect("properties");
    assert!(properties.contains_key("ageRecipients"));
    assert!(properties.values().all(|property| property.get("description").is_some()), "{properties:?}");
}
