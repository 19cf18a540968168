//! Templates that mean harm: a clear mistake with its place, soon, and no panic.

use proptest::prelude::*;

use crate::render::engine::Engine;
use crate::render::source::Source;
use crate::render::testing::{Fixture, mistake, with};

/// What a person sees, lines cut to a readable length.
fn told(template: &str, others: &[(&str, &str)]) -> String {
    let told = mistake(template, "a: word\nzones: [a]\n", others);
    let lines = told.lines().map(|line| line.chars().take(110).collect::<String>());
    lines.take(8).collect::<Vec<_>>().join("\n")
}

#[test]
fn too_much_work_stops_with_the_place() {
    let output = format!("{{% for a in range(99999) %}}\n{}\n{{% endfor %}}", "x".repeat(500));
    let captured = format!(
        "{{% set z %}}\n{{% for a in range(99999) %}}\n{{% for b in range(99) %}}\n{}\n{{% endfor %}}\n{{% endfor %}}\n{{% endset %}}",
        "x".repeat(5000)
    );
    let bomb = [
        ("snippets/a.yaml", "{% for i in range(1000) %}{{ snippet('b.yaml') }}{% endfor %}"),
        ("snippets/b.yaml", "{% for i in range(1000) %}{{ snippet('c.yaml') }}{% endfor %}"),
        ("snippets/c.yaml", "{% for i in range(1000) %}x{% endfor %}"),
    ];
    insta::assert_snapshot!(
        [
            told("{% for a in range(9999) %}\n{% for b in range(9999) %}\n{{ b }}\n{% endfor %}\n{% endfor %}", &[]),
            told(&output, &[]),
            told(&captured, &[]),
            told("a:\n{{ snippet('a.yaml') }}", &bomb),
            told("{% for i in range(30000) %}\n{{ zones[0] * 500 }}\n{% endfor %}", &[]),
            told(&format!("{{% set x = 'abcdefgh' %}}\n{}", "{% set x = x ~ x %}\n".repeat(40)), &[]),
            told(
                &format!(
                    "{{% set x %}}abcdefgh{{% endset %}}\n{}",
                    "{% set x %}{{ x }}{{ x }}{% endset %}\n".repeat(40)
                ),
                &[]
            ),
            told("{{ 'a' * 90000000 }}", &[]),
            told("{{ [1] * 90000000 }}", &[]),
            told("{{ ('a' * 1000000) | replace('a', 'b' * 1000) }}", &[]),
            told("{{ range(9999) | join('b' * 10000) }}", &[]),
        ]
        .join("\n\n")
    );
}

#[test]
fn endless_recursion_stops_with_the_place() {
    let own = [("snippets/a.yaml", "{% include 'a.yaml' %}")];
    let both = [("snippets/a.yaml", "a: {{ snippet('b.yaml') }}"), ("snippets/b.yaml", "{{ snippet('a.yaml') }}")];
    let mixed = [(
        "snippets/a.yaml",
        "{% macro m(x) %}{% if x > 0 %}{{ m(x - 1) }}{% else %}{{ snippet('a.yaml') }}{% endif %}{% endmacro %}{{ m(5) }}",
    )];
    let nested = "{% for a in [1] %}".repeat(100) + &"{% endfor %}".repeat(100);
    insta::assert_snapshot!(
        [
            told("{% macro m(x) %}{{ m(x) }}{% endmacro %}\n{{ m(1) }}", &[]),
            told("{% include 'a.yaml' %}", &own),
            told("{{ snippet('a.yaml') }}", &both),
            told("{{ snippet('a.yaml') }}", &mixed),
            told("{% for a in [[1]] recursive %}{{ loop([[1]]) }}{% endfor %}", &[]),
            told(&nested, &[]),
        ]
        .join("\n\n")
    );
}

#[test]
fn what_would_take_the_parser_too_far_is_refused() {
    insta::assert_snapshot!(
        [
            told(&format!("{{{{ {}1{} }}}}", "(".repeat(5000), ")".repeat(5000)), &[]),
            told(&format!("{{{{ {} }}}}", vec!["a"; 20000].join("~")), &[]),
            told(&format!("{{{{ {}a }}}}", "not ".repeat(5000)), &[]),
            told(&("{% if true %}".repeat(200) + &"{% endif %}".repeat(200)), &[]),
            told(&format!("{{% if 0 %}}{}{{% endif %}}", "{% elif 0 %}x".repeat(2000)), &[]),
        ]
        .join("\n\n")
    );
}

