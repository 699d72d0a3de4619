//! The Solana verifier: votes or certificates prove blocks, shreds under a final block prove transactions, and a quorum
//! of witnesses says that they succeeded.

use std::collections::BTreeMap;

use alloy_primitives::{B256, U256, keccak256};
use rayon::prelude::*;
use serde::Serialize;

use super::advance::advance;
use super::block::{Batch, BlockOf};
use super::config::SolanaConfig;
use super::deposit::deposit_of;
use super::entry::decode_entries;
use super::evidence::{DepositEvidence, ExecutionAttestation, Inclusion, ShredProof, Update};
use super::quorum;
use super::trusted::{Consensus, ProvenBlock, Standing, TrustedSlots};
use crate::{Checkpoint, Deposit, UnixSeconds, Verified, Verifier, VerifyError};

/// Most seconds between a block's time by the cluster's nodes and by what was proven: the former is an estimate.
pub const MAX_TIME_GAP: u64 = 600;

/// Verifies deposits into one vault on one Solana cluster.
#[derive(Clone, Debug)]
pub struct SolanaVerifier {
    config: SolanaConfig,
}

/// A transfer whose transaction is **included** in a proven block, and nothing more.
///
/// Proven: these bytes, with this signature, stand at this place of the block that the stake voted for or finalized.
/// Not proven: that the transaction succeeded (a failed one stands in the block too), what it logged, what any account
/// held before or after. Bank hashes commit to all accounts by a sum alone (SIMD-0215), and to no status. So this is
/// never a [`Verified`] deposit; it becomes one by an [`ExecutionAttestation`], which is trusted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Included {
    deposit: Deposit,
    block: ProvenBlock,
    transaction: B256,
}

impl Included {
    /// What is deposited, if the transaction succeeded.
    pub fn if_executed(&self) -> &Deposit {
        &self.deposit
    }

    /// The block that holds it.
    pub fn block(&self) -> &ProvenBlock {
        &self.block
    }

    /// `keccak256` of the transaction's first signature, its id.
    pub fn transaction(&self) -> B256 {
        self.transaction
    }

    /// What witnesses sign to say that the transaction succeeded and that its block is of this time: `keccak256` of the
    /// ABI words `keccak256("spandrel.solana.execution.v1")`, chain, epoch of the witness set, slot, block id,
    /// `keccak256` of the transaction's first signature, time.
    pub fn execution_digest(&self, set_epoch: u64, time: u64) -> B256 {
        let words =
            [U256::from(self.block.slot).into(), self.block.block_id, self.transaction, U256::from(time).into()];
        quorum::digest("spandrel.solana.execution.v1", &self.deposit.source_chain, set_epoch, &words)
    }
}

impl SolanaVerifier {
    /// A verifier for the cluster and vault of `config`.
    ///
    /// # Errors
    /// When `config` is not valid.
    pub fn new(config: SolanaConfig) -> Result<Self, VerifyError> {
        config.validate().map_err(|error| error.within("config"))?;
        Ok(Self { config })
    }

    /// What it was made with.
    pub fn config(&self) -> &SolanaConfig {
        &self.config
    }

    /// Checks that a transfer is included in a proven block that stands at least as firmly as `least`. The fast lane
    /// asks for [`Standing::Voted`].
    ///
    /// # Errors
    /// Names the field of `inclusion`; not yet when its block is not proven or does not stand so firmly yet.
    pub fn include(
        &self,
        trusted: &TrustedSlots,
        inclusion: &Inclusion,
        least: Standing,
        now: UnixSeconds,
    ) -> Result<Included, VerifyError> {
        let block = self.block_of(trusted, inclusion, least, now)?;
        let batch = self.check_shreds(trusted, inclusion)?;
        self.deposit_in(&batch, block, inclusion)
    }

    /// Turns an included transfer into a deposit by the word of the witnesses.
    ///
    /// # Errors
    /// Names `time` or `signatures`; not yet while the block's time is not known.
    pub fn attested(
        &self,
        included: &Included,
        execution: &ExecutionAttestation,
    ) -> Result<Verified<Deposit>, VerifyError> {
        let block = included.block;
        if block.time == 0 {
            return Err(VerifyError::not_yet("time", "a block whose time half of its voters tell", "none told yet"));
        }
        if block.time.abs_diff(execution.time) > MAX_TIME_GAP {
            let expected = format!("{} give or take {MAX_TIME_GAP} seconds", block.time);
            return Err(VerifyError::invalid("time", expected, execution.time));
        }
        let witnesses = &self.config.execution_witnesses;
        let digest = included.execution_digest(witnesses.epoch, execution.time);
        quorum::require_quorum("signatures", digest, witnesses, &execution.signatures)?;
        let chain = self.config.chain.clone();
        let under = Checkpoint { chain, height: block.slot, root: block.block_id, time: execution.time };
        Ok(Verified::new(included.deposit.clone(), under))
    }

    fn block_of(
        &self,
        trusted: &TrustedSlots,
        inclusion: &Inclusion,
        least: Standing,
        now: UnixSeconds,
    ) -> Result<ProvenBlock, VerifyError> {
        self.require_fresh(trusted, now)?;
        let Some(block) = trusted.block(inclusion.slot) else {
            let oldest = trusted.blocks().next().map(|block| block.slot);
            return Err(match oldest {
                Some(oldest) if inclusion.slot < oldest => {
                    VerifyError::expired("slot", format!("{oldest} or later"), inclusion.slot)
                }
                _ => VerifyError::not_yet("slot", "the slot of a proven block", inclusion.slot),
            });
        };
        if block.block_id != inclusion.block_id {
            return Err(VerifyError::invalid("block_id", block.block_id, inclusion.block_id));
        }
        if block.standing < least {
            return Err(VerifyError::not_yet(
                "slot",
                format!("a block that is {least:?}"),
                format!("{:?}", block.standing),
            ));
        }
        Ok(*block)
    }

