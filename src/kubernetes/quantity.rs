//! Quantities of Kubernetes: `100m`, `1.5`, `2Gi`, `1e3`, `128974848`.
//!
//! Source of the grammar: Kubernetes API, `resource.Quantity`: a decimal number, then a binary suffix (`Ki` … `Ei`), a
//! decimal one (`n`, `u`, `m`, none, `k`, `M` … `E`), or an exponent (`e3`, `E-3`).

/// Fraction digits that are looked at: `n` is the smallest suffix, and three more for thousandths.
const FRACTION: usize = 12;
/// `10^FRACTION`.
const ONE: u128 = 1_000_000_000_000;

/// A quantity of CPU in thousandths of a core, rounded up as Kubernetes does. Negative ones are 0, larger ones the
/// largest number; `None`: it is no quantity.
#[must_use]
pub fn millicores(text: &str) -> Option<u64> {
    scaled(text, 1000)
}

/// A quantity of bytes, or of anything that is counted, rounded up as Kubernetes does. Negative ones are 0, larger ones
/// the largest number; `None`: it is no quantity.
#[must_use]
pub fn bytes(text: &str) -> Option<u64> {
    scaled(text, 1)
}

fn scaled(text: &str, unit: u128) -> Option<u64> {
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let end = text.find(|it: char| !it.is_ascii_digit() && it != '.').unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
        return None;
    }
    let (numerator, denominator) = factor(suffix)?;
    if negative {
        return Some(0);
    }
    Some(product(whole, fraction, numerator.and_then(|it| it.checked_mul(unit)), denominator))
}

/// `number × numerator / denominator`, rounded up; what does not fit is the largest number.
fn product(whole: &str, fraction: &str, numerator: Option<u128>, denominator: Option<u128>) -> u64 {
    let kept = fraction.get(..FRACTION).unwrap_or(fraction);
    let lost = fraction.get(FRACTION..).is_some_and(|it| it.bytes().any(|digit| digit != b'0'));
    let kept: u128 = format!("{kept:0<FRACTION$}").parse().unwrap_or(0);
    let whole = if whole.is_empty() { Some(0) } else { whole.parse::<u128>().ok() };
    let number = whole.and_then(|it| it.checked_mul(ONE)?.checked_add(kept + u128::from(lost)));
    if number == Some(0) {
        return 0;
    }
    let Some(product) = number.zip(numerator).and_then(|(number, numerator)| number.checked_mul(numerator)) else {
        return u64::MAX;
    };
    // A denominator that does not fit makes the smallest number there is.
    let Some(denominator) = denominator.and_then(|it| it.checked_mul(ONE)) else { return 1 };
    u64::try_from(product.div_ceil(denominator)).unwrap_or(u64::MAX)
}

/// What a suffix multiplies with and divides by; `None` in it: more than fits.
fn factor(suffix: &str) -> Option<(Option<u128>, Option<u128>)> {
    let one = Some(1_u128);
    let binary = |bits: u32| (Some(1_u128 << bits), one);
    let thousand = |power: u32| (Some(1000_u128.pow(power)), one);
    let thousandth = |power: u32| (one, Some(1000_u128.pow(power)));
    Some(match suffix {
        "n" => thousandth(3),
        "u" => thousandth(2),
        "m" => thousandth(1),
        "" => (one, one),
        "k" => thousand(1),
        "M" => thousand(2),
        "G" => thousand(3),
        "T" => thousand(4),
        "P" => thousand(5),
        "E" => thousand(6),
        "Ki" => binary(10),
        "Mi" => binary(20),
        "Gi" => binary(30),
        "Ti" => binary(40),
        "Pi" => binary(50),
        "Ei" => binary(60),
        _ => {
            let digits = suffix.strip_prefix(['e', 'E'])?;
            let unsigned = digits.strip_prefix(['+', '-']).unwrap_or(digits);
            if unsigned.is_empty() || !unsigned.bytes().all(|it| it.is_ascii_digit()) {
                return None;
            }
            let power = unsigned.parse().ok().and_then(|power| 10_u128.checked_pow(power));
            if digits.starts_with('-') { (one, power) } else { (power, one) }
        }
    })
}
