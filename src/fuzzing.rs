//! What `fuzz/` throws bytes at: one function for each thing that reads what comes from outside. Each panics when
//! something does not hold that should hold for any input.
//!
//! It is there for the fuzzers (`cfg(fuzzing)`) and for the test that replays their seeds and finds.

use crate::problem::{Place, Problem};
use crate::render::source::Source;

/// A function of one input.
pub type Target = fn(&[u8]);

/// All of them, by the name of their fuzz target.
pub const TARGETS: [(&str, Target); 10] = [
    ("certificates", crate::pki::fuzzing::certificates),
    ("journal", crate::state::fuzzing::journal),
    ("kubeconfig", crate::kubernetes::fuzzing::kubeconfig),
    ("manifests", crate::spec::fuzzing::manifests),
    ("records", crate::state::fuzzing::records),
    ("render", crate::render::fuzzing::render),
    ("values", crate::spec::fuzzing::values),
    ("vars", crate::render::fuzzing::vars),
    ("wire", crate::sandbox::fuzzing::wire),
    ("worlds", crate::sandbox::fuzzing::worlds),
];

/// Runs the target of that name.
///
/// # Panics
/// There is none of that name; or something does not hold that should hold for any input.
pub fn run(name: &str, data: &[u8]) {
    let (_, target) = TARGETS.into_iter().find(|(known, _)| *known == name).expect("a target has its function here");
    target(data);
}

/// Parts of an input, as its seeds have them: a line of `=====` between two.
pub(crate) fn parts<const N: usize>(data: &[u8]) -> Option<[&str; N]> {
    let mut parts = std::str::from_utf8(data).ok()?.split("=====\n");
    Some(std::array::from_fn(|_| parts.next().unwrap_or_default()))
}

/// A mistake has a place, and each of its places in these files is one that they have.
pub(crate) fn has_places(problem: &Problem, files: &[&Source]) {
    assert!(!problem.places.is_empty(), "a mistake without a place: {problem:?}");
    for place in &problem.places {
        if let Some(source) = files.iter().find(|source| source.name() == place.file) {
            is_within(place, source);
        }
    }
}

fn is_within(place: &Place, source: &Source) {
    // A file that ends too early has its mistake behind its last line.
    assert!((1..=source.line_count() + 1).contains(&place.line), "no such line: {place:?}");
    let width = source.line(place.line).chars().count();
    assert!((1..=width + 1).contains(&place.column), "no such column: {place:?}");
    assert!(place.length >= 1, "nothing is underlined: {place:?}");
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    /// Seeds and finds of each target.
    #[test]
    #[expect(clippy::print_stdout, reason = "scripts collect the counts of proofs")]
    fn seeds_and_regressions_are_replayed() {
        let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
        let mut count = 0;
        for (name, target) in TARGETS {
            let mut seeds = 0;
            for folder in ["seeds", "regressions"] {
                let Ok(entries) = fs::read_dir(fuzz.join(folder).join(name)) else { continue };
                for entry in entries {
                    let path = entry.expect("a readable entry").path();
                    let data = fs::read(&path).expect("files can be read");
                    let ended = std::panic::catch_unwind(|| target(&data));
                    assert!(ended.is_ok(), "{name}: {}", path.display());
                    seeds += usize::from(folder == "seeds");
                    count += 1;
                }
            }
            assert!(seeds > 0, "{name} has no seeds");
            assert!(fuzz.join("fuzz_targets").join(format!("{name}.rs")).is_file(), "{name} has no fuzz target");
        }
        println!("proof: fuzz regressions: {count} cases");
        assert!(count >= 50, "{count} are too few");
    }
}
