//! Which payouts a destination refuses because its own contract is paused. What is on its way there waits, and whoever would
//! deposit for it waits too.

use alloy_primitives::{Address, B256};
use spandrel_verifiers::follow::FollowError;
use spandrel_verifiers::{AssetId, ChainId, UnixSeconds};

use super::inbox::{BITCOIN, FAST};
use super::pauses::{self, global, named, numbered};
use super::{Pause, PayoutLane};
use crate::ethereum::Execution;

/// `PauseScope.INBOUND`: payouts on a chain.
const INBOUND: u8 = 1;
/// `Lane.ETHEREUM`.
const ETHEREUM: u8 = 2;

/// Payouts that a destination refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayoutPause {
    /// Of what was deposited where; absent: anywhere.
    pub source: Option<ChainId>,
    /// By which lane; absent: by all.
    pub lane: Option<PayoutLane>,
    /// Of which asset; absent: of all.
    pub asset: Option<AssetId>,
    /// Until when, inclusive, Unix seconds; absent for a freeze.
    pub until: Option<UnixSeconds>,
}

impl PayoutPause {
    fn of_all() -> Self {
        Self { source: None, lane: None, asset: None, until: None }
    }
}

impl Pause for PayoutPause {
    fn until(&self) -> Option<UnixSeconds> {
        self.until
    }

    fn lasting(self, until: Option<UnixSeconds>) -> Self {
        Self { until, ..self }
    }
}

/// Which payouts are asked about.
#[derive(Clone, Debug, Default)]
pub struct Payable {
    /// Of what was deposited on these chains.
    pub sources: Vec<ChainId>,
    /// Of these assets.
    pub assets: Vec<AssetId>,
}

impl Payable {
    /// Payouts, and the scopes each of which stops them (`PauseController.requireInboundOpen`).
    fn asked(&self, here: &ChainId) -> Vec<(PayoutPause, Vec<B256>)> {
        let all = vec![global(), numbered("direction", INBOUND), named("chain", here.hash())];
        let fast = PayoutPause { lane: Some(PayoutLane::Fast), ..PayoutPause::of_all() };
        let mut asked = vec![(PayoutPause::of_all(), all), (fast, vec![numbered("lane", FAST)])];
        for chain in &self.sources {
            let from = PayoutPause { source: Some(chain.clone()), ..PayoutPause::of_all() };
            let (lane, number) = proven_by(chain);
            let proven = PayoutPause { lane: Some(lane), ..from.clone() };
            let scopes = vec![named("chain", chain.hash()), named("payouts from", chain.hash())];
            asked.extend([(from, scopes), (proven, vec![numbered("lane", number)])]);
        }
        asked.extend(self.assets.iter().map(|asset| {
            let of = PayoutPause { asset: Some(asset.clone()), ..PayoutPause::of_all() };
            (of, vec![named("asset", asset.hash())])
        }));
        asked
    }

    /// What the controller of `inbox` on `here` refuses of them at `now`, by the node's word.
    pub(super) async fn refused_by(
        &self,
        node: &Execution,
        inbox: Address,
        here: &ChainId,
        now: UnixSeconds,
    ) -> Result<Vec<PayoutPause>, FollowError> {
        pauses::read(node, inbox, self.asked(here), now).await
    }
}

/// The lane that reads proofs of a chain's deposits, and its number.
fn proven_by(source: &ChainId) -> (PayoutLane, u8) {
    match source.as_str().starts_with("bip122:") {
        true => (PayoutLane::Bitcoin, BITCOIN),
        false => (PayoutLane::Proof, ETHEREUM),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sentinel::judge_pauses;

    fn of_lane(lane: PayoutLane, until: Option<u64>) -> PayoutPause {
        PayoutPause { lane: Some(lane), until, ..PayoutPause::of_all() }
    }

    #[test]
    fn a_quorum_of_nodes_closes_a_destination_and_one_that_lies_closes_and_lengthens_nothing() {
        let (short, frozen) = (of_lane(PayoutLane::Fast, Some(9)), of_lane(PayoutLane::Fast, None));
        assert_eq!(judge_pauses(&[vec![frozen.clone()], vec![]], 2), []);
        assert_eq!(judge_pauses(&[vec![frozen.clone()], vec![short.clone()]], 2), [short]);
        assert_eq!(judge_pauses(&[vec![frozen], vec![of_lane(PayoutLane::Proof, None)]], 2), [], "of another lane");
    }

    #[test]
    fn a_chains_deposits_are_proven_by_the_lane_that_reads_them() {
        assert_eq!(proven_by(&ChainId::bip122(B256::ZERO)), (PayoutLane::Bitcoin, BITCOIN));
        assert_eq!(proven_by(&ChainId::eip155(1)), (PayoutLane::Proof, ETHEREUM));
    }
}
