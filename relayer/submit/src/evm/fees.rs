//! What is offered for gas: a suggestion from the market, and its escalation. Pure.
//!
//! Sources: EIP-1559 (base fee and priority fee); go-ethereum's pool takes a replacement only when both fees are at
//! least 10 % above the old ones, other clients ask for up to 12.5 %.

use spandrel_core::submission::SubmitError;

use super::config::permanent;

/// EIP-1559 fees, wei per gas. `priority <= max`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fees {
    /// `maxFeePerGas`.
    pub max: u128,
    /// `maxPriorityFeePerGas`.
    pub priority: u128,
}

/// Bounds on what is offered, wei per gas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeePolicy {
    /// The least priority fee that is ever offered; 1 or more.
    pub least_priority: u128,
    /// The most that is offered as priority fee at first (escalation may go over it).
    pub most_priority: u128,
    /// `maxFeePerGas` never exceeds this.
    pub cap: u128,
    /// Escalation never exceeds this many times the first attempt's `maxFeePerGas`; 2 or more.
    pub most_multiple: u32,
}

impl FeePolicy {
    /// Checks the bounds against each other.
    pub fn validate(&self) -> Result<(), SubmitError> {
        if self.least_priority == 0 || self.least_priority > self.most_priority {
            let expected = format!("1 to fees.most_priority ({})", self.most_priority);
            return Err(permanent("fees.least_priority", expected, self.least_priority));
        }
        if self.cap < self.most_priority {
            let expected = format!("at least fees.most_priority ({})", self.most_priority);
            return Err(permanent("fees.cap", expected, self.cap));
        }
        if self.most_multiple < 2 {
            return Err(permanent("fees.most_multiple", "at least 2", self.most_multiple));
        }
        Ok(())
    }
}

/// Fees for a first attempt: the median of what recent blocks paid as priority, within the policy's bounds, and twice
/// the next block's base fee on top (six full blocks in a row do not overtake that), at most the cap.
pub fn suggest(next_base_fee: u128, recent_priorities: &[u128], policy: &FeePolicy) -> Fees {
    let mut sorted = recent_priorities.to_vec();
    sorted.sort_unstable();
    let median = sorted.get(sorted.len() / 2).copied().unwrap_or(policy.least_priority);
    let priority = median.clamp(policy.least_priority, policy.most_priority);
    let max = next_base_fee.saturating_mul(2).saturating_add(priority).min(policy.cap);
    Fees { max, priority: priority.min(max) }
}

/// Fees for a replacement: both at least one eighth above the last attempt's, the market's when that is higher, and
/// never over the cap. Without a market to follow, never over the allowed multiple of the first attempt's either; the
/// market may always be met, so that one bad answer to the first question does not hold the nonce for ever. `None` when
/// those bounds leave no room.
pub fn escalate(first: Fees, last: Fees, market: Fees, policy: &FeePolicy) -> Option<Fees> {
    let ceiling = policy.cap.min(first.max.saturating_mul(policy.most_multiple.into()).max(market.max));
    let (least_max, least_priority) = (bump(last.max), bump(last.priority));
    if least_max > ceiling {
        return None;
    }
    let max = least_max.max(market.max).min(ceiling);
    let priority = least_priority.max(market.priority).min(max);
    (priority >= least_priority).then_some(Fees { max, priority })
}

fn bump(fee: u128) -> u128 {
    fee.saturating_add(fee.div_ceil(8).max(1))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GWEI: u128 = 1_000_000_000;

    fn policy() -> FeePolicy {
        FeePolicy { least_priority: GWEI / 10, most_priority: 5 * GWEI, cap: 200 * GWEI, most_multiple: 4 }
    }

    #[test]
    fn a_suggestion_is_twice_the_base_fee_and_the_median_priority() {
        let fees = suggest(10 * GWEI, &[GWEI, 9 * GWEI, 2 * GWEI], &policy());
        assert_eq!(fees, Fees { max: 22 * GWEI, priority: 2 * GWEI });
    }

    #[test]
    fn a_chain_without_history_gets_the_least_priority() {
        assert_eq!(suggest(0, &[], &policy()), Fees { max: GWEI / 10, priority: GWEI / 10 });
    }

    #[test]
    fn one_outlier_block_does_not_set_the_price() {
        let fees = suggest(GWEI, &[GWEI, GWEI, 10_000 * GWEI, GWEI], &policy());
        assert_eq!(fees.priority, GWEI);
    }

    #[test]
    fn a_first_attempt_far_below_the_market_can_still_reach_it() {
        let (first, last) = (Fees { max: 1, priority: 1 }, Fees { max: 8, priority: 8 });
        let market = Fees { max: 20 * GWEI, priority: GWEI };
        assert_eq!(escalate(first, last, market, &policy()), Some(market));
    }

    #[test]
    fn an_escalation_at_the_ceiling_gives_up() {
        let first = Fees { max: 10 * GWEI, priority: GWEI };
        let mut last = first;
        let mut steps = 0;
        while let Some(next) = escalate(first, last, first, &policy()) {
            last = next;
            steps += 1;
        }
        assert!(last.max <= 40 * GWEI && bump(last.max) > 40 * GWEI, "{last:?}");
        assert_eq!(steps, 11);
    }

    #[test]
    fn bad_bounds_are_refused() {
        for bad in [
            FeePolicy { least_priority: 0, ..policy() },
            FeePolicy { least_priority: 6 * GWEI, ..policy() },
            FeePolicy { cap: GWEI, ..policy() },
            FeePolicy { most_multiple: 1, ..policy() },
        ] {
            assert!(bad.validate().is_err(), "{bad:?}");
        }
        policy().validate().unwrap();
    }

    prop_compose! {
        fn any_policy()(least in 1u128..GWEI, over in 0u128..10 * GWEI, room in 0u128..1000 * GWEI, multiple in 2u32..10)
            -> FeePolicy {
            let most_priority = least + over;
            FeePolicy { least_priority: least, most_priority, cap: most_priority + room, most_multiple: multiple }
        }
    }

    proptest! {
        #[test]
        fn a_suggestion_stays_within_the_policy(
            policy in any_policy(),
            base: u128,
            rewards in prop::collection::vec(any::<u128>(), 0..10),
        ) {
            let fees = suggest(base, &rewards, &policy);
            prop_assert!(fees.priority <= fees.max && fees.max <= policy.cap);
            prop_assert!(fees.priority >= policy.least_priority && fees.priority <= policy.most_priority);
        }

        #[test]
        fn an_escalation_rises_by_an_eighth_and_keeps_its_bounds(
            policy in any_policy(),
            base in 0u128..10_000 * GWEI,
            market_base: u128,
            market_priority: u128,
        ) {
            let first = suggest(base, &[], &policy);
            let market = suggest(market_base, &[market_priority], &policy);
            let mut last = first;
            let mut steps = 0;
            while let Some(next) = escalate(first, last, market, &policy) {
                prop_assert!(next.max >= last.max + last.max.div_ceil(8));
                prop_assert!(next.priority >= last.priority + last.priority.div_ceil(8));
                prop_assert!(next.priority <= next.max);
                prop_assert!(next.max <= policy.cap);
                prop_assert!(next.max <= first.max.saturating_mul(policy.most_multiple.into()).max(market.max));
                last = next;
                steps += 1;
                prop_assert!(steps < 200, "it ends");
            }
        }
    }
}
