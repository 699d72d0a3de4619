//! What a chain's own contracts refuse because they are paused, by the word of their `PauseController`.
//!
//! A pause there is not one here: it counts from its inclusion, and what is lifted here is not lifted there.

use alloy::sol_types::SolValue;
use alloy_primitives::{Address, B256, U256, keccak256};
use spandrel_verifiers::UnixSeconds;
use spandrel_verifiers::follow::FollowError;

use crate::ethereum::Execution;

/// What `Vault.sol` and `Inbox.sol` (`pauses`) and `PauseController.sol` answer.
mod told {
    alloy::sol! {
        function pauses() returns (address controller);
        function horizon() returns (uint64 until);
        function pausedUntil(bytes32 scope) returns (uint64 until);
    }
}

/// `PauseController.FROZEN`.
const FROZEN: u64 = u64::MAX;

/// Something that is refused for a time.
pub trait Pause: Clone + PartialEq + Send {
    /// Until when, inclusive, Unix seconds; absent for a freeze.
    fn until(&self) -> Option<UnixSeconds>;

    /// The same until then.
    #[must_use]
    fn lasting(self, until: Option<UnixSeconds>) -> Self;
}

/// `PauseScope.GLOBAL`.
pub(super) fn global() -> B256 {
    keccak256("global")
}

/// The scope of a chain or asset by its hash: `PauseScope.chain` and its like.
pub(super) fn named(kind: &str, hash: B256) -> B256 {
    keccak256((kind, hash).abi_encode_params())
}

/// `PauseScope.direction` and `PauseScope.lane`.
pub(super) fn numbered(kind: &str, number: u8) -> B256 {
    keccak256((kind, U256::from(number)).abi_encode_params())
}

/// Of what is `asked`, each with the scopes that stop it, what the controller of `contract` refuses at `now`, by the node's
/// word. A chain that is quiet has an old newest block, and one that runs ahead a time of its own: the later of both is the
/// time that a pause must have passed.
pub(super) async fn read<P: Pause>(
    node: &Execution,
    contract: Address,
    asked: Vec<(P, Vec<B256>)>,
    now: UnixSeconds,
) -> Result<Vec<P>, FollowError> {
    let head = node.head().await?;
    let now = now.max(head.time());
    let controller = node.ask_at(contract, &told::pausesCall {}, head.hash).await?;
    let mut pauses = Vec::new();
    if node.ask_at(controller, &told::horizonCall {}, head.hash).await? < now {
        return Ok(pauses);
    }
    for (pause, scopes) in asked {
        let mut until = 0;
        for scope in scopes {
            until = until.max(node.ask_at(controller, &told::pausedUntilCall { scope }, head.hash).await?);
        }
        if until >= now {
            pauses.push(pause.lasting((until != FROZEN).then_some(until)));
        }
    }
    Ok(pauses)
}

/// What `quorum` of the nodes tell, each until the time to which so many of them agree that it lasts. One node that lies closes
/// nothing, and lengthens nothing.
pub fn judge_pauses<P: Pause>(told: &[Vec<P>], quorum: usize) -> Vec<P> {
    let mut judged: Vec<P> = Vec::new();
    for pause in told.iter().flatten() {
        let asked = pause.clone().lasting(None);
        let is_same = |other: &&P| (*other).clone().lasting(None) == asked;
        if judged.iter().any(|known| is_same(&known)) {
            continue;
        }
        let mut lasts: Vec<u64> = told
            .iter()
            .filter_map(|node| node.iter().find(is_same))
            .map(|same| same.until().unwrap_or(FROZEN))
            .collect();
        lasts.sort_unstable_by(|one, other| other.cmp(one));
        if let Some(until) = lasts.get(quorum.saturating_sub(1)) {
            judged.push(asked.clone().lasting((*until != FROZEN).then_some(*until)));
        }
    }
    judged
}
