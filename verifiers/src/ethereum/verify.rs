//! The Ethereum verifier: sync-committee updates advance trust, storage proofs under a final block verify deposits.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::{Address, B256};
use serde::{Deserialize, Serialize};

use super::bls::SystemScalars;
use super::containers::{FinalityUpdate, LightClientUpdate, OptimisticUpdate};
use super::deposit::Source;
use super::evidence::read_finality;
use super::sync::{LightClientStore, NamedBlock, require_supermajority};
use super::{ChainConfig, DepositEvidence, ExecutionHeader, Inclusion};
use crate::follow::BlockRef;
use crate::{
    BlockEvidence, ChainId, Checkpoint, Deposit, ErrorKind, Finalized, UnixSeconds, Verified, Verifier, VerifyError,
};

/// Verifies deposits made in one outbox on one Ethereum chain.
#[derive(Clone, Debug)]
pub struct EthereumVerifier {
    config: ChainConfig,
    outbox: Address,
}

/// Consensus evidence: what nodes serve to light clients.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Update {
    /// Moves within a period, or brings the next committee.
    Period(Box<LightClientUpdate>),
    /// Moves the finalized block.
    Finality(Box<FinalityUpdate>),
    /// Moves the newest signed block.
    Optimistic(Box<OptimisticUpdate>),
}

/// A deposit that stands under a block which is not proven final: enough to sign on the fast lane, never a
/// [`Verified`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Included {
    deposit: Deposit,
    block: BlockRef,
}

impl Included {
    /// The deposit.
    pub fn deposit(&self) -> &Deposit {
        &self.deposit
    }

    /// The execution block that holds it.
    pub fn block(&self) -> &BlockRef {
        &self.block
    }
}

impl EthereumVerifier {
    /// A verifier of deposits in `outbox` on the chain of `config`.
    ///
    /// # Errors
    /// When `config` is not valid or the outbox is the zero address.
    pub fn new(config: ChainConfig, outbox: Address) -> Result<Self, VerifyError> {
        config.validate().map_err(|error| error.within("config"))?;
        if outbox.is_zero() {
            return Err(VerifyError::invalid("outbox", "a contract", outbox));
        }
        Ok(Self { config, outbox })
    }

    /// The network it verifies.
    pub fn config(&self) -> &ChainConfig {
        &self.config
    }

    /// The execution block that SSZ of a finality update proves final under `trusted`.
    fn finalized_by(
        &self,
        trusted: &LightClientStore,
        bytes: &[u8],
        now: UnixSeconds,
    ) -> Result<NamedBlock, VerifyError> {
        let update = read_finality(&self.config, bytes)?;
        trusted.prove_final(&self.config, &update, now)
    }

