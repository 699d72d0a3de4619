//! Payments that their destination has delayed.
//!
//! Each is executed by a transaction of its own that carries no effect: anyone may send it, and the effect is done when the
//! chain says so. Until then what it stands on is kept whole: a fast payment is settled as soon as it is proven, since its
//! exposure is due from the claim on, and one whose root or verifier counts for nothing any more is proven anew.

use spandrel_contracts::lane;
use spandrel_core::TxRef;
use spandrel_core::journal::{Journal, JournaledTx, TxState};
use spandrel_core::submission::{Lasting, Progress, SendGate, SubmitError};
use spandrel_signer::DigestSigner;
use spandrel_verifiers::DepositId;

use super::EvmDestination;
use super::build::{self, Action, Call, Work};
use super::refusal::Refusal;
use super::rpc::Head;
use super::send::{Content, journal_error};
use super::standing::Facts;
use super::submit::{MOST_FAILURES, REVERTED_SECONDS, Round};

/// What became of a proof that was to be brought for a payment that waits.
enum Brought {
    /// It is on its way.
    Sent,
    /// The gate is closed.
    Unwanted,
    /// The contract does not take it.
    Refused(Refusal),
}

impl<J: Journal, K: DigestSigner> EvmDestination<J, K> {
    /// Executes a payment whose time has come. It pays, and so it waits for whatever is paused, on this chain or not yet.
    pub(super) async fn execute_if_due<G: SendGate>(
        &self,
        work: &Work,
        facts: &Facts,
        gate: &G,
        round: &mut Round,
    ) -> Result<Refusal, SubmitError> {
        let deposit = match &work.action {
            Action::Claim(item) => {
                if item.lane != lane::FAST && facts.is_owed() {
                    let settled = self.bring(work, Action::Settle(item.clone()), gate, round).await?;
                    if let Brought::Refused(Refusal { reason, .. }) = settled {
                        tracing::warn!(effect = %work.effect.0, %reason, "a fast payment that waits is not settled");
                    }
                }
                &item.deposit
            }
            Action::Settle(item) => &item.deposit,
            Action::ConfirmUnpaid(deposit) => deposit,
            _ => return Ok(Refusal::for_now("delayed on-chain")),
        };
        let from = facts.release_at;
        if round.time < from {
            return Ok(Refusal::for_now(format!("delayed on-chain until {from}")));
        }
        let call = build::execute_delayed(deposit, &self.config.contracts);
        match self.vet_alone(&call, round.time).await? {
            Err(refusal) => self.prove_anew(work, refusal, gate, round).await,
            Ok(gas) => {
                if let Some(refusal) = self.failed_before(&call, round).await? {
                    return Ok(refusal);
                }
                Ok(Refusal::for_now(match self.send_once(call, gas, gate, round).await? {
                    true => "the delayed payment is being executed",
                    false => "the delayed payment waits: the gate is closed for it",
                }))
            }
        }
    }

    /// What is said of a payment that waits. One that the fast lane promised is told so, by whoever's claim, once every
    /// endpoint has it final: before that nothing, where a refusal would give its exposure back.
    pub(super) async fn promise(
        &self,
        (work, id): (&Work, DepositId),
        facts: &Facts,
        refusal: Refusal,
        tx: TxRef,
        head: &Head,
    ) -> Result<Option<Progress>, SubmitError> {
        let (is_wanted, is_only_answer): (bool, bool) = match &work.action {
            Action::Claim(item) if item.lane == lane::FAST => (true, true),
            Action::Settle(_) => (true, false),
            _ => (facts.is_owed(), false),
        };
        if !is_wanted || !facts.is_promised() || refusal.lasting != Lasting::ForNow {
            return Ok(Some(refusal.into()));
        }
        let is_settlement = matches!(work.action, Action::Settle(_));
        let is_same = |found: &Facts| found.is_promised() && (!is_settlement || !found.is_owed());
        let is_final = match head.last_final {
            Some(height) => is_same(&self.facts_by(&self.rpc, id.0, Some(height)).await?),
            None => false,
        };
        Ok(if is_final && self.final_facts_agree(id, is_same).await {
            tracing::info!(deposit = %id, reason = %refusal.reason, "a fast payment waits on its destination");
            Some(Progress::Promised { tx, until: facts.release_at })
        } else if is_only_answer {
            None
        } else {
            Some(refusal.into())
        })
    }

