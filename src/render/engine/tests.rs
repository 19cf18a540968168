mod hostile;
mod origins;

use crate::render::testing::{Fixture, mistake, text, with};

const VARS: &str = "\
a: word
region: eu-west-3
spot: {max: 1, a: {d: 1}}
zones: [a, b]
gone: {x: null, y: 1}
";

/// All mistakes of one kind, as a person would see them.
fn mistakes(templates: &[&str]) -> String {
    let others = [
        ("vars/common.yaml", "gone:\n  x: 1\n"),
        ("snippets/4x_machine.yaml", "x: {{ foo }}"),
        ("snippets/bad.yaml", "x: 1\ny: {{ spot.min }}\n"),
        ("snippets/outer.yaml", "{{ snippet('bad.yaml') }}"),
    ];
    let told = templates.iter().map(|template| format!("=== {template}\n{}", mistake(template, VARS, &others)));
    told.collect::<Vec<_>>().join("\n\n")
}

#[test]
fn values_print_as_yaml_reads_them() {
    let vars = "word: yes\nflag: true\nnumber: 1.5\nlist: [a, b]\nmap: {k: v, n: [1]}\ntext: \"a\\nb\"\n";
    let template = "{{ word }} {{ flag }} {{ number }} {{ list }} {{ map }} {{ none }} {{ text }} {{ cluster.name }}";
    assert_eq!(
        text(template, vars),
        "yes true 1.5 [\"a\",\"b\"] {\"k\":\"v\",\"n\":[1]} null a\nb prod-customer.k8s.foo.bar"
    );
}

#[test]
fn a_line_that_holds_only_a_block_leaves_no_line() {
    let template = "list:\n  {% for zone in zones %}\n  - {{ zone }}\n  {% endfor %}\nend: 1\n";
    assert_eq!(text(template, VARS), "list:\n  - a\n  - b\nend: 1\n");
}

#[test]
fn a_snippet_sees_the_vars_and_is_indented_in_place() {
    let template = "group:\n    {{ snippet(size ~ '_machine_type.yaml') | indent(4) }}\nend: 1\n";
    let snippet = "machineTypes:\n  {% for type in types %}\n  - {{ type }}\n  {% endfor %}\n\nspot: true\n";
    let fixture = with(
        template,
        "size: 4x_32Gb\ntypes: [m5.xlarge, m6i.xlarge]\n",
        &[("snippets/types/4x_32Gb_machine_type.yaml", snippet)],
    );
    assert_eq!(
        fixture.render().expect("rendered").documents[0].text(),
        "group:\n    machineTypes:\n      - m5.xlarge\n      - m6i.xlarge\n\n    spot: true\nend: 1\n"
    );
}

#[test]
fn an_include_sees_loop_variables_and_a_macro_can_be_imported() {
    let fixture = with(
        "{% import 'macros.yaml' as m %}\n{% for zone in zones %}\n{% include 'zone.yaml' %}\n{% endfor %}\n{{ m.twice(1) }}\n",
        VARS,
        &[
            ("snippets/zone.yaml", "- {{ zone }}\n"),
            ("snippets/macros.yaml", "{% macro twice(x) %}{{ x + x }} {{ region }}{% endmacro %}"),
        ],
    );
    assert_eq!(fixture.render().expect("rendered").documents[0].text(), "- a\n- b\n2 eu-west-3\n");
}

#[test]
fn filters_do_what_infrastructure_needs() {
    for (template, expected) in [
        ("{{ 'a\\nb\\n\\nc' | indent(2) }}", "a\n  b\n\n  c"),
        ("{{ 'a\\nb' | indent(2, true) }}", "  a\n  b"),
        ("{{ 'a\\nb' | indent(2, first=true) }}", "  a\n  b"),
        ("x:{{ 'a\\nb' | nindent(2) }}", "x:\n  a\n  b"),
        ("{{ 'say \"hi\"' | quote }} {{ 5 | quote }}", "\"say \\\"hi\\\"\" \"5\""),
        ("{{ 'hello' | b64encode }}", "aGVsbG8="),
        ("{{ nothing | default('x') }} {{ spot.nothing | default(5) }}", "x 5"),
        ("{{ region | required('say where') }}", "eu-west-3"),
        ("{{ '10.0.0.0/16' | cidrsubnet(4, 2) }}", "10.0.32.0/20"),
        ("{{ spot | to_yaml }}", "max: 1\na:\n  d: 1"),
        ("{{ zones | tojson }} {{ 'a<b' | tojson }}", "[\"a\",\"b\"] \"a<b\""),
        ("{{ zones | join(',') }} {{ zones | length }} {{ zones | first }}", "a,b 2 a"),
        ("{% for key, value in spot | items %}{{ key }} {% endfor %}", "max a "),
    ] {
        assert_eq!(text(template, VARS), expected, "{template}");
    }
}

