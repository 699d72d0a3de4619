//! The one error of this crate: which field, what was expected, what was found.

use serde::{Deserialize, Serialize};

/// Why evidence was refused. Prints as `field: expected …, found …`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("{field}: expected {expected}, found {found}")]
pub struct VerifyError {
    /// Name of the field or check, as it stands in the evidence file (`inclusion.header`, `refund_delay`, …).
    pub field: String,
    /// What the rule asks for.
    pub expected: String,
    /// What the evidence has.
    pub found: String,
    /// How a caller should treat it.
    pub kind: ErrorKind,
}

/// What a refusal means to the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ErrorKind {
    /// The bytes do not decode, or break a size or depth limit.
    Malformed,
    /// A rule does not hold. The same evidence will never verify.
    Invalid,
    /// The trusted state does not reach this far yet (block unknown or not final). May verify later.
    NotYet,
    /// Trust in the anchor or in the state has expired.
    Expired,
}

impl VerifyError {
    fn new(kind: ErrorKind, field: impl Into<String>, expected: impl ToString, found: impl ToString) -> Self {
        Self { field: field.into(), expected: expected.to_string(), found: found.to_string(), kind }
    }

    /// Bytes that do not decode or exceed a limit.
    pub fn malformed(field: impl Into<String>, expected: impl ToString, found: impl ToString) -> Self {
        Self::new(ErrorKind::Malformed, field, expected, found)
    }

    /// A rule that does not hold.
    pub fn invalid(field: impl Into<String>, expected: impl ToString, found: impl ToString) -> Self {
        Self::new(ErrorKind::Invalid, field, expected, found)
    }

    /// A fact the trusted state does not cover yet.
    pub fn not_yet(field: impl Into<String>, expected: impl ToString, found: impl ToString) -> Self {
        Self::new(ErrorKind::NotYet, field, expected, found)
    }

    /// Trust that has run out.
    pub fn expired(field: impl Into<String>, expected: impl ToString, found: impl ToString) -> Self {
        Self::new(ErrorKind::Expired, field, expected, found)
    }

    /// The same error with `prefix.` before the field: for evidence nested in evidence.
    #[must_use]
    pub fn within(mut self, prefix: &str) -> Self {
        self.field = format!("{prefix}.{}", self.field);
        self
    }
}

/// Bytes for a refusal, not all of them if they are many.
pub(crate) fn shown(bytes: &[u8]) -> String {
    match bytes.get(..64) {
        Some(start) if bytes.len() > start.len() => format!("{}… ({} bytes)", hex::encode(start), bytes.len()),
        _ => hex::encode(bytes),
    }
}

/// The same of bytes that should be text.
pub(crate) fn shown_text(bytes: &[u8]) -> String {
    let start = bytes.get(..64).unwrap_or(bytes);
    let text = String::from_utf8_lossy(start);
    if bytes.len() > start.len() { format!("{text:?}… ({} bytes)", bytes.len()) } else { format!("{text:?}") }
}

/// Two texts that should be one: what each has from where they part.
pub(crate) fn parted(expected: &str, found: &str) -> (String, String) {
    let at = expected.bytes().zip(found.bytes()).take_while(|(one, other)| one == other).count();
    let rest = |text: &str| shown_text(text.as_bytes().get(at..).unwrap_or_default());
    (format!("{} at byte {at}, as it prints", rest(expected)), rest(found))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_of_bytes_is_bounded() {
        assert_eq!(shown(&[1, 0xab]), "01ab");
        assert_eq!(shown(&[7; 64]), "07".repeat(64));
        assert_eq!(shown(&[7; 65]), format!("{}… (65 bytes)", "07".repeat(64)));
        assert_eq!(shown_text(b"a|b\n\xff"), "\"a|b\\n\u{fffd}\"");
        assert_eq!(shown_text(&[b'x'; 4_000]), format!("\"{}\"… (4000 bytes)", "x".repeat(64)));
    }

    #[test]
    fn texts_are_shown_from_where_they_part() {
        let (expected, found) = parted(r#"{"a":1}"#, r#"{"a": 1}"#);
        assert_eq!((expected.as_str(), found.as_str()), ("\"1}\" at byte 5, as it prints", "\" 1}\""));
        assert_eq!(parted("ab", "abc"), ("\"\" at byte 2, as it prints".to_owned(), "\"c\"".to_owned()));
    }
}
