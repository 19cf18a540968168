//! What holds for every world.

use proptest::prelude::*;

use super::invariants::{Beside, run_beside};
use super::world::World;
use crate::health::GroupRole;
use crate::roll::{Amount, Outcome};

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_roll_ends_with_everything_back(
        seed in 1u64..u64::MAX,
        // One node of the small world has no room for all pods once it is new: two have.
        sizes in prop::collection::vec(2u32..14, 1..4),
        surge in 0u32..4,
        unavailable in 0u32..4,
        canary in 0u32..3,
        missing in 1u32..4,
        kill in 0usize..80,
        reclaims in 0u32..3,
    ) {
        let mut world = World::new(seed);
        if seed % 2 == 0 {
            world = world.members();
        }
        for (at, size) in sizes.iter().enumerate() {
            world = world.group(&format!("nodes-{at}"), GroupRole::Nodes, *size);
        }
        world = world.application("frontend", 12, Some(missing)).application("batch", 5, None);
        let mut policy = world.policy();
        for (name, its) in &mut policy.groups {
            if !name.starts_with("control") {
                (its.max_surge, its.max_unavailable, its.canary) =
                    (Amount::Number(surge), Amount::Number(unavailable), canary);
            }
        }
        let record = world.record();
        let mut left = reclaims;
        let mut event = |world: &mut World, _: &mut crate::roll::Record| {
            if left > 0 && world.now > 100 && world.random(20) == 0 {
                let all: Vec<String> = world.view.groups.iter().filter(|(name, _)| name.starts_with("nodes"))
                    .flat_map(|(_, it)| it.machines.keys().cloned()).collect();
                let which = world.random(all.len() as u64) as usize;
                if let Some(id) = all.get(which) {
                    left -= 1;
                    world.reclaim(id);
                }
            }
        };
        let beside = Beside { kill_at: Some(kill), allowance: reclaims, event: &mut event };
        let run = run_beside(&mut world, &policy, record, beside);
        prop_assert_eq!(run.outcome, Outcome::Done);
    }
}
