//! Bodies as JSON text, 64-bit integers as SQL integers; what does not fit or does not read back is an error.

use serde::Serialize;
use serde::de::DeserializeOwned;
use spandrel_core::ledger::StoreError;

use crate::refusal::corrupt;

/// JSON text of `value`; `what` names it in the error.
pub fn encode<T: Serialize>(what: &str, value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| corrupt(what, error))
}

/// `text` read back; `what` names table and id in the error.
pub fn decode<T: DeserializeOwned>(what: impl FnOnce() -> String, text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| corrupt(what(), error))
}

/// `text` parsed; `what` names table and id in the error.
pub fn parse<T: std::str::FromStr<Err: std::fmt::Display>>(
    what: impl FnOnce() -> String,
    text: &str,
) -> Result<T, StoreError> {
    text.parse().map_err(|error| corrupt(what(), error))
}

/// `value` as an SQL integer, which has 63 bits for it.
pub fn to_integer(what: &str, value: u64) -> Result<i64, StoreError> {
    i64::try_from(value).map_err(|_| corrupt(what, format!("{value} does not fit 63 bits")))
}

/// An SQL integer that must not be negative.
pub fn from_integer(what: impl FnOnce() -> String, value: i64) -> Result<u64, StoreError> {
    u64::try_from(value).map_err(|_| corrupt(what(), format!("{value} is negative")))
}
