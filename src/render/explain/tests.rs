use super::*;
use crate::render::testing::{Fixture, place};

fn rendered() -> Rendered {
    let fixture = Fixture::new(&[
        ("windlass.yaml", "layers: [{match: 'prod-*', vars: [env/prod.yaml]}]"),
        ("vars/common.yaml", "spot:\n  size: 4x\n  max: 10\n  old: 1\nzones: [a, b]\n"),
        ("vars/env/prod.yaml", "spot:\n  max: 100\n  old: null\n"),
        (
            "templates/1.yaml.j2",
            "{% for zone in zones %}\n---\nkind: NodeGroup\nmetadata: {name: spot-{{ zone }}}\nspec:\n  {{ snippet(spot.size ~ '.yaml') | indent(2) }}\n{% endfor %}\n",
        ),
        ("snippets/4x.yaml", "maxSize: {{ spot.max }}\nzones: [\"{{ zone | default('?') }}\"]\n"),
    ]);
    fixture.render().expect("rendered")
}

fn shown(explanations: &[Explanation]) -> String {
    let mut lines = Vec::new();
    for one in explanations {
        lines.push(format!("{} = {}", one.subject, one.value));
        lines.extend(one.printed_by.iter().map(|one| format!("  {}", place(one))));
        for var in &one.vars {
            lines.push(format!("  {}", var.path));
            lines.extend(
                var.layers.iter().map(|word| format!("    {} {} {}", word.action, word.value, place(&word.place))),
            );
        }
        lines.extend(one.used_in.iter().map(|one| format!("  {}", place(one))));
    }
    lines.join("\n")
}

#[test]
fn a_key_of_the_vars_shows_every_layer_and_where_it_is_printed() {
    let rendered = rendered();
    let explained =
        ["spot.max", "zones[1]", "spot", "cluster.name"].map(|path| shown(&rendered.explain(path).expect("explained")));
    insta::assert_snapshot!(explained.join("\n\n"));
}

#[test]
fn a_rendered_field_shows_template_snippet_and_vars() {
    let rendered = rendered();
    let explained = ["spec.maxSize", "NodeGroup/spot-b:metadata.name", "NodeGroup:spec.zones[0]"]
        .map(|path| shown(&rendered.explain(path).expect("explained")));
    insta::assert_snapshot!(explained.join("\n\n"));
}

#[test]
fn what_is_not_there_gets_a_hint() {
    let rendered = rendered();
    let told = ["spot.mx", "spot.old", "zones[7]", "nothing", "spec.nothing"].map(|path| {
        let problem = rendered.explain(path).expect_err("nothing there");
        format!("{} | {}", problem.message, problem.hint.unwrap_or_default())
    });
    insta::assert_snapshot!(told.join("\n"));
}
