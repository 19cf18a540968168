//! Forms, XML and JSON bodies as trees of parameters.

use percent_encoding::percent_decode_str;
use quick_xml::events::Event;

use super::{Node, Refusal};

/// No call of any service nests its parameters as deep, or has as many: what does would overflow the stack, or take
/// minutes.
const DEEPEST: usize = 32;
const MOST: usize = 10_000;

/// A form, `Action=CreateVpc&CidrBlock=10.0.0.0%2F16`.
pub fn form(text: &[u8]) -> Result<Node, Refusal> {
    let mut root = Node::default();
    for (count, (name, value)) in form_urlencoded::parse(text).enumerate() {
        if count >= MOST || name.split('.').count() > DEEPEST {
            return Err(Refusal::new("InvalidParameterCombination", "The request has too many parameters."));
        }
        root.set(&name, value);
    }
    Ok(root)
}

/// A JSON object; members of arrays are numbered from 1.
pub fn json(text: &[u8]) -> Result<Node, Refusal> {
    if text.is_empty() {
        return Ok(Node::default());
    }
    let value: serde_json::Value =
        serde_json::from_slice(text).map_err(|error| Refusal::new("SerializationException", error.to_string()))?;
    Ok(json_node(&value))
}

fn json_node(value: &serde_json::Value) -> Node {
    use serde_json::Value;
    let mut node = Node::default();
    match value {
        Value::Null => {}
        Value::String(text) => node.value = Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => node.value = Some(value.to_string()),
        Value::Array(members) => {
            node.children =
                members.iter().enumerate().map(|(index, it)| ((index + 1).to_string(), json_node(it))).collect();
        }
        Value::Object(fields) => {
            node.children = fields.iter().map(|(name, it)| (name.clone(), json_node(it))).collect();
        }
    }
    node
}

/// An XML document; the root element's children are the parameters.
pub fn xml(text: &[u8]) -> Result<Node, Refusal> {
    fn malformed(detail: impl std::fmt::Display) -> Refusal {
        Refusal::new("InvalidInput", format!("Invalid XML ; {detail}"))
    }
    let text = std::str::from_utf8(text).map_err(malformed)?;
    let mut reader = quick_xml::Reader::from_str(text);
    let mut stack: Vec<(String, Node)> = vec![(String::new(), Node::default())];
    loop {
        match reader.read_event().map_err(malformed)? {
            Event::Start(element) => {
                if stack.len() > DEEPEST {
                    return Err(malformed("nested too deeply"));
                }
                let name = element.local_name().as_ref().to_owned();
                stack.push((name, Node::default()));
            }
            Event::Empty(element) => {
                let name = element.local_name().as_ref().to_owned();
                if let Some((_, parent)) = stack.last_mut() {
                    parent.children.push((name, Node::leaf("")));
                }
            }
            Event::Text(content) => {
                let content = content.xml10_content();
                append(&mut stack, &content);
            }
            Event::CData(content) => {
                let content = content.xml10_content();
                append(&mut stack, &content);
            }
            Event::GeneralRef(reference) => {
                let character = reference.resolve_char_ref().map_err(malformed)?;
                let name = reference.xml10_content();
                let resolved = match (character, name.as_ref()) {
                    (Some(character), _) => character.to_string(),
                    (None, "amp") => "&".to_owned(),
                    (None, "lt") => "<".to_owned(),
                    (None, "gt") => ">".to_owned(),
                    (None, "quot") => "\"".to_owned(),
                    (None, "apos") => "'".to_owned(),
                    (None, other) => return Err(malformed(format!("unknown entity {other}"))),
                };
                append(&mut stack, &resolved);
            }
            Event::End(_) => {
                let Some((name, mut node)) = stack.pop() else { return Err(malformed("unbalanced")) };
                if !node.children.is_empty() {
                    node.value = None;
                }
                let Some((_, parent)) = stack.last_mut() else { return Err(malformed("unbalanced")) };
                parent.children.push((name, node));
            }
            Event::Eof => break,
            Event::Decl(_) | Event::Comment(_) | Event::PI(_) | Event::DocType(_) => {}
        }
    }
    let root = stack.pop().map(|(_, node)| node).unwrap_or_default();
    Ok(root.children.into_iter().next().map(|(_, node)| node).unwrap_or_default())
}

fn append(stack: &mut [(String, Node)], text: &str) {
    if let Some((_, node)) = stack.last_mut() {
        node.value.get_or_insert_default().push_str(text);
    }
}

/// A percent-encoded piece of a path or query, decoded.
pub fn percent(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}
