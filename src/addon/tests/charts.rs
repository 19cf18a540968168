//! Charts: what is asked of helm, and what is said of what it prints.

use std::cell::RefCell;

use super::*;

const LISTED: &str = "    - name: ingress\n      namespace: ingress\n      chart:\n        repository: https://charts.foo.bar\n        name: ingress-nginx\n        version: 4.13.0\n        values: { a: 1 }\n";

/// Prints a text, and keeps what it was asked for.
struct Printed {
    text: String,
    asked: RefCell<Vec<String>>,
}

impl Charts for Printed {
    fn template(&self, call: &ChartCall<'_>) -> Result<String, Problem> {
        self.asked.borrow_mut().push(format!("{call:?}"));
        Ok(self.text.clone())
    }
}

fn printing(text: &str) -> Printed {
    Printed { text: text.to_owned(), asked: RefCell::default() }
}

#[test]
fn a_chart_is_asked_for_with_everything_that_the_manifest_says() {
    let charts =
        printing("---\n# Source: nothing\n---\napiVersion: v1\nkind: Namespace\nmetadata: { name: ingress }\n");
    let addons = of(LISTED, &[], &charts).expect("good");
    assert_eq!(addons.list[0].objects[0].key().to_string(), "Namespace ingress");
    assert_eq!(
        charts.asked.borrow().as_slice(),
        [
            "ChartCall { release: \"ingress\", namespace: \"ingress\", chart: Chart { repository: \"https://charts.foo.bar\", \
          name: \"ingress-nginx\", version: \"4.13.0\", values: {\"a\": Number(1)} }, kubernetes: KubernetesVersion { \
          major: 1, minor: 34, patch: 2 } }"
        ]
    );
}

#[test]
fn templates_may_stand_beside_a_chart() {
    let charts = printing(DEPLOYMENT);
    let files =
        [("addons/ingress.yaml.j2", "apiVersion: v1\nkind: Namespace\nmetadata: { name: {{ addon.namespace }} }\n")];
    let addons = of(LISTED, &files, &charts).expect("good");
    let names: Vec<String> = addons.list[0].objects.iter().map(|object| object.key().to_string()).collect();
    assert_eq!(names, ["Namespace ingress", "Deployment ingress/web"]);
    assert_eq!(addons.list[0].objects[1].place.file, "rendered chart ingress-nginx 4.13.0 of add-on ingress");
}

#[test]
fn a_chart_breaks_policies_with_a_warning_and_types_with_an_error() {
    let policies = changed(&[(":1.2", ""), ("requests: { cpu: 10m, memory: 16Mi }", "")]);
    let types = changed(&[("replicas: 2", "replcas: 2")]);
    insta::assert_snapshot!(
        [
            answer(of(LISTED, &[], &printing(&policies))),
            answer(of(LISTED, &[], &printing(&types))),
            answer(of(LISTED, &[], &printing("a: [\n"))),
            answer(of(LISTED, &[], &NoCharts)),
        ]
        .join("\n\n")
    );
}

#[test]
fn hooks_are_applied_or_left_out() {
    let hook = |name: &str, moments: &str| {
        format!(
            "---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n  namespace: default\n  annotations:\n    \
             helm.sh/hook: {moments}\n"
        )
    };
    let text =
        [hook("a", "pre-install,pre-upgrade"), hook("b", "test"), hook("c", "pre-delete, post-rollback")].concat();
    let addons = of(LISTED, &[], &printing(&text)).expect("good");
    let names: Vec<String> = addons.list[0].objects.iter().map(|object| object.key().to_string()).collect();
    assert_eq!(names, ["ConfigMap default/a"]);
    assert_eq!(
        told(&Problems(addons.warnings)),
        "ConfigMap a is a hook of the chart (pre-install,pre-upgrade), and is applied like any other object\n  \
         rendered chart ingress-nginx 4.13.0 of add-on ingress:8:19 `pre-install,pre-upgrade` \n  \
         hint: look whether a value of the chart switches it off"
    );
}

#[test]
fn plain_words_are_read_as_helm_reads_them() {
    let extra = "      hostNetwork: no\n      volumes: [{ name: a, configMap: { name: a, defaultMode: 0644 } }]\n      containers:";
    let text = changed(&[("      containers:", extra), ("name: web\n", "name: web\n  namespace: default\n")]);
    let addons = of(LISTED, &[], &printing(&text)).expect("good");
    let spec = &addons.list[0].objects[0].value["spec"]["template"]["spec"];
    assert_eq!((&spec["hostNetwork"], &spec["volumes"][0]["configMap"]["defaultMode"]), (&false.into(), &420.into()));
}
