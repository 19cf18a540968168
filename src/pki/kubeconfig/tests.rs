//! Nothing that belongs to somebody else is lost.

use proptest::prelude::*;

use super::*;

const THEIRS: &str = r##"# mine
apiVersion: v1
kind: Config
preferences: {colors: true}
current-context: work
clusters:
- cluster:
    server: https://work.example.com
    insecure-skip-tls-verify: yes
    proxy-url: socks5://localhost:1080
  name: work
- name: prod.example.com
  cluster:
    certificate-authority: /old/ca.crt
    server: https://old.example.com
    tls-server-name: api
users:
- name: work
  user:
    exec:
      apiVersion: client.authentication.k8s.io/v1
      command: aws
      args: ["eks", "get-token", "--cluster-name", "on", "1e3", "007", "a: b", "# no", ""]
      env:
      - {name: AWS_PROFILE, value: "null"}
      - name: MULTI
        value: |
          two
          lines
      interactiveMode: Never
- name: prod.example.com-admin
  user: {token: old, extensions: [{name: x, extension: {a: 1}}]}
contexts:
- context: {cluster: work, user: work, namespace: "y"}
  name: work
- context: {cluster: prod.example.com, user: prod.example.com-admin, namespace: web}
  name: prod.example.com
something-new: [1, -2, 3.5, null, true, {deep: [[1], []]}]
"##;

fn ours() -> Kubeconfig {
    Kubeconfig {
        context: String::from("prod.example.com"),
        user: String::from("prod.example.com-admin"),
        tls_server_name: None,
        server: String::from("https://api.prod.example.com:6443"),
        trust: Trust::Embedded(String::from("trusted")),
        credentials: Credentials::Embedded {
            certificate: String::from("certificate"),
            key: Secret::from(String::from("key")),
        },
    }
}

fn secret(text: &str) -> Secret {
    Secret::from(text.to_owned())
}

