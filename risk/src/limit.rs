//! Limits of one lane of one corridor. Zero is closed; no limit at all must be spelled out.

use alloy_primitives::{U256, U512};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

/// An upper bound in base units. Written as a decimal string, or as `"unlimited"`; ordered, unlimited last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Limit {
    /// At most this much. Zero is closed.
    Amount(U256),
    /// No bound, by decision and not by default.
    Unlimited,
}

impl Limit {
    /// Nothing passes.
    pub const CLOSED: Self = Self::Amount(U256::ZERO);

    const UNLIMITED: &str = "unlimited";

    /// Whether `total` is within the limit.
    pub fn admits(&self, total: U512) -> bool {
        match self {
            Self::Amount(limit) => total <= U512::from(*limit),
            Self::Unlimited => true,
        }
    }

    /// The bound as a number; the largest there is when unlimited.
    pub fn amount(&self) -> U256 {
        match self {
            Self::Amount(limit) => *limit,
            Self::Unlimited => U256::MAX,
        }
    }
}

impl std::fmt::Display for Limit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Amount(limit) => write!(f, "{limit}"),
            Self::Unlimited => f.write_str(Self::UNLIMITED),
        }
    }
}

impl Serialize for Limit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Amount(limit) => decimal::serialize(limit, serializer),
            Self::Unlimited => serializer.serialize_str(Self::UNLIMITED),
        }
    }
}

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text == Self::UNLIMITED {
            return Ok(Self::Unlimited);
        }
        decimal::parse(&text).map(Self::Amount).ok_or_else(|| {
            D::Error::custom(format!("limit: expected a decimal string or {:?}, found {text:?}", Self::UNLIMITED))
        })
    }
}

/// What one lane of one corridor may move. Every field must be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Largest single transfer.
    pub per_transfer: Limit,
    /// Most that may be paid and not yet proven. Only the fast lane has exposure; the other ignores it.
    pub exposure_cap: Limit,
    /// Most that may be cleared in any 24 hours, and most that may be paid in any 24 hours: what is cleared counts until it is
    /// paid, and for 24 hours from then.
    pub window: Limit,
    /// From this amount on a transfer waits for `large_delay`; `0` delays every transfer, `unlimited` none.
    pub large_from: Limit,
    /// Seconds a large transfer waits from the moment it was first asked for.
    pub large_delay: u64,
    /// Smallest amount that is paid, base units. Nothing at all is never paid.
    #[serde(with = "decimal")]
    pub dust: U256,
}

impl Limits {
    /// A lane that nothing passes.
    pub const CLOSED: Self = Self {
        per_transfer: Limit::CLOSED,
        exposure_cap: Limit::CLOSED,
        window: Limit::CLOSED,
        large_from: Limit::CLOSED,
        large_delay: u64::MAX,
        dust: U256::ZERO,
    };

    /// The fields that give more freedom than those of `standing`: name, value here, value there. Every field is named
    /// here: one that is added does not compile until it is decided which direction is safe.
    pub(crate) fn looser_than(&self, standing: &Self) -> Vec<(&'static str, String, String)> {
        let Self { per_transfer, exposure_cap, window, large_from, large_delay, dust } = self;
        let mut looser = Vec::new();
        let mut look = |name, is_looser: bool, found: &dyn ToString, agreed: &dyn ToString| {
            if is_looser {
                looser.push((name, found.to_string(), agreed.to_string()));
            }
        };
        look("per_transfer", *per_transfer > standing.per_transfer, per_transfer, &standing.per_transfer);
        look("exposure_cap", *exposure_cap > standing.exposure_cap, exposure_cap, &standing.exposure_cap);
        look("window", *window > standing.window, window, &standing.window);
        look("large_from", *large_from > standing.large_from, large_from, &standing.large_from);
        look("large_delay", *large_delay < standing.large_delay, large_delay, &standing.large_delay);
        look("dust", *dust < standing.dust, dust, &standing.dust);
        looser
    }

    /// These limits, which guardians have set, where a file that said `before` says the same `after`; elsewhere the file's.
    pub(crate) fn kept(&self, before: &Self, after: &Self) -> Self {
        fn pick<T: PartialEq + Copy>(set: T, before: T, after: T) -> T {
            if before == after { set } else { after }
        }
        Self {
            per_transfer: pick(self.per_transfer, before.per_transfer, after.per_transfer),
            exposure_cap: pick(self.exposure_cap, before.exposure_cap, after.exposure_cap),
            window: pick(self.window, before.window, after.window),
            large_from: pick(self.large_from, before.large_from, after.large_from),
            large_delay: pick(self.large_delay, before.large_delay, after.large_delay),
            dust: pick(self.dust, before.dust, after.dust),
        }
    }
}

/// `U256` as a plain decimal string, digits only.
pub(crate) mod decimal {
    use super::*;

    pub(crate) fn parse(text: &str) -> Option<U256> {
        let is_decimal = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if is_decimal { U256::from_str_radix(text, 10).ok() } else { None }
    }

    pub(crate) fn serialize<S: Serializer>(value: &U256, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<U256, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse(&text).ok_or_else(|| D::Error::custom(format!("amount: expected a decimal string, found {text:?}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unlimited_must_be_spelled_and_numbers_are_plain_decimals() {
        let read = |text: &str| serde_json::from_str::<Limit>(text);
        assert_eq!(read(r#""unlimited""#).unwrap(), Limit::Unlimited);
        assert_eq!(read(r#""12""#).unwrap(), Limit::Amount(U256::from(12)));
        assert_eq!(read(r#""0""#).unwrap(), Limit::CLOSED);
        let too_large = format!("\"{}0\"", U256::MAX);
        for refused in [r#""""#, r#""-1""#, r#""0x10""#, r#""1e9""#, r#""Unlimited""#, "null", "5", &too_large] {
            assert!(read(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn a_limit_of_zero_admits_nothing_and_unlimited_everything() {
        assert!(!Limit::CLOSED.admits(U512::from(1)));
        assert!(Limit::Unlimited.admits(U512::MAX));
        assert!(!Limit::Amount(U256::MAX).admits(U512::from(U256::MAX) + U512::from(1)));
        assert!(Limit::Amount(U256::MAX) < Limit::Unlimited);
    }
}
