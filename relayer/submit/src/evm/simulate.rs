//! Nothing is signed before it succeeded in a simulation on top of the newest block.
//!
//! A group is simulated after the prerequisites it lacks. The items that fail are dropped, each with its own reason, and
//! the rest is simulated again; when the failing item is not named, or the group needs too much gas, it is halved: see
//! `finding`.

use spandrel_contracts::FastLane;
use spandrel_core::EffectId;
use spandrel_core::journal::Journal;
use spandrel_core::submission::SubmitError;
use spandrel_signer::DigestSigner;
use spandrel_verifiers::UnixSeconds;

use super::EvmDestination;
use super::build::{self, Action, Call, Prerequisite, Unless, Work};
use super::finding::{Finding, finding, gas_limit, lacked_by, too_long};
use super::refusal::Refusal;
use super::rpc::{Rpc, Simulated};

/// A group that succeeded, with what has to go before it.
#[derive(Clone, Debug)]
pub(super) struct Ready {
    /// Prerequisites in order, with their gas limits.
    pub before: Vec<(Call, u64)>,
    /// The group's call.
    pub call: Call,
    /// Its gas limit.
    pub gas: u64,
    /// The effects it carries out, in the order of its items.
    pub effects: Vec<EffectId>,
    /// Whether it is not to be sent, although it would succeed.
    pub is_spent: bool,
}

impl<J: Journal, K: DigestSigner> EvmDestination<J, K> {
    /// Splits a group into what can be sent and what is refused.
    pub(super) async fn vet(
        &self,
        group: Vec<Work>,
        time: UnixSeconds,
    ) -> Result<(Vec<Ready>, Vec<(EffectId, Refusal)>), SubmitError> {
        let lacking = self.lacking_by(&self.rpc, &group).await?;
        let (mut ready, mut refused) = (Vec::new(), Vec::new());
        let mut groups = vec![group];
        while let Some(mut group) = groups.pop() {
            let Some(call) = build::call(&group, &self.config.contracts, self.guard) else { continue };
            let before: Vec<Call> = lacked_by(&group, &lacking).map(|prerequisite| prerequisite.call.clone()).collect();
            let sequence: Vec<Call> = before.iter().chain([&call]).cloned().collect();
            let found = match too_long(&group, call.input.len()) {
                Some(found) => found,
                None => {
                    let outcomes = self.rpc.simulate(self.account(), &sequence, time).await?;
                    finding(&group, &lacking, &outcomes, self.config.batch.gas)
                }
            };
            match found {
                Finding::Passes(gas) => {
                    let effects = group.iter().map(|work| work.effect).collect();
                    let own = gas.last().copied().unwrap_or_default();
                    let is_spent = group.iter().any(|work| work.is_spent);
                    let before = before.into_iter().zip(gas).collect();
                    ready.push(Ready { before, call, gas: own, effects, is_spent });
                }
                Finding::Drop(failing) => {
                    for (index, refusal) in failing.into_iter().rev() {
                        let work = group.remove(index);
                        match self.vet_otherwise(&work, &refusal, time).await? {
                            Some(own) => ready.push(own),
                            None => refused.push((work.effect, self.witnessed(&work, refusal).await)),
                        }
                    }
                    groups.push(group);
                }
                Finding::Halve => {
                    let second = group.split_off(group.len() / 2);
                    groups.extend([second, group]);
                }
            }
        }
        Ok((ready, refused))
    }

    /// What this account does instead of a statement that the contract refuses, if it may.
    async fn vet_otherwise(
        &self,
        work: &Work,
        refusal: &Refusal,
        time: UnixSeconds,
    ) -> Result<Option<Ready>, SubmitError> {
        let Action::Stated { otherwise, .. } = &work.action else { return Ok(None) };
        let (prerequisites, action) = (**otherwise).clone();
        let own = Work { prerequisites, action, ..work.clone() };
        let (mut ready, _) = Box::pin(self.vet(vec![own], time)).await?;
        if !ready.is_empty() {
            tracing::warn!(chain = %self.config.chain, reason = refusal.reason, "a guardian's statement is not taken: this account pauses");
        }
        Ok(ready.pop())
    }

    /// Gas limit of a single call that is no effect's own, or why it fails.
    pub(super) async fn vet_alone(&self, call: &Call, time: UnixSeconds) -> Result<Result<u64, Refusal>, SubmitError> {
        let outcomes = self.rpc.simulate(self.account(), std::slice::from_ref(call), time).await?;
        Ok(match outcomes.first() {
            Some(Simulated::Passed { gas, .. }) => Ok(gas_limit(*gas)),
            Some(Simulated::Reverted(data)) => Err(Refusal::of_revert(data)),
            None => Err(Refusal::for_now("the simulation gave no outcome")),
        })
    }

    /// Why a single work fails by the word of `rpc`, if it does.
    pub(super) async fn refusal_by(&self, rpc: &Rpc, work: &Work) -> Result<Option<Refusal>, SubmitError> {
        let time = self.next_time_by(rpc).await?;
        let group = std::slice::from_ref(work);
        let lacking = self.lacking_by(rpc, group).await?;
        let Some(call) = build::call(group, &self.config.contracts, self.guard) else { return Ok(None) };
        if let Some(Finding::Drop(failing)) = too_long(group, call.input.len()) {
            return Ok(failing.into_iter().next().map(|(_, refusal)| refusal));
        }
        let mut sequence: Vec<Call> = lacking.iter().map(|prerequisite| prerequisite.call.clone()).collect();
        sequence.push(call);
        let outcomes = rpc.simulate(self.account(), &sequence, time).await?;
        Ok(match finding(group, &lacking, &outcomes, self.config.batch.gas) {
            Finding::Drop(failing) => failing.into_iter().next().map(|(_, refusal)| refusal),
            Finding::Passes(_) | Finding::Halve => None,
        })
    }

    /// The prerequisites of a group that the chain does not have yet, by the word of `rpc`.
    async fn lacking_by(&self, rpc: &Rpc, group: &[Work]) -> Result<Vec<Prerequisite>, SubmitError> {
        let mut lacking = Vec::new();
        for prerequisite in build::prerequisites(group) {
            if !self.is_met_by(rpc, &prerequisite).await? {
                lacking.push(prerequisite);
            }
        }
        Ok(lacking)
    }

    async fn is_met_by(&self, rpc: &Rpc, Prerequisite { call, unless }: &Prerequisite) -> Result<bool, SubmitError> {
        let contract = call.to;
        Ok(match unless {
            Unless::Attested { root, epoch, expiry } => {
                let batch = rpc.read(contract, &FastLane::batchesCall { root: *root }, None).await?;
                batch.count != 0 && batch.epoch == *epoch && batch.expiry >= *expiry
            }
            Unless::Stored { .. } => self.is_stored(rpc, contract, unless, None).await?,
            Unless::Never => false,
        })
    }
}