    /// [`Self::finalized_by`] of each distinct finality update in `evidence`.
    fn finalized_by_each<'a>(
        &self,
        trusted: &LightClientStore,
        evidence: &'a [DepositEvidence],
        now: UnixSeconds,
    ) -> BTreeMap<&'a [u8], Result<NamedBlock, VerifyError>> {
        let brought = evidence.iter().filter_map(|item| item.finality.as_ref());
        let distinct: BTreeSet<&[u8]> = brought.map(AsRef::as_ref).collect();
        let mut decoded = Vec::new();
        let mut results = BTreeMap::new();
        for bytes in distinct {
            match read_finality(&self.config, bytes) {
                Ok(update) => decoded.push((bytes, update)),
                Err(error) => drop(results.insert(bytes, Err(error))),
            }
        }
        let (distinct, updates): (Vec<&[u8]>, Vec<_>) = decoded.into_iter().unzip();
        let checked = trusted.prove_final_each(&self.config, &updates, now, &mut SystemScalars);
        results.extend(distinct.into_iter().zip(checked));
        results
    }

    /// Everything but consensus: the deposit is stored in the state of the header it brings.
    fn check_inclusion(&self, inclusion: &Inclusion) -> Result<ExecutionHeader, VerifyError> {
        self.source().check(inclusion).map_err(|error| error.within("inclusion"))
    }

    fn source(&self) -> Source<'_> {
        Source { chain: &self.config.chain, outbox: self.outbox }
    }

    /// Consensus for a deposit whose inclusion under `header` was checked.
    fn verify_included(
        &self,
        trusted: &LightClientStore,
        evidence: &DepositEvidence,
        header: &ExecutionHeader,
        finalized_by: impl FnOnce(&[u8]) -> Result<NamedBlock, VerifyError>,
    ) -> Result<Verified<Deposit>, VerifyError> {
        let under = self.checkpoint(trusted, header, evidence.finality.as_ref().map(AsRef::as_ref), finalized_by)?;
        Ok(Verified::new(evidence.inclusion.deposit.clone(), under))
    }

    /// The block of `header`, if it is final by what is trusted or by the update that is brought.
    fn checkpoint(
        &self,
        trusted: &LightClientStore,
        header: &ExecutionHeader,
        finality: Option<&[u8]>,
        finalized_by: impl FnOnce(&[u8]) -> Result<NamedBlock, VerifyError>,
    ) -> Result<Checkpoint, VerifyError> {
        let block = match (trusted.final_block(header.hash), finality) {
            (Some(block), None) => *block,
            // What is brought is checked, even if it is not needed; only its committee may be gone.
            (Some(block), Some(finality)) => match finalized_by(finality) {
                Err(error) if error.kind == ErrorKind::Expired => *block,
                proven => proven.map_err(|error| error.within("finality"))?,
            },
            (None, Some(finality)) => finalized_by(finality).map_err(|error| error.within("finality"))?,
            (None, None) => {
                let newest = trusted.latest_named_block();
                let expected =
                    newest.map_or("a final block".to_owned(), |block| format!("a final block, as {}", block.hash()));
                return Err(VerifyError::not_yet("inclusion.header", expected, header.hash));
            }
        };
        require_block(header, &block).map_err(|error| error.within("inclusion"))?;
        Ok(Checkpoint {
            chain: self.config.chain.clone(),
            height: header.number,
            root: header.hash,
            time: header.timestamp,
            up_to: Checkpoint::ANY_AMOUNT,
        })
    }

    /// Checks a deposit under the block of an optimistic update: signed by two thirds of the committee, not final.
    ///
    /// # Errors
    /// As [`Verifier::verify`], with fields under `optimistic` and `inclusion`.
    pub fn verify_optimistic(
        &self,
        trusted: &LightClientStore,
        optimistic: &OptimisticUpdate,
        inclusion: &Inclusion,
        now: UnixSeconds,
    ) -> Result<Included, VerifyError> {
        let block =
            trusted.check_optimistic(&self.config, optimistic, now).map_err(|error| error.within("optimistic"))?;
        self.verify_under(block.hash(), inclusion)
    }

    /// Checks a deposit under a block hash that the caller trusts, such as its own node's at the fast lane's depth.
    ///
    /// # Errors
    /// Names the field under `inclusion`.
    pub fn verify_under(&self, block_hash: B256, inclusion: &Inclusion) -> Result<Included, VerifyError> {
        let header = self.check_inclusion(inclusion)?;
        if header.hash != block_hash {
            return Err(VerifyError::invalid("inclusion.header", block_hash, header.hash));
        }
        Ok(Included { deposit: inclusion.deposit.clone(), block: header.block() })
    }
}

/// Checks a deposit in `outbox` under a block of `chain` that the caller trusts.
///
/// # Errors
/// Names the field under `inclusion`.
pub(crate) fn verify_in_block(
    (chain, outbox): (&ChainId, Address),
    block: B256,
    inclusion: &Inclusion,
) -> Result<Verified<Deposit>, VerifyError> {
    let header = Source { chain, outbox }.check(inclusion).map_err(|error| error.within("inclusion"))?;
    if header.hash != block {
        return Err(VerifyError::invalid("inclusion.header", block, header.hash));
    }
    let under = Checkpoint {
        chain: chain.clone(),
        height: header.number,
        root: block,
        time: header.timestamp,
        up_to: Checkpoint::ANY_AMOUNT,
    };
    Ok(Verified::new(inclusion.deposit.clone(), under))
}

