//! Logs: what the program does inside, on stderr, when asked for. Never a secret: see the places that log.

use tracing::{Level, Metadata};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{EnvFilter, fmt, registry};

use super::output::Output;

/// Starts logging: `verbose` counts the `-v`. `WINDLASS_LOG` takes filters as `tracing` understands them, but nobody
/// gets the trace logs of other crates: the SDK's hold whole requests, with the values of parameters.
pub fn start(verbose: u8, output: Output) {
    let level = match verbose {
        0 => "warn",
        1 => "windlass=info",
        2 => "windlass=debug",
        _ => "windlass=trace",
    };
    let filter = EnvFilter::try_from_env("WINDLASS_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    let lines = fmt::layer().with_writer(std::io::stderr).with_ansi(output.messages_have_color()).with_target(false);
    let subscriber = registry().with(filter).with(filter_fn(is_discreet)).with(lines);
    // Only one can be the default; in tests that run several commands in a process the first one stays.
    let _already_set = tracing::subscriber::set_global_default(subscriber);
}

/// Whether nothing secret can be in a line.
fn is_discreet(metadata: &Metadata<'_>) -> bool {
    let ours = metadata.target() == "windlass" || metadata.target().starts_with("windlass::");
    ours || *metadata.level() <= Level::DEBUG
}
