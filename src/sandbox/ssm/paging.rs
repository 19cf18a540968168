//! Pages of a JSON listing.

use serde_json::{Map, Value, json};

use super::super::wire::{Answer, Call, Refusal};

/// At most `MaxResults` of `items` (default and limit: `most`) after `NextToken`, and the next token.
pub fn page(
    call: &Call<'_>,
    items: Vec<(String, Value)>,
    most: usize,
) -> Result<(Vec<Value>, Option<String>), Refusal> {
    let wanted = call.parsed::<usize>("MaxResults")?.unwrap_or(most);
    if wanted == 0 || wanted > most {
        let message = format!(
            "1 validation error detected: Value '{wanted}' at 'maxResults' failed to satisfy constraint: Member must have \
             value less than or equal to {most}"
        );
        return Err(Refusal::new("ValidationException", message));
    }
    let token = call.text("NextToken").filter(|token| !token.is_empty());
    let start = match &token {
        None => 0,
        Some(token) => items
            .iter()
            .position(|(name, _)| name == token)
            .ok_or_else(|| Refusal::new("InvalidNextToken", "The specified token isn't valid."))?,
    };
    let next = items.get(start + wanted).map(|(name, _)| name.clone());
    Ok((items.into_iter().skip(start).take(wanted).map(|(_, item)| item).collect(), next))
}

/// A listing and its next token.
pub fn answer(name: &str, items: Vec<Value>, next: Option<String>) -> Answer {
    let mut object = Map::new();
    object.insert(name.to_owned(), Value::Array(items));
    if let Some(next) = next {
        object.insert("NextToken".to_owned(), json!(next));
    }
    Value::Object(object).into()
}
