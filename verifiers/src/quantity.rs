//! Serde of 256-bit numbers in the one text in which they are printed: `0x` and hexadecimal digits without zeros before
//! them. The type's own reads decimals, `0o` and `0b` as well: one changed letter would make it another number.

use alloy_primitives::U256;
use serde::de::{Deserialize, Deserializer, Error};

/// Reads `0x…`.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<U256, D::Error> {
    let text = String::deserialize(deserializer)?;
    let value = text.parse::<U256>().ok().filter(|value| format!("{value:#x}") == text);
    value.ok_or_else(|| {
        D::Error::custom(format!("expected 0x and hexadecimal digits without leading zeros, found {text:?}"))
    })
}
