//! `validate_light_client_update`: every check a signed claim must pass, none of which changes the store.

use alloy_primitives::B256;
use rayon::prelude::*;

use super::{Claim, LightClientStore, NamedBlock, block_of};
use crate::ethereum::bls::{Claimed, Committee, Scalars, verify_each};
use crate::ethereum::containers::{
    FinalityUpdate, LightClientData, LightClientHeader, OptimisticUpdate, SyncAggregate,
};
use crate::ethereum::fork::{ChainConfig, Fork};
use crate::ethereum::signing::signing_root;
use crate::ethereum::ssz::{HashTreeRoot, verify_branch};
use crate::follow::BlockRef;
use crate::{UnixSeconds, VerifyError};

impl LightClientStore {
    /// Checks, without changing the store, that `update` proves an execution block final: by two thirds of the
    /// committee of its signature's period. An update older than the store's own finalized header will do, as long
    /// as its committee is still held.
    ///
    /// # Errors
    /// `NotYet` when its period or slot is ahead of the store or of `now`, `Expired` when its period is over.
    pub fn check_finality(
        &self,
        config: &ChainConfig,
        update: &FinalityUpdate,
        now: UnixSeconds,
    ) -> Result<BlockRef, VerifyError> {
        let block = self.prove_final(config, update, now)?;
        block.stated().copied().ok_or_else(|| {
            VerifyError::invalid("finalized_header.execution", "an execution header (before Gloas)", block.hash())
        })
    }

    /// As [`Self::check_finality`], also from Gloas on, where a block is named by its hash alone.
    ///
    /// # Errors
    /// As [`Self::check_finality`].
    pub fn prove_final(
        &self,
        config: &ChainConfig,
        update: &FinalityUpdate,
        now: UnixSeconds,
    ) -> Result<NamedBlock, VerifyError> {
        let claim = finality_claim(config, update)?;
        self.validate(config, &claim, now)?;
        require_block(&update.finalized_header, "finalized_header")
    }

    /// [`Self::prove_final`] of each update, in order: the same verdicts, the signatures by one equation.
    ///
    /// # Errors
    /// As [`Self::prove_final`], each item by itself.
    pub fn prove_final_each(
        &self,
        config: &ChainConfig,
        updates: &[FinalityUpdate],
        now: UnixSeconds,
        scalars: &mut impl Scalars,
    ) -> Vec<Result<NamedBlock, VerifyError>> {
        let checked: Vec<Result<Claimed<'_>, VerifyError>> = updates
            .par_iter()
            .map(|update| {
                let (committee, message) = self.validate_unsigned(config, &finality_claim(config, update)?, now)?;
                Ok(Claimed { committee, aggregate: &update.sync_aggregate, message })
            })
            .collect();
        let claimed: Vec<_> = checked.iter().filter_map(|checked| checked.as_ref().ok()).copied().collect();
        let mut signed = verify_each(&claimed, scalars).into_iter();
        let settle = |(update, checked): (&FinalityUpdate, Result<_, _>)| {
            checked?;
            let verdict = signed.next().transpose().map_err(|error| error.within("sync_aggregate"))?;
            verdict.ok_or_else(|| VerifyError::invalid("sync_aggregate", "a verdict", "none"))?;
            require_block(&update.finalized_header, "finalized_header")
        };
        updates.iter().zip(checked).map(settle).collect()
    }

    /// Checks, without changing the store, that two thirds of the committee signed `update`'s block. Not final.
    ///
    /// # Errors
    /// As [`Self::check_finality`].
    pub fn check_optimistic(
        &self,
        config: &ChainConfig,
        update: &OptimisticUpdate,
        now: UnixSeconds,
    ) -> Result<NamedBlock, VerifyError> {
        update.conform(config.form_at(update.fork_slot()).map_err(|error| error.within("attested_header.beacon"))?)?;
        require_supermajority(&update.sync_aggregate)?;
        self.validate(config, &Claim::from(update), now)?;
        require_block(&update.attested_header, "attested_header")
    }

    /// All checks but relevance. The committee must be one the store holds.
    pub(super) fn validate(&self, config: &ChainConfig, claim: &Claim, now: UnixSeconds) -> Result<(), VerifyError> {
        let (committee, message) = self.validate_unsigned(config, claim, now)?;
        committee.verify(&claim.aggregate, message).map_err(|error| error.within("sync_aggregate"))?;
        Ok(())
    }

    /// All checks but relevance and the signature; returns whose it must be, and over what.
    fn validate_unsigned(
        &self,
        config: &ChainConfig,
        claim: &Claim,
        now: UnixSeconds,
    ) -> Result<(&Committee, B256), VerifyError> {
        claim.attested.verify(config).map_err(|error| error.within("attested_header"))?;
        check_slots(config, claim, now)?;
        let committee = self.committee_for(config, claim.signature_slot)?;
        let fork = config.fork_at(claim.attested.beacon.slot)?.name;
        check_finality_branch(config, claim, fork)?;
        self.check_next_committee(config, claim, fork)?;
        Ok((committee, signed_message(config, claim)?))
    }

    /// Whether the claim tells the store anything: a later attested header, or the next committee when unknown.
    pub(super) fn require_relevant(&self, config: &ChainConfig, claim: &Claim) -> Result<(), VerifyError> {
        let attested = claim.attested.beacon.slot;
        let brings_next = self.next.is_none()
            && claim.next_committee.is_some()
            && config.preset.period_at(attested) == self.period(config);
        if attested > self.finalized.beacon.slot || brings_next {
            return Ok(());
        }
        let expected = format!("a slot after {}, or the next committee", self.finalized.beacon.slot);
        Err(VerifyError::invalid("attested_header.beacon.slot", expected, attested))
    }