fn value(document: &Secret) -> Value {
    let text = document.expose_text().expect("text");
    serde_saphyr::from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

#[test]
fn a_document_of_its_own_is_what_kubectl_writes() {
    insta::assert_snapshot!(ours().document().expose_text().expect("text"), @r"
    apiVersion: v1
    kind: Config
    clusters:
    - name: prod.example.com
      cluster:
        server: https://api.prod.example.com:6443
        certificate-authority-data: dHJ1c3RlZA==
    users:
    - name: prod.example.com-admin
      user:
        client-certificate-data: Y2VydGlmaWNhdGU=
        client-key-data: a2V5
    contexts:
    - name: prod.example.com
      context:
        cluster: prod.example.com
        user: prod.example.com-admin
    current-context: prod.example.com
    ");
}

#[test]
fn merging_changes_our_entries_and_nothing_else() {
    let merged = value(&ours().merge(&secret(THEIRS), Current::Keep).expect("merged"));
    let mut expected = value(&secret(THEIRS));
    expected["clusters"][1] = json!({ "name": "prod.example.com", "cluster": {
        "server": "https://api.prod.example.com:6443",
        "tls-server-name": "api",
        "certificate-authority-data": "dHJ1c3RlZA==",
    }});
    expected["users"][1] = json!({ "name": "prod.example.com-admin", "user": {
        "extensions": [{ "name": "x", "extension": { "a": 1 } }],
        "client-certificate-data": "Y2VydGlmaWNhdGU=",
        "client-key-data": "a2V5",
    }});
    assert_eq!(merged, expected);
    assert_eq!(merged["clusters"][0]["cluster"]["insecure-skip-tls-verify"], json!(true));
    assert_eq!(merged["contexts"][1]["context"]["namespace"], json!("web"));
    let switched = value(&ours().merge(&secret(THEIRS), Current::Switch).expect("merged"));
    assert_eq!(switched["current-context"], json!("prod.example.com"));
}

#[test]
fn merging_twice_is_merging_once() {
    let once = ours().merge(&secret(THEIRS), Current::Switch).expect("merged");
    let twice = ours().merge(&once, Current::Switch).expect("merged");
    assert_eq!(once.expose_text(), twice.expose_text());
    for empty in ["", "\n", "---\n", "null", "{}", "\u{feff}apiVersion: v1\nkind: Config\nclusters: null\n"] {
        let merged = ours().merge(&secret(empty), Current::Keep).expect("merged");
        assert_eq!(value(&merged), value(&ours().document()), "{empty:?}");
    }
}

#[test]
fn two_entries_of_one_name_become_one() {
    let theirs = "clusters: [{name: prod.example.com, cluster: {server: a}}, {name: prod.example.com, cluster: {}}]";
    let merged = value(&ours().merge(&secret(theirs), Current::Keep).expect("merged"));
    assert_eq!(merged["clusters"].as_array().map(Vec::len), Some(1));
}

#[test]
fn removing_takes_what_nobody_else_uses() {
    let merged = ours().merge(&secret(THEIRS), Current::Switch).expect("merged");
    let removed = value(&remove(&merged, "prod.example.com").expect("a kubeconfig").expect("it was there"));
    let mut expected = value(&secret(THEIRS));
    for list in ["clusters", "users", "contexts"] {
        expected[list].as_array_mut().expect("a list").remove(1);
    }
    expected["current-context"] = json!("");
    assert_eq!(removed, expected);
    assert!(remove(&secret(THEIRS), "nothing").expect("a kubeconfig").is_none());
    let shared = format!("{}- context: {{cluster: prod.example.com, user: work}}\n  name: other\n", {
        let (before, _) = THEIRS.split_once("something-new").expect("there");
        before
    });
    let removed = value(&remove(&secret(&shared), "prod.example.com").expect("a kubeconfig").expect("it was there"));
    assert_eq!(removed["clusters"].as_array().map(Vec::len), Some(2), "another context needs it");
    assert_eq!(removed["users"].as_array().map(Vec::len), Some(1));
}

#[test]
fn what_cannot_be_understood_is_refused_and_not_shown() {
    for (text, expected) in [
        ("a: b: hunter2", "not valid YAML"),
        ("users: [hunter2", "not valid YAML"),
        ("a: 1\na: 2\nhunter2: 3", "not valid YAML"),
        ("- hunter2", "its top is not a mapping"),
        ("hunter2", "its top is not a mapping"),
        ("kind: Secret\ndata: {a: hunter2}", "its kind is not Config"),
        ("users: {a: hunter2}", "must be lists of mappings"),
        ("users: [hunter2]", "must be lists of mappings"),
        ("a: 1\n---\nb: hunter2\n", "it has several documents"),
    ] {
        let refused = ours().merge(&secret(text), Current::Keep).expect_err(text).to_string();
        assert!(refused.contains(expected) && refused.contains("not changed"), "{text:?}: {refused}");
        assert!(!refused.contains("hunter2"), "{refused}");
    }
    assert!(ours().merge(&Secret::new(vec![0xff, 0xfe]), Current::Keep).is_err());
}

/// Any document, with the words that readers trip over.
fn anything() -> impl Strategy<Value = Value> {
    let word = prop_oneof![
        any::<String>(),
        "[-~=!&*?|>%@`#:,{}\\[\\]'\" \\t\\n\\ra-z0-9.]{0,6}",
        "(yes|No|on|null|0x1f|1e3|12:30|2026-11-20|<<|true)",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        word.clone().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 5, move |inner| {
        let items = prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from);
        let fields = prop::collection::btree_map(word.clone(), inner, 0..4);
        prop_oneof![items, fields.prop_map(|fields| Value::Object(fields.into_iter().collect()))]
    })
}

proptest! {
    #[test]
    fn whatever_is_written_is_read_again(document in anything()) {
        let document = json!({ "something": document });
        let written = write::yaml(&document);
        prop_assert_eq!(value(&written), document, "{}", written.expose_text().expect("text"));
    }

    #[test]
    fn unknown_fields_anywhere_survive(extra in anything()) {
        let mut document = value(&secret(THEIRS));
        document["extra"] = extra.clone();
        document["clusters"][1]["cluster"]["extra"] = extra.clone();
        document["contexts"][0]["context"]["extra"] = extra;
        let before = write::yaml(&document);
        let merged = value(&ours().merge(&before, Current::Keep).expect("merged"));
        prop_assert_eq!(&merged["extra"], &document["extra"]);
        prop_assert_eq!(&merged["clusters"][1]["cluster"]["extra"], &document["extra"]);
        prop_assert_eq!(&merged["contexts"][0], &document["contexts"][0]);
    }

    #[test]
    fn no_text_at_all_is_a_panic(text: String) {
        let _ = ours().merge(&secret(&text), Current::Keep);
        let _ = remove(&secret(&format!("contexts:\n- {text}")), "a");
    }
}

/// kubectl reads what was merged as what it read before, and our context beside it.
#[test]
fn kubectl_reads_a_merged_file() {
    let merged = ours().merge(&secret(THEIRS), Current::Switch).expect("merged");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("config");
    std::fs::write(&path, merged.expose()).expect("written");
    let output = std::process::Command::new("kubectl")
        .args(["config", "view", "--raw", "-o", "json", "--kubeconfig"])
        .arg(&path)
        .env("HOME", folder.path())
        .output();
    let output = match output {
        Ok(output) => output,
        Err(error) => {
            panic!("cannot run kubectl: {error}\nhint: this test needs it, for example `apt install kubernetes-client`")
        }
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let seen: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(seen["current-context"], json!("prod.example.com"));
    let of = |list: &str, name: &str| {
        let items = seen[list].as_array().expect("a list").iter();
        items.clone().find(|item| item["name"] == name).cloned().expect("there")
    };
    assert_eq!(of("clusters", "work")["cluster"]["insecure-skip-tls-verify"], json!(true));
    assert_eq!(of("clusters", "prod.example.com")["cluster"]["certificate-authority-data"], json!("dHJ1c3RlZA=="));
    let arguments = json!(["eks", "get-token", "--cluster-name", "on", "1e3", "007", "a: b", "# no", ""]);
    assert_eq!(of("users", "work")["user"]["exec"]["args"], arguments);
    assert_eq!(of("users", "work")["user"]["exec"]["env"][0]["value"], json!("null"));
    assert_eq!(of("users", "prod.example.com-admin")["user"]["client-key-data"], json!("a2V5"));
    assert_eq!(of("contexts", "work")["context"]["namespace"], json!("y"));
}

#[test]
fn text_stays_text_for_every_reader() {
    for word in
        ["yes", "No", "on", "null", "~", "1e3", "0x1f", "12:30:45", "2026-11-20", "a b", "a:", "é", "-", "=", ""]
    {
        let written = write::yaml(&json!({ "k": [word, { "x": word }], word: 1 }));
        let text = written.expose_text().expect("text");
        assert_eq!(value(&written), json!({ "k": [word, { "x": word }], word: 1 }), "{text}");
        assert!(text.contains(&format!("- {}", json!(word))), "{text}");
    }
}

#[test]
fn files_of_certificates_are_referred_to() {
    let files = Kubeconfig {
        trust: Trust::File(String::from("/etc/kubernetes/pki/ca.crt")),
        credentials: Credentials::Files {
            certificate: String::from("/etc/kubernetes/pki/a.pem"),
            key: String::from("/etc/kubernetes/pki/a.pem"),
        },
        ..ours()
    };
    let document = value(&files.document());
    assert_eq!(document["clusters"][0]["cluster"]["certificate-authority"], json!("/etc/kubernetes/pki/ca.crt"));
    assert_eq!(document["users"][0]["user"]["client-key"], json!("/etc/kubernetes/pki/a.pem"));
}
