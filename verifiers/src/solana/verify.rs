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
use super::entry::{Entry, decode_entries};
use super::evidence::{DepositEvidence, ExecutionAttestation, Inclusion, ShredProof, Update};
use super::pool::Pool;
use super::quorum;
use super::shred::Shred;
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
        let named = self.named(inclusion, trusted.consensus(inclusion.slot));
        let batch = inclusion.shreds.check(&named).map_err(in_shreds)?;
        self.deposit_in(&entries_of(&batch)?, block, inclusion, Shred::parse)
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
        let under = Checkpoint {
            chain,
            height: block.slot,
            root: block.block_id,
            time: execution.time,
            up_to: Checkpoint::ANY_AMOUNT,
        };
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

    /// The block that the evidence speaks of.
    fn named(&self, inclusion: &Inclusion, consensus: Consensus) -> BlockOf {
        BlockOf {
            slot: inclusion.slot,
            block_id: inclusion.block_id,
            shred_version: self.config.shred_version,
            is_double: consensus == Consensus::Alpenglow,
        }
    }

    /// The deposit at the place that the evidence names, if nodes read what stands there. `shred` parses a shred of the
    /// evidence.
    fn deposit_in<'a>(
        &self,
        (first, entries): &Entries<'_>,
        block: ProvenBlock,
        inclusion: &'a Inclusion,
        shred: impl Fn(&'a [u8]) -> Result<Shred<'a>, VerifyError>,
    ) -> Result<Included, VerifyError> {
        inclusion.check_parent(*first, &self.named(inclusion, inclusion.shreds.block.consensus()), shred)?;
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

    /// What inclusion, the word of the witnesses and nothing else make a deposit.
    fn conclude(
        &self,
        evidence: &DepositEvidence,
        included: Result<Included, VerifyError>,
    ) -> Result<Verified<Deposit>, VerifyError> {
        let included = included.map_err(|error| error.within("inclusion"))?;
        self.attested(&included, &evidence.execution).map_err(|error| error.within("execution"))
    }
}

fn in_shreds(error: VerifyError) -> VerifyError {
    if error.field == "block_id" { error } else { error.within("shreds") }
}

/// Which batch of entries: only one block of a slot is trusted.
type Key<'a> = (u64, &'a ShredProof);

fn key(inclusion: &Inclusion) -> Key<'_> {
    (inclusion.slot, &inclusion.shreds)
}

/// The entries of a batch, and the index of its first shred.
type Entries<'a> = (u32, Vec<Entry<'a>>);

fn entries_of(batch: &Batch) -> Result<Entries<'_>, VerifyError> {
    Ok((batch.first, decode_entries(&batch.payload).map_err(in_shreds)?))
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
        self.conclude(evidence, self.include(trusted, &evidence.inclusion, Standing::Final, now))
    }

    /// Parses each distinct shred once, hashes each distinct node of their trees once, and checks and decodes each
    /// distinct batch of them once, however many deposits and batches of one block they are of.
    ///
    /// What one bad item costs: the leaf and at most 15 nodes of each shred that no other item brings, those that name the
    /// parent among them, and, under Alpenglow, at most as many nodes as its own list of sets has roots, and eleven, when no
    /// other brings that list; what others bring is not looked at again for it.
    fn verify_batch(
        &self,
        trusted: &TrustedSlots,
        evidence: &[DepositEvidence],
        now: UnixSeconds,
    ) -> Vec<Result<Verified<Deposit>, VerifyError>> {
        let inclusions = evidence.iter().map(|item| &item.inclusion);
        let blocks: Vec<_> =
            inclusions.clone().map(|inclusion| self.block_of(trusted, inclusion, Standing::Final, now)).collect();
        let standing = inclusions.zip(&blocks).filter(|(_, block)| block.is_ok());
        let parents = standing.clone().flat_map(|(inclusion, _)| inclusion.parents());
        let distinct: BTreeMap<Key<'_>, BlockOf> = standing
            .clone()
            .map(|(inclusion, _)| (key(inclusion), self.named(inclusion, trusted.consensus(inclusion.slot))))
            .collect();
        let (keys, proofs): (Vec<Key<'_>>, Vec<_>) =
            distinct.into_iter().map(|(key, block)| (key, (key.1, block))).unzip();
        let pool = Pool::of(&proofs, parents);
        let batches: Vec<Result<Batch, VerifyError>> =
            proofs.par_iter().map(|(proof, block)| pool.check(proof, block).map_err(in_shreds)).collect();
        let entries = batches.par_iter().map(|batch| batch.as_ref().map_err(Clone::clone).and_then(entries_of));
        let entries: Vec<Result<Entries<'_>, VerifyError>> = entries.collect();
        let entries: BTreeMap<Key<'_>, _> = keys.into_iter().zip(entries).collect();
        let include = |item: &DepositEvidence, block: ProvenBlock| {
            let entries = entries.get(&key(&item.inclusion));
            let entries =
                entries.ok_or_else(|| VerifyError::malformed("shreds", "a batch that was checked", "none"))?;
            let entries = entries.as_ref().map_err(Clone::clone)?;
            self.deposit_in(entries, block, &item.inclusion, |shred| pool.shred(shred))
        };
        let items = evidence.par_iter().zip(blocks);
        items.map(|(item, block)| self.conclude(item, block.and_then(|block| include(item, block)))).collect()
    }
}
