//! Whether a policy document is one. Pure.
//!
//! Source: IAM user guide, "Grammar of the IAM JSON policy language"; the quotas page for sizes.

use serde_json::Value;

use super::super::wire::Refusal;

/// What a document is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Who may take a role: statements have a principal and no resource.
    Trust,
    /// What a role may do: statements have a resource and no principal.
    Permission,
}

/// Checks the grammar as far as mistakes are likely.
///
/// # Errors
/// `MalformedPolicyDocument`.
pub fn check(text: &str, purpose: Purpose) -> Result<(), Refusal> {
    let malformed = |message: &str| Err(Refusal::new("MalformedPolicyDocument", message));
    let Ok(Value::Object(document)) = serde_json::from_str::<Value>(text) else {
        return malformed("This policy contains invalid Json");
    };
    if !matches!(document.get("Version").and_then(Value::as_str), None | Some("2012-10-17" | "2008-10-17")) {
        return malformed("The policy must contain a valid version string.");
    }
    let statements = match document.get("Statement") {
        Some(Value::Array(statements)) if !statements.is_empty() => statements.clone(),
        Some(statement @ Value::Object(_)) => vec![statement.clone()],
        _ => return malformed("Syntax errors in policy."),
    };
    for statement in &statements {
        let has = |name: &str| statement.get(name).is_some();
        if !matches!(statement.get("Effect").and_then(Value::as_str), Some("Allow" | "Deny")) {
            return malformed("Syntax errors in policy.");
        }
        if !has("Action") && !has("NotAction") {
            return malformed("Policy statement must contain actions.");
        }
        match purpose {
            Purpose::Trust if !has("Principal") && !has("NotPrincipal") => {
                return malformed("AssumeRole policy must contain a principal.");
            }
            Purpose::Trust if has("Resource") => return malformed("Has prohibited field Resource"),
            Purpose::Permission if has("Principal") => {
                return malformed("Policy document should not specify a principal.");
            }
            Purpose::Permission if !has("Resource") && !has("NotResource") => {
                return malformed("Policy statement must contain resources.");
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
    const PERMISSION: &str =
        r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["ec2:Describe*"],"Resource":"*"}}"#;

    #[test]
    fn good_documents_pass_for_their_own_purpose_only() {
        assert!(check(TRUST, Purpose::Trust).is_ok());
        assert!(check(PERMISSION, Purpose::Permission).is_ok());
        assert!(check(TRUST, Purpose::Permission).is_err());
        assert!(check(PERMISSION, Purpose::Trust).is_err());
    }

    #[test]
    fn broken_json_and_missing_parts_are_malformed() {
        for text in ["{", "[]", "{}", r#"{"Version":"2012-10-17","Statement":[]}"#, r#"{"Version":"2020-01-01"}"#] {
            let code = check(text, Purpose::Permission).expect_err("malformed").code;
            assert_eq!(code, "MalformedPolicyDocument", "{text}");
        }
    }
}
