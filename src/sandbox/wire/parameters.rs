//! Request parameters of any protocol as one tree, read by name and checked for leftovers.
//!
//! EC2 and query forms, REST-XML bodies and JSON bodies all become the same [`Node`], so that a handler reads
//! `call.text("VpcId")` whatever the protocol. A parameter that no handler read is refused, never ignored.

use std::cell::Cell;
use std::str::FromStr;

use sha2::{Digest, Sha256};

use super::Refusal;

/// A parameter: a value, or named children, or both in odd forms.
#[derive(Clone, Debug, Default)]
pub struct Node {
    /// The value of a leaf.
    pub value: Option<String>,
    /// Children in the order of the request; list members have their position as name.
    pub children: Vec<(String, Node)>,
    read: Cell<bool>,
}

impl Node {
    /// A leaf.
    #[must_use]
    pub fn leaf(value: impl Into<String>) -> Self {
        Self { value: Some(value.into()), ..Self::default() }
    }

    /// The child of that name, made when it is missing.
    pub fn child_mut(&mut self, name: &str) -> &mut Self {
        let index = self.children.iter().position(|(other, _)| other == name).unwrap_or_else(|| {
            self.children.push((name.to_owned(), Self::default()));
            self.children.len() - 1
        });
        &mut self.children[index].1
    }

    /// Sets the leaf at a dotted path such as `Filter.1.Name`.
    pub fn set(&mut self, path: &str, value: impl Into<String>) {
        let mut node = self;
        for name in path.split('.') {
            node = node.child_mut(name);
        }
        node.value = Some(value.into());
    }

    fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|(other, _)| other == name).map(|(_, node)| node)
    }

    /// The dotted paths of the leaves with a value that nobody read.
    #[must_use]
    pub fn unread(&self) -> Vec<String> {
        let mut found = Vec::new();
        self.collect_unread("", &mut found);
        found
    }

    fn collect_unread(&self, path: &str, found: &mut Vec<String>) {
        if self.value.as_deref().is_some_and(|value| !value.is_empty()) && !self.read.get() {
            found.push(path.to_owned());
        }
        for (name, child) in &self.children {
            let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            child.collect_unread(&path, found);
        }
    }

    /// Tells everything in it from everything else (SHA-256), without the top-level children named in `without`: what a
    /// client token stands for.
    #[must_use]
    pub fn digest(&self, without: &[&str]) -> String {
        data_encoding::HEXLOWER.encode(&Sha256::digest(self.canonical(without)))
    }

    /// Everything in it as one text, without the top-level children named in `without`.
    #[must_use]
    pub fn canonical(&self, without: &[&str]) -> String {
        let mut lines = Vec::new();
        for (name, child) in &self.children {
            if !without.contains(&name.as_str()) {
                child.collect_lines(name, &mut lines);
            }
        }
        lines.sort();
        lines.join("&")
    }

    fn collect_lines(&self, path: &str, lines: &mut Vec<String>) {
        if let Some(value) = &self.value {
            lines.push(format!("{path}={value}"));
        }
        for (name, child) in &self.children {
            child.collect_lines(&format!("{path}.{name}"), lines);
        }
    }
}

/// A view of one place in the tree, present or not.
#[derive(Clone, Debug)]
pub struct Parameters<'a> {
    node: Option<&'a Node>,
    path: String,
}

impl<'a> Parameters<'a> {
    /// The whole request.
    #[must_use]
    pub const fn new(node: &'a Node) -> Self {
        Self { node: Some(node), path: String::new() }
    }

    /// Whether anything is there.
    #[must_use]
    pub fn is_present(&self) -> bool {
        self.node
            .is_some_and(|node| node.value.as_deref().is_some_and(|it| !it.is_empty()) || !node.children.is_empty())
    }

    /// Where it is in the request, `LaunchTemplateData.BlockDeviceMapping.1`.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    /// The structure of that name.
    #[must_use]
    pub fn view(&self, name: &str) -> Self {
        Self { node: self.node.and_then(|node| node.child(name)), path: self.path_of(name) }
    }

