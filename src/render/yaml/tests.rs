use proptest::prelude::*;

use super::*;
use crate::render::testing::told;

fn node(text: &str) -> Node {
    mapping(&Source::new("vars/a.yaml", text)).unwrap_or_else(|problem| panic!("{}", told(&problem.into())))
}

fn mistake(text: &str) -> String {
    match mapping(&Source::new("vars/a.yaml", text)) {
        Ok(node) => format!("no mistake: {:?}", node.value),
        Err(problem) => told(&problem.into()),
    }
}

#[test]
fn every_key_and_value_knows_its_place() {
    let tree = node("a: 1\nb:\n  - x\n  - y: 'q'\n    z: 1.30\n");
    let b = tree.as_mapping().and_then(|mapping| mapping.entry("b")).expect("b");
    assert_eq!(b.key.span, Span::new(2, 1, 1));
    let items = b.value.as_sequence().expect("a list");
    assert_eq!(items[0].span, Span::new(3, 5, 1));
    let y = items[1].get("y").expect("y");
    assert_eq!((y.as_str(), y.span), (Some("q"), Span::new(4, 8, 3)));
    assert_eq!(items[1].get("z").map(|z| &z.value), Some(&Value::Float(1.3, String::from("1.30"))));
}

#[test]
fn columns_count_characters() {
    let tree = node("ä: ü # x\n\"ö ö\": {ß: 'é é', z: 1}\n");
    let entry = tree.as_mapping().and_then(|mapping| mapping.entry("ö ö")).expect("a key");
    assert_eq!(entry.key.span, Span::new(2, 1, 5));
    assert_eq!(entry.value.get("ß").map(|value| value.span), Some(Span::new(2, 12, 5)));
    assert_eq!(entry.value.get("z").map(|value| value.span), Some(Span::new(2, 22, 1)));
}

#[test]
fn words_stay_words_and_only_true_and_false_are_booleans() {
    let tree = node(
        "a: no\nb: yes\nc: on\nd: true\ne: 'true'\nf: 2020-01-01\ng: 012345678901\nh: ~\ni:\nj: 0x1F\nk: !!str 5\n",
    );
    let kinds: Vec<_> = tree.as_mapping().expect("a mapping").entries().iter().map(|one| one.value.kind()).collect();
    assert_eq!(
        kinds,
        [
            "a string",
            "a string",
            "a string",
            "a boolean",
            "a string",
            "a string",
            "a string",
            "nothing",
            "nothing",
            "an integer",
            "a string"
        ]
    );
}

#[test]
fn an_empty_file_is_an_empty_mapping() {
    for text in ["", "# only a comment\n", "---\n", "\u{feff}"] {
        assert_eq!(node(text).as_mapping().map(Mapping::is_empty), Some(true), "{text:?}");
    }
}

#[test]
fn windows_files_read_like_others() {
    let tree = node("\u{feff}a: 1\r\nb:\r\n  - x y\r\n");
    assert_eq!(tree.get("a").map(|a| a.span), Some(Span::new(1, 4, 1)));
    assert_eq!(tree.get("b").and_then(Node::as_sequence).map(|items| items[0].span), Some(Span::new(3, 5, 3)));
}

#[test]
fn documents_are_read_one_by_one_and_empty_ones_left_out() {
    let source = Source::new("a", "---\na: 1\n---\n---\nb: 2\n...\n");
    let documents = documents(&source).expect("two documents");
    assert_eq!(documents.len(), 2);
    assert_eq!(documents[1].get("b").map(|b| b.span), Some(Span::new(5, 4, 1)));
}

#[test]
fn an_alias_stands_where_its_anchor_does() {
    let tree = node("a: &x\n  k: 1\nb: *x\nc:\n  <<: *x\n  l: 2\n");
    assert_eq!(tree.get("b").and_then(|b| b.get("k")).map(|k| k.span), Some(Span::new(2, 6, 1)));
    assert_eq!(tree.get("c").and_then(|c| c.get("k")).map(|k| k.span), Some(Span::new(2, 6, 1)));
}

#[test]
fn mistakes_have_a_place_and_say_what_to_do() {
    let told = [
        "a: 1\nb: 2\na: 3\n",
        "x:\n  a: 1\ny:\n  a: 1\n  a: 2\n",
        "a: {b: 1, b: 2}\n",
        "a: 1\n\tb: 2\n",
        "a:\n\tb: 2\n",
        "a: b: c\n",
        "a: 1\nb: \"open\n",
        "a: [1, 2\nb: 3\n",
        "a: @x\n",
        "a: {{ x }}\n",
        "a: *nope\n",
        "a: 99999999999999999999\n",
        "a: .inf\n",
        "? [a, b]\n: 1\n",
        "  a: 1\n b: 2\n",
        "- a\nb: 1\n",
        "a: x\u{0}y\n",
        "text\n",
        "- a\n",
        "a: 1\n---\nb: 1\n",
    ]
    .map(|text| format!("=== {text:?}\n{}", mistake(text)));
    insta::assert_snapshot!(told.join("\n\n"));
}

#[test]
fn bombs_and_deep_files_are_refused() {
    let laughs: String = std::iter::once(String::from("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n"))
        .chain(
            (1..12).map(|level| format!("a{level}: &a{level} [{}]\n", vec![format!("*a{}", level - 1); 10].join(","))),
        )
        .collect();
    let indented: String = (0..3000).map(|level| format!("{}a:\n", " ".repeat(level))).collect();
    for text in [laughs, "[".repeat(50_000), "- ".repeat(50_000), "{a: ".repeat(50_000), indented] {
        let problem = documents(&Source::new("vars/a.yaml", text)).expect_err("refused");
        assert!(!problem.places.is_empty(), "{problem:?}");
        assert!(problem.places[0].text.chars().count() < 1000, "the line is cut");
    }
}

#[test]
fn ninety_levels_are_read() {
    let text: String = (0..90).map(|level| format!("{}a:\n", " ".repeat(level))).collect();
    assert!(node(&text).get("a").is_some());
    assert!(documents(&Source::new("a", "- ".repeat(90))).is_ok());
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic_and_every_place_is_in_the_text(text in "[a-z:{}\\[\\]&*#|>\"'?!%@` \\n\\t\\r\\-é,0-9.]{0,80}") {
        let source = Source::new("a", text);
        match documents(&source) {
            Ok(nodes) => {
                let mut pending: Vec<&Node> = nodes.iter().collect();
                while let Some(node) = pending.pop() {
                    prop_assert!(node.span.line <= source.line_count() + 1);
                    match &node.value {
                        Value::Sequence(items) => pending.extend(items),
                        Value::Mapping(mapping) => pending.extend(mapping.entries().iter().map(|one| &one.value)),
                        _ => {}
                    }
                }
            }
            Err(problem) => prop_assert!(!problem.places.is_empty()),
        }
    }
}
