//! A mistake at a place in a file, as the user sees it: like a compiler's, all of them at once.

use serde::Serialize;

/// What the text of a place begins with when the beginning of its line is cut off.
pub const CUT: &str = "… ";

/// Where something stands in a file, with the line itself so that it can be shown without reading the file again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    /// Path relative to the project's root, or a name such as `rendered 3_spot-nodes.yaml`.
    pub file: String,
    /// 1-based.
    pub line: usize,
    /// 1-based, in characters.
    pub column: usize,
    /// How many characters to underline; at least 1.
    pub length: usize,
    /// The text of the line, without its end.
    pub text: String,
    /// What this place has to do with the problem, for example `set here`; may be empty.
    pub label: String,
}

/// One mistake: what, where (the first place is the primary one), and what to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Lowercase sentence fragment: `unknown field "minsize" in NodeGroup.spec`.
    pub message: String,
    /// The rendered document first, then the template line, then the vars line; empty when no place is known.
    pub places: Vec<Place>,
    /// What to do; shown on its own line behind `hint:`.
    pub hint: Option<String>,
    /// An error stops the run; a warning is shown.
    pub severity: Severity,
}

/// Whether a problem stops the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Shown; the run goes on.
    Warning,
    /// Stops the run before anything is changed.
    Error,
}

impl Problem {
    /// An error without a place.
    #[must_use]
    pub fn error(message: impl Into<String>) -> Self {
        Self { message: message.into(), places: Vec::new(), hint: None, severity: Severity::Error }
    }

    /// A warning without a place.
    #[must_use]
    pub fn warning(message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(message) }
    }

    /// Adds a place; the first one added is the primary one.
    #[must_use]
    pub fn at(mut self, place: Place) -> Self {
        self.places.push(place);
        self
    }

    /// Says what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// All the mistakes that one pass found; as an error it ends the run with [`crate::exit::Exit::Config`].
#[derive(Clone, Debug, Default, PartialEq, Eq, thiserror::Error)]
#[error("{}", summary(.0))]
pub struct Problems(pub Vec<Problem>);

impl Problems {
    /// Whether any of them stops the run.
    #[must_use]
    pub fn fatal(&self) -> bool {
        self.0.iter().any(|problem| problem.severity == Severity::Error)
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

fn summary(problems: &[Problem]) -> String {
    match problems {
        [only] => only.message.clone(),
        [first, rest @ ..] => format!("{} (and {} more)", first.message, rest.len()),
        [] => String::from("no problem"),
    }
}
