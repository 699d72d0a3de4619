//! What stands in the way of resumptions: halted chains, and fast payouts whose deposits are gone.

use axum::extract::State;
use serde::Serialize;
use spandrel_risk::Corridor;
use spandrel_verifiers::{ChainId, DepositId};

use super::Control;
use crate::Problem;
use crate::control::Standing;

#[derive(Serialize)]
pub(crate) struct HaltRow {
    pub(crate) chain: ChainId,
    pub(crate) reason: String,
}

/// Halted chains.
pub async fn halts(State(control): State<Control>) -> Result<axum::Json<Vec<HaltRow>>, Problem> {
    Ok(axum::Json(halted(&control).await?))
}

pub(crate) async fn halted(control: &Control) -> Result<Vec<HaltRow>, Problem> {
    let now = control.desk.standing().await.now;
    let halted = control.store.summary(now).await?.halted;
    Ok(halted.into_iter().map(|(chain, reason)| HaltRow { chain, reason }).collect())
}

#[derive(Serialize)]
pub(crate) struct ShortfallRow {
    pub(crate) transfer: DepositId,
    #[serde(flatten)]
    pub(crate) corridor: Corridor,
    /// Base units.
    pub(crate) amount: String,
    /// Whether guardians have accepted the loss.
    pub(crate) is_accepted: bool,
}

/// Fast payouts whose deposits are gone.
pub async fn shortfalls(State(control): State<Control>) -> axum::Json<Vec<ShortfallRow>> {
    axum::Json(short(&control.desk.standing().await))
}

pub(crate) fn short(standing: &Standing) -> Vec<ShortfallRow> {
    let rows = standing.risk.shortfalls().map(|(transfer, corridor, amount)| ShortfallRow {
        transfer,
        corridor: corridor.clone(),
        amount: amount.to_string(),
        is_accepted: standing.control.has_accepted(&transfer),
    });
    rows.collect()
}
