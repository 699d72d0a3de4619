//! What of a message stays text: the reader's own configuration, as the JSON form prints it without white space.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::VerifyError;
use crate::error::parted;
use crate::file::{depth, json_error};
use crate::protobuf::Reader;

/// Most objects and lists in one another.
const MAX_LEVELS: usize = 8;

/// JSON without white space. What these types hold always prints.
pub(super) fn text<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// The value of a text field of at most `limit` bytes, from exactly what [`text`] prints of it.
pub(super) fn printed<T: Serialize + DeserializeOwned>(
    fields: &mut Reader<'_>,
    number: u64,
    name: &'static str,
    limit: usize,
) -> Result<T, VerifyError> {
    let found = fields.text(number, name, limit)?;
    depth::require(name, found.as_bytes(), MAX_LEVELS)?;
    let mut json = serde_json::Deserializer::from_str(found);
    let value: T = serde_path_to_error::deserialize(&mut json).map_err(|error| json_error(Some(name), &error))?;
    let again = text(&value);
    if again != found {
        let (expected, found) = parted(&again, found);
        return Err(VerifyError::malformed(name, expected, found));
    }
    Ok(value)
}
