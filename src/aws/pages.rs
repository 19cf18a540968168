//! Lists in pages, read to their end, and never for ever.

use std::collections::BTreeSet;
use std::future::Future;

use super::error::Error;

/// One page: its items, and the token of the next one.
pub(super) type Page<T> = (Vec<T>, Option<String>);

/// All items of a list. `next` asks for the page of a token.
///
/// # Errors
/// Those of `next`; [`Error::RepeatedPage`] when a token comes twice, because such a list is not complete.
pub(super) async fn all<T, F>(
    operation: &'static str,
    mut next: impl FnMut(Option<String>) -> F,
) -> Result<Vec<T>, Error>
where
    F: Future<Output = Result<Page<T>, Error>>,
{
    let mut items = Vec::new();
    let mut seen = BTreeSet::new();
    let mut token = None;
    loop {
        let (page, following) = next(token).await?;
        items.extend(page);
        // Some services end a list with an empty token instead of none.
        let Some(following) = following.filter(|token| !token.is_empty()) else { return Ok(items) };
        if !seen.insert(following.clone()) {
            return Err(Error::RepeatedPage { operation });
        }
        token = Some(following);
    }
}

#[cfg(test)]
mod tests {
    use std::future::ready;

    use super::*;

    #[tokio::test]
    async fn every_page_is_read() {
        let items = all("List", |token| {
            ready(Ok(match token.as_deref() {
                None => (vec![1, 2], Some(String::from("a"))),
                Some("a") => (vec![3], Some(String::from("b"))),
                Some(_) => (vec![4], Some(String::new())),
            }))
        });
        assert_eq!(items.await.expect("the list ends"), [1, 2, 3, 4]);
    }

    #[tokio::test]
    async fn a_list_that_repeats_its_token_is_an_error() {
        let items = all("List", |_| ready(Ok((vec![1], Some(String::from("same"))))));
        assert!(matches!(items.await, Err(Error::RepeatedPage { operation: "List" })));
    }
}
