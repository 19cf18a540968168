//! A cluster's keys in the hands of a run: said by revision to the plan, made and sealed at the first apply, opened
//! while a plan is applied. Private keys are in memory only, and on the state branch as age ciphertext.

mod age;
mod due;
mod make;
mod open;

pub use age::{Age, SANDBOX_FILE};
pub use due::{Renewal, desired_keys};
pub use make::{Forge, Made, authority_record, ensure};
pub use open::{check_recipients, open_authority, open_secret, preflight, preflight_with, vault};
