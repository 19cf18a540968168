//! Where output comes from, word by word.

use crate::render::testing::{place, told, with};

/// Every word of the output with its places.
fn origins(template: &str, vars: &str, others: &[(&str, &str)]) -> String {
    let rendered = with(template, vars, others).render().unwrap_or_else(|problems| panic!("{}", told(&problems)));
    let file = &rendered.documents[0];
    let mut shown = String::new();
    for line in 1..=file.source.line_count() {
        let text = file.source.line(line);
        let mut at = 0;
        for word in text.split(' ') {
            if !word.is_empty() {
                shown.push_str(&format!("{line}:{} {word}\n", at + 1));
                for one in rendered.place("1.yaml", line, at + 1, word.chars().count()).iter().skip(1) {
                    shown.push_str(&format!("    {}\n", place(one)));
                }
            }
            at += word.chars().count() + 1;
        }
    }
    shown
}

#[test]
fn text_expressions_loops_and_conditions() {
    insta::assert_snapshot!(origins(
        "a: {{ a }} b\n{% for z in zones %}\n  - name: {{ z }}\n    x: {{ a ~ '-' ~ z }}\n{% endfor %}\n{% if a == 'x' %}\nyes: {{ groups.b.max }}\n{% else %}\nno: 1\n{% endif %}\n{% for k, g in groups | items %}\n{{ k }}: {{ g.max }}\n{% endfor %}\n{%- set n = groups.b.max -%}\n\n   n: {{ n }} {{ loop is defined }} {{ 5 }}\n",
        "a: x\nzones: [q, r]\ngroups:\n  b: {max: 5}\n  c: {max: 6}\n",
        &[],
    ));
}

#[test]
fn macros_set_blocks_nested_snippets_and_includes() {
    insta::assert_snapshot!(origins(
        "{% macro m(x) %}\nname: {{ x }}\nfix: 1\n{% endmacro %}\ntop:\n  {{ m(a) | indent(2) }}\n{% set y %}\nfoo: {{ a }}\n{% endset %}\n{{ y }}\nsnip:\n    {{ snippet(which ~ '.yaml') | indent(4) }}\n  {% include 'two.yaml' %}\n{%- include 'two.yaml' -%}\n  after: 1\n",
        "a: x\nwhich: one\n",
        &[
            ("snippets/one.yaml", "- s: 1\n  t: {{ a }}\n{{ snippet('two.yaml') }}\n"),
            ("snippets/two.yaml", "- two: {{ a }}\n  three: 3\n"),
        ],
    ));
}

#[test]
fn every_scalar_of_to_yaml_has_its_own_line() {
    insta::assert_snapshot!(origins(
        "end: {{ labels | to_yaml | nindent(2) }}\n",
        "labels:\n  l: 1\n  m:\n    - q\n    - 'true'\n    - |\n      a\n      b\n",
        &[],
    ));
}

#[test]
fn a_template_that_reacts_to_marks_still_gives_the_same_text_and_most_places() {
    insta::assert_snapshot!(origins(
        "{% set y %}foo{{ a }}{% endset %}\n{% if y == 'foox' %}\neq: {{ a }}\n{% else %}\nne: {{ a }}\n{% endif %}\nlen: {{ y | length }}\nend: {{ a }}\n",
        "a: x\n",
        &[],
    ));
}

#[test]
fn filters_see_no_marks() {
    insta::assert_snapshot!(origins(
        "{% set y %}a{{ a }}{% endset %}\n{{ y | b64encode }}\n{{ snippet('s.yaml') | quote }}\n{% set c %}10.0.{{ n }}.0/24{% endset %}\n{{ c | cidrsubnet(1, 1) }}\n{{ snippet('s' ~ y[0:0] ~ '.yaml') }}\n",
        "a: x\nn: 5\n",
        &[("snippets/s.yaml", "s: 1\n")],
    ));
}

#[test]
fn a_place_in_the_text_of_a_template_keeps_its_column() {
    let rendered = with("    first: second  # third\n", "", &[]).render().expect("rendered");
    let places = rendered.place("1.yaml", 1, 12, 6);
    assert_eq!(place(&places[1]), "templates/1.yaml.j2:1:12 `second` from this template line");
}

#[test]
fn vars_that_contain_the_marks_characters_do_no_harm() {
    let rendered = with("a: {{ a }}\n", "a: \"x\u{f0001}\u{f0010}\u{f0003}y\"\n", &[]).render().expect("rendered");
    assert_eq!(rendered.documents[0].text(), "a: x\u{f0001}\u{f0010}\u{f0003}y\n");
    assert!(!rendered.place("1.yaml", 1, 4, 1).is_empty());
}
