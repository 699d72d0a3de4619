//! The rule that no more is released than was proven to be locked.

use alloy_primitives::U512;
use spandrel_verifiers::{AssetId, ChainId};

use super::{Concern, Finding, Rule};

/// The ledger's own account of an asset on its source, base units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Where it is locked.
    pub source: ChainId,
    /// Which.
    pub asset: AssetId,
    /// Proven to be locked.
    pub proven: U512,
    /// Cleared for payment against that.
    pub released: U512,
}

/// Judges one account. No decision of this relayer can overdraw it: whatever did, its ledger is not to be paid by. A gap
/// that has doubled is other evidence.
pub fn judge_account(account: &Account) -> Option<Finding> {
    let Account { source, asset, proven, released } = account;
    let gap = released.checked_sub(*proven).filter(|gap| !gap.is_zero())?;
    Some(Finding {
        rule: Rule::LedgerNegative,
        subject: format!("{asset} {}", gap.bit_len()),
        concern: Concern::Asset(asset.clone()),
        is_pausing: true,
        what: format!("{released} of {asset} is released, and {proven} is proven to be locked on {source}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_released_than_was_proven_pauses_the_asset() {
        let source = ChainId::eip155(1);
        let asset = AssetId::slip44(&source, 60);
        let judged = |released: u64| {
            let (source, asset) = (source.clone(), asset.clone());
            judge_account(&Account { source, asset, proven: U512::from(5), released: U512::from(released) })
        };
        assert_eq!((judged(0), judged(5)), (None, None));
        let finding = judged(6).unwrap();
        assert_eq!((&finding.concern, finding.is_pausing), (&Concern::Asset(asset.clone()), true));
        assert_ne!(finding.key(), judged(7).unwrap().key(), "twice the gap is other evidence");
    }
}
