//! What is to be known of a source and a destination for a deposit to be taken back.
//!
//! What the nodes of a source tell of its registry decides only whether verifiers are asked; what they sign they prove
//! themselves, and what is paid back the vault does.

use std::time::Duration;

use alloy_primitives::Address;
use futures::future::{BoxFuture, join_all};
use spandrel_verifiers::follow::FollowError;
use spandrel_verifiers::{BlockEvidence, ChainId, Checkpoint, DepositId, UnixSeconds};

use crate::ethereum::{Endpoint, EthereumEvidence, Execution};

/// What `Outbox.sol`, `Vault.sol` and `CheckpointRegistry.sol` answer.
mod told {
    alloy::sol! {
        function vault() returns (address vault);
        function refundHold() returns (uint64 hold);
        function roots() returns (address registry);
        function refunded(bytes32 id) returns (bool isRefunded);
        function latest(bytes32 chain) returns (uint64 height, uint64 time);
        function stored(bytes32 chain, uint64 height)
            returns (bytes32 root, uint64 time, bool disputed, uint64 storedAt, uint48 epoch, uint64 upTo);
        function rules(bytes32 chain) returns (uint64 maxAge, uint64 timeSlack, bool frozen);
    }
}

/// The newest checkpoint of a destination in a registry that can be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Newest {
    /// Its block's time; zero where there is none.
    pub time: UnixSeconds,
    /// Seconds for which it can be used, from that time; zero where its chain is not accepted, or frozen.
    pub max_age: u64,
    /// Seconds for which it is to stand before the vault pays back under it.
    pub hold: u64,
}

impl Newest {
    /// Whether every checkpoint is too old once it has stood for the hold: nothing is paid back under any.
    pub fn is_never_usable(&self) -> bool {
        self.max_age <= self.hold
    }
}

/// A vault, and the registry beside it, by the word of a node.
pub trait RefundView: Send + Sync {
    /// The newest checkpoint of `destination`. The highest may be one that nobody can use: `own`, which was brought there,
    /// counts too, wherever it stands.
    fn newest<'a>(
        &'a self,
        destination: &'a ChainId,
        own: Option<&'a Checkpoint>,
    ) -> BoxFuture<'a, Result<Newest, FollowError>>;

    /// Whether a deposit was taken back.
    fn is_refunded(&self, deposit: DepositId) -> BoxFuture<'_, Result<bool, FollowError>>;
}

/// Evidence of a destination's newest final block.
pub trait FinalBlocks: Send + Sync {
    /// The block, and what proves it.
    fn newest_final(&self) -> BoxFuture<'_, Result<(Checkpoint, BlockEvidence), FollowError>>;
}

/// Reads one source by one of its nodes.
pub struct RefundWatch {
    outbox: Address,
    registry: Address,
    node: Execution,
}

impl RefundWatch {
    /// The vault of the outbox at `outbox` on `chain`, which is to take checkpoints from `registry`. Nothing is asked yet.
    ///
    /// # Errors
    /// When no client can be built.
    pub fn new(
        chain: &ChainId,
        outbox: Address,
        registry: Address,
        node: Endpoint,
        timeout: Duration,
    ) -> Result<Self, FollowError> {
        Ok(Self { outbox, registry, node: Execution::new(node, chain.clone(), timeout)? })
    }

    async fn vault(&self) -> Result<Address, FollowError> {
        self.node.require_chain().await?;
        self.node.ask(self.outbox, &told::vaultCall {}).await
    }
}

impl RefundView for RefundWatch {
    fn newest<'a>(
        &'a self,
        destination: &'a ChainId,
        own: Option<&'a Checkpoint>,
    ) -> BoxFuture<'a, Result<Newest, FollowError>> {
        Box::pin(async move {
            let vault = self.vault().await?;
            let registry = self.node.ask(vault, &told::rootsCall {}).await?;
            if registry != self.registry {
                return Err(FollowError::Permanent {
                    field: "the vault's registry".to_owned(),
                    expected: self.registry.to_string(),
                    found: registry.to_string(),
                });
            }
            let chain = destination.hash();
            let rule = self.node.ask(registry, &told::rulesCall { chain }).await?;
            let height = self.node.ask(registry, &told::latestCall { chain }).await?.height;
            let highest = self.node.ask(registry, &told::storedCall { chain, height }).await?;
            let own = match own {
                Some(own) => {
                    Some((own, self.node.ask(registry, &told::storedCall { chain, height: own.height }).await?))
                }
                None => None,
            };
            let hold = self.node.ask(vault, &told::refundHoldCall {}).await?;
            Ok(newest_of(&rule, &highest, own.as_ref().map(|(own, stored)| (*own, stored)), hold))
        })
    }

    fn is_refunded(&self, deposit: DepositId) -> BoxFuture<'_, Result<bool, FollowError>> {
        Box::pin(async move { self.node.ask(self.vault().await?, &told::refundedCall { id: deposit.0 }).await })
    }
}

