//! Waits for many futures of one type at the same time, in this task: what they borrow need not be shared.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

/// The values of all `futures`, in their order.
///
/// # Errors
/// The first error that comes up; the other futures are dropped.
pub(super) async fn try_join_all<T, E, F>(futures: impl IntoIterator<Item = F>) -> Result<Vec<T>, E>
where
    F: Future<Output = Result<T, E>>,
{
    let mut waiting: Vec<Option<Pin<Box<F>>>> = futures.into_iter().map(|future| Some(Box::pin(future))).collect();
    let mut values: Vec<Option<T>> = waiting.iter().map(|_| None).collect();
    poll_fn(|context| {
        let mut pending = false;
        for (place, value) in waiting.iter_mut().zip(&mut values) {
            let Some(future) = place else { continue };
            match future.as_mut().poll(context) {
                Poll::Ready(Ok(ready)) => {
                    *value = Some(ready);
                    *place = None;
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => pending = true,
            }
        }
        if pending { Poll::Pending } else { Poll::Ready(Ok(())) }
    })
    .await?;
    Ok(values.into_iter().flatten().collect())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn all_wait_at_the_same_time_and_keep_their_order() {
        let began = tokio::time::Instant::now();
        let wait = |seconds: u64| async move {
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            Ok::<u64, ()>(seconds)
        };
        assert_eq!(try_join_all([3, 1, 2].map(wait)).await, Ok(vec![3, 1, 2]));
        assert_eq!(began.elapsed().as_secs(), 3);
    }

    #[tokio::test]
    async fn the_first_error_ends_it() {
        let one = |number: u8| async move { if number == 2 { Err(number) } else { Ok(number) } };
        assert_eq!(try_join_all([1, 2, 3].map(one)).await, Err(2));
    }
}
