use super::*;
use crate::render::testing::told;
use crate::render::yaml;

fn layers(texts: &[&str]) -> Result<Arc<Var>, Problems> {
    let layers = texts.iter().enumerate().map(|(index, text)| {
        let source = Source::new(format!("vars/{index}.yaml"), *text);
        let node = yaml::mapping(&source).expect("valid YAML");
        (source, node)
    });
    merge(&layers.collect::<Vec<_>>())
}

/// A merged tree, a line for each value, with what each layer said.
fn shown(texts: &[&str]) -> String {
    let merged = layers(texts).unwrap_or_else(|problems| panic!("{}", told(&problems)));
    let mut lines = Vec::new();
    show(&merged, &mut lines);
    lines.join("\n")
}

fn show(var: &Var, lines: &mut Vec<String>) {
    let said = |settings: &[Setting]| {
        let each = settings.iter().map(|one| {
            format!("{:?} {} at {}:{}:{}", one.action, one.shown, one.source.name(), one.span.line, one.span.column)
        });
        each.collect::<Vec<_>>().join("; ")
    };
    if !var.path.is_empty() {
        lines.push(format!("{}: {}", var.path, said(&var.settings)));
    }
    match &var.value {
        VarValue::Sequence(items) => items.iter().for_each(|item| show(item, lines)),
        VarValue::Mapping { entries, removed } => {
            entries.iter().for_each(|(_, var)| show(var, lines));
            for (key, settings) in removed {
                lines.push(format!("({}.{key} removed): {}", var.path, said(settings)));
            }
        }
        _ => {}
    }
}

#[test]
fn mappings_merge_scalars_and_lists_are_replaced_and_null_removes() {
    insta::assert_snapshot!(shown(&[
        "region: eu-west-3\nspot:\n  min: 1\n  max: 10\n  zones: [a, b]\ntags: {team: platform, cost: x}\nold: {a: 1}\n",
        "spot:\n  max: 100\n  zones: [c]\ntags:\n  cost: null\nold: null\nnever: null\n",
        "spot: {price: 0.25}\nold: {b: 2}\ntags: plain\nlist:\n  - name: x\n    sizes: [1, 2]\n",
    ]));
}

#[test]
fn a_number_that_would_print_differently_is_refused() {
    let problems = layers(&["version: 1.30\nlist: [{price: 0.50}]\nfine: 0.5\n"]).expect_err("two numbers");
    insta::assert_snapshot!(told(&problems));
}

#[test]
fn keys_keep_the_order_of_the_first_layer_that_has_them() {
    let merged = layers(&["b: 1\na: 1\n", "c: 1\na: 2\n"]).expect("merged");
    assert_eq!(merged.keys().collect::<Vec<_>>(), ["b", "a", "c"]);
}
