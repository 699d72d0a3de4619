//! Wire forms: evidence of a deposit, and the consensus evidence that advances what is trusted.

use alloy_primitives::{B256, Bytes, Signature};
use serde::{Deserialize, Serialize};

use super::bank::BankPreimage;
use super::stakes::StakeTable;

/// A token transfer into the vault, proven to stand in a block, and attested to have succeeded.
///
/// The two halves are of different kinds: [`DepositEvidence::inclusion`] is proven under the votes or certificates of the
/// stake; [`DepositEvidence::execution`] is **trusted**, the word of a quorum of named witnesses, because no Solana block
/// commits to what became of a transaction. A verdict on a Solana deposit rests on both.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DepositEvidence {
    /// Where the transaction stands.
    pub inclusion: Inclusion,
    /// Who says that it succeeded.
    pub execution: ExecutionAttestation,
}

/// One instruction of one transaction of one entry of a block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inclusion {
    /// The block's slot.
    pub slot: u64,
    /// The block's id, which the votes or certificates for the slot must name.
    pub block_id: B256,
    /// The batch of entries that holds the transaction.
    pub shreds: ShredProof,
    /// Which entry of the batch.
    pub entry: u32,
    /// Which transaction of the entry.
    pub transaction: u32,
    /// Which instruction of the transaction is the transfer. The memo with its terms stands right before it.
    pub instruction: u32,
    /// Under Alpenglow, the data shreds that name the parent which the block id binds: the block's first one, or, where
    /// `UpdateParent` replaces its word, the one that begins with that and the one before it. None under TowerBFT.
    #[serde(default)]
    pub parent: Vec<Bytes>,
}

/// Data shreds that prove one whole batch of entries (or one marker) under a block id.
///
/// A shred begins with its leader's signature of its set's root, and may end with a retransmitter's. Neither is under the
/// block id, nor checked: these 64 bytes may be anything, and change nothing of what is proven.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShredProof {
    /// The data shred right before the batch, which ends the batch before; none when the batch begins the block.
    pub before: Option<Bytes>,
    /// The batch's data shreds, all of them in order.
    pub batch: Vec<Bytes>,
    /// What leads from their FEC sets to the block id.
    pub block: BlockPath,
}

/// How FEC sets are bound by a block id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum BlockPath {
    /// TowerBFT: each set carries the root of the one before, and the last root is the id.
    Chained {
        /// The first data shred of each later set, in order, up to the block's last.
        tail: Vec<Bytes>,
    },
    /// Alpenglow: the id is the root of a tree over the sets' roots and the parent.
    DoubleMerkle {
        /// Slot of the parent.
        parent_slot: u64,
        /// Id of the parent.
        parent_block_id: B256,
        /// Roots of all the block's sets.
        fec_set_roots: Vec<B256>,
    },
}

/// **Trusted, not proven**: a quorum of witnesses, each looking at its own RPC endpoints, says that a transaction of a
/// final block succeeded, and when the block was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExecutionAttestation {
    /// The block's time, Unix seconds, as the cluster's nodes give it.
    pub time: u64,
    /// Signatures over [`super::Included::execution_digest`]: exactly the threshold, signers in rising order.
    pub signatures: Vec<Signature>,
}

/// Consensus evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Update {
    /// The stake table of a next epoch.
    Stakes(Box<StakesUpdate>),
    /// TowerBFT: two thirds voted for a block.
    Votes(VotesUpdate),
    /// TowerBFT: a voted block is the ancestor of another, 32 slots later or more.
    Root(RootUpdate),
    /// Alpenglow: a block is final.
    Final(FinalUpdate),
    /// The cluster has gone over to Alpenglow.
    Migration(MigrationUpdate),
}

/// The table of an epoch, by the word of a quorum of sources, and a block that both it and the table before carry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StakesUpdate {
    /// The table of the epoch after the newest that is trusted.
    pub table: StakeTable,
    /// Signatures of the sources over [`super::stakes_digest`]: exactly the threshold, signers in rising order.
    pub signatures: Vec<Signature>,
    /// A block of the new epoch, by the new table's votes or certificates.
    pub carried: CarriedBlock,
}

/// A block that shows that two tables are of one cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CarriedBlock {
    /// Under TowerBFT.
    Votes(VotesUpdate),
    /// Under Alpenglow.
    Final(FinalUpdate),
}

/// Votes for one block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VotesUpdate {
    /// The block's slot.
    pub slot: u64,
    /// Its bank hash.
    pub bank_hash: B256,
    /// Its block id.
    pub block_id: B256,
    /// Vote transactions for it, each vote account once.
    pub votes: Vec<Bytes>,
}

/// The banks between two voted blocks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RootUpdate {
    /// Slot of the older block.
    pub slot: u64,
    /// Slot of the newer one, at least 32 later.
    pub descendant: u64,
    /// Preimages of the bank hashes, from the newer block's down to that of the older one's child.
    pub banks: Vec<BankPreimage>,
}

/// A final block of Alpenglow, with the footer and the tick that end it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FinalUpdate {
    /// A fast-finalization certificate, or a finalization certificate and the notarization certificate of its slot.
    pub certificates: Vec<Bytes>,
    /// The shreds of the footer.
    pub footer: ShredProof,
    /// The shreds of the tick that follows the footer and ends the block.
    pub tick: ShredProof,
}

/// The genesis certificate of Alpenglow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MigrationUpdate {
    /// It names the last block of TowerBFT.
    pub certificate: Bytes,
}
