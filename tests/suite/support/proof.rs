//! How large a proof is, and the line that it ends with.

/// The variable with the size.
const VARIABLE: &str = "WINDLASS_PROOF_SIZE";

/// How many times as many cases as in CI.
pub fn size() -> usize {
    match std::env::var(VARIABLE).as_deref() {
        Err(_) | Ok("ci" | "thorough") => 1,
        Ok("nightly") => 10,
        Ok(other) => panic!(
            "{VARIABLE} is ci (also when it is not set), thorough (the same here) or nightly, ten times as much, not {other:?}"
        ),
    }
}

/// Says how many cases there were, for docs/design/proofs.md, and insists on a least number.
#[track_caller]
pub fn report(row: &str, cases: usize, at_least: usize) {
    say(&format!("proof: {row}: {cases} cases"));
    assert!(cases >= at_least, "{row}: {cases} cases, and {at_least} are asked for");
}

/// A line for whoever runs the tests with `--show-output`.
#[expect(clippy::print_stdout, reason = "the harness keeps it, and shows it when it is asked to")]
pub fn say(line: &str) {
    println!("{line}");
}