    /// The committee of the signature's period: never guessed, the current or the next one.
    pub(super) fn committee_for(&self, config: &ChainConfig, signature_slot: u64) -> Result<&Committee, VerifyError> {
        let (period, held) = (config.preset.period_at(signature_slot), self.period(config));
        if period == held {
            return Ok(&self.current);
        }
        let found = format!("slot {signature_slot} (period {period})");
        if period < held {
            return Err(VerifyError::expired("signature_slot", format!("a slot of period {held} or later"), found));
        }
        match &self.next {
            Some(next) if period == held.saturating_add(1) => Ok(next),
            Some(_) => {
                let expected = format!("a slot of period {held} or the next");
                Err(VerifyError::not_yet("signature_slot", expected, found))
            }
            None => Err(VerifyError::not_yet("signature_slot", format!("a slot of period {held}"), found)),
        }
    }

    fn check_next_committee(&self, config: &ChainConfig, claim: &Claim, fork: Fork) -> Result<(), VerifyError> {
        let Some(proven) = &claim.next_committee else { return Ok(()) };
        let known = self.next.as_ref().filter(|known| *known.bytes() == proven.value);
        let root = known.map_or_else(|| proven.value.hash_tree_root(), Committee::root);
        let is_store_period = config.preset.period_at(claim.attested.beacon.slot) == self.period(config);
        if let Some(known) = self.next.as_ref().filter(|_| is_store_period)
            && known.root() != root
        {
            return Err(VerifyError::invalid("next_sync_committee", known.root(), root));
        }
        let (index, state_root) = (fork.next_committee_gindex(), claim.attested.beacon.state_root);
        verify_branch("next_sync_committee_branch", root, &proven.branch, index, state_root)
    }
}

/// Checks that two thirds of `committee` signed `update`, and that it proves an execution block final. Whose committee that
/// is, and that its time has come, is the caller's to know.
///
/// # Errors
/// As [`LightClientStore::prove_final`].
pub(in crate::ethereum) fn prove_final_by(
    config: &ChainConfig,
    committee: &Committee,
    update: &FinalityUpdate,
) -> Result<NamedBlock, VerifyError> {
    let claim = finality_claim(config, update)?;
    claim.attested.verify(config).map_err(|error| error.within("attested_header"))?;
    check_slots(config, &claim, UnixSeconds::MAX)?;
    check_finality_branch(config, &claim, config.fork_at(claim.attested.beacon.slot)?.name)?;
    let signed = committee.verify(&claim.aggregate, signed_message(config, &claim)?);
    signed.map_err(|error| error.within("sync_aggregate"))?;
    require_block(&update.finalized_header, "finalized_header")
}

/// What a committee signs for a claim.
fn signed_message(config: &ChainConfig, claim: &Claim) -> Result<B256, VerifyError> {
    let version = config.signing_version(claim.signature_slot).map_err(|error| error.within("signature_slot"))?;
    Ok(signing_root(&claim.attested.beacon, version, config.genesis_validators_root))
}

/// What a finality update claims, if it has the form of its fork and two thirds of the seats.
fn finality_claim(config: &ChainConfig, update: &FinalityUpdate) -> Result<Claim, VerifyError> {
    update.conform(config.form_at(update.fork_slot()).map_err(|error| error.within("attested_header.beacon"))?)?;
    require_supermajority(&update.sync_aggregate)?;
    Ok(Claim::from(update))
}

/// `current slot >= signature_slot > attested slot >= finalized slot`.
fn check_slots(config: &ChainConfig, claim: &Claim, now: UnixSeconds) -> Result<(), VerifyError> {
    let (signature, attested, finalized) = (claim.signature_slot, claim.attested.beacon.slot, claim.finalized_slot());
    if signature <= attested {
        let expected = format!("after the attested slot {attested}");
        return Err(VerifyError::invalid("signature_slot", expected, signature));
    }
    if attested < finalized {
        let expected = format!("at most the attested slot {attested}");
        return Err(VerifyError::invalid("finalized_header.beacon.slot", expected, finalized));
    }
    let current = config.slot_at(now);
    if signature > current {
        let expected = format!("at most the current slot {current}");
        return Err(VerifyError::not_yet("signature_slot", expected, signature));
    }
    Ok(())
}

fn check_finality_branch(config: &ChainConfig, claim: &Claim, fork: Fork) -> Result<(), VerifyError> {
    let Some(proven) = &claim.finalized else { return Ok(()) };
    let header = &proven.value;
    let root = if header.beacon.slot == 0 {
        // Before the first finality the state's checkpoint is zero, and stands for genesis.
        if !header.is_empty() {
            let found = format!("{:?}", header.beacon);
            return Err(VerifyError::invalid("finalized_header", "an empty header at slot 0", found));
        }
        B256::ZERO
    } else {
        header.verify(config).map_err(|error| error.within("finalized_header"))?;
        header.beacon.hash_tree_root()
    };
    let (index, state_root) = (fork.finalized_root_gindex(), claim.attested.beacon.state_root);
    verify_branch("finality_branch", root, &proven.branch, index, state_root)
}

pub(in crate::ethereum) fn require_supermajority(aggregate: &SyncAggregate) -> Result<(), VerifyError> {
    if aggregate.is_supermajority() {
        return Ok(());
    }
    let expected = format!("at least two thirds of {} seats", aggregate.seats());
    Err(VerifyError::invalid("sync_aggregate.sync_committee_bits", expected, aggregate.participants()))
}

fn require_block(header: &LightClientHeader, field: &str) -> Result<NamedBlock, VerifyError> {
    block_of(header).ok_or_else(|| {
        VerifyError::invalid(format!("{field}.execution"), "an execution header (Capella or later)", "none")
    })
}