    /// Why an execution that passes its simulation is not sent: it was, and reverted. Its recipient may do so on purpose, at
    /// our cost; nothing else bounds it, for what waits does not expire.
    async fn failed_before(&self, call: &Call, round: &Round) -> Result<Option<Refusal>, SubmitError> {
        let is_this = |tx: &&JournaledTx| tx.tx.to == call.to && tx.tx.input == call.input;
        let has_reverted = |tx: &JournaledTx| matches!(tx.state, TxState::Included { success: false, .. });
        if round.open.iter().filter(is_this).any(has_reverted) {
            return Ok(Some(Refusal::for_now("the execution of the delayed payment has reverted")));
        }
        let (chain, account) = (&self.config.chain, self.account());
        let failed = self.journal.failed_calls(chain, account, call.to, &call.input).await.map_err(journal_error)?;
        let is_mined = |tx: &&JournaledTx| {
            matches!(tx.state, TxState::Final { hash, .. } if !hash.is_zero())
                && self.content_of(tx) == Content::Carried
        };
        let mined: Vec<&JournaledTx> = failed.iter().filter(is_mined).collect();
        let signed_at = mined.iter().filter_map(|tx| tx.attempts.last()).map(|attempt| attempt.at).max();
        Ok(if mined.len() >= MOST_FAILURES {
            tracing::warn!(account = %self.account(), "nothing more is sent for a delayed payment that keeps failing on-chain");
            Some(Refusal::for_now(format!("{MOST_FAILURES} executions of the delayed payment reverted")))
        } else if signed_at.is_some_and(|at| (self.clock)() < at.saturating_add(REVERTED_SECONDS)) {
            Some(Refusal::for_now("the execution of the delayed payment has reverted"))
        } else {
            None
        })
    }

    /// Brings another proof for a payment that is not executed. The contract takes none while it stands on what it has: it
    /// waits for something else then. Where this proof's own checkpoint counts for nothing, another is to be made.
    async fn prove_anew<G: SendGate>(
        &self,
        work: &Work,
        refusal: Refusal,
        gate: &G,
        round: &mut Round,
    ) -> Result<Refusal, SubmitError> {
        let waits = Refusal { lasting: Lasting::ForNow, ..refusal };
        let (Action::Claim(item) | Action::Settle(item)) = &work.action else { return Ok(waits) };
        if item.lane == lane::FAST {
            return Ok(waits);
        }
        Ok(match self.bring(work, Action::Reprove(item.clone()), gate, round).await? {
            Brought::Sent => Refusal::for_now("the delayed payment is being proven anew"),
            Brought::Refused(refusal) if refusal.lasting == Lasting::WithThisProof => refusal,
            Brought::Unwanted | Brought::Refused(_) => waits,
        })
    }

    /// Sends what proves a payment that waits, and pays nothing, behind what it needs.
    async fn bring<G: SendGate>(
        &self,
        work: &Work,
        action: Action,
        gate: &G,
        round: &mut Round,
    ) -> Result<Brought, SubmitError> {
        let (ready, mut refused) = self.vet(vec![Work { action, ..work.clone() }], round.time).await?;
        let mut brought = Brought::Unwanted;
        for ready in ready {
            for (call, gas) in ready.before {
                self.send_once(call, gas, gate, round).await?;
            }
            if self.send_once(ready.call, ready.gas, gate, round).await? {
                brought = Brought::Sent;
            }
        }
        Ok(refused.pop().map_or(brought, |(_, refusal)| Brought::Refused(refusal)))
    }
}
