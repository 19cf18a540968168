//! Golden plans: small worlds, written by hand, and what the plan makes of them; and properties that hold for all.

mod guards;
mod lent;
mod lifecycle;
mod ownership;
mod parameters;
mod properties;
mod replacement;
mod small;
mod world;

use std::fmt::Write as _;

use super::{Act, Plan};
use crate::ui::plan::{Detail, View, text};

/// What the user sees, and behind it the waves.
fn shown(plan: &Plan) -> String {
    let mut page = text(plan, View { detail: Detail::Full, color: false });
    for (number, wave) in plan.waves.iter().enumerate() {
        let _ = writeln!(page, "wave {}", number + 1);
        for operation in wave {
            let what = match &operation.act {
                Act::Create { generation, .. } => format!("create, generation {generation}"),
                Act::Update { found, .. } => format!("update {}", found.id),
                Act::Delete { found } => format!("delete {}", found.id),
                Act::Discard { found } => format!("discard {}", found.id),
                Act::Adopt { found, .. } => format!("adopt {}", found.id),
                Act::Forget => String::from("forget"),
            };
            let _ = writeln!(page, "  {}: {what}", operation.address);
        }
    }
    page
}
