use super::*;
use crate::render::testing::with;

const PLAIN: Style = Style { color: false, width: 100 };

fn place(file: &str, line: usize, column: usize, length: usize, text: &str, label: &str) -> Place {
    Place { file: file.to_owned(), line, column, length, text: text.to_owned(), label: label.to_owned() }
}

fn several() -> Problems {
    Problems(vec![
        Problem::error("unknown field \"minsize\" in NodeGroup.spec")
            .at(place("rendered 3_spot-nodes.yaml", 104, 3, 7, "  minsize: 1", ""))
            .at(place(
                "templates/3_spot-nodes.yaml.j2",
                12,
                3,
                7,
                "  minsize: {{ group.min }}",
                "from this template line",
            ))
            .at(place("vars/common.yaml", 7, 10, 1, "    min: 1", "value set here"))
            .hint("did you mean `minSize`?"),
        Problem::warning("fewer than 12 instance types on spot").at(place("a.yaml", 1, 1, 40, "types: [é, ü]", "here")),
        Problem::error("no windlass.yaml in /home or above it").hint("start one with `windlass init`"),
        Problem::error("nothing to add"),
    ])
}

#[test]
fn problems_look_like_a_compilers() {
    insta::assert_snapshot!(text(&several(), PLAIN));
}

#[test]
fn colours_are_there_when_wanted() {
    let colored = text(&several(), Style { color: true, width: 100 });
    assert!(colored.contains("\u{1b}["));
    let plain = anstream::adapter::strip_str(&colored).to_string();
    assert_eq!(plain, text(&several(), PLAIN));
}

#[test]
fn json_has_counts_and_places() {
    insta::assert_snapshot!(serde_json::to_string_pretty(&json(&several())).expect("JSON"));
}

#[test]
fn no_problem_is_no_text() {
    assert_eq!(text(&Problems::default(), PLAIN), "");
}

#[test]
fn a_file_cannot_send_commands_to_the_terminal() {
    let line = "a: \u{1b}[31mred\u{1b}]0;title\u{7} \u{202e}x";
    let problems =
        Problems(vec![Problem::error("bad \u{1b}[31m\nthing").at(place("a\u{1b}.yaml", 1, 4, 3, line, "\u{1b}[2J"))]);
    let shown = text(&problems, PLAIN);
    assert!(!shown.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{shown:?}");
}

#[test]
fn a_huge_line_and_a_place_behind_its_end_are_shown_in_short() {
    let line = format!("{}key: value{}", "x".repeat(500), "y".repeat(100_000));
    let problems = Problems(vec![
        Problem::error("long").at(place("a.yaml", 1, 501, 3, &line, "here")),
        Problem::error("behind").at(place("a.yaml", 1, 900, 30, "short", "here")),
        Problem::error("empty").at(place("a.yaml", 9, 1, 1, "", "here")),
    ]);
    let shown = text(&problems, PLAIN);
    assert!(shown.lines().all(|line| line.chars().count() < 200), "{shown}");
    insta::assert_snapshot!(shown);
}

#[test]
fn a_mistake_in_a_template_reads_well() {
    let fixture = with(
        "kind: NodeGroup\nspec:\n  {{ snippet('size.yaml') | indent(2) }}\n",
        "spot:\n  min: 1\n  max: 100\n",
        &[("snippets/size.yaml", "minSize: {{ spot.min }}\nmaxSize: {{ spot.maxx }}\n")],
    );
    insta::assert_snapshot!(text(&fixture.render().expect_err("a mistake"), PLAIN));
}