/// By the rule of its chain, the highest, and the one that was brought there.
fn newest_of(
    rule: &told::rulesReturn,
    highest: &told::storedReturn,
    own: Option<(&Checkpoint, &told::storedReturn)>,
    hold: u64,
) -> Newest {
    let own = own.map_or(0, |(own, stored)| usable_time(stored, Some(own)));
    let max_age = if rule.frozen { 0 } else { rule.maxAge };
    Newest { time: usable_time(highest, None).max(own), max_age, hold }
}

/// When the block of a stored checkpoint was made, if it can be used and is the `expected` one; zero otherwise. What is disputed
/// stays the highest for ever, and nothing is refunded under it.
fn usable_time(stored: &told::storedReturn, expected: Option<&Checkpoint>) -> UnixSeconds {
    let is_it = expected.is_none_or(|checkpoint| checkpoint.root == stored.root);
    if is_it && !stored.disputed { stored.time } else { 0 }
}

/// The final blocks of a chain: the latest that one of its nodes proves.
pub struct ProvenBlocks(pub Vec<EthereumEvidence>);

impl FinalBlocks for ProvenBlocks {
    fn newest_final(&self) -> BoxFuture<'_, Result<(Checkpoint, BlockEvidence), FollowError>> {
        Box::pin(async {
            let (mut newest, mut refused) = (None, FollowError::ProofUnavailable("no node".to_owned()));
            for proven in join_all(self.0.iter().map(EthereumEvidence::newest_final)).await {
                match proven {
                    Ok(found) => newest = newest.into_iter().chain([found]).max_by_key(|(block, _)| block.height),
                    Err(error) => refused = error,
                }
            }
            newest.ok_or(refused)
        })
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::B256;

    use super::*;

    const ROOT: B256 = B256::repeat_byte(1);

    fn stored(time: u64, disputed: bool) -> told::storedReturn {
        let (epoch, up_to) = (1.try_into().unwrap(), Checkpoint::ANY_AMOUNT);
        told::storedReturn { root: ROOT, time, disputed, storedAt: 9, epoch, upTo: up_to }
    }

    fn of(root: B256) -> Checkpoint {
        Checkpoint { chain: ChainId::eip155(9), height: 3, root, time: 7, up_to: Checkpoint::ANY_AMOUNT }
    }

    #[test]
    fn a_checkpoint_that_is_disputed_or_another_is_none() {
        let (root, stored) = (ROOT, |disputed| stored(7, disputed));
        assert_eq!((usable_time(&stored(false), None), usable_time(&stored(true), None)), (7, 0));
        assert_eq!((usable_time(&stored(false), Some(&of(root))), usable_time(&stored(true), Some(&of(root)))), (7, 0));
        assert_eq!(usable_time(&stored(false), Some(&of(B256::repeat_byte(2)))), 0, "somebody else's");
    }

    #[test]
    fn the_one_that_was_brought_counts_where_the_highest_is_disputed_and_none_of_a_frozen_chain_does() {
        let rule = |frozen| told::rulesReturn { maxAge: 50, timeSlack: 0, frozen };
        let (disputed, brought) = (stored(8, true), of(ROOT));
        let own = stored(7, false);
        let newest = |frozen, own| newest_of(&rule(frozen), &disputed, own, 5);
        assert_eq!(newest(false, Some((&brought, &own))), Newest { time: 7, max_age: 50, hold: 5 });
        assert_eq!(newest(false, None).time, 0);
        assert_eq!(newest(true, Some((&brought, &own))).max_age, 0);
        assert_eq!(newest_of(&rule(false), &stored(9, false), Some((&brought, &own)), 5).time, 9, "the newer of both");
    }
}
