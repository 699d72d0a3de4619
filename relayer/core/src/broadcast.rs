//! The last question before anything leaves the house: is this effect still wanted?

use spandrel_risk::Lane;
use spandrel_verifiers::follow::SeenDeposit;

use crate::{Context, Effect, PayoutStage, Status, Transfer};

/// Why an effect is not to be carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Blocked {
    /// Not now: keep the effect and ask again later.
    #[error("not now: {0}")]
    Later(String),
    /// Never again: end the effect and, in the same commit, tell the machine
    /// [`Refused`](crate::submission::Progress::Refused) for ever, so that another payout may be issued.
    /// Only if the journal holds no transaction of the effect: one that was sent is followed to its end instead.
    #[error("never: {0}")]
    Obsolete(String),
}

/// Whether `effect` of `transfer` may be carried out now. Asked by the engine with the transfer as it is stored, right
/// before submission; a pause, a reorg or an expiry since the effect was issued stops it here.
pub fn may_broadcast(transfer: &Transfer, effect: &Effect, context: &Context<'_>) -> Result<(), Blocked> {
    if let Effect::Pause { .. } | Effect::RegisterCheckpoint { .. } | Effect::Reobserve { .. } = effect {
        return Ok(());
    }
    // It only asks, and what is over unpaid may be paid all the same. Of a payout that is known its own effect
    // tells; that may be given up, and a deposit is asked about by one effect: it waits until the payout is final.
    if let Effect::ConfirmPaid { .. } = effect {
        return match &transfer.payout {
            None => Ok(()),
            Some(payout) if payout.stage == PayoutStage::Final || transfer.status.is_terminal() => {
                obsolete("it is paid for good")
            }
            Some(_) => later("a payout of it is under way"),
        };
    }
    if transfer.status.is_terminal() {
        return obsolete(transfer.status.name());
    }
    // What closes the fast lane is the safe direction: no pause and no quarantine stops it.
    match effect {
        Effect::CloseOverdue { .. } if transfer.is_claimed_fast() => return Ok(()),
        Effect::Contradict { .. } if transfer.is_broadcast() && transfer.is_issued_on(Lane::Fast) => return Ok(()),
        Effect::CloseOverdue { .. } | Effect::Contradict { .. } => return later("no fast payout is owed"),
        _ => {}
    }
    if let Status::Quarantined { error } = &transfer.status {
        return later(format!("quarantined: {error}"));
    }
    match effect {
        Effect::BuildEvidence { seen, .. } => require_standing(transfer, seen, transfer.checkpoint.is_none()),
        Effect::RequestAttestation { seen } => {
            let is_wanted = transfer.is_fast_open() && transfer.attestation.is_none();
            require_standing(transfer, seen, is_wanted)?;
            // What signers have signed others can bring to the chain, which may not know of the pause.
            match context.risk.paused_by(&transfer.deposit, Lane::Fast, context.now) {
                Some(scope) => later(format!("paused: {scope}")),
                None => Ok(()),
            }
        }
        Effect::RequestVerdicts { evidence } => {
            let is_wanted = transfer.checkpoint.is_none() && transfer.evidence.as_ref() == Some(evidence);
            if is_wanted { Ok(()) } else { obsolete("its evidence is not the transfer's any more, or is verified") }
        }
        Effect::PayFast { attestation, .. } => {
            if context.now > attestation.batch.expiry && !transfer.is_broadcast() {
                return obsolete(format!("the batch expired at {}", attestation.batch.expiry));
            }
            may_pay(transfer, Lane::Fast, context)
        }
        Effect::PayProven { .. } => may_pay(transfer, Lane::LightClient, context),
        Effect::Settle { checkpoint, .. } => match &transfer.checkpoint {
            Some(newer) if newer != checkpoint => obsolete("it was proven again under another checkpoint"),
            Some(_) if transfer.is_claimed_fast() => Ok(()),
            _ => later("the fast payout is neither promised nor in a block, or its deposit not proven"),
        },
        Effect::ConfirmUnpaid { .. } => {
            let is_idle = transfer.payout.is_none() && transfer.issued.is_none();
            if is_idle && context.now > transfer.deposit.expiry { Ok(()) } else { later("a payout is under way") }
        }
        Effect::ConfirmPaid { .. }
        | Effect::CloseOverdue { .. }
        | Effect::Contradict { .. }
        | Effect::Pause { .. }
        | Effect::RegisterCheckpoint { .. }
        | Effect::Reobserve { .. } => Ok(()),
    }
}