/// The header must be the block's, in hash and in what the consensus layer says of it.
fn require_block(header: &ExecutionHeader, block: &NamedBlock) -> Result<(), VerifyError> {
    if header.hash != block.hash() {
        return Err(VerifyError::invalid("header", block.hash(), header.hash));
    }
    let Some(stated) = block.stated() else { return Ok(()) };
    if header.number != stated.height {
        return Err(VerifyError::invalid("header.number", stated.height, header.number));
    }
    if header.timestamp != stated.time {
        return Err(VerifyError::invalid("header.timestamp", stated.time, header.timestamp));
    }
    Ok(())
}

impl Verifier for EthereumVerifier {
    type Trusted = LightClientStore;
    type Update = Update;
    type Evidence = DepositEvidence;

    fn advance(&self, trusted: &mut LightClientStore, update: &Update, now: UnixSeconds) -> Result<(), VerifyError> {
        let aggregate = match update {
            Update::Period(update) => &update.sync_aggregate,
            Update::Finality(update) => &update.sync_aggregate,
            Update::Optimistic(update) => &update.sync_aggregate,
        };
        require_supermajority(aggregate)?;
        match update {
            Update::Period(update) => trusted.process_update(&self.config, update, now),
            Update::Finality(update) => trusted.process_finality_update(&self.config, update, now),
            Update::Optimistic(update) => trusted.process_optimistic_update(&self.config, update, now),
        }
    }

    /// Inclusion first, as it is cheap; then that its block is final, by what is trusted or by the update it brings.
    fn verify(
        &self,
        trusted: &LightClientStore,
        evidence: &DepositEvidence,
        now: UnixSeconds,
    ) -> Result<Verified<Deposit>, VerifyError> {
        let header = self.check_inclusion(&evidence.inclusion)?;
        self.verify_included(trusted, evidence, &header, |finality| self.finalized_by(trusted, finality, now))
    }

    fn verify_block(
        &self,
        trusted: &LightClientStore,
        evidence: &BlockEvidence,
        now: UnixSeconds,
    ) -> Result<Finalized<Checkpoint>, VerifyError> {
        let header = ExecutionHeader::decode(&evidence.header).map_err(|error| error.within("header"))?;
        let finalized_by = |finality: &[u8]| self.finalized_by(trusted, finality, now);
        self.checkpoint(trusted, &header, evidence.finality.as_ref().map(AsRef::as_ref), finalized_by)
            .map(Finalized::new)
    }

    /// As [`Self::verify`] says of each item. Each distinct finality update is checked once, all of their signatures
    /// by one equation; proofs under one root walk together, and each distinct node of theirs is hashed once.
    ///
    /// What one bad item costs the others: if it is the signature that is bad, `2⌈log2 n⌉` more equations over at most
    /// `2n + ⌈log2 n⌉` signatures, with `n` distinct updates, or 256 when there are more; its own false node and a
    /// quarter of another, if it is a trie proof.
    fn verify_batch(
        &self,
        trusted: &LightClientStore,
        evidence: &[DepositEvidence],
        now: UnixSeconds,
    ) -> Vec<Result<Verified<Deposit>, VerifyError>> {
        let inclusions: Vec<&Inclusion> = evidence.iter().map(|item| &item.inclusion).collect();
        let (included, finalized) =
            rayon::join(|| self.source().check_each(&inclusions), || self.finalized_by_each(trusted, evidence, now));
        let finalized_by = |bytes: &[u8]| match finalized.get(bytes) {
            Some(result) => result.clone(),
            None => self.finalized_by(trusted, bytes, now),
        };
        let items = evidence.iter().zip(included);
        let verify = |(item, header): (&DepositEvidence, Result<ExecutionHeader, VerifyError>)| {
            let header = header.map_err(|error| error.within("inclusion"))?;
            self.verify_included(trusted, item, &header, finalized_by)
        };
        items.map(verify).collect()
    }
}
