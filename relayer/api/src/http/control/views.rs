//! What stands: pauses, proposals, limits, guardians and signers. Each answer's ETag is the version of all of it.

use alloy::primitives::{Address, B256};
use axum::extract::State;
use axum::http::header::{self, HeaderName};
use serde::Serialize;
use spandrel_risk::control::{Act, Seen, SignerRole};
use spandrel_risk::{Agreement, RiskPolicy, Scope};
use spandrel_verifiers::attestation::SignerSet;

use super::Control;
use crate::control::Standing;

/// An answer with its version.
type Versioned<T> = ([(HeaderName, String); 1], axum::Json<T>);

/// The version of what stands.
pub fn etag(standing: &Standing) -> String {
    format!("\"{}\"", Seen::Control(standing.control.version()))
}

fn versioned<T>(standing: &Standing, body: T) -> Versioned<T> {
    ([(header::ETAG, etag(standing))], axum::Json(body))
}

#[derive(Serialize)]
pub struct PauseRow {
    scope: Scope,
    /// The scope in words.
    what: String,
    /// Unix seconds; absent for a freeze.
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<u64>,
    reason: String,
}

/// Pauses in force.
pub async fn pauses(State(control): State<Control>) -> Versioned<Vec<PauseRow>> {
    let standing = control.desk.standing().await;
    let pauses = standing.risk.pauses_at(standing.now).map(|(scope, pause)| PauseRow {
        scope: scope.clone(),
        what: scope.to_string(),
        until: (pause.until != u64::MAX).then_some(pause.until),
        reason: pause.reason.clone(),
    });
    versioned(&standing, pauses.collect())
}

#[derive(Serialize)]
pub struct ProposalRow {
    id: B256,
    /// The act in words: what an approval must name.
    what: String,
    act: Act,
    reason: String,
    person: String,
    signer: Address,
    at: u64,
    lapses_at: u64,
    /// Absent while it needs a second person.
    #[serde(skip_serializing_if = "Option::is_none")]
    approval: Option<ApprovalRow>,
    /// Why it is not carried out although its time has come.
    #[serde(skip_serializing_if = "Option::is_none")]
    waits_for: Option<String>,
}

#[derive(Serialize)]
pub struct ApprovalRow {
    person: String,
    signer: Address,
    ready_at: u64,
}

/// Open proposals.
pub async fn proposals(State(control): State<Control>) -> Versioned<Vec<ProposalRow>> {
    let standing = control.desk.standing().await;
    let open = standing.control.proposals().filter(|(_, proposal)| proposal.lapses_at > standing.now);
    let rows = open.map(|(id, proposal)| ProposalRow {
        id: *id,
        what: proposal.act.to_string(),
        act: proposal.act.clone(),
        reason: proposal.reason.clone(),
        person: proposal.person.clone(),
        signer: proposal.signer,
        at: proposal.at,
        lapses_at: proposal.lapses_at,
        approval: proposal.approval.as_ref().map(|approval| ApprovalRow {
            person: approval.person.clone(),
            signer: approval.signer,
            ready_at: approval.ready_at,
        }),
        waits_for: standing.waits.get(id).map(ToString::to_string),
    });
    versioned(&standing, rows.collect())
}

/// The limits as they stand.
pub async fn limits(State(control): State<Control>) -> Versioned<RiskPolicy> {
    let standing = control.desk.standing().await;
    versioned(&standing, RiskPolicy::clone(&standing.limits))
}

#[derive(Serialize)]
pub struct PolicyView {
    /// Names what the file says.
    digest: B256,
    /// What the file says that was agreed on last.
    filed: Agreement,
    /// The same with what guardians have set in its place.
    agreed: Agreement,
}

/// What is agreed on; nothing while no process was started under any policy.
pub async fn policy(State(control): State<Control>) -> Versioned<Option<PolicyView>> {
    let standing = control.desk.standing().await;
    let (filed, agreed) = (standing.control.filed(), standing.control.agreed());
    let view = filed.zip(agreed).map(|(filed, agreed)| {
        let filed = filed.clone();
        PolicyView { digest: filed.digest(), filed, agreed }
    });
    versioned(&standing, view)
}

#[derive(Serialize)]
pub struct Signers {
    /// For which deployment statements are signed.
    deployment: B256,
    guardians: Vec<GuardianRow>,
    sets: Vec<SetRow>,
}

#[derive(Serialize)]
pub struct GuardianRow {
    address: Address,
    person: String,
    /// The number that the key's next statement must have.
    next_nonce: u64,
}

#[derive(Serialize)]
pub struct SetRow {
    role: SignerRole,
    set: SignerSet,
}

/// Guardians with their next nonces, and the sets of signers.
pub async fn signers(State(control): State<Control>) -> Versioned<Signers> {
    let standing = control.desk.standing().await;
    let guardians = control.desk.guardians().guardians.iter().map(|(address, person)| GuardianRow {
        address: *address,
        person: person.clone(),
        next_nonce: standing.control.next_nonce(address),
    });
    let sets = standing.signers.iter().map(|(role, set)| SetRow { role: *role, set: set.clone() });
    let (guardians, sets) = (guardians.collect(), sets.collect());
    versioned(&standing, Signers { deployment: control.desk.deployment(), guardians, sets })
}
