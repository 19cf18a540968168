//! Logs: what the program does inside, on stderr, when asked for. Never a secret: see the places that log.

use tracing_subscriber::EnvFilter;

use super::output::Output;

/// Starts logging: `verbose` counts the `-v`. `WINDLASS_LOG` takes filters as `tracing` understands them.
pub fn start(verbose: u8, output: Output) {
    let level = match verbose {
        0 => "warn",
        1 => "windlass=info",
        2 => "windlass=debug",
        // The SDK's own trace logs hold signed requests: ours are enough.
        _ => "windlass=trace",
    };
    let filter = EnvFilter::try_from_env("WINDLASS_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(output.messages_have_color())
        .with_target(false)
        .finish();
    // Only one can be the default; in tests that run several commands in a process the first one stays.
    let _already_set = tracing::subscriber::set_global_default(subscriber);
}