#[test]
fn no_template_reads_another_file() {
    insta::assert_snapshot!(
        [
            told("{% include '../../etc/passwd' %}", &[]),
            told("{{ snippet('/etc/passwd') }}", &[]),
            told("{% include '../windlass.yaml' %}", &[]),
            told("{{ snippet('..\\\\vars\\\\common.yaml') }}", &[]),
            told("{% include 'templates/1.yaml.j2' %}", &[]),
            told("{% extends '/etc/passwd' %}", &[]),
            told("{% from '/proc/self/environ' import x %}", &[]),
        ]
        .join("\n\n")
    );
}

#[cfg(unix)]
#[test]
fn links_that_lead_out_of_the_project_are_refused() {
    let outside = tempfile::tempdir().expect("a directory");
    std::fs::write(outside.path().join("secret.yaml"), "password").expect("a file");
    for (link, target) in [
        ("snippets/leak.yaml", outside.path().join("secret.yaml")),
        ("snippets/folder", outside.path().to_owned()),
        ("templates", outside.path().to_owned()),
        ("vars/common.yaml", outside.path().join("secret.yaml")),
    ] {
        let fixture = Fixture::new(&[("snippets/other.yaml", "")]);
        std::os::unix::fs::symlink(target, fixture.path().join(link)).expect("a link");
        let problems = fixture.render().expect_err(link);
        assert!(problems.0[0].message.contains("a link that leads out of the project"), "{link}: {problems:?}");
    }
}

#[cfg(unix)]
#[test]
fn a_link_inside_the_project_is_followed_and_a_circle_of_links_ends() {
    let fixture = with("{{ snippet('b.yaml') }}", "", &[("snippets/a.yaml", "fine")]);
    std::os::unix::fs::symlink("a.yaml", fixture.path().join("snippets/b.yaml")).expect("a link");
    assert_eq!(fixture.render().expect("rendered").documents[0].text(), "fine");
    std::os::unix::fs::symlink(".", fixture.path().join("snippets/circle")).expect("a link");
    assert!(fixture.render().is_err());
}

#[test]
fn files_that_are_too_large_or_no_text_are_refused() {
    let fixture = with("a", "", &[("snippets/large.yaml", &"x".repeat(1024 * 1024 + 1))]);
    assert!(fixture.render().expect_err("too large").0[0].message.contains("at most 1048576 are read"));
    let fixture = with("a", "", &[]);
    std::fs::write(fixture.path().join("snippets.yaml"), "").expect("a file");
    std::fs::create_dir(fixture.path().join("snippets")).expect("a directory");
    std::fs::write(fixture.path().join("snippets/binary"), b"a\nb\xff").expect("a file");
    let problem = &fixture.render().expect_err("no text").0[0];
    assert_eq!(problem.message, "cannot read snippets/binary: it is not UTF-8");
    assert_eq!((problem.places[0].line, problem.places[0].column), (2, 2));
}

proptest! {
    /// Whatever stands in a template, the answer is a text or a problem, and marks change nothing.
    #[test]
    fn no_template_makes_the_engine_panic(
        template in r"(\{\{ ?-?|-? ?\}\}|\{% ?-?|-? ?%\}|\{#|#\}|if a|else|endif|for z in zones|endfor|include 's.yaml'|set x = a|raw|endraw|a|zones\[0\]|\||upper|indent\(2\)|'|\(|\)|~|\n|  |é|x: ){0,24}"
    ) {
        let vars = "a: word\nzones: [a, b]\n";
        let layer = crate::render::yaml::mapping(&Source::new("vars/common.yaml", vars)).expect("vars");
        let vars = crate::render::layers::merge(&[(Source::new("vars/common.yaml", vars), layer)]).expect("merged");
        let snippet = Source::new("snippets/s.yaml", "s: {{ a }}\n");
        if let Ok(engine) = Engine::new(vec![Source::new("templates/1.yaml.j2", template)], Vec::new(), vec![snippet])
            && let Ok(files) = engine.render(&vars, engine.templates())
        {
            let provenance = engine.provenance(&vars, "templates/1.yaml.j2", &files[0]);
            prop_assert!(provenance.is_some_and(|provenance| provenance.is_exact()), "marks changed the text");
        }
    }
}
