//! Source chains and destinations.

use std::fmt;
use std::num::NonZeroU64;

use alloy_primitives::{Address, B256};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use spandrel_signer::SecretRef;
use spandrel_verifiers::ChainId;
use spandrel_verifiers::bitcoin::{Anchor, ConfirmationPolicy};
use spandrel_verifiers::ethereum::ChainConfig;

use super::{KeyRef, NodeUrl};

/// 14 days: mainnet's weak-subjectivity period is somewhat longer (consensus-specs, Electra, Weak Subjectivity Guide).
pub const WEAK_SUBJECTIVITY: NonZeroU64 = NonZeroU64::MIN.saturating_add(14 * 86_400 - 1);

/// A Bitcoin chain to follow.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BitcoinSource {
    /// CAIP-2 id, `bip122:…`.
    #[schemars(with = "super::schema::Chain")]
    pub chain: ChainId,
    /// The vault's Taproot internal key (x-only).
    #[schemars(with = "super::schema::Word")]
    pub vault: B256,
    /// Where trust begins.
    #[schemars(with = "super::schema::Anchor")]
    pub anchor: Anchor,
    /// Confirmations asked for by value, in satoshis.
    #[schemars(with = "super::schema::Confirmations")]
    pub confirmations: ConfirmationPolicy,
    /// Confirmations after which the fast lane's signers attest.
    pub fast_confirmations: u32,
    /// How many of `nodes` must see the same block before what is in it is reported.
    pub quorum: usize,
    /// The relayer's nodes, in order of preference: each stands in for those before it.
    pub nodes: Vec<BitcoinNode>,
}

/// A Bitcoin node.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BitcoinNode {
    /// JSON-RPC address, without credentials.
    pub rpc: String,
    /// RPC user.
    pub user: String,
    /// RPC password, by reference.
    #[schemars(with = "super::schema::Secret")]
    pub password: SecretRef,
    /// ZMQ endpoint that publishes `rawblock`, `hashblock` and `sequence`; without one the chain is polled.
    pub zmq: Option<String>,
}

/// An Ethereum chain to follow.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EthereumSource {
    /// The bridge's `Outbox`.
    #[schemars(with = "super::schema::Account")]
    pub outbox: Address,
    /// Execution block at which reading begins.
    pub start_block: u64,
    /// Root of the beacon block at which trust begins: no older than the weak-subjectivity period.
    #[schemars(with = "super::schema::Word")]
    pub trusted_root: B256,
    /// That period, seconds: how old the block of `trusted_root` may be when a process starts. It follows from the balance and
    /// the churn of the network's validators; the default of 14 days is of mainnet's order.
    #[serde(default = "weak_subjectivity")]
    pub weak_subjectivity_seconds: NonZeroU64,
    /// How many of `nodes` must see the same block before what is in it is reported.
    pub quorum: usize,
    /// The consensus network: chain id, genesis, preset, forks.
    #[schemars(with = "super::schema::Network")]
    pub network: ChainConfig,
    /// The relayer's nodes, in order of preference: each stands in for those before it.
    pub nodes: Vec<EthereumNode>,
    /// How pauses reach the vault. Without it deposits go on there while they are paused here; a chain that is a destination
    /// too needs none, its pauses are the destination's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pauses: Option<VaultPauses>,
}

/// How pauses reach a chain that deposits are made on and nothing is paid on.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VaultPauses {
    /// JSON-RPC address.
    pub rpc: NodeUrl,
    /// `Inbox` contract of the bridge there: guardians' statements name the bridge by it.
    #[schemars(with = "super::schema::Account")]
    pub inbox: Address,
    /// `PauseController` contract that the vault asks.
    #[schemars(with = "super::schema::Account")]
    pub pause_controller: Address,
    /// `CheckpointRegistry` contract that the vault asks for blocks of its destinations. With it the relayer brings one there
    /// when a deposit expired unpaid, so that it can be taken back; its destination is then in `[[ethereum]]` too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<super::schema::Account>")]
    pub checkpoint_registry: Option<Address>,
    /// Account that pays for gas; a guardian, if automatic pauses are to reach the chain.
    pub account: KeyRef,
    /// Most wei per gas ever offered.
    pub max_fee_per_gas: u64,
    /// Seconds after which a pending transaction's fee is raised.
    pub escalate_after_seconds: u64,
    /// Blocks after which a pause counts as final; absent: the chain's `finalized` tag.
    pub confirmations: Option<u64>,
}

/// An Ethereum node: execution and consensus client.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EthereumNode {
    /// Execution JSON-RPC address.
    pub execution: String,
    /// Beacon API address.
    pub beacon: String,
}

/// An EVM chain to pay on.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Destination {
    /// CAIP-2 id, `eip155:…`.
    #[schemars(with = "super::schema::Chain")]
    pub chain: ChainId,
    /// JSON-RPC address.
    pub rpc: NodeUrl,
    /// JSON-RPC addresses of further nodes, run by others: nothing ends for good unless each says the same.
    #[serde(default)]
    pub witness_rpc: Vec<NodeUrl>,
    /// `Inbox` contract.
    #[schemars(with = "super::schema::Account")]
    pub inbox: Address,
    /// `FastLane` contract.
    #[schemars(with = "super::schema::Account")]
    pub fast_lane: Address,
    /// `CheckpointRegistry` contract.
    #[schemars(with = "super::schema::Account")]
    pub checkpoint_registry: Address,
    /// `PauseController` contract.
    #[schemars(with = "super::schema::Account")]
    pub pause_controller: Address,
    /// Account that pays for gas; a guardian, if automatic pauses are to reach the chain.
    pub account: KeyRef,
    /// Most wei per gas ever offered.
    pub max_fee_per_gas: u64,
    /// Seconds after which a pending transaction's fee is raised.
    pub escalate_after_seconds: u64,
    /// Blocks after which a payout counts as final; absent: the chain's `finalized` tag.
    pub confirmations: Option<u64>,
}

fn weak_subjectivity() -> NonZeroU64 {
    WEAK_SUBJECTIVITY
}

/// URLs of nodes often hold credentials: only scheme and host are shown.
impl fmt::Debug for EthereumNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EthereumNode")
            .field("execution", &redacted(&self.execution))
            .field("beacon", &redacted(&self.beacon))
            .finish()
    }
}

pub(super) fn redacted(url: &str) -> String {
    match url.split_once("://") {
        Some((scheme, rest)) => {
            let authority = rest.split('/').next().unwrap_or_default();
            let host = authority.rsplit('@').next().unwrap_or_default();
            format!("{scheme}://{host}/…")
        }
        None => "…".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_in_a_url_are_not_shown() {
        let node = EthereumNode {
            execution: "https://user:secret@node.example/v3/secret".to_owned(),
            beacon: "secret".to_owned(),
        };
        let shown = format!("{node:?}");
        assert!(!shown.contains("secret"), "{shown}");
        assert!(shown.contains("https://node.example/…"), "{shown}");
    }
}
