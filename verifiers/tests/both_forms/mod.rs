//! The two forms of what a file trusts, with the consensus evidence after it.

use spandrel_verifiers::file::Trust;

/// JSON becomes protobuf, and the same JSON again.
///
/// # Panics
/// When one form says anything else than the other.
pub fn assert_both_forms(trust: &Trust) {
    let json = serde_json::to_string(trust).unwrap();
    let from_json: Trust = serde_json::from_str(&json).unwrap();
    assert_eq!(&from_json, trust);
    let from_bytes = Trust::from_bytes(&from_json.to_bytes()).unwrap_or_else(|error| panic!("{error}: {json}"));
    assert_eq!(&from_bytes, trust);
    assert_eq!(serde_json::to_string(&from_bytes).unwrap(), json);
}
