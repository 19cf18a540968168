//! Whether a change has reached all name servers.

use super::super::wire::{Answer, Call, Refusal, Xml};
use super::super::world::World;
use super::change_info;

pub fn get(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let id = call.text("Id").unwrap_or_default();
    let id = id.trim_start_matches("/change/");
    let sent = world.route53.changes.get(id).ok_or_else(|| {
        Refusal::new("NoSuchChange", format!("A change with the specified change ID does not exist: {id}"))
            .with_status(404)
    })?;
    Ok(Xml::new().element("ChangeInfo", change_info(id, *sent, world.now)).into())
}