#[test]
fn the_same_project_gives_the_same_bytes() {
    let fixture = with("{{ spot | to_yaml }}{{ spot }}{% for k in spot %}{{ k }}{% endfor %}", VARS, &[]);
    let first = fixture.render().expect("rendered").documents[0].text().to_owned();
    for _ in 0..5 {
        assert_eq!(fixture.render().expect("rendered").documents[0].text(), first);
    }
}

#[test]
fn templates_render_in_the_order_of_their_names() {
    let fixture = Fixture::new(&[
        ("templates/2_b.yaml.j2", "b: 1\n"),
        ("templates/1_a.yaml.j2", "a: 1\n"),
        ("templates/3/c.yaml.j2", "c: 1\n"),
    ]);
    let rendered = fixture.render().expect("rendered");
    let names: Vec<&str> = rendered.documents.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names, ["1_a.yaml", "2_b.yaml", "3/c.yaml"]);
}

#[test]
fn a_missing_key_names_the_line_and_the_nearest_key() {
    insta::assert_snapshot!(mistakes(&[
        "a: {{ regon }}\n",
        "x: 1\na: {{ spot.maxx }}\n",
        "a: {{ spot.a.b.c }}\n",
        "a: {{ zones[5] }}\n",
        "{% for zone in zon %}{% endfor %}",
        "{% for zone in zones %}{{ zome }}{% endfor %}",
        "{{ gone.x }}",
        "{{ a.b }}",
        "{{ cluster.nam }}",
        "{{ max }}",
        "{% set x = spot.q %}\n{{ x }}",
        "{{ spot.q ~ 'x' }}",
        "{% macro m(x) %}{{ x.y }}{% endmacro %}\n{{ m(spot) }}",
        "{{ spot.zone | required('say in which zone') }}",
        "{{ loop.index }}",
    ]));
}

#[test]
fn a_missing_snippet_names_the_nearest_one_and_an_inner_mistake_shows_who_called() {
    insta::assert_snapshot!(mistakes(&[
        "{{ snippet('4x_machin.yaml') }}",
        "{% include 'nope.yaml' %}",
        "{% import 'nope.yaml' as m %}",
        "{% extends 'nope.yaml' %}",
        "{{ snippet(1) }}",
        "{{ snippet('bad.yaml', 1) }}",
        "{{ snippet('bad.yaml') }}",
        "a: 1\n{% include 'outer.yaml' %}",
    ]));
}

#[test]
fn unknown_names_and_wrong_types_say_what_there_is() {
    insta::assert_snapshot!(mistakes(&[
        "{{ zones | joim(',') }}",
        "{{ snipet('a') }}",
        "{{ a is defind }}",
        "{{ a + 1 }}",
        "{{ snippet }}",
        "{{ spot.foo(1) }}",
        "{{ 'x' | cidrsubnet(1, 1) }}",
        "{{ a | indent(1000) }}",
        "{{ range(10000000) }}",
        "{{ debug() }}",
    ]));
}

#[test]
fn mistakes_of_syntax_say_what_to_write() {
    insta::assert_snapshot!(mistakes(&[
        "a\n  {% if %}\n",
        "{% for %}",
        "{{ 'a }}",
        "a: {{ a\n",
        "{% if a %}\n",
        "for x in ${#list[@]}; do",
        "{% raw %}",
        "{{ (a }}",
        "{% unles a %}",
        "{{ a ? b }}",
        "{% endfor %}",
    ]));
}

#[test]
fn all_broken_templates_are_told_at_once() {
    let fixture = Fixture::new(&[
        ("templates/1.yaml.j2", "{{ nope }}"),
        ("templates/2.yaml.j2", "fine"),
        ("templates/3.yaml.j2", "{{ neither }}"),
    ]);
    let problems = fixture.render().expect_err("two mistakes");
    let messages: Vec<&str> = problems.0.iter().map(|problem| problem.message.as_str()).collect();
    assert_eq!(messages, ["`nope` is not set", "`neither` is not set"]);
}

#[test]
fn two_snippets_of_one_name_are_refused() {
    let problems =
        with("a", "", &[("snippets/a/x.yaml", ""), ("snippets/b/x.yaml", "")]).render().expect_err("a clash");
    assert_eq!(problems.0[0].message, "two snippets are named \"x.yaml\": snippets/a/x.yaml and snippets/b/x.yaml");
}
