//! The end of a cluster: what Kubernetes made goes before the network does, which it holds.

use std::time::Duration;

use tokio::time::Instant;

use super::event::Event;
use super::operation::Bench;
use crate::aws::{self, Leftover, Scope};

/// Load balancers give their interfaces back minutes after their delete: three times what is typical.
const PATIENCE: Duration = Duration::from_secs(10 * 60);

/// How long between two looks.
const INTERVAL: Duration = Duration::from_secs(15);

/// Deletes what Kubernetes made for the cluster, round after round, because one thing holds the other, until nothing of
/// it is left or patience ends. What stays is named by the look at the end of the run.
///
/// # Errors
/// The first failed look.
pub async fn sweep(bench: &Bench, scope: &Scope) -> Result<(), aws::Error> {
    let begun = Instant::now();
    loop {
        let left = aws::made_by_kubernetes(&bench.aws, scope).await?;
        if left.is_empty() || begun.elapsed() > PATIENCE {
            return Ok(());
        }
        let told = |leftover: &Leftover| bench.report(Event::Notice { message: format!("deleting {leftover}") });
        for (leftover, error) in aws::sweep(&bench.aws, &left, &told).await? {
            bench.report(Event::Notice { message: format!("cannot delete {leftover} yet: {error}") });
        }
        bench.clock.sleep(INTERVAL).await;
    }
}