    /// Its own value.
    #[must_use]
    pub fn value(&self) -> Option<String> {
        let node = self.node?;
        node.read.set(true);
        node.value.clone()
    }

    /// Everything below counts as read: for parts that are accepted without an effect.
    pub fn accept(&self) {
        fn accept(node: &Node) {
            node.read.set(true);
            node.children.iter().for_each(|(_, child)| accept(child));
        }
        if let Some(node) = self.node {
            accept(node);
        }
    }

    /// Accepts parameters that have no effect here, by name.
    pub fn accept_all(&self, names: &[&str]) {
        names.iter().for_each(|name| self.view(name).accept());
    }

    /// The text of that name.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<String> {
        self.view(name).value()
    }

    /// The text of that name; without it, `MissingParameter`.
    ///
    /// # Errors
    /// `MissingParameter` when it is absent or empty.
    pub fn required(&self, name: &str) -> Result<String, Refusal> {
        self.text(name).filter(|value| !value.is_empty()).ok_or_else(|| {
            Refusal::new("MissingParameter", format!("The request must contain the parameter {}", self.path_of(name)))
        })
    }

    /// The parsed value of that name: a number, an address, a network.
    ///
    /// # Errors
    /// `InvalidParameterValue` when it does not parse.
    pub fn parsed<T: FromStr>(&self, name: &str) -> Result<Option<T>, Refusal> {
        let Some(text) = self.text(name).filter(|value| !value.is_empty()) else { return Ok(None) };
        text.parse().map(Some).map_err(|_| {
            let name = self.path_of(name);
            Refusal::new("InvalidParameterValue", format!("Value ({text}) for parameter {name} is invalid."))
        })
    }

    /// The boolean of that name.
    ///
    /// # Errors
    /// `InvalidParameterValue` when it is neither `true` nor `false`.
    pub fn flag(&self, name: &str) -> Result<Option<bool>, Refusal> {
        match self.text(name).as_deref() {
            None | Some("") => Ok(None),
            Some(text) if text.eq_ignore_ascii_case("true") => Ok(Some(true)),
            Some(text) if text.eq_ignore_ascii_case("false") => Ok(Some(false)),
            Some(text) => {
                let name = self.path_of(name);
                Err(Refusal::new("InvalidParameterValue", format!("Value ({text}) for parameter {name} is invalid.")))
            }
        }
    }

    /// The members of the list of that name: `Name.1` (EC2), `Name.member.1` (query), array elements (JSON), child
    /// elements (XML).
    #[must_use]
    pub fn list(&self, name: &str) -> Vec<Self> {
        let mut view = self.view(name);
        if let Some(member) = view.node.and_then(|node| node.child("member")).filter(|node| !node.children.is_empty())
            && member.children.iter().all(|(name, _)| name.parse::<u32>().is_ok())
        {
            view = view.view("member");
        }
        let Some(node) = view.node else { return Vec::new() };
        let mut members: Vec<(u32, Self)> = node
            .children
            .iter()
            .enumerate()
            .map(|(position, (name, child))| {
                let number = name.parse().unwrap_or_else(|_| u32::try_from(position).unwrap_or(u32::MAX));
                (number, Self { node: Some(child), path: format!("{}.{name}", view.path) })
            })
            .collect();
        members.sort_by_key(|(number, _)| *number);
        members.into_iter().map(|(_, member)| member).collect()
    }

    /// The texts of the list of that name.
    #[must_use]
    pub fn texts(&self, name: &str) -> Vec<String> {
        self.list(name).iter().filter_map(Self::value).collect()
    }

    /// The names of the children: the keys of a map.
    #[must_use]
    pub fn names(&self) -> Vec<&'a str> {
        self.node.map(|node| node.children.iter().map(|(name, _)| name.as_str()).collect()).unwrap_or_default()
    }

    /// What tells it from everything else, see [`Node::digest`].
    #[must_use]
    pub fn digest(&self, without: &[&str]) -> String {
        self.node.map(|node| node.digest(without)).unwrap_or_default()
    }
}
