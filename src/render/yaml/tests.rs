use super::*;

fn node(text: &str) -> Node {
    mapping(&Source::new("vars/a.yaml", text)).expect("valid YAML")
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
