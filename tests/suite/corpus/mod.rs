//! Bad input: everything that reads what a user wrote answers each case of `tests/corpus` soon, without a panic, with the
//! place and in the words that the case expects.

mod case;
mod readers;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use case::{Case, Expected};
use readers::Said;

use crate::support::{proof, root};

/// Behind this a case hangs. A loaded machine takes its time; a hang takes for ever.
const HANG: Duration = Duration::from_secs(20);

/// As much as the main thread of a program has on Linux (bytes): what reads there must not need more.
const STACK: usize = 8 * 1024 * 1024;

/// How many cases there have to be.
const FEWEST: usize = 500;

/// All cases, in the order of their names.
fn cases() -> Vec<Case> {
    let corpus = root().join("tests/corpus");
    let mut found = Vec::new();
    let mut pending = vec![corpus.join("cases"), corpus.join("generated")];
    while let Some(folder) = pending.pop() {
        for entry in fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
            let path = entry.expect("a readable entry").path();
            if path.is_dir() {
                pending.push(path);
            } else {
                let name = path.strip_prefix(&corpus).expect("it is in the corpus").display().to_string();
                let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
                found.push(Case::parse(&name, &text));
            }
        }
    }
    found.sort_by(|one, other| one.name.cmp(&other.name));
    found
}

/// What is wrong with the answer to a case, and how long it took.
fn answer(case: &Case) -> (Option<String>, Duration) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    case.write(&root().join("tests/corpus/project"), &directory.path().join("project"));
    let begun = Instant::now();
    let said = std::thread::scope(|scope| {
        let (sender, receiver) = mpsc::channel();
        let reading = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, {
            let directory = &directory;
            move || sender.send(readers::read(case, directory)).expect("somebody waits")
        });
        let reading = reading.expect("threads can be started");
        match receiver.recv_timeout(HANG) {
            Ok(said) => Ok(said),
            Err(RecvTimeoutError::Disconnected) => Err(String::from("it panics")),
            Err(RecvTimeoutError::Timeout) => hang(case),
        }
        .inspect_err(|_| drop(reading.join()))
    });
    (said.and_then(|said| check(case, &said)).err(), begun.elapsed())
}

/// Its thread cannot be stopped, and without its end there is no end of the test.
#[expect(clippy::print_stderr, reason = "the test's own output is lost with the process")]
fn hang(case: &Case) -> ! {
    eprintln!("{} hangs: no answer in {HANG:?}", case.name);
    std::process::abort()
}

fn check(case: &Case, said: &Said) -> Result<(), String> {
    let complaint = |what: &str| {
        let places = said.problems.iter().flat_map(|problem| problem.places.iter().map(place_of));
        let places = places.collect::<Vec<_>>().join(", ");
        Err(format!("{what}\n--- it said (exit {:?}, places {places})\n{}", said.exit, said.text))
    };
    for secret in &case.never {
        if said.text.contains(secret) || said.problems.iter().any(|problem| format!("{problem:?}").contains(secret)) {
            return complaint(&format!("it tells {secret:?}"));
        }
    }
    if case.reader[0] == "run" && said.exit != Some(case.exit) {
        return complaint(&format!("expected exit {}", case.exit));
    }
    for expected in &case.expected {
        if !is_said(said, expected) {
            let place = expected.place.as_deref().unwrap_or("no place");
            return complaint(&format!("expected at {place}: {}", expected.words));
        }
    }
    // A place must be one that exists, whatever the case expects.
    for place in said.problems.iter().flat_map(|problem| &problem.places) {
        if place.line == 0 || place.column == 0 || place.length == 0 {
            return complaint(&format!("no such place: {}", place_of(place)));
        }
    }
    Ok(())
}

fn place_of(place: &windlass::problem::Place) -> String {
    format!("{}:{}:{}", place.file, place.line, place.column)
}

/// Whether one mistake has the place and the words; of what is text only, the text.
fn is_said(said: &Said, expected: &Expected) -> bool {
    let Some(place) = &expected.place else { return said.text.contains(&expected.words) };
    if said.problems.is_empty() {
        let ends = |at: usize| !said.text[at + place.len()..].starts_with(|next: char| next.is_ascii_digit());
        return said.text.match_indices(place.as_str()).any(|(at, _)| ends(at)) && said.text.contains(&expected.words);
    }
    said.problems.iter().any(|problem| {
        let text = format!("{}\n{}", problem.message, problem.hint.as_deref().unwrap_or_default());
        text.contains(&expected.words) && problem.places.iter().any(|it| place_of(it) == *place)
    })
}

#[test]
fn every_bad_input_gets_an_answer_with_its_place() {
    let cases = cases();
    let only = std::env::var("WINDLASS_TEST_CASE").unwrap_or_default();
    let chosen: Vec<&Case> = cases.iter().filter(|case| case.name.contains(&only)).collect();
    let queue = Mutex::new(chosen.iter());
    let results = Mutex::new(Vec::new());
    let next = || queue.lock().expect("no case panics here").next().copied();
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some(case) = next() {
                    let (wrong, took) = answer(case);
                    results.lock().expect("no case panics here").push((case.name.as_str(), wrong, took));
                }
            });
        }
    });
    let mut results = results.into_inner().expect("no case panics here");
    results.sort();
    let wrong = results.iter().filter_map(|(name, wrong, _)| Some(format!("=== {name}: {}", wrong.as_ref()?)));
    let wrong: Vec<String> = wrong.collect();
    assert!(wrong.is_empty(), "{} of {} cases\n{}", wrong.len(), results.len(), wrong.join("\n"));
    let slowest = results.iter().max_by_key(|(_, _, took)| *took).expect("there are cases");
    proof::say(&format!("slowest case: {} with {} ms", slowest.0, slowest.2.as_millis()));
    proof::report("row 11", results.len(), if only.is_empty() { FEWEST } else { 1 });
}

#[test]
fn the_good_project_is_good() {
    let name = "good";
    let of = |reader: &str| Case::parse(name, &format!("= {reader}\n= says nothing\n"));
    for reader in
        ["lint", "seed seed.yaml", "scenario scenario.yaml", "kubeconfig kubeconfig.yaml", "faults faults.json"]
    {
        let case = of(reader);
        let directory = tempfile::tempdir().expect("a temporary directory");
        case.write(&root().join("tests/corpus/project"), &directory.path().join("project"));
        assert_eq!(readers::read(&case, &directory).text, "", "{reader}");
    }
}

#[test]
fn the_generated_cases_are_up_to_date() {
    let output = Command::new("python3").arg(root().join("tests/corpus/generate")).arg("--check").output();
    let output = output.expect("python3 is there: scripts/test needs it as well");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(Path::new(&root().join("tests/corpus/generated")).is_dir());
}
