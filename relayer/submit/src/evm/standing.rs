//! What the destination itself says of a deposit, whoever paid it.

use alloy::sol_types::SolCall;
use alloy_primitives::B256;
use spandrel_contracts::{Inbox, RiskGuard, lane};
use spandrel_core::TxRef;
use spandrel_core::journal::Journal;
use spandrel_core::submission::{Progress, SubmitError};
use spandrel_risk::Lane;
use spandrel_signer::DigestSigner;
use spandrel_verifiers::{DepositId, UnixSeconds};

use super::EvmDestination;
use super::build::{Action, Call};
use super::rpc::{Head, Rpc, Simulated};

/// `Nullifier.DROPPED`.
const DROPPED: u8 = 255;

/// What the contracts store about one deposit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Facts {
    /// `Inbox.nullifiers`: 0, the lane that paid, or dropped.
    pub nullifier: u8,
    /// `Inbox.releaseAt`: when a delayed payment can be executed; 0 when none waits.
    pub release_at: u64,
    /// `RiskGuard.debts`: until when its fast payout must be settled; 0 when nothing is owed.
    pub debt_deadline: u64,
}

/// How far the chain is with an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It can be tried.
    Open,
    /// The payment waits on-chain.
    Delayed,
    /// A guardian dropped the delayed payment for ever.
    Dropped,
    /// It is done.
    Done,
}

impl Facts {
    /// Whether the recipient has the money.
    pub(super) fn is_paid(&self) -> bool {
        !matches!(self.nullifier, 0 | DROPPED) && self.release_at == 0
    }

    /// Whether its fast payout's exposure was repaid or written off, and the recipient has the money.
    pub(super) fn is_settled(&self) -> bool {
        self.is_claimed_fast() && self.debt_deadline == 0 && self.release_at == 0
    }

    /// Whether the fast lane's claim of it stands.
    pub(super) fn is_claimed_fast(&self) -> bool {
        self.nullifier == lane::FAST
    }

    /// Whether its fast payout waits.
    pub(super) fn is_promised(&self) -> bool {
        self.is_claimed_fast() && self.release_at != 0
    }

    /// Whether its fast payout is an exposure still.
    pub(super) fn is_owed(&self) -> bool {
        self.is_claimed_fast() && self.debt_deadline != 0
    }

    pub(super) fn standing(&self, action: &Action) -> Standing {
        match action {
            Action::Claim(_) | Action::ConfirmUnpaid(_) if self.nullifier == DROPPED => Standing::Dropped,
            Action::Claim(_) | Action::ConfirmUnpaid(_) if self.is_paid() => Standing::Done,
            Action::Claim(_) | Action::ConfirmUnpaid(_) if self.release_at != 0 => Standing::Delayed,
            Action::Settle(_) if self.nullifier == DROPPED => Standing::Dropped,
            Action::Settle(_) if self.is_settled() => Standing::Done,
            Action::Settle(_) if self.is_promised() && self.debt_deadline == 0 => Standing::Delayed,
            _ => Standing::Open,
        }
    }

    /// What is to be said of an action that someone else had done: of a payment by which lane, of a settlement that it
    /// is over.
    pub(super) fn done_elsewhere(&self, action: &Action, unknown: TxRef) -> Progress {
        match action {
            Action::Settle(_) => Progress::Finalized { tx: unknown },
            _ => Progress::PaidElsewhere { lane: self.lane() },
        }
    }

    /// The lane that paid, by the nullifier.
    pub(super) fn lane(&self) -> Lane {
        if self.is_claimed_fast() { Lane::Fast } else { Lane::LightClient }
    }
}

impl<J: Journal, K: DigestSigner> EvmDestination<J, K> {
    /// The facts of many deposits after the newest block, in one request.
    pub(super) async fn facts_of(&self, ids: &[DepositId], time: UnixSeconds) -> Result<Vec<Facts>, SubmitError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let inbox = self.config.contracts.inbox;
        let calls: Vec<Call> = ids
            .iter()
            .flat_map(|DepositId(id)| {
                [
                    Call { to: inbox, input: Inbox::nullifiersCall { id: *id }.abi_encode().into() },
                    Call { to: inbox, input: Inbox::releaseAtCall { id: *id }.abi_encode().into() },
                    Call { to: self.guard, input: RiskGuard::debtsCall { id: *id }.abi_encode().into() },
                ]
            })
            .collect();
        let outputs = self.rpc.simulate(self.account(), &calls, time).await?;
        outputs.chunks(3).zip(ids).map(|(outputs, id)| self.decode(*id, outputs)).collect()
    }

    /// The facts of one deposit after block `height`, or after the newest, by the word of `rpc`.
    pub(super) async fn facts_by(&self, rpc: &Rpc, id: B256, height: Option<u64>) -> Result<Facts, SubmitError> {
        let inbox = self.config.contracts.inbox;
        let debt = rpc.read(self.guard, &RiskGuard::debtsCall { id }, height).await?;
        Ok(Facts {
            nullifier: rpc.read(inbox, &Inbox::nullifiersCall { id }, height).await?,
            release_at: rpc.read(inbox, &Inbox::releaseAtCall { id }, height).await?,
            debt_deadline: debt.deadline,
        })
    }

    /// The facts of one deposit after the newest final block, if every endpoint knows it done there, in the same way.
    pub(super) async fn final_facts(
        &self,
        id: DepositId,
        action: &Action,
        head: &Head,
    ) -> Result<Option<Facts>, SubmitError> {
        let Some(last_final) = head.last_final else { return Ok(None) };
        let facts = self.facts_by(&self.rpc, id.0, Some(last_final)).await?;
        if facts.standing(action) != Standing::Done {
            return Ok(None);
        }
        let is_same = |found: &Facts| found.standing(action) == Standing::Done && found.lane() == facts.lane();
        Ok(self.final_facts_agree(id, is_same).await.then_some(facts))
    }

    fn decode(&self, id: DepositId, outputs: &[Simulated]) -> Result<Facts, SubmitError> {
        let odd = || SubmitError::Transient {
            endpoint: self.config.rpc_url.to_string(),
            reason: format!("the contracts' state of deposit {id} does not read: {outputs:?}"),
        };
        let [
            Simulated::Passed { output: nullifier, .. },
            Simulated::Passed { output: release_at, .. },
            Simulated::Passed { output: debt, .. },
        ] = outputs
        else {
            return Err(odd());
        };
        Ok(Facts {
            nullifier: Inbox::nullifiersCall::abi_decode_returns(nullifier).map_err(|_| odd())?,
            release_at: Inbox::releaseAtCall::abi_decode_returns(release_at).map_err(|_| odd())?,
            debt_deadline: RiskGuard::debtsCall::abi_decode_returns(debt).map_err(|_| odd())?.deadline,
        })
    }
}
