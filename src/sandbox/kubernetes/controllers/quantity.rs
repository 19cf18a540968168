//! Quantities of Kubernetes as whole numbers: thousandths of a core, bytes, counts.

use crate::kubernetes::{bytes, millicores};

/// A quantity in thousandths: `500m` → 500, `2` → 2000, `1.5Ki` → 1 536 000. What is none counts as 0.
#[must_use]
pub fn thousandths(text: &str) -> u64 {
    millicores(text).unwrap_or(0)
}

/// Bytes or a count, whole. What is none counts as 0.
#[must_use]
pub fn whole(text: &str) -> u64 {
    bytes(text).unwrap_or(0)
}

/// A number or a share of `total`, rounded up or down (apimachinery, `GetScaledValueFromIntOrPercent`).
#[must_use]
pub fn scaled(value: &serde_json::Value, total: u32, rounding: Rounding) -> Option<u32> {
    if let Some(number) = value.as_u64() {
        return Some(u32::try_from(number).unwrap_or(u32::MAX));
    }
    let text = value.as_str()?;
    let Some(percent) = text.strip_suffix('%') else { return text.parse().ok() };
    let product = u64::from(total) * percent.parse::<u64>().ok()?;
    let scaled = match rounding {
        Rounding::Up => product.div_ceil(100),
        Rounding::Down => product / 100,
    };
    Some(u32::try_from(scaled).unwrap_or(u32::MAX))
}

/// Which way a share is rounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounding {
    /// To the next larger number.
    Up,
    /// To the next smaller number.
    Down,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn quantities_are_read_as_kubernetes_writes_them() {
        let cases = [("500m", 500), ("2", 2000), ("0.25", 250), ("1.5", 1500), ("", 0), ("1k", 1_000_000)];
        for (text, expected) in cases {
            assert_eq!(thousandths(text), expected, "{text}");
        }
        assert_eq!(whole("1Gi"), 1 << 30);
        assert_eq!(whole("128Mi"), 128 << 20);
        assert_eq!(whole("110"), 110);
    }

    #[test]
    fn shares_are_rounded_the_way_that_is_asked_for() {
        assert_eq!(scaled(&json!("30%"), 7, Rounding::Up), Some(3));
        assert_eq!(scaled(&json!("30%"), 7, Rounding::Down), Some(2));
        assert_eq!(scaled(&json!(4), 7, Rounding::Up), Some(4));
        assert_eq!(scaled(&json!("x%"), 7, Rounding::Up), None);
    }
}
