//! What the destination itself says of a deposit, whoever paid it.

use alloy::sol_types::SolCall;
use alloy_primitives::B256;
use spandrel_contracts::{Inbox, RiskGuard, lane};
use spandrel_core::journal::Journal;
use spandrel_core::submission::SubmitError;
use spandrel_signer::DigestSigner;
use spandrel_verifiers::{DepositId, UnixSeconds};

use super::EvmDestination;
use super::build::{Action, Call};
use super::rpc::{Head, Simulated};

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
    /// The payment waits on-chain until this time (Unix seconds).
    Delayed(u64),
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

    /// Whether its fast payout's exposure was repaid or written off.
    pub(super) fn is_settled(&self) -> bool {
        self.nullifier == lane::FAST && self.debt_deadline == 0
    }

    pub(super) fn standing(&self, action: &Action) -> Standing {
        match action {
            Action::Claim(_) if self.nullifier == DROPPED => Standing::Dropped,
            Action::Claim(_) if self.is_paid() => Standing::Done,
            Action::Claim(_) if self.release_at != 0 => Standing::Delayed(self.release_at),
            Action::Settle(_) if self.is_settled() => Standing::Done,
            Action::Claim(_) | Action::Settle(_) | Action::Pause { .. } => Standing::Open,
        }
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

    /// The facts of one deposit after block `height`, or after the newest.
    pub(super) async fn facts(&self, id: B256, height: Option<u64>) -> Result<Facts, SubmitError> {
        let inbox = self.config.contracts.inbox;
        let debt = self.rpc.read(self.guard, &RiskGuard::debtsCall { id }, height).await?;
        Ok(Facts {
            nullifier: self.rpc.read(inbox, &Inbox::nullifiersCall { id }, height).await?,
            release_at: self.rpc.read(inbox, &Inbox::releaseAtCall { id }, height).await?,
            debt_deadline: debt.deadline,
        })
    }

    /// Whether `action` on the deposit is done after the newest final block.
    pub(super) async fn is_finally_done(
        &self,
        id: DepositId,
        action: &Action,
        head: &Head,
    ) -> Result<bool, SubmitError> {
        let Some(last_final) = head.last_final else { return Ok(false) };
        let facts = self.facts(id.0, Some(last_final)).await?;
        Ok(facts.standing(action) == Standing::Done)
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
