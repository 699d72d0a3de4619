//! A point of a source chain under which deposits are proven.

use alloy_primitives::{Address, B256, U256, keccak256};
use serde::{Deserialize, Serialize};

use crate::{ChainId, eip712};

/// A source block that a verifier holds final; its quorum-signed form is what `CheckpointRegistry` stores.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checkpoint {
    /// The source chain.
    pub chain: ChainId,
    /// Block height (Ethereum: execution block number).
    pub height: u64,
    /// Block hash: `keccak256(rlp(header))` (Ethereum) or `sha256d(header)` in wire order (Bitcoin); the header's app
    /// hash (Cosmos).
    pub root: B256,
    /// Block time, Unix seconds.
    pub time: u64,
    /// Largest amount, in base units of the chain's coin, for which the block stood as deep as the verifier asks: that of
    /// the deposit it was asked about, or [`Checkpoint::ANY_AMOUNT`]. Verifiers that ask for different depths sign the
    /// same. 0 where nothing is said of the depth, as in what was stored before this was.
    #[serde(default)]
    pub up_to: u64,
}

impl Checkpoint {
    /// `up_to` where the depth does not depend on the amount; `CheckpointRegistry.ANY_AMOUNT`.
    pub const ANY_AMOUNT: u64 = u64::MAX;

    /// The EIP-712 type that verifiers sign and `CheckpointRegistry` recovers.
    pub const TYPE: &'static str =
        "Checkpoint(bytes32 sourceChain,uint64 height,bytes32 root,uint64 time,uint64 upTo,uint64 epoch)";

    /// Whether `amount` may be proven under it, as `CheckpointRegistry.rootAt` judges.
    pub fn covers(&self, amount: U256) -> bool {
        self.up_to == Self::ANY_AMOUNT || amount <= U256::from(self.up_to)
    }

    /// EIP-712 digest for the registry at `registry` on EVM chain `chain_number`, signed under verifier-set `epoch`.
    pub fn digest(&self, chain_number: u64, registry: Address, epoch: u64) -> B256 {
        let domain = eip712::domain("Spandrel CheckpointRegistry", chain_number, registry);
        let words = [
            keccak256(Self::TYPE),
            self.chain.hash(),
            U256::from(self.height).into(),
            self.root,
            U256::from(self.time).into(),
            U256::from(self.up_to).into(),
            U256::from(epoch).into(),
        ];
        eip712::digest(domain, &words)
    }
}
