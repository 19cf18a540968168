//! How many calls reading takes: AWS bounds the speed of a plan.

use super::{sandboxed, scope};
use crate::aws::discover;

#[tokio::test(start_paused = true)]
async fn discovery_of_an_empty_account_is_shallow_and_cheap() {
    let (aws, _) = sandboxed().await;
    discover(&aws, &scope()).await.expect("discovery works");
    let calls = aws.calls();
    assert!(calls.total() <= 20, "{:?}", calls.by_operation());
    assert_eq!(calls.depth(), 1, "{:?}", calls.by_operation());
    assert_eq!(calls.changes(), 0);
}
