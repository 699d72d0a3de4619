//! The rule that a fast payout is proven soon after its source is final.

use spandrel_verifiers::{ChainId, DepositId, UnixSeconds};

use super::{Concern, Finding, Rule};

/// Seconds after its source is final within which a fast payout must be settled (docs/sentinels.md).
pub const UNPROVEN: u64 = 1_800;

/// A fast payout that is not settled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsettled {
    /// Of which deposit.
    pub id: DepositId,
    /// From where.
    pub source: ChainId,
    /// Since when nothing but its proof is missing: it is paid, its source is final, and this process runs.
    pub since: UnixSeconds,
}

/// Judges one at `now`.
pub fn judge_unsettled(payout: &Unsettled, now: UnixSeconds) -> Option<Finding> {
    let waited = now.saturating_sub(payout.since);
    (waited > UNPROVEN).then(|| Finding {
        rule: Rule::FastUnproven,
        subject: payout.id.to_string(),
        concern: Concern::FastLane { source: Some(payout.source.clone()) },
        is_pausing: true,
        what: format!("a fast payout from {} is not proven {waited} s after its source was final", payout.source),
    })
}

#[cfg(test)]
mod tests {
    use alloy_primitives::B256;

    use super::*;

    #[test]
    fn a_fast_payout_has_half_an_hour_from_finality_to_its_proof() {
        let source = ChainId::eip155(1);
        let payout = Unsettled { id: DepositId(B256::ZERO), source: source.clone(), since: 1_000 };
        assert_eq!(judge_unsettled(&payout, 1_000 + UNPROVEN), None);
        let finding = judge_unsettled(&payout, 1_001 + UNPROVEN).unwrap();
        assert_eq!((finding.concern, finding.is_pausing), (Concern::FastLane { source: Some(source) }, true));
        assert_eq!(judge_unsettled(&payout, 0), None, "a clock that was put back");
    }
}
