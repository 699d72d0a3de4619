//! Amounts on the wire: decimal strings in base units, never numbers, never negative.

use alloy::primitives::U256;

use crate::Problem;

/// As many digits as fit in 256 bits whatever they are.
const MOST_DIGITS: usize = 77;

/// Reads a decimal string of at most 77 digits.
///
/// # Errors
/// Names `field`.
pub fn parse(field: &str, text: &str) -> Result<U256, Problem> {
    let is_decimal = !text.is_empty() && text.len() <= MOST_DIGITS && text.bytes().all(|byte| byte.is_ascii_digit());
    let amount = is_decimal.then(|| U256::from_str_radix(text, 10).ok()).flatten();
    amount.ok_or_else(|| Problem::invalid(field, "a decimal string in base units", text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_decimals_are_amounts() {
        assert_eq!(parse("amount", "0012").unwrap(), U256::from(12));
        assert!(parse("amount", &"9".repeat(77)).is_ok());
        for refused in ["", "-1", "0x10", "1e9", "1.5", " 1", &"9".repeat(78)] {
            assert_eq!(parse("amount", refused).unwrap_err().parameter.as_deref(), Some("amount"), "{refused}");
        }
    }
}
