//! The sandbox's loopback port, driven by boto3: botocore parses every answer, strictly.

use std::path::Path;
use std::process::Stdio;

use windlass::clock::Clock;
use windlass::sandbox::seed::Seed;
use windlass::sandbox::{Sandbox, World, serve};

/// A minute of the account passes in 0.2 s, so that the script's waits are short.
const SPEED: i32 = 300;

#[tokio::test]
async fn boto3_understands_every_answer_of_the_loopback_port() {
    let python = std::env::var("WINDLASS_TEST_PYTHON").expect(
        "WINDLASS_TEST_PYTHON must name the Python of a virtual environment with boto3: run scripts/test, which makes one",
    );
    let seed = Seed::example();
    let mut world = World::from_seed(&seed, seed.clock);
    world.behaviour.throttling = false;
    let sandbox = Sandbox::in_memory(Clock::system(), world).with_speed(SPEED);
    let server = serve::listen(sandbox, 0).await.expect("a port");
    let endpoint = server.endpoint();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn(server.run_until(async {
        let _ = stopped.await;
    }));
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/drive.py");
    let output = tokio::process::Command::new(python)
        .arg(script)
        .arg(endpoint)
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .expect("Python runs");
    let _ = stop.send(());
    serving.await.expect("the server ends").expect("the server served");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
