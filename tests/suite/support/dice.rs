//! Chance that is the same each time: one seed, one run.

use windlass::mix::mix;

/// Throws numbers.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Below `sides`, which is not 0.
    pub fn below(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(1);
        usize::try_from(mix(self.0) >> 16).expect("64 bits") % sides
    }
}