fn may_pay(transfer: &Transfer, lane: Lane, context: &Context<'_>) -> Result<(), Blocked> {
    if !transfer.is_issued_on(lane) {
        return obsolete(format!("not issued on the {lane} lane"));
    }
    let Some(payout) = &transfer.payout else {
        return obsolete("the source was reorged before it was broadcast");
    };
    if payout.stage >= PayoutStage::Executed {
        return later("it stands in a block");
    }
    let is_gone = transfer.mined().is_none() || matches!(transfer.status, Status::Shortfall { .. });
    if is_gone && payout.stage >= PayoutStage::Promised {
        return later("its deposit is gone, and the destination has promised it");
    }
    if transfer.mined().is_none() {
        return obsolete("its deposit is gone");
    }
    if let Status::Shortfall { .. } = transfer.status {
        return obsolete("its deposit was gone, and is not proven again");
    }
    if context.now > transfer.deposit.expiry && payout.tx.is_none() {
        return obsolete(format!("the deposit expired at {}", transfer.deposit.expiry));
    }
    match context.risk.paused_by(&transfer.deposit, lane, context.now) {
        // Nothing was sent: the light-client lane need not wait for the fast one to open again.
        Some(scope) if lane == Lane::Fast && payout.tx.is_none() => obsolete(format!("paused: {scope}")),
        Some(scope) => later(format!("paused: {scope}")),
        None => Ok(()),
    }
}

/// Whether a payment of this transfer that its destination has delayed may be executed. It may be another's, of either
/// lane: while none of ours is under way, no lane may be paused, and before the deposit expires what was not cleared is not
/// executed either.
pub fn may_execute(transfer: &Transfer, context: &Context<'_>) -> Result<(), Blocked> {
    if transfer.status.is_terminal() {
        return obsolete(transfer.status.name());
    }
    if let Status::Quarantined { error } = &transfer.status {
        return later(format!("quarantined: {error}"));
    }
    if transfer.mined().is_none() {
        return obsolete("its deposit is gone");
    }
    if let Status::Shortfall { .. } = transfer.status {
        return obsolete("its deposit was gone, and is not proven again");
    }
    if transfer.issued.is_none() && context.now <= transfer.deposit.expiry {
        return later("it was not cleared");
    }
    let is_ours = |lane: &Lane| transfer.issued.is_none_or(|issued| issued.lane == *lane);
    let mut lanes = [Lane::Fast, Lane::LightClient].into_iter().filter(is_ours);
    match lanes.find_map(|lane| context.risk.paused_by(&transfer.deposit, lane, context.now)) {
        Some(scope) => later(format!("paused: {scope}")),
        None => Ok(()),
    }
}

fn require_standing(transfer: &Transfer, seen: &SeenDeposit, is_wanted: bool) -> Result<(), Blocked> {
    let stands = transfer.mined().is_some_and(|mined| mined.block.hash == seen.block.hash);
    if stands && is_wanted { Ok(()) } else { obsolete("its block was replaced, or it is done") }
}

fn later(reason: impl Into<String>) -> Result<(), Blocked> {
    Err(Blocked::Later(reason.into()))
}

fn obsolete(reason: impl Into<String>) -> Result<(), Blocked> {
    Err(Blocked::Obsolete(reason.into()))
}
