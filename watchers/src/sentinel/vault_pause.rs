//! Which deposits a vault refuses because its own contract is paused.
//!
//! A pause there is not one here: it counts from its inclusion, and what is lifted here is not lifted there. Whoever would
//! deposit pays for a call that fails.

use alloy::sol_types::SolValue;
use alloy_primitives::{Address, B256, U256, keccak256};
use spandrel_verifiers::follow::FollowError;
use spandrel_verifiers::{AssetId, ChainId, UnixSeconds};

use crate::ethereum::Execution;

/// What `Vault.sol` and `PauseController.sol` answer.
mod told {
    alloy::sol! {
        function pauses() returns (address controller);
        function horizon() returns (uint64 until);
        function pausedUntil(bytes32 scope) returns (uint64 until);
    }
}

/// `PauseScope.OUTBOUND`: deposits on a chain.
const OUTBOUND: u8 = 2;
/// `PauseController.FROZEN`.
const FROZEN: u64 = u64::MAX;

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

/// Some deposits, and the scopes each of which stops them (`PauseController.requireOutboundOpen`).
struct Asked {
    destination: Option<ChainId>,
    asset: Option<AssetId>,
    scopes: Vec<B256>,
}

fn asked(here: &ChainId, destinations: &[ChainId], assets: &[&AssetId]) -> Vec<Asked> {
    let named = |kind: &str, hash: B256| keccak256((kind, hash).abi_encode_params());
    let outbound = keccak256(("direction", U256::from(OUTBOUND)).abi_encode_params());
    let all = vec![keccak256("global"), outbound, named("chain", here.hash())];
    let of_all = Asked { destination: None, asset: None, scopes: all };
    let to = |chain: &ChainId| Asked {
        destination: Some(chain.clone()),
        asset: None,
        scopes: vec![named("chain", chain.hash()), named("deposits to", chain.hash())],
    };
    let of = |asset: &&AssetId| Asked {
        destination: None,
        asset: Some((*asset).clone()),
        scopes: vec![named("asset", asset.hash())],
    };
    std::iter::once(of_all).chain(destinations.iter().map(to)).chain(assets.iter().map(of)).collect()
}

/// What the controller of `vault` refuses at `now`, by the node's word. A chain that is quiet has an old newest block, and one
/// that runs ahead a time of its own: the later of both is the time that a pause must have passed.
pub(super) async fn read(
    node: &Execution,
    vault: Address,
    here: &ChainId,
    destinations: &[ChainId],
    assets: &[&AssetId],
    now: UnixSeconds,
) -> Result<Vec<VaultPause>, FollowError> {
    let head = node.head().await?;
    let now = now.max(head.time());
    let controller = node.ask_at(vault, &told::pausesCall {}, head.hash).await?;
    let mut pauses = Vec::new();
    if node.ask_at(controller, &told::horizonCall {}, head.hash).await? < now {
        return Ok(pauses);
    }
    for Asked { destination, asset, scopes } in asked(here, destinations, assets) {
        let mut until = 0;
        for scope in scopes {
            until = until.max(node.ask_at(controller, &told::pausedUntilCall { scope }, head.hash).await?);
        }
        if until >= now {
            pauses.push(VaultPause { destination, asset, until: (until != FROZEN).then_some(until) });
        }
    }
    Ok(pauses)
}

/// What `quorum` of the nodes tell, each until the time to which so many of them agree that it lasts. One node that lies closes
/// nothing, and lengthens nothing.
pub fn judge_pauses(told: &[Vec<VaultPause>], quorum: usize) -> Vec<VaultPause> {
    let mut judged: Vec<VaultPause> = Vec::new();
    for pause in told.iter().flatten() {
        let is_same = |other: &&VaultPause| other.destination == pause.destination && other.asset == pause.asset;
        if judged.iter().any(|known| is_same(&known)) {
            continue;
        }
        let mut lasts: Vec<u64> =
            told.iter().filter_map(|node| node.iter().find(is_same)).map(|same| same.until.unwrap_or(FROZEN)).collect();
        lasts.sort_unstable_by(|one, other| other.cmp(one));
        if let Some(until) = lasts.get(quorum.saturating_sub(1)) {
            judged.push(VaultPause { until: (*until != FROZEN).then_some(*until), ..pause.clone() });
        }
    }
    judged
}

#[cfg(test)]
mod tests {
    use std::slice::from_ref;

    use super::*;

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
        assert_eq!(judge_pauses(&[], 1), []);
    }
}
