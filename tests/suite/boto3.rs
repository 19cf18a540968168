//! boto3 against the sandbox's loopback port: a client that nobody here wrote parses every answer.

use std::process::Stdio;

use windlass::clock::Clock;
use windlass::sandbox::seed::Seed;
use windlass::sandbox::{Sandbox, World, serve};

/// How many times as fast as the clock: a NAT gateway of two minutes takes a fifth of a second.
const SPEED: i32 = 600;

#[tokio::test]
async fn boto3_understands_every_answer_and_leaves_the_account_as_it_was() {
    let python = std::env::var("WINDLASS_TEST_PYTHON").expect(
        "WINDLASS_TEST_PYTHON must name the Python of a virtual environment with boto3: run scripts/test, which makes one",
    );
    let seed = Seed::example();
    let world = World::from_seed(&seed, seed.clock);
    let before = world.live();
    let sandbox = Sandbox::in_memory(Clock::system(), world).with_speed(SPEED);
    let server = serve::listen(sandbox.clone(), 0).await.expect("a port");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/conformance/boto3_client.py");
    let mut client = tokio::process::Command::new(python);
    client.arg(script).arg(server.endpoint()).stdin(Stdio::null()).env("AWS_EC2_METADATA_DISABLED", "true");
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn(server.run_until(async {
        // The other end is kept until the client is done.
        let _ = stopped.await;
    }));
    let output = client.output().await.expect("python runs");
    stop.send(()).expect("the server still listens");
    serving.await.expect("no panic").expect("served");
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.trim() == "ok", "{text}\n{errors}");
    let after = sandbox.with_world(|world| world.live()).expect("a world");
    assert_eq!(after, before);
}
