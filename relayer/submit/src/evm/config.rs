//! What has to be known to pay on one EVM chain.

use std::sync::Arc;
use std::time::Duration;

use alloy_primitives::Address;
use spandrel_core::submission::SubmitError;
use spandrel_verifiers::{ChainId, UnixSeconds};

use super::fees::FeePolicy;
use super::rpc_url::RpcUrl;

/// Where time comes from: seconds since the Unix epoch.
pub type Clock = Arc<dyn Fn() -> UnixSeconds + Send + Sync>;

/// An EVM destination, or a chain that only pauses are brought to.
#[derive(Clone, Debug)]
pub struct EvmConfig {
    /// The chain, `eip155:<number>`; compared with the node's answer at construction.
    pub chain: ChainId,
    /// The node. It must answer `eth_simulateV1` (geth, reth, Nethermind, Erigon, anvil do).
    pub rpc_url: RpcUrl,
    /// Further nodes of the same chain, by others than the first. Nothing ends for good unless each of them says the
    /// same as the first; one that disagrees or does not answer holds. They too must answer `eth_simulateV1`.
    pub witnesses: Vec<RpcUrl>,
    /// How long to wait for one answer.
    pub timeout: Duration,
    /// The bridge's contracts there.
    pub contracts: Contracts,
    /// When a block counts as final.
    pub confirmation: Confirmation,
    /// What may be paid for gas.
    pub fees: FeePolicy,
    /// Seconds after its last attempt from which a transaction counts as stuck and its fee is raised.
    pub escalate_after: u64,
    /// How much one transaction may carry.
    pub batch: BatchLimits,
}

/// Addresses of the bridge's contracts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contracts {
    /// `Inbox`: statements name the bridge by it.
    pub inbox: Address,
    /// `PauseController`.
    pub pauses: Address,
    /// By what payouts are proven; none where nothing is paid: only pauses are brought there.
    pub proofs: Option<Proofs>,
}

/// Contracts by which payouts are proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proofs {
    /// `FastLane`.
    pub fast_lane: Address,
    /// `CheckpointRegistry`.
    pub registry: Address,
}

/// When a block counts as final.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confirmation {
    /// By the node's `finalized` tag.
    FinalizedTag,
    /// When this many blocks stand on top of it.
    Depth(u64),
}

/// How much one transaction may carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchLimits {
    /// Items, 1 to 64 (`Inbox.MAX_ITEMS`).
    pub items: usize,
    /// Gas limit; chains with EIP-7825 take at most 2^24.
    pub gas: u64,
}

impl EvmConfig {
    /// Most items `Inbox.claimBatch` takes.
    pub const MAX_ITEMS: usize = 64;

    /// Checks the values that no node is needed for. Answers the chain's EIP-155 number.
    pub fn validate(&self) -> Result<u64, SubmitError> {
        let number = self.chain.eip155_number().ok_or_else(|| permanent("chain", "an eip155 chain", &self.chain))?;
        if !(1..=Self::MAX_ITEMS).contains(&self.batch.items) {
            return Err(permanent("batch.items", format!("1 to {}", Self::MAX_ITEMS), self.batch.items));
        }
        if self.batch.gas < 100_000 {
            return Err(permanent("batch.gas", "at least 100000", self.batch.gas));
        }
        if self.escalate_after == 0 {
            return Err(permanent("escalate_after", "at least 1 second", 0));
        }
        if self.timeout.is_zero() {
            return Err(permanent("timeout", "more than nothing", "0"));
        }
        let Contracts { inbox, pauses, proofs } = self.contracts;
        let proofs = proofs
            .iter()
            .flat_map(|proofs| [("contracts.fast_lane", proofs.fast_lane), ("contracts.registry", proofs.registry)]);
        for (name, address) in [("contracts.inbox", inbox), ("contracts.pauses", pauses)].into_iter().chain(proofs) {
            if address.is_zero() {
                return Err(permanent(name, "a non-zero address", address));
            }
        }
        self.fees.validate()?;
        Ok(number)
    }
}

pub(super) fn permanent(field: impl ToString, expected: impl ToString, found: impl ToString) -> SubmitError {
    SubmitError::Permanent { field: field.to_string(), expected: expected.to_string(), found: found.to_string() }
}
