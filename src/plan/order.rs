//! The order of the operations: waves such that everything an operation waits for is in an earlier one.

use std::collections::{BTreeMap, BTreeSet};

use super::claims;
use super::implied::Implied;
use super::{Act, Operation, Refusal};
use crate::resource::{Address, Reference, Resource};

/// Sorts operations into waves (Kahn's algorithm, by levels). `desired` and `observed` are the whole sides, not only
/// what changes.
///
/// # Errors
/// [`Refusal::Cycle`] with the addresses that wait for each other.
pub(super) fn waves(
    operations: Vec<Operation>,
    desired: BTreeMap<&Address, &Resource>,
    observed: BTreeMap<&Address, &Resource>,
) -> Result<Vec<Vec<Operation>>, Refusal> {
    let waits_for = edges(&operations, &Implied::of(desired), &Implied::of(observed));
    let mut followers: Vec<Vec<usize>> = vec![Vec::new(); operations.len()];
    let mut open: Vec<usize> = waits_for.iter().map(BTreeSet::len).collect();
    for (index, earlier) in waits_for.iter().enumerate() {
        for &before in earlier {
            followers[before].push(index);
        }
    }
    let mut levels: Vec<Vec<usize>> = Vec::new();
    let mut ready: Vec<usize> = (0..operations.len()).filter(|&index| open[index] == 0).collect();
    while !ready.is_empty() {
        let mut next = Vec::new();
        for &index in &ready {
            for &follower in &followers[index] {
                open[follower] -= 1;
                if open[follower] == 0 {
                    next.push(follower);
                }
            }
        }
        levels.push(std::mem::replace(&mut ready, next));
    }
    let left: BTreeSet<Address> =
        (0..operations.len()).filter(|&index| open[index] > 0).map(|index| operations[index].address.clone()).collect();
    if !left.is_empty() {
        return Err(Refusal::Cycle(left.into_iter().collect()));
    }
    let mut operations: Vec<Option<Operation>> = operations.into_iter().map(Some).collect();
    let mut wave = |mut level: Vec<usize>| -> Vec<Operation> {
        // Operations come sorted by address.
        level.sort_unstable();
        level.into_iter().filter_map(|index| operations[index].take()).collect()
    };
    Ok(levels.into_iter().map(&mut wave).collect())
}

/// For each operation the ones that it waits for.
fn edges(operations: &[Operation], desired: &Implied<'_>, observed: &Implied<'_>) -> Vec<BTreeSet<usize>> {
    let index = Index::of(operations);
    let mut waits_for: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); operations.len()];
    for (this, operation) in operations.iter().enumerate() {
        match &operation.act {
            Act::Create { resource, .. } => {
                waits_for[this].extend(index.makers(addresses(resource)));
                waits_for[this].extend(index.makers(desired.dependencies(resource)));
                waits_for[this].extend(index.goers([&operation.address]));
                waits_for[this].extend(index.in_the_way_of(operations, this, resource));
            }
            Act::Update { found, resource } => {
                let kept: BTreeSet<&Address> = addresses(resource).collect();
                waits_for[this].extend(index.makers(kept.iter().copied()));
                let let_go = addresses(&found.resource).filter(|address| !kept.contains(address));
                for goer in index.goers(let_go) {
                    waits_for[goer].insert(this);
                }
            }
            Act::Delete { found } | Act::Discard { found } => {
                let held = addresses(&found.resource).chain(observed.dependencies(&found.resource));
                for goer in index.goers(held) {
                    if goer != this {
                        waits_for[goer].insert(this);
                    }
                }
            }
            Act::Adopt { .. } | Act::Forget => {}
        }
    }
    waits_for
}

fn addresses(resource: &Resource) -> impl Iterator<Item = &Address> {
    resource.references().into_iter().filter_map(Reference::address)
}

/// Where the operations of an address are.
struct Index<'a> {
    makers: BTreeMap<&'a Address, usize>,
    goers: BTreeMap<&'a Address, Vec<usize>>,
}

impl<'a> Index<'a> {
    fn of(operations: &'a [Operation]) -> Self {
        let mut this = Self { makers: BTreeMap::new(), goers: BTreeMap::new() };
        for (index, operation) in operations.iter().enumerate() {
            match operation.act {
                Act::Create { .. } | Act::Update { .. } | Act::Adopt { .. } => {
                    this.makers.insert(&operation.address, index);
                }
                Act::Delete { .. } | Act::Discard { .. } => {
                    this.goers.entry(&operation.address).or_default().push(index);
                }
                Act::Forget => {}
            }
        }
        this
    }

    /// The operations that make these as they should be.
    fn makers<'b>(&self, addresses: impl IntoIterator<Item = &'b Address>) -> Vec<usize> {
        addresses.into_iter().filter_map(|address| self.makers.get(address)).copied().collect()
    }

    /// The operations that delete what stands at these.
    fn goers<'b>(&self, addresses: impl IntoIterator<Item = &'b Address>) -> Vec<usize> {
        addresses.into_iter().filter_map(|address| self.goers.get(address)).flatten().copied().collect()
    }

    /// What must go or let go before `new`, which is at another address, can be made.
    fn in_the_way_of(&self, operations: &[Operation], this: usize, new: &Resource) -> Vec<usize> {
        let address = &operations[this].address;
        let goers = self
            .goers
            .iter()
            .filter(|(other, _)| claims::same_kind(other, address))
            .flat_map(|(_, goers)| goers)
            .copied()
            .filter(|&goer| match &operations[goer].act {
                Act::Delete { found } | Act::Discard { found } => claims::collide(&found.resource, new),
                _ => false,
            });
        let givers =
            self.makers.iter().filter(|(other, _)| claims::same_kind(other, address)).map(|(_, &maker)| maker).filter(
                |&maker| match &operations[maker].act {
                    Act::Update { found, resource } => claims::takes_subnet_from((&found.resource, resource), new),
                    _ => false,
                },
            );
        goers.chain(givers).collect()
    }
}
