//! Ctrl-C, SIGTERM and the end of `--timeout`: the first stops gracefully, the second at once.

use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::exit::Exit;
use crate::ui::output::Output;

/// A token that is cancelled by the first signal or when the time is over; the second signal ends the process.
///
/// # Errors
/// When the operating system does not let us listen to signals.
pub fn listen(output: Output, clock: Clock, timeout: Duration) -> std::io::Result<CancellationToken> {
    let stop = CancellationToken::new();
    let mut interrupts = signal(SignalKind::interrupt())?;
    let mut terminations = signal(SignalKind::terminate())?;
    let told = stop.clone();
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = interrupts.recv() => {}
                _ = terminations.recv() => {}
                () = clock.sleep(timeout), if !told.is_cancelled() => {
                    output.message(&format!("the run took longer than --timeout ({} s)", timeout.as_secs()));
                    told.cancel();
                    continue;
                }
            }
            if told.is_cancelled() {
                output.message("stopped at once; run the same command again to go on");
                std::process::exit(i32::from(Exit::Resumable as u8));
            }
            output.message("stopping; again to stop at once");
            told.cancel();
        }
    });
    Ok(stop)
}
