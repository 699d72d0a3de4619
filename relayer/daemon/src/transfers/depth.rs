//! How deep a deposit stands on its chain, and how deep it must.

use anyhow::Result;
use serde::Serialize;
use spandrel_core::Transfer;
use spandrel_core::ledger::Ledger;
use spandrel_risk::control::ControlState;
use spandrel_store::Sqlite;
use spandrel_verifiers::follow::Cursor;

/// By the ledger alone.
#[derive(Serialize)]
pub struct Depth {
    /// Blocks on it, its own included; nothing while its block does not stand.
    confirmations: Option<u64>,
    /// How many prove it, by the policy that is agreed on; nothing where no count of blocks makes one final. What its value asks
    /// for beyond that is said where it is held for it.
    confirmations_required: Option<u64>,
}

impl Depth {
    pub async fn of(transfer: &Transfer, store: &Sqlite) -> Result<Self> {
        let chain = &transfer.deposit.source_chain;
        let tip = store.cursor(chain).await?.as_ref().and_then(Cursor::tip).map(|tip| tip.height);
        let above = transfer.mined().zip(tip).map(|(seen, tip)| tip.saturating_sub(seen.block.height));
        let mut control = ControlState::default();
        for recorded in store.control_events(0).await? {
            control.apply(&recorded.body, recorded.at);
        }
        let terms = control.filed().and_then(|agreed| agreed.sources.get(chain)?.depth.as_ref());
        let amount = u64::try_from(transfer.deposit.amount).unwrap_or(u64::MAX);
        Ok(Self {
            confirmations: above.map(|above| above.saturating_add(1)),
            confirmations_required: terms.map(|terms| terms.confirmations.required(amount).into()),
        })
    }

    /// In words, a line of its own; nothing while nothing stands on it.
    pub fn line(&self) -> String {
        let required = self.confirmations_required.map_or_else(String::new, |required| format!(" of {required}"));
        self.confirmations.map_or_else(String::new, |found| format!("confirmed  {found}{required}\n"))
    }
}