    fn require_fresh(&self, trusted: &TrustedSlots, now: UnixSeconds) -> Result<(), VerifyError> {
        let newest = trusted.blocks().rev().map(|block| block.time).find(|time| *time > 0).unwrap_or_default();
        if now.saturating_sub(newest) > self.config.max_age {
            let expected = format!("a proven block of the last {} seconds", self.config.max_age);
            return Err(VerifyError::expired("trusted", expected, format!("time {newest} at {now}")));
        }
        Ok(())
    }

    fn check_shreds(&self, trusted: &TrustedSlots, inclusion: &Inclusion) -> Result<Batch, VerifyError> {
        #[cfg(test)]
        crate::counted::add(&crate::counted::SHRED_BATCHES, 1);
        let block = self.named(inclusion, trusted.consensus(inclusion.slot));
        inclusion.shreds.check(&block).map_err(|error| match error.field.as_str() {
            "block_id" => error,
            _ => error.within("shreds"),
        })
    }

    fn named(&self, inclusion: &Inclusion, consensus: Consensus) -> BlockOf {
        BlockOf {
            slot: inclusion.slot,
            block_id: inclusion.block_id,
            shred_version: self.config.shred_version,
            is_double: consensus == Consensus::Alpenglow,
        }
    }

    /// The deposit at the place that the evidence names, if nodes read what stands there.
    fn deposit_in(&self, batch: &Batch, block: ProvenBlock, inclusion: &Inclusion) -> Result<Included, VerifyError> {
        inclusion.check_parent(batch, &self.named(inclusion, inclusion.shreds.block.consensus()))?;
        let entries = decode_entries(&batch.payload).map_err(|error| error.within("shreds"))?;
        let place = |index: u32| usize::try_from(index).unwrap_or(usize::MAX);
        let entry = entries
            .get(place(inclusion.entry))
            .ok_or_else(|| VerifyError::invalid("entry", format!("below {}", entries.len()), inclusion.entry))?;
        let transaction = entry.transactions.get(place(inclusion.transaction)).ok_or_else(|| {
            VerifyError::invalid("transaction", format!("below {}", entry.transactions.len()), inclusion.transaction)
        })?;
        let deposit = deposit_of(&self.config, transaction, inclusion.instruction)?;
        let id = transaction.id().map(keccak256).unwrap_or_default();
        Ok(Included { deposit, block, transaction: id })
    }

    fn verify_with(
        &self,
        trusted: &TrustedSlots,
        evidence: &DepositEvidence,
        now: UnixSeconds,
        batch_of: impl FnOnce(&Inclusion) -> Result<Batch, VerifyError>,
    ) -> Result<Verified<Deposit>, VerifyError> {
        let inclusion = &evidence.inclusion;
        let included = self
            .block_of(trusted, inclusion, Standing::Final, now)
            .and_then(|block| self.deposit_in(&batch_of(inclusion)?, block, inclusion))
            .map_err(|error| error.within("inclusion"))?;
        self.attested(&included, &evidence.execution).map_err(|error| error.within("execution"))
    }
}

impl Verifier for SolanaVerifier {
    type Trusted = TrustedSlots;
    type Update = Update;
    type Evidence = DepositEvidence;

    fn advance(&self, trusted: &mut TrustedSlots, update: &Update, _now: UnixSeconds) -> Result<(), VerifyError> {
        advance(&self.config, trusted, update)
    }

    /// Inclusion under a final block is proven; that the transaction succeeded is the word of the witnesses. The result
    /// is a deposit only by both: see [`Included`] for what is not proven.
    fn verify(
        &self,
        trusted: &TrustedSlots,
        evidence: &DepositEvidence,
        now: UnixSeconds,
    ) -> Result<Verified<Deposit>, VerifyError> {
        self.verify_with(trusted, evidence, now, |inclusion| self.check_shreds(trusted, inclusion))
    }

    /// Checks each distinct batch of shreds once, however many deposits are in it. A bad item costs the others nothing
    /// but its own work: its shreds are another batch, which is checked once, and theirs are not looked at again.
    fn verify_batch(
        &self,
        trusted: &TrustedSlots,
        evidence: &[DepositEvidence],
        now: UnixSeconds,
    ) -> Vec<Result<Verified<Deposit>, VerifyError>> {
        type Key<'a> = (u64, B256, &'a ShredProof);
        let key = |inclusion: &'_ Inclusion| (inclusion.slot, inclusion.block_id);
        let distinct: BTreeMap<Key<'_>, &Inclusion> = evidence
            .iter()
            .map(|item| {
                let (slot, block_id) = key(&item.inclusion);
                ((slot, block_id, &item.inclusion.shreds), &item.inclusion)
            })
            .collect();
        let checked: BTreeMap<Key<'_>, Result<Batch, VerifyError>> =
            distinct.into_par_iter().map(|(key, inclusion)| (key, self.check_shreds(trusted, inclusion))).collect();
        let batch_of =
            |inclusion: &Inclusion| match checked.get(&(inclusion.slot, inclusion.block_id, &inclusion.shreds)) {
                Some(result) => result.clone(),
                None => self.check_shreds(trusted, inclusion),
            };
        evidence.par_iter().map(|item| self.verify_with(trusted, item, now, batch_of)).collect()
    }
}
