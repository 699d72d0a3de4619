//! What an operator decides about a chain: its name, and how long and from how many validators trust flows.

use serde::{Deserialize, Serialize};

use super::header::MAX_CHAIN_ID;
use crate::{ChainId, VerifyError};

/// A share of voting power.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fraction {
    /// Numerator.
    pub numerator: u64,
    /// Denominator, not zero.
    pub denominator: u64,
}

impl Fraction {
    /// What must be exceeded of the trusted set, at least.
    pub const ONE_THIRD: Self = Self { numerator: 1, denominator: 3 };

    /// What must be exceeded of the set that signs.
    pub const TWO_THIRDS: Self = Self { numerator: 2, denominator: 3 };

    /// Whether `part` is more than this share of `whole`.
    pub(crate) fn is_exceeded_by(&self, part: u64, whole: u64) -> bool {
        let [part, whole, numerator, denominator] = [part, whole, self.numerator, self.denominator].map(u128::from);
        // Two factors of 64 bits fit 128.
        part.saturating_mul(denominator) > whole.saturating_mul(numerator)
    }
}

/// Parameters of a light client (ICS-07).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientParams {
    /// The chain's own name, such as `cosmoshub-4`.
    pub chain_id: String,
    /// Seconds for which a header is trusted after its time. Below the unbonding period: longer, and those who signed
    /// it can have taken back what they would lose for lying.
    pub trusting_period: u64,
    /// Seconds for which validators stay answerable after they leave.
    pub unbonding_period: u64,
    /// Seconds that a header's time may be ahead of the verifier's clock.
    pub max_clock_drift: u64,
    /// What must be exceeded of the trusted set when heights are skipped: one third or more.
    pub trust_level: Fraction,
}

impl ClientParams {
    /// # Errors
    /// Names the parameter that makes no sense.
    pub fn validate(&self) -> Result<(), VerifyError> {
        if self.chain_id.is_empty() || self.chain_id.len() > MAX_CHAIN_ID {
            return Err(VerifyError::invalid("chain_id", format!("1 to {MAX_CHAIN_ID} bytes"), self.chain_id.len()));
        }
        if self.trusting_period == 0 || self.trusting_period >= self.unbonding_period {
            let expected = format!("1 s to less than the unbonding period of {} s", self.unbonding_period);
            return Err(VerifyError::invalid("trusting_period", expected, self.trusting_period));
        }
        if self.max_clock_drift >= self.trusting_period {
            let expected = format!("less than the trusting period of {} s", self.trusting_period);
            return Err(VerifyError::invalid("max_clock_drift", expected, self.max_clock_drift));
        }
        let Fraction { numerator, denominator } = self.trust_level;
        if denominator == 0
            || numerator > denominator
            || u128::from(numerator).saturating_mul(3) < u128::from(denominator)
        {
            let found = format!("{numerator}/{denominator}");
            return Err(VerifyError::invalid("trust_level", "1/3 to 1", found));
        }
        Ok(())
    }

    /// The chain as CAIP-2 names it: `cosmos:{chain id}`, or a hash of it where that is too long (CAIP-5).
    ///
    /// # Errors
    /// When the name does not fit either form.
    pub fn chain(&self) -> Result<ChainId, VerifyError> {
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '-';
        let is_plain = self.chain_id.len() <= 32
            && !self.chain_id.starts_with('-')
            && !self.chain_id.starts_with("hashed-")
            && self.chain_id.chars().all(fits);
        if is_plain {
            return ChainId::parse(&format!("cosmos:{}", self.chain_id));
        }
        let digest = <sha2::Sha256 as sha2::Digest>::digest(self.chain_id.as_bytes());
        let short: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        ChainId::parse(&format!("cosmos:hashed-{short}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> ClientParams {
        ClientParams {
            chain_id: "cosmoshub-4".to_owned(),
            trusting_period: 14 * 86_400,
            unbonding_period: 21 * 86_400,
            max_clock_drift: 10,
            trust_level: Fraction::ONE_THIRD,
        }
    }

    #[test]
    fn shares_must_be_exceeded() {
        assert!(!Fraction::TWO_THIRDS.is_exceeded_by(2, 3));
        assert!(Fraction::TWO_THIRDS.is_exceeded_by(3, 4));
        assert!(!Fraction::ONE_THIRD.is_exceeded_by(0, 0));
        assert!(Fraction::TWO_THIRDS.is_exceeded_by(u64::MAX, u64::MAX));
    }

    #[test]
    fn trust_must_end_before_bonds_do() {
        sample().validate().unwrap();
        let refused = [
            ("trusting_period", ClientParams { trusting_period: 21 * 86_400, ..sample() }),
            ("trusting_period", ClientParams { trusting_period: 0, ..sample() }),
            ("max_clock_drift", ClientParams { max_clock_drift: 14 * 86_400, ..sample() }),
            ("trust_level", ClientParams { trust_level: Fraction { numerator: 1, denominator: 4 }, ..sample() }),
            ("trust_level", ClientParams { trust_level: Fraction { numerator: 4, denominator: 3 }, ..sample() }),
            ("trust_level", ClientParams { trust_level: Fraction { numerator: 0, denominator: 0 }, ..sample() }),
            ("chain_id", ClientParams { chain_id: String::new(), ..sample() }),
        ];
        for (field, params) in refused {
            assert_eq!(params.validate().unwrap_err().field, field);
        }
    }

    #[test]
    fn chains_are_named_by_caip() {
        assert_eq!(sample().chain().unwrap().as_str(), "cosmos:cosmoshub-4");
        // The example of CAIP-5.
        let long = ClientParams { chain_id: "cosmos chain with spaces".to_owned(), ..sample() };
        assert!(long.chain().unwrap().as_str().starts_with("cosmos:hashed-"));
    }
}
