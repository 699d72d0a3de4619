//! Fast payouts whose deposits are gone.

use alloy_primitives::B256;
use anyhow::Result;
use clap::Subcommand;
use spandrel_risk::control::Act;
use spandrel_verifiers::DepositId;

use super::send::{Door, Order};
use super::view::list;

/// Fast payouts whose deposits are gone.
#[derive(Debug, Subcommand)]
pub enum LossCommand {
    /// List them.
    List(Door),
    /// Propose to accept one as a loss, so that resumptions wait for it no more: two people and a timelock.
    Accept {
        /// Its deposit id.
        id: B256,
        #[command(flatten)]
        order: Order,
    },
}

impl LossCommand {
    pub(super) async fn run(self, json: bool) -> Result<()> {
        match self {
            Self::List(door) => {
                let columns = ["transfer", "source", "destination", "lane", "amount", "is_accepted"];
                list(&door.open()?, "shortfalls", "", &columns, json).await
            }
            Self::Accept { id, order } => order.send(Act::AcceptLoss { transfer: DepositId(id) }, None, json).await,
        }
    }
}
