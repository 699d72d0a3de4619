//! The Beacon API's JSON: `{"version": "electra", "data": {…}}`, integers as decimal strings.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::LightClientData;
use crate::VerifyError;
use crate::ethereum::fork::{ChainConfig, Fork};

/// A container in the Beacon API's envelope.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Versioned<T> {
    /// Fork of the container.
    pub version: Fork,
    /// The container.
    pub data: T,
}

/// Parses one container in its envelope, whose version must be the fork of its (attested) slot.
///
/// # Errors
/// `Malformed` when it does not parse or a part has the wrong length; `Invalid` when the version is not its slot's.
pub fn from_json<T: LightClientData + DeserializeOwned>(json: &[u8], config: &ChainConfig) -> Result<T, VerifyError> {
    let Versioned { version, data } = serde_json::from_slice::<Versioned<T>>(json)
        .map_err(|error| VerifyError::malformed("json", "a light-client container", error))?;
    let form = config.form_at(data.fork_slot())?;
    if form.fork != version {
        return Err(VerifyError::invalid("version", format!("{:?}", form.fork), format!("{version:?}")));
    }
    data.conform(form)?;
    Ok(data)
}

/// Prints one container in its envelope.
///
/// # Errors
/// `Invalid` for a slot before Altair.
pub fn to_json<T: LightClientData + Serialize>(data: &T, config: &ChainConfig) -> Result<Vec<u8>, VerifyError> {
    let version = config.fork_at(data.fork_slot())?.name;
    serde_json::to_vec(&Versioned { version, data })
        .map_err(|error| VerifyError::malformed("json", "a container that prints", error))
}

/// Serde of integers as the Beacon API writes them: canonical decimal strings.
pub mod quoted {
    use std::fmt::Display;
    use std::str::FromStr;

    use serde::de::{Deserialize, Deserializer, Error};
    use serde::ser::Serializer;

    /// Writes `value` as a decimal string.
    ///
    /// # Errors
    /// As the serializer's.
    pub fn serialize<T: Display, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    /// Reads a decimal string without sign, leading zeros or other notations.
    ///
    /// # Errors
    /// For any other text, or what is no string.
    pub fn deserialize<'de, T: FromStr + Display, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
        let text = String::deserialize(deserializer)?;
        let value = text.parse::<T>().ok().filter(|value| value.to_string() == text);
        value.ok_or_else(|| D::Error::custom(format!("expected a decimal integer, found {text:?}")))
    }
}
