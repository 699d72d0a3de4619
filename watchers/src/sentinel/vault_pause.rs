//! Which deposits a vault refuses because its own contract is paused. Whoever would deposit pays for a call that fails.

use alloy_primitives::{Address, B256};
use spandrel_verifiers::follow::FollowError;
use spandrel_verifiers::{AssetId, ChainId, UnixSeconds};

use super::Pause;
use super::pauses::{self, global, named, numbered};
use crate::ethereum::Execution;

/// `PauseScope.OUTBOUND`: deposits on a chain.
const OUTBOUND: u8 = 2;

/// Deposits that a vault refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VaultPause {
    /// For which chain; absent: for all.
    pub destination: Option<ChainId>,
    /// Of which asset; absent: of all.
    pub asset: Option<AssetId>,
    /// Until when, inclusive, Unix seconds; absent for a freeze.
    pub until: Option<UnixSeconds>,
}

impl Pause for VaultPause {
    fn until(&self) -> Option<UnixSeconds> {
        self.until
    }

    fn lasting(self, until: Option<UnixSeconds>) -> Self {
        Self { until, ..self }
    }
}

/// Deposits, and the scopes each of which stops them (`PauseController.requireOutboundOpen`).
fn asked(here: &ChainId, destinations: &[ChainId], assets: &[&AssetId]) -> Vec<(VaultPause, Vec<B256>)> {
    let all = vec![global(), numbered("direction", OUTBOUND), named("chain", here.hash())];
    let of_all = (VaultPause { destination: None, asset: None, until: None }, all);
    let to = |chain: &ChainId| {
        let scopes = vec![named("chain", chain.hash()), named("deposits to", chain.hash())];
        (VaultPause { destination: Some(chain.clone()), asset: None, until: None }, scopes)
    };
    let of = |asset: &&AssetId| {
        let scopes = vec![named("asset", asset.hash())];
        (VaultPause { destination: None, asset: Some((*asset).clone()), until: None }, scopes)
    };
    std::iter::once(of_all).chain(destinations.iter().map(to)).chain(assets.iter().map(of)).collect()
}

/// What the controller of `vault` refuses at `now`, by the node's word.
pub(super) async fn read(
    node: &Execution,
    vault: Address,
    here: &ChainId,
    destinations: &[ChainId],
    assets: &[&AssetId],
    now: UnixSeconds,
) -> Result<Vec<VaultPause>, FollowError> {
    pauses::read(node, vault, asked(here, destinations, assets), now).await
}

#[cfg(test)]
mod tests {
    use std::slice::from_ref;

    use super::*;
    use crate::sentinel::judge_pauses;

    fn pause(destination: Option<u64>, until: Option<u64>) -> VaultPause {
        VaultPause { destination: destination.map(ChainId::eip155), asset: None, until }
    }

    #[test]
    fn a_quorum_of_nodes_closes_a_vault_and_one_that_lies_closes_and_lengthens_nothing() {
        let (short, frozen) = (pause(None, Some(9)), pause(None, None));
        assert_eq!(judge_pauses(&[vec![frozen.clone()], vec![]], 2), []);
        assert_eq!(judge_pauses(&[vec![frozen.clone()], vec![short.clone()]], 2), from_ref(&short));
        assert_eq!(judge_pauses(&[vec![frozen.clone()], vec![frozen.clone()], vec![]], 2), from_ref(&frozen));
        assert_eq!(judge_pauses(&[vec![frozen.clone()], vec![pause(Some(9), None)]], 2), [], "of other deposits");
        assert_eq!(judge_pauses(&[vec![short.clone(), pause(Some(9), None)]], 1), [short, pause(Some(9), None)]);
        assert_eq!(judge_pauses::<VaultPause>(&[], 1), []);
    }
}
