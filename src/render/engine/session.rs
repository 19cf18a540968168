//! One rendering: what it may still spend, which keys were missed, and (when origins are wanted) which vars were read.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use minijinja::value::Value;
use minijinja::{Environment, Error, ErrorKind, State};

use super::mark::{self, Emission, Sites};
use super::values::{self, Tracked};
use super::{Limited, OUTPUT, STEPS};
use crate::render::layers::{Var, VarValue};
use crate::render::source::{Source, Span};

/// Snippets inside each other. Each one takes a few hundred kilobytes of stack in a debug build.
const NESTED_SNIPPETS: usize = 8;

/// Bytes that the expressions of one cluster may print in all. More than the output, because what a `set` block or a
/// snippet prints is printed again where it is used; the marked rendering prints a little more.
const PRINTED: usize = 6 * OUTPUT;

/// How much of an output that was cut off is kept to tell where: more than any line (bytes).
const TAIL: usize = 64 * 1024;

/// How many missing keys are remembered: as many as one template can have names.
const REMEMBERED_MISSES: usize = 64;

/// More output than the limit.
#[derive(Debug, thiserror::Error)]
#[error("more than {OUTPUT} bytes of output")]
pub(super) struct TooLong;

/// What was asked of a mapping that does not have it.
#[derive(Clone, Debug)]
pub(super) struct Miss {
    /// The mapping or list.
    pub(super) of: Arc<Var>,
    /// The key or index.
    pub(super) key: String,
}

impl Miss {
    /// The whole path of the key: `spot.max`, `zones[5]`.
    pub(super) fn path(&self) -> String {
        join(&self.of, &self.key)
    }
}

/// The path of a key or an item of a var.
pub(super) fn join(of: &Var, key: &str) -> String {
    if of.path.is_empty() {
        key.to_owned()
    } else if matches!(of.value, VarValue::Sequence(_)) {
        format!("{}[{key}]", of.path)
    } else {
        format!("{}.{key}", of.path)
    }
}

/// A var that was read: its value, or (in a loop over a mapping) its key.
#[derive(Clone, Debug)]
pub(super) enum Read {
    Value(Arc<Var>),
    Key(Arc<Var>),
}

/// One rendering of one cluster.
#[derive(Debug)]
pub(super) struct Session {
    vars: Arc<Var>,
    sites: Option<Sites>,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    /// The latest, last one last: minijinja looks names up once more when it describes an error.
    misses: Vec<Miss>,
    output_left: usize,
    /// Bytes that expressions have printed, also into `set` blocks and macros.
    printed: usize,
    /// Steps of renderings that are done.
    spent: u64,
    /// Of each rendering that waits for a snippet: the snippet's name and the steps it had taken.
    waiting: Vec<(String, u64)>,
    /// Vars read while the expression at hand is evaluated; the first frame is what no expression reads.
    frames: Vec<Vec<Read>>,
    /// The last var read that prints as a text: where a loop's or a `set` block's variable comes from.
    recent: HashMap<String, Read>,
    emissions: Vec<Emission>,
    /// The end of the output that was longer than the limit, marks included.
    cut_off: String,
}

