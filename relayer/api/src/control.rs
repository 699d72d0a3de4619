//! The port of dual control: what the control API asks of the relayer.

use std::collections::BTreeMap;
use std::sync::Arc;

use alloy::primitives::B256;
use axum::http::StatusCode;
use futures::future::BoxFuture;
use spandrel_risk::control::{
    ControlEvent, ControlPolicy, ControlRefusal, ControlState, Seen, SignedStatement, SignerRole, Wait,
};
use spandrel_risk::{RiskPolicy, RiskState};
use spandrel_verifiers::UnixSeconds;
use spandrel_verifiers::attestation::SignerSet;

use crate::{Denominations, Problem};

/// Everything that the control API shows, as of one moment.
#[derive(Clone, Debug)]
pub struct Standing {
    /// What guardians said.
    pub control: Arc<ControlState>,
    /// What is paused.
    pub risk: RiskState,
    /// The limits as they stand.
    pub limits: Arc<RiskPolicy>,
    /// Why what two guardians agreed on, and whose time has come, is not carried out yet.
    pub waits: Arc<BTreeMap<B256, Wait>>,
    /// The sets of signers as they stand.
    pub signers: BTreeMap<SignerRole, SignerSet>,
    /// How amounts are written for people.
    pub denominations: Arc<Denominations>,
    /// Unix seconds.
    pub now: UnixSeconds,
}

/// Why an order changed nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OrderRefusal {
    /// Dual control refuses it.
    Refused(ControlRefusal),
    /// Something changed since the caller looked.
    Stale {
        /// What the caller saw.
        expected: Seen,
        /// What stands.
        found: Seen,
    },
    /// It could not be stored: nothing is known, ask again.
    Unavailable(String),
}

/// Takes orders and shows what stands.
pub trait ControlDesk: Send + Sync {
    /// Who the guardians are.
    fn guardians(&self) -> &ControlPolicy;

    /// Takes a statement; what follows from it is in force when this answers. `seen` is what the caller looked at, if it
    /// matters.
    fn order(
        &self,
        signed: SignedStatement,
        seen: Option<Seen>,
    ) -> BoxFuture<'_, Result<Vec<ControlEvent>, OrderRefusal>>;

    /// What stands now.
    fn standing(&self) -> BoxFuture<'_, Standing>;

    /// The name of statements' deployment.
    fn deployment(&self) -> B256 {
        self.guardians().deployment
    }
}

impl From<OrderRefusal> for Problem {
    fn from(refusal: OrderRefusal) -> Self {
        match refusal {
            OrderRefusal::Refused(refusal) => {
                let problem = Self::new(status(&refusal), refusal.code(), &refusal);
                match refusal {
                    ControlRefusal::NeedsSecondApprover(id) | ControlRefusal::AlreadyApproved(id) => {
                        problem.about(&id.to_string())
                    }
                    _ => problem,
                }
            }
            OrderRefusal::Stale { expected, found } => {
                let detail = format!("expected version {expected}, found {found}");
                Self::new(StatusCode::PRECONDITION_FAILED, "STALE", detail).about("If-Match")
            }
            OrderRefusal::Unavailable(reason) => {
                tracing::error!(reason, "an order was not stored");
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "LEDGER_UNAVAILABLE", "the ledger does not answer")
                    .retry_in(1)
            }
        }
    }
}

fn status(refusal: &ControlRefusal) -> StatusCode {
    if refusal.is_unauthorized() {
        return StatusCode::FORBIDDEN;
    }
    match refusal {
        ControlRefusal::NoSuchProposal(_) => StatusCode::NOT_FOUND,
        ControlRefusal::AlreadyTaken(_)
        | ControlRefusal::WrongNonce { .. }
        | ControlRefusal::NotPaused(_)
        | ControlRefusal::NeedsSecondApprover(_)
        | ControlRefusal::SelfApproval(_)
        | ControlRefusal::NeedsOwnFreeze(_)
        | ControlRefusal::AlreadyApproved(_)
        | ControlRefusal::TooManyProposals(_)
        | ControlRefusal::NotHeld
        | ControlRefusal::NotQuarantined
        | ControlRefusal::NotHalted
        | ControlRefusal::AnotherHalt(_)
        | ControlRefusal::NotShort
        | ControlRefusal::PayoutUnderWay => StatusCode::CONFLICT,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    }
}
