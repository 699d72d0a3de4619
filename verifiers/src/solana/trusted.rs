//! What a Solana verifier trusts: stake tables by epoch, blocks that they proved, and since when Alpenglow counts.

use std::collections::BTreeMap;

use alloy_primitives::B256;
use serde::{Deserialize, Serialize};

use super::certificate::BlockName;
use super::config::Migration;
use super::stakes::{Electorate, StakeTable};
use crate::VerifyError;

/// Epochs whose tables are kept.
pub const KEPT_EPOCHS: usize = 3;

/// Blocks that are kept, the newest.
pub const KEPT_BLOCKS: usize = 8_192;

/// The trusted state of one cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrustedSlots {
    electorates: BTreeMap<u64, Electorate>,
    blocks: BTreeMap<u64, ProvenBlock>,
    genesis: Option<BlockName>,
}

/// A block that the stake proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProvenBlock {
    /// Its slot.
    pub slot: u64,
    /// Its bank hash.
    pub bank_hash: B256,
    /// Its id.
    pub block_id: B256,
    /// Unix seconds: the median of the voters' clocks (TowerBFT), or the producer's (Alpenglow); 0 when it is not known.
    pub time: u64,
    /// How firmly it stands.
    pub standing: Standing,
}

/// How firmly a block stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Two thirds of the stake voted for it; their lockouts have not run out.
    Voted,
    /// Two thirds voted for a descendant 32 slots later or more, or certificates finalized it or a descendant.
    Final,
}

/// By which rules a slot is proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consensus {
    /// Votes.
    Tower,
    /// Certificates.
    Alpenglow,
}

impl TrustedSlots {
    /// Trusts a stake table of the operator's choosing: the weakly subjective beginning.
    ///
    /// # Errors
    /// As [`StakeTable::validate`].
    pub fn new(table: StakeTable) -> Result<Self, VerifyError> {
        let electorate = Electorate::new(table)?;
        let electorates = BTreeMap::from([(electorate.epoch(), electorate)]);
        Ok(Self { electorates, blocks: BTreeMap::new(), genesis: None })
    }

    /// The table of an epoch.
    ///
    /// # Errors
    /// Not yet for a later epoch than any that is known, expired for one that is not kept any more.
    pub fn electorate(&self, epoch: u64) -> Result<&Electorate, VerifyError> {
        self.electorates.get(&epoch).ok_or_else(|| {
            let newest = self.electorates.last_key_value().map(|(epoch, _)| *epoch).unwrap_or_default();
            let error = if epoch > newest { VerifyError::not_yet } else { VerifyError::expired };
            error("epoch".to_owned(), format!("an epoch with a known stake table, as {newest}"), epoch.to_string())
        })
    }

    /// The newest table.
    pub fn newest(&self) -> Option<&Electorate> {
        self.electorates.last_key_value().map(|(_, electorate)| electorate)
    }

    /// A proven block.
    pub fn block(&self, slot: u64) -> Option<&ProvenBlock> {
        self.blocks.get(&slot)
    }

    /// The proven blocks, oldest first.
    pub fn blocks(&self) -> impl DoubleEndedIterator<Item = &ProvenBlock> {
        self.blocks.values()
    }

    /// By which rules `slot` is proven.
    pub fn consensus(&self, slot: u64) -> Consensus {
        match self.genesis {
            Some(genesis) if slot > genesis.slot => Consensus::Alpenglow,
            _ => Consensus::Tower,
        }
    }

    /// The last block of TowerBFT, once the migration is proven.
    pub fn genesis(&self) -> Option<BlockName> {
        self.genesis
    }

    /// Certificates may come before the genesis certificate from which on they count, if `migration` lets that come.
    pub(super) fn require_consensus(
        &self,
        migration: Migration,
        slot: u64,
        expected: Consensus,
    ) -> Result<(), VerifyError> {
        let rules = self.consensus(slot);
        if rules == expected {
            return Ok(());
        }
        let may_migrate = self.genesis.is_none() && migration == Migration::AtGenesisCertificate;
        let error = if may_migrate { VerifyError::not_yet } else { VerifyError::invalid };
        Err(error("slot".to_owned(), format!("a slot of {expected:?}"), format!("{slot}, of {rules:?}")))
    }

    /// Adds a block, or strengthens its standing and learns its time. Two blocks in one slot cannot both be proven by an honest
    /// third.
    pub(super) fn insert(&mut self, block: ProvenBlock) -> Result<(), VerifyError> {
        self.require_no_conflict(&block)?;
        let known = self.blocks.entry(block.slot).or_insert(block);
        known.standing = known.standing.max(block.standing);
        if self.genesis.is_some_and(|genesis| genesis.slot == block.slot) {
            known.standing = Standing::Final;
        }
        if known.time == 0 {
            known.time = block.time;
        }
        while self.blocks.len() > KEPT_BLOCKS {
            self.blocks.pop_first();
        }
        Ok(())
    }

    fn require_no_conflict(&self, block: &ProvenBlock) -> Result<(), VerifyError> {
        let conflict = |expected: String| {
            let found = format!("block {} with bank {}", block.block_id, block.bank_hash);
            Err(VerifyError::invalid("conflict", expected, found))
        };
        if let Some(genesis) = self.genesis.filter(|genesis| genesis.slot == block.slot)
            && genesis.block_id != block.block_id
        {
            return conflict(format!("block {}", genesis.block_id));
        }
        match self.blocks.get(&block.slot) {
            Some(known) if (known.block_id, known.bank_hash) != (block.block_id, block.bank_hash) => {
                conflict(format!("block {} with bank {}", known.block_id, known.bank_hash))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn finalize(&mut self, slot: u64) {
        if let Some(block) = self.blocks.get_mut(&slot) {
            block.standing = Standing::Final;
        }
    }

    pub(super) fn add_electorate(&mut self, electorate: Electorate) {
        self.electorates.insert(electorate.epoch(), electorate);
        while self.electorates.len() > KEPT_EPOCHS {
            self.electorates.pop_first();
        }
    }

    /// Takes `genesis` for the last block of TowerBFT: it is final, and what was voted for past it is dropped.
    pub(super) fn migrate(&mut self, genesis: BlockName) {
        self.genesis = Some(genesis);
        self.blocks.retain(|slot, _| *slot <= genesis.slot);
        self.finalize(genesis.slot);
    }
}
