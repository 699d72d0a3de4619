//! How deep a deposit must stand, by its value: inclusion says nothing about validity, only work stands behind it.

use serde::{Deserialize, Serialize};

use crate::VerifyError;

/// Confirmations asked for, never fewer for more value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Stated", into = "Stated")]
pub struct ConfirmationPolicy {
    tiers: Vec<ConfirmationTier>,
    above: u32,
}

/// One step of a [`ConfirmationPolicy`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfirmationTier {
    /// Largest amount of this tier, in satoshis.
    pub up_to: u64,
    /// Blocks, the deposit's own included.
    pub confirmations: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stated {
    tiers: Vec<ConfirmationTier>,
    above: u32,
}

impl ConfirmationPolicy {
    /// A policy of `tiers`, smallest amounts first, and `above` confirmations for everything larger.
    ///
    /// Amounts must rise strictly, confirmations must be at least 1 and never fall; errors name
    /// `confirmations.tiers[i].…` or `confirmations.above`.
    pub fn new(tiers: Vec<ConfirmationTier>, above: u32) -> Result<Self, VerifyError> {
        let (mut least_amount, mut least) = (0, 1);
        for (index, tier) in tiers.iter().enumerate() {
            let field = |name: &str| format!("confirmations.tiers[{index}].{name}");
            if tier.up_to < least_amount {
                let expected = format!("at least {least_amount}");
                return Err(VerifyError::malformed(field("up_to"), expected, tier.up_to));
            }
            if tier.confirmations < least {
                return Err(VerifyError::malformed(
                    field("confirmations"),
                    format!("at least {least}"),
                    tier.confirmations,
                ));
            }
            (least_amount, least) = (tier.up_to.saturating_add(1), tier.confirmations);
        }
        if above < least {
            return Err(VerifyError::malformed("confirmations.above", format!("at least {least}"), above));
        }
        Ok(Self { tiers, above })
    }

    /// The same number for every amount; at least 1.
    pub fn flat(confirmations: u32) -> Self {
        Self { tiers: Vec::new(), above: confirmations.max(1) }
    }

    /// Its steps, smallest amounts first.
    pub fn tiers(&self) -> &[ConfirmationTier] {
        &self.tiers
    }

    /// Confirmations that `amount` satoshis need.
    pub fn required(&self, amount: u64) -> u32 {
        self.tiers.iter().find(|tier| amount <= tier.up_to).map_or(self.above, |tier| tier.confirmations)
    }

    /// Whether some amount needs fewer confirmations than under `other`. What an amount needs changes at the ends of tiers
    /// only.
    pub fn asks_less_than(&self, other: &Self) -> bool {
        let ends = self.tiers.iter().chain(&other.tiers).flat_map(|tier| [tier.up_to, tier.up_to.saturating_add(1)]);
        ends.chain([u64::MAX]).any(|amount| self.required(amount) < other.required(amount))
    }
}

impl TryFrom<Stated> for ConfirmationPolicy {
    type Error = VerifyError;
    fn try_from(stated: Stated) -> Result<Self, VerifyError> {
        Self::new(stated.tiers, stated.above)
    }
}

impl From<ConfirmationPolicy> for Stated {
    fn from(policy: ConfirmationPolicy) -> Self {
        Self { tiers: policy.tiers, above: policy.above }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tier(up_to: u64, confirmations: u32) -> ConfirmationTier {
        ConfirmationTier { up_to, confirmations }
    }

    #[test]
    fn more_value_needs_more_confirmations() {
        let policy = ConfirmationPolicy::new(vec![tier(1_000, 1), tier(1_000_000, 3)], 6).unwrap();
        for (amount, confirmations) in [(0, 1), (1_000, 1), (1_001, 3), (1_000_000, 3), (1_000_001, 6), (u64::MAX, 6)] {
            assert_eq!(policy.required(amount), confirmations, "{amount}");
        }
        let text = serde_json::to_string(&policy).unwrap();
        assert_eq!(serde_json::from_str::<ConfirmationPolicy>(&text).unwrap(), policy);
    }

    #[test]
    fn a_policy_asks_less_when_any_amount_needs_fewer_confirmations() {
        let policy = |tiers, above| ConfirmationPolicy::new(tiers, above).unwrap();
        let agreed = policy(vec![tier(1_000, 2), tier(5_000, 3)], 6);
        let stricter =
            [agreed.clone(), policy(vec![tier(999, 2)], 6), policy(vec![tier(1_000, 3)], 6), policy(vec![], 6)];
        for policy in &stricter {
            assert!(!policy.asks_less_than(&agreed), "{policy:?}");
        }
        for policy in [policy(vec![tier(1_001, 2)], 6), policy(vec![tier(1_000, 1)], 6), policy(vec![], 5)] {
            assert!(policy.asks_less_than(&agreed), "{policy:?}");
        }
    }

    #[test]
    fn a_policy_that_falls_or_asks_for_nothing_is_refused() {
        let refused = |tiers, above| ConfirmationPolicy::new(tiers, above).unwrap_err().field;
        assert_eq!(refused(vec![tier(10, 3), tier(20, 2)], 6), "confirmations.tiers[1].confirmations");
        assert_eq!(refused(vec![tier(10, 3), tier(10, 3)], 6), "confirmations.tiers[1].up_to");
        assert_eq!(refused(vec![tier(10, 0)], 6), "confirmations.tiers[0].confirmations");
        assert_eq!(refused(vec![tier(10, 3)], 2), "confirmations.above");
        assert_eq!(refused(vec![], 0), "confirmations.above");
        assert!(serde_json::from_str::<ConfirmationPolicy>(r#"{"tiers":[],"above":0}"#).is_err());
        assert_eq!(ConfirmationPolicy::flat(0).required(1), 1);
    }
}
