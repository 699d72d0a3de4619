//! `spandrel transfer`: what the ledger says of transfers; ordering and following one through the transfer API.

mod api;
mod depth;
mod follow;
mod ledger;
mod send;

use std::path::PathBuf;

use alloy_primitives::B256;
use anyhow::{Context, Result};
use clap::Subcommand;
use spandrel_core::Status;
use spandrel_verifiers::DepositId;

use crate::cli::LedgerOptions;
use crate::exit::Exit;
use crate::units;

pub use api::ApiDoor;
pub use send::SendOptions;

/// In what amounts are written.
#[derive(Debug, clap::Args)]
pub struct UnitOptions {
    /// The configuration, for symbols and decimals of tokens; where there is none amounts are in base units alone.
    #[arg(long, default_value = "spandrel.toml")]
    config: PathBuf,
}

/// Transfers.
#[derive(Debug, Subcommand)]
pub enum TransferCommand {
    /// Show one transfer, its events, and what is still to be done for it and why it is not done yet, from the ledger.
    Show {
        /// The id of its deposit, or of its order.
        id: String,
        #[command(flatten)]
        ledger: LedgerOptions,
        #[command(flatten)]
        units: UnitOptions,
    },
    /// List transfers, newest first, from the ledger. All that is given must hold.
    List {
        /// Only those in this state.
        #[arg(long, value_parser = clap::builder::PossibleValuesParser::new(Status::NAMES))]
        status: Option<String>,
        /// Only those of this depositor: an address, or 32 bytes of hex.
        #[arg(long)]
        sender: Option<String>,
        /// Only those of this source transaction: 0x-hex, or 64 digits as Bitcoin's users write it.
        #[arg(long)]
        source_tx: Option<String>,
        /// Only those before this place: the one that the page before ended with.
        #[arg(long)]
        before: Option<u64>,
        /// How many at most.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
        limit: u32,
        #[command(flatten)]
        ledger: LedgerOptions,
        #[command(flatten)]
        units: UnitOptions,
    },
    /// Follow one transfer to its end: each event as it is stored. Needs a running transfer API. Ends with 0 when it was paid,
    /// with 7 when it was not.
    Watch {
        /// The id of its order, or of its deposit.
        id: String,
        #[command(flatten)]
        door: ApiDoor,
    },
    /// Order a transfer through the transfer API, and print how its deposit is made.
    Send(SendOptions),
}

/// Carries a command out.
pub async fn run(command: TransferCommand, json: bool) -> Result<Exit> {
    match command {
        TransferCommand::Show { id, ledger, units } => {
            ledger::show(&ledger.database, &id, &units::told_by(&units.config), json).await?;
        }
        TransferCommand::List { status, sender, source_tx, before, limit, ledger, units } => {
            let asked = ledger::Asked { status, sender, source_tx, before, limit };
            ledger::list(&ledger.database, asked, &units::told_by(&units.config), json).await?;
        }
        TransferCommand::Watch { id, door } => return follow::watch(&door.open()?, &id, json).await,
        TransferCommand::Send(options) => options.send(json).await?,
    }
    Ok(Exit::Done)
}

/// A deposit id as it is typed.
pub fn read_id(text: &str) -> Result<DepositId> {
    let id: Result<B256, _> = text.parse();
    Ok(DepositId(id.with_context(|| format!("transfer id: expected 0x and 64 digits, found {text:?}"))?))
}