impl Session {
    pub(super) fn new(vars: Arc<Var>, sites: Option<Sites>) -> Arc<Self> {
        let inner = Inner { output_left: OUTPUT, ..Inner::default() };
        Arc::new(Self { vars, sites, inner: Mutex::new(inner) })
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The marks' table, when origins are wanted.
    pub(super) fn sites(&self) -> Option<&Sites> {
        self.sites.as_ref()
    }

    /// Renders one template with what is left of the limits.
    pub(super) fn run(self: &Arc<Self>, environment: &mut Environment<'_>, name: &str) -> Result<String, Error> {
        let (left, steps) = {
            let inner = self.inner();
            let waiting: u64 = inner.waiting.iter().map(|(_, steps)| steps).sum();
            (inner.output_left, STEPS.saturating_sub(inner.spent + waiting))
        };
        environment.set_fuel(Some(steps));
        let template = environment.get_template(name)?;
        let mut left = left;
        let mut output = Limited { text: Vec::new(), left: &mut left };
        let context = Value::from_object(Tracked::new(Arc::clone(&self.vars), Arc::clone(self)));
        let captured = match template.render_captured_to(context, &mut output) {
            Ok(captured) => captured,
            Err(error) => {
                let tail = output.text.split_off(output.text.len().saturating_sub(TAIL));
                self.inner().cut_off = String::from_utf8_lossy(&tail).into_owned();
                return Err(error);
            }
        };
        let steps = captured.state().fuel_levels().map_or(0, |(spent, _)| spent);
        let text = String::from_utf8(output.text)
            .map_err(|_| Error::new(ErrorKind::WriteFailure, "the output is not UTF-8"))?;
        let mut inner = self.inner();
        inner.spent += steps;
        if inner.waiting.is_empty() {
            inner.output_left = left;
        }
        if inner.spent > STEPS { Err(Error::from(ErrorKind::OutOfFuel)) } else { Ok(text) }
    }

    /// Renders a snippet inside the rendering of `state`.
    pub(super) fn nested(self: &Arc<Self>, state: &State<'_, '_>, path: &str) -> Result<String, Error> {
        let taken = state.fuel_levels().map_or(0, |(spent, _)| spent);
        {
            let mut inner = self.inner();
            if inner.waiting.len() >= NESTED_SNIPPETS {
                let mut chain: Vec<&str> = inner.waiting.iter().map(|(name, _)| name.as_str()).collect();
                chain.push(path);
                let start = chain.iter().position(|name| *name == path).unwrap_or(0);
                let chain = chain[start..].iter().take(4).copied().collect::<Vec<_>>().join(" → ");
                return Err(Error::new(
                    ErrorKind::InvalidOperation,
                    format!("more than {NESTED_SNIPPETS} snippets inside each other: {chain}"),
                ));
            }
            inner.waiting.push((path.to_owned(), taken));
        }
        // A clone, because each rendering has an allowance of steps of its own; the templates in it are shared.
        let mut environment = state.env().clone();
        let result = self.run(&mut environment, path);
        self.inner().waiting.pop();
        result
    }

    /// Whether an expression may print so many bytes more.
    pub(super) fn may_print(&self, bytes: usize) -> bool {
        let mut inner = self.inner();
        inner.printed = inner.printed.saturating_add(bytes);
        inner.printed <= PRINTED
    }

    /// Notes that a key is missing.
    pub(super) fn missed(&self, of: &Arc<Var>, key: &str) {
        let mut inner = self.inner();
        if inner.misses.len() >= REMEMBERED_MISSES {
            inner.misses.remove(0);
        }
        inner.misses.push(Miss { of: Arc::clone(of), key: key.to_owned() });
    }

    /// The last key that was missing and that a test accepts.
    pub(super) fn last_miss(&self, accept: impl Fn(&Miss) -> bool) -> Option<Miss> {
        self.inner().misses.iter().rev().find(|miss| accept(miss)).cloned()
    }

    pub(super) fn top(&self) -> &Arc<Var> {
        &self.vars
    }

    /// Notes that a var was read, when origins are wanted.
    pub(super) fn read(&self, read: Read) {
        if self.sites.is_none() {
            return;
        }
        let text = match &read {
            Read::Key(var) => var.path.rsplit('.').next().map(str::to_owned),
            Read::Value(var) => values::text(var),
        };
        let mut inner = self.inner();
        if let Some(text) = text {
            inner.recent.insert(text, read.clone());
        }
        // A key is found by its text only: a loop reads all of them at once.
        if let (Some(frame), Read::Value(_)) = (inner.frames.last_mut(), &read) {
            frame.push(read);
        }
    }

    pub(super) fn begin(&self) {
        self.inner().frames.push(Vec::new());
    }

    /// Ends an expression that printed a text; gives the number of the emission.
    pub(super) fn end(&self, site: usize, text: &str, names: bool) -> usize {
        let mut inner = self.inner();
        let reads = inner.frames.pop().unwrap_or_default();
        let leaves = mark::choose(reads, text, names.then_some(&inner.recent));
        inner.emissions.push(Emission { site, leaves });
        inner.emissions.len() - 1
    }

    /// Notes a leaf that a filter prints by itself; gives the number of the emission.
    pub(super) fn leaf(&self, var: Arc<Var>) -> usize {
        let mut inner = self.inner();
        inner.emissions.push(Emission { site: usize::MAX, leaves: vec![Read::Value(var)] });
        inner.emissions.len() - 1
    }

    /// Where in a template the output was cut off, when it was rendered with marks.
    pub(super) fn cut_off(&self) -> Option<(Source, Span)> {
        let inner = self.inner();
        let site = mark::last_site(&inner.cut_off, &inner.emissions)?;
        self.sites.as_ref()?.get(site).map(|site| (site.source.clone(), site.span))
    }

    pub(super) fn take_emissions(&self) -> Vec<Emission> {
        std::mem::take(&mut self.inner().emissions)
    }
}
