//! `process_light_client_update` and its kin: how a validated claim changes the store.

use super::validate::require_supermajority;
use super::{Claim, LightClientStore, block_of};
use crate::ethereum::bls::Committee;
use crate::ethereum::containers::{FinalityUpdate, LightClientData, LightClientUpdate, OptimisticUpdate};
use crate::ethereum::fork::ChainConfig;
use crate::{UnixSeconds, VerifyError};

impl LightClientStore {
    /// `process_light_client_update`: validates `update`, then moves the optimistic and finalized headers and the
    /// committees as far as two thirds of the committee say so. One signed by fewer is only remembered, for
    /// [`Self::force_update`]. On error the store is unchanged.
    ///
    /// # Errors
    /// `Malformed` for what has not the form of its attested slot's fork; `Invalid` for a wrong branch, signature or order
    /// of slots, or nothing new; `NotYet` and `Expired` for periods that are ahead and over.
    pub fn process_update(
        &mut self,
        config: &ChainConfig,
        update: &LightClientUpdate,
        now: UnixSeconds,
    ) -> Result<(), VerifyError> {
        conform(config, update)?;
        self.process(config, Claim::try_from(update)?, now)
    }

    /// `process_light_client_finality_update`: as [`Self::process_update`], without a committee.
    ///
    /// # Errors
    /// As [`Self::process_update`].
    pub fn process_finality_update(
        &mut self,
        config: &ChainConfig,
        update: &FinalityUpdate,
        now: UnixSeconds,
    ) -> Result<(), VerifyError> {
        conform(config, update)?;
        self.process(config, Claim::from(update), now)
    }

    /// `process_light_client_optimistic_update`: as [`Self::process_update`], without finality.
    ///
    /// # Errors
    /// As [`Self::process_update`].
    pub fn process_optimistic_update(
        &mut self,
        config: &ChainConfig,
        update: &OptimisticUpdate,
        now: UnixSeconds,
    ) -> Result<(), VerifyError> {
        conform(config, update)?;
        self.process(config, Claim::from(update), now)
    }

    fn process(&mut self, config: &ChainConfig, claim: Claim, now: UnixSeconds) -> Result<(), VerifyError> {
        self.require_relevant(config, &claim)?;
        self.validate(config, &claim, now)?;
        let mut next = self.clone();
        next.act_on(config, claim)?;
        *self = next;
        Ok(())
    }

    fn act_on(&mut self, config: &ChainConfig, claim: Claim) -> Result<(), VerifyError> {
        let participants = claim.aggregate.participants();
        self.current_max_participants = self.current_max_participants.max(participants);
        let is_supermajority = claim.aggregate.is_supermajority();
        let is_newest = claim.attested.beacon.slot > self.optimistic.beacon.slot;
        if is_supermajority && participants > self.safety_threshold() && is_newest {
            self.optimistic = claim.attested.clone();
        }
        let moves_finality = claim.finalized_slot() > self.finalized.beacon.slot;
        let preset = config.preset;
        let settles_next_committee = self.next.is_none()
            && claim.next_committee.is_some()
            && claim.finalized.is_some()
            && preset.period_at(claim.finalized_slot()) == preset.period_at(claim.attested.beacon.slot);
        if is_supermajority && (moves_finality || settles_next_committee) {
            self.apply(config, &claim)?;
            self.best_valid = None;
            // Only here is a block proven final: the branch and two thirds of the committee stand behind it.
            let proven = claim.finalized.as_ref().filter(|_| moves_finality);
            if let Some(block) = proven.and_then(|proven| block_of(&proven.value)) {
                self.retain(block);
            }
        } else if self.best_valid.as_ref().is_none_or(|best| claim.is_better_than(best, preset)) {
            self.best_valid = Some(Box::new(claim));
        }
        Ok(())
    }

    /// `process_light_client_store_force_update`: after a whole period without finality, takes the best update seen
    /// for final, so that committees can be followed on. Its block does not become one of
    /// [`Self::final_block`], and it must have been signed by two thirds. Returns whether it did.
    ///
    /// # Errors
    /// When the next committee that the update brings has a bad key or sum; the store is unchanged then.
    pub fn force_update(&mut self, config: &ChainConfig, now: UnixSeconds) -> Result<bool, VerifyError> {
        let deadline = self.finalized.beacon.slot.saturating_add(config.preset.slots_per_period());
        if config.slot_at(now) <= deadline {
            return Ok(false);
        }
        let Some(best) = self.best_valid.as_deref() else { return Ok(false) };
        if require_supermajority(&best.aggregate).is_err() {
            return Ok(false);
        }
        let mut claim = best.clone();
        if claim.finalized_slot() <= self.finalized.beacon.slot {
            let branch = Vec::new();
            claim.finalized = Some(super::claim::Proven { value: claim.attested.clone(), branch });
        }
        let mut next = self.clone();
        next.apply(config, &claim)?;
        next.best_valid = None;
        *self = next;
        Ok(true)
    }

    /// `apply_light_client_update`.
    fn apply(&mut self, config: &ChainConfig, claim: &Claim) -> Result<(), VerifyError> {
        let (held, finalized) = (self.period(config), config.preset.period_at(claim.finalized_slot()));
        let incoming = || {
            let committee = claim.next_committee.as_ref().map(|proven| Committee::new(&proven.value));
            committee.transpose().map_err(|error| error.within("next_sync_committee"))
        };
        if self.next.is_none() {
            if finalized != held {
                let expected = format!("a slot of period {held}");
                return Err(VerifyError::invalid("finalized_header.beacon.slot", expected, claim.finalized_slot()));
            }
            self.next = incoming()?;
        } else if finalized == held.saturating_add(1) {
            let incoming = incoming()?;
            if let Some(next) = std::mem::replace(&mut self.next, incoming) {
                self.current = next;
            }
            self.previous_max_participants = std::mem::take(&mut self.current_max_participants);
        }
        if let Some(proven) = &claim.finalized
            && proven.value.beacon.slot > self.finalized.beacon.slot
        {
            self.finalized = proven.value.clone();
            if self.finalized.beacon.slot > self.optimistic.beacon.slot {
                self.optimistic = self.finalized.clone();
            }
        }
        Ok(())
    }

    /// `get_safety_threshold`: half of the most participants seen in this period and the one before.
    fn safety_threshold(&self) -> usize {
        self.previous_max_participants.max(self.current_max_participants) / 2
    }
}

fn conform<T: LightClientData>(config: &ChainConfig, update: &T) -> Result<(), VerifyError> {
    let form = config.form_at(update.fork_slot()).map_err(|error| error.within("attested_header.beacon"))?;
    update.conform(form)
}
