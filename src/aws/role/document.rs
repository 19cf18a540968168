//! Policy documents between the wire and JSON. Pure.

use percent_encoding::percent_decode_str;
use serde_json::Value;

/// Reads a document as IAM answers it: URL-encoded (RFC 3986) JSON.
///
/// A document that is no JSON is kept as a JSON string, so that it shows as a difference instead of stopping the run.
pub(super) fn decode(wire: &str) -> Value {
    let text = percent_decode_str(wire).decode_utf8_lossy();
    // A document that was not encoded may hold a `%` of its own: such text is read as it is.
    serde_json::from_str(&text)
        .or_else(|_| serde_json::from_str(wire))
        .unwrap_or_else(|_| Value::String(wire.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_document_is_decoded_and_compared_by_structure() {
        let encoded = "%7B%22Statement%22%3A%20%5B%5D%2C%20%22Version%22%3A%20%222012-10-17%22%7D";
        assert_eq!(decode(encoded), json!({ "Version": "2012-10-17", "Statement": [] }));
    }

    #[test]
    fn a_document_that_is_plain_json_is_read_too() {
        assert_eq!(decode(r#"{"Resource":"a%zzb"}"#), json!({ "Resource": "a%zzb" }));
    }

    #[test]
    fn what_is_no_json_stays_visible() {
        assert_eq!(decode("nonsense"), Value::String(String::from("nonsense")));
    }
}
