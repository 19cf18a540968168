//! What an instance printed on its console. Only windlass' own machines print anything here.

use data_encoding::BASE64;

use super::super::wire::{Answer, Call, Operation, Refusal, Xml};
use super::super::world::{World, iso};
use super::instances::Instance;
use super::object;

/// Operation and handler.
pub const OPERATIONS: &[Operation] = &[("GetConsoleOutput", get_console_output)];

fn get_console_output(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    call.accept_all(&["Latest"]);
    let instance = object::get::<Instance>(world, &call.required("InstanceId")?)?;
    let lines = world.boot.machines.get(&instance.id).map(|machine| machine.console.join("\r\n")).unwrap_or_default();
    let answer = Xml::new().text("instanceId", &instance.id).text("timestamp", iso(world.now));
    let output = (!lines.is_empty()).then(|| BASE64.encode((lines + "\r\n").as_bytes()));
    Ok(answer.maybe("output", output).into())
}
