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
