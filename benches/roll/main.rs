//! How long a rolling update takes and what it costs, for windlass and for others on the same worlds, in virtual time:
//! `cargo bench --profile dev --bench roll`.
//!
//! Without arguments it prints the tables. `--small` leaves out worlds of more than 300 nodes; `--write` puts the
//! tables and the plot into `docs/design`. It fails when ours breaks a budget or a floor or does not end, and when
//! kops' algorithm is far from what it should take.

#![expect(clippy::print_stdout, reason = "a benchmark says what it has measured")]

mod measure;
mod plot;
mod policies;
mod scenario;
mod table;
mod world;

use std::path::Path;

use measure::Measured;
use policies::{InstanceRefresh, Kops, OneAtATime, Policy, Step, Windlass};
use scenario::Scenario;
use world::World;

/// Whatever is not over then never ends.
const HORIZON: i64 = 200 * 3600;
/// Largest world of `--small`.
const SMALL: u32 = 300;
/// How far kops' algorithm may be from its expected duration, in percent. Groups of one node are the farthest: what a
/// group costs once was worked out as a minute more than it is here.
const TOLERANCE: i64 = 20;

/// All policies on one world.
struct Row {
    world: String,
    results: Vec<(&'static str, Measured)>,
}

/// Kops' algorithm in a world of fixed times.
struct Expected {
    world: String,
    /// As it was worked out by hand, minutes.
    expected: i64,
    /// As it was here, seconds.
    seconds: i64,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |word: &str| arguments.iter().any(|argument| argument == word);
    assert!(!(has("--small") && has("--write")), "the documents show all worlds");
    same_again(&scenario::all()[0]);
    let expected = kops_as_expected();
    println!("{}", table::expected(&expected));
    let mut rows: Vec<Row> = Vec::new();
    print!("{}", table::head());
    for scenario in scenario::all() {
        if has("--small") && scenario.size() > SMALL {
            continue;
        }
        let row = compare(&scenario);
        print!("{}", table::row(&row));
        rows.push(row);
    }
    if has("--write") {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/design");
        let tables = format!("{}{}", table::head(), rows.iter().map(table::row).collect::<String>());
        table::write(
            &directory.join("rolling-benchmark.md"),
            &[("worlds", tables), ("kops", table::expected(&expected))],
        );
        std::fs::write(directory.join("rolling-benchmark.svg"), plot::plot(&rows)).expect("docs/design can be written");
    }
}

/// All policies on the same world.
fn compare(scenario: &Scenario) -> Row {
    let policies: [Box<dyn Policy>; 4] = [
        Box::new(Windlass::default()),
        Box::new(OneAtATime::default()),
        Box::new(Kops::new(1)),
        Box::new(InstanceRefresh),
    ];
    let results = policies.into_iter().map(|mut policy| (policy.name(), run(scenario, policy.as_mut())));
    let row = Row { world: scenario.name.clone(), results: results.collect() };
    let ours = &row.results[0].1;
    assert_eq!(ours.stopped, None, "ours gives up on {}", scenario.name);
    assert_eq!(ours.violations, 0, "ours breaks budgets on {}", scenario.name);
    assert!(!scenario.is_quiet() || ours.lowest_group >= scenario.floor(), "ours goes below its floor");
    row
}

/// The same world gives the same numbers.
fn same_again(scenario: &Scenario) {
    let again = || run(scenario, &mut Windlass::default());
    assert_eq!(again(), again(), "chance has come into {}", scenario.name);
}

/// Runs a policy until it says that it is through, or gives up.
fn run(scenario: &Scenario, policy: &mut dyn Policy) -> Measured {
    let mut world = World::new(scenario);
    loop {
        match policy.step(&mut world) {
            Step::After(seconds) => world.pass(seconds),
            Step::Done => {
                assert_eq!(world.stale_left(), 0, "{} is through with {}", policy.name(), scenario.name);
                return world.meter.end(world.now, None);
            }
            Step::Stopped(why) => return world.meter.end(world.now, Some((why, world.stale_left()))),
        }
        assert!(world.now < HORIZON, "{} never ends on {}", policy.name(), scenario.name);
    }
}

/// Kops' algorithm takes about what was worked out for it when nothing is left to chance.
fn kops_as_expected() -> Vec<Expected> {
    // Groups, nodes of each, maxSurge, minutes.
    let cases = [(12, 1, 1, 67), (12, 3, 1, 156), (12, 10, 1, 480), (1, 100, 1, 396), (1, 100, 3, 150)];
    let all = cases.into_iter().map(|(number, size, surge, expected)| {
        let scenario = scenario::fixed(number, size);
        let seconds = run(&scenario, &mut Kops::new(surge)).seconds;
        let world = format!("{number} × {size}, maxSurge {surge}");
        let off = (seconds - expected * 60).abs() * 100 / (expected * 60);
        assert!(off <= TOLERANCE, "kops takes {seconds} s on {world}, and {expected} min are expected");
        Expected { world, expected, seconds }
    });
    all.collect()
}
