//! Block and vote times, to the nanosecond.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::protobuf::{Reader, Writer};
use crate::{UnixSeconds, VerifyError};

/// First second of the year 1, Go's zero time.
const FIRST_SECOND: i64 = -62_135_596_800;

/// Last second of the year 9999, the end of `google.protobuf.Timestamp`.
const LAST_SECOND: i64 = 253_402_300_799;

const NANOS: u32 = 1_000_000_000;

/// Seconds since the Unix epoch and nanoseconds; ordered by time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "(i64, u32)", into = "(i64, u32)")]
pub struct Timestamp {
    seconds: i64,
    nanos: u32,
}

impl Timestamp {
    /// A time between the years 1 and 9999.
    ///
    /// # Errors
    /// When it is outside, or has a second or more of nanoseconds (`time`).
    pub fn new(seconds: i64, nanos: u32) -> Result<Self, VerifyError> {
        if !(FIRST_SECOND..=LAST_SECOND).contains(&seconds) || nanos >= NANOS {
            return Err(VerifyError::malformed("time", "a time from year 1 to 9999", format!("{seconds}.{nanos:09}")));
        }
        Ok(Self { seconds, nanos })
    }

    /// Go's zero time, which stands in an absent vote.
    pub(crate) fn go_zero() -> Self {
        Self { seconds: FIRST_SECOND, nanos: 0 }
    }

    /// Whole seconds since the Unix epoch, rounded down.
    pub fn seconds(&self) -> i64 {
        self.seconds
    }

    /// Nanoseconds of the second.
    pub fn nanos(&self) -> u32 {
        self.nanos
    }

    /// Whole seconds since the Unix epoch; 0 for earlier times.
    pub fn unix_seconds(&self) -> UnixSeconds {
        u64::try_from(self.seconds).unwrap_or_default()
    }

    /// Whether `seconds` after this time have passed at `now`.
    pub(crate) fn is_over(&self, seconds: u64, now: UnixSeconds) -> bool {
        let end = i128::from(self.seconds).saturating_add(i128::from(seconds));
        let now = i128::from(now);
        end < now || (end == now && self.nanos == 0)
    }

    /// Whether this time is less than `seconds` after `now`.
    pub(crate) fn is_before(&self, now: UnixSeconds, seconds: u64) -> bool {
        i128::from(self.seconds) < i128::from(now).saturating_add(i128::from(seconds))
    }

    pub(crate) fn decode(message: &'static str, bytes: &[u8]) -> Result<Self, VerifyError> {
        let mut fields = Reader::of(message, bytes);
        let (seconds, nanos) = (fields.int64(1, "seconds")?, fields.unsigned_int32(2, "nanos")?);
        fields.end()?;
        Self::new(seconds, nanos)
    }

    /// `google.protobuf.Timestamp`.
    pub(crate) fn encode(&self) -> Vec<u8> {
        Writer::new().int64(1, self.seconds).uint(2, self.nanos).finish()
    }
}

impl TryFrom<(i64, u32)> for Timestamp {
    type Error = VerifyError;
    fn try_from((seconds, nanos): (i64, u32)) -> Result<Self, VerifyError> {
        Self::new(seconds, nanos)
    }
}

impl From<Timestamp> for (i64, u32) {
    fn from(time: Timestamp) -> Self {
        (time.seconds, time.nanos)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:09}", self.seconds, self.nanos)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_counted_to_the_nanosecond() {
        let whole = Timestamp::new(100, 0).unwrap();
        let later = Timestamp::new(100, 1).unwrap();
        assert!(!whole.is_over(10, 109) && whole.is_over(10, 110));
        assert!(!later.is_over(10, 110) && later.is_over(10, 111));
        assert!(whole.is_before(90, 11) && !whole.is_before(90, 10) && !later.is_before(90, 10));
        assert!(Timestamp::new(99, 999_999_999).unwrap().is_before(90, 10));
    }

    #[test]
    fn times_that_protobuf_does_not_have_are_refused() {
        for (seconds, nanos) in [(FIRST_SECOND - 1, 0), (LAST_SECOND + 1, 0), (0, NANOS), (i64::MIN, 0)] {
            assert!(Timestamp::new(seconds, nanos).is_err());
        }
        let zero = Timestamp::new(FIRST_SECOND, 0).unwrap();
        assert_eq!(Timestamp::decode("time", &zero.encode()).unwrap(), zero);
    }
}
