//! The cloud-init document (its documentation, "Cloud config data: write_files", "runcmd").

use std::fmt::Write as _;

use serde_json::Value;

use super::facts::FORMAT;

/// Where the facts are.
pub(super) const FACTS: &str = "/etc/windlass/node.json";

/// Files that an instance gets before anything runs, and the unit that it then starts.
#[derive(Default)]
pub(super) struct Document {
    files: Vec<File>,
    units: Vec<String>,
}

struct File {
    path: String,
    permissions: &'static str,
    content: String,
}

impl Document {
    /// Data that only root reads.
    pub(super) fn file(&mut self, path: impl Into<String>, content: impl Into<String>) {
        self.add(path, "0600", content);
    }

    /// Settings of the system, which others read too.
    pub(super) fn public(&mut self, path: impl Into<String>, content: impl Into<String>) {
        self.add(path, "0644", content);
    }

    /// A program.
    pub(super) fn script(&mut self, path: impl Into<String>, content: impl Into<String>) {
        self.add(path, "0700", content);
    }

    /// A unit that is started now and at every boot.
    pub(super) fn enable(&mut self, unit: &str) {
        self.units.push(unit.to_owned());
    }

    fn add(&mut self, path: impl Into<String>, permissions: &'static str, content: impl Into<String>) {
        self.files.push(File { path: path.into(), permissions, content: content.into() });
    }

    /// The document. The facts come first, whenever they were added.
    pub(super) fn finish(mut self) -> String {
        self.files.sort_by(|one, other| {
            let later = |file: &File| file.path != FACTS;
            (later(one), &one.path).cmp(&(later(other), &other.path))
        });
        let mut text = format!("#cloud-config\n# windlass format {FORMAT}\nwrite_files:\n");
        for File { path, permissions, content } in &self.files {
            // Quoted, because a bare 0600 is the number 384.
            let _written = write!(text, "- path: {path}\n  permissions: '{permissions}'\n  content: ");
            scalar(&mut text, content);
        }
        if !self.units.is_empty() {
            text.push_str("runcmd:\n- [systemctl, daemon-reload]\n");
            for unit in &self.units {
                // Waiting for it would be waiting for the whole bootstrap, which cloud-init's end would hold up.
                let _written = writeln!(text, "- [systemctl, enable, --now, --no-block, {unit}]");
            }
        }
        text
    }
}

/// A text as a YAML scalar: line by line where that keeps it unchanged, so that diffs can be read; else quoted.
fn scalar(text: &mut String, content: &str) {
    let printable = content.chars().all(|c| c == '\n' || !c.is_control());
    let plain = content.ends_with('\n') && !content.ends_with("\n\n") && !content.starts_with([' ', '\n']);
    if printable && plain {
        text.push_str("|\n");
        for line in content.lines() {
            if !line.is_empty() {
                text.push_str("    ");
                text.push_str(line);
            }
            text.push('\n');
        }
    } else {
        // JSON's strings are YAML's double-quoted ones.
        text.push_str(&Value::from(content).to_string());
        text.push('\n');
    }
}
