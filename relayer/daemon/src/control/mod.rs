//! What guardians do from the command line: build a statement, sign it with a key of the keystore, and tell it to the
//! control API.

mod halt;
mod loss;
mod offline;
mod orders;
mod policy;
mod scope;
mod send;
mod usage;
mod view;
mod wide;

use anyhow::Result;
use clap::Subcommand;

pub use loss::LossCommand;
pub use offline::OfflineOptions;
pub use orders::{HoldCommand, LimitsCommand, ProposalCommand, QuarantineCommand, SignersCommand};
pub use policy::PolicyCommand;
pub use scope::ScopeOptions;
pub use send::{Denied, Door, Order};
pub(crate) use usage::corridor_value;
use view::list;

use spandrel_risk::control::Act;
use spandrel_verifiers::ChainId;

/// Guardians' commands.
#[derive(Debug, Subcommand)]
pub enum ControlCommand {
    /// Pause a scope at once; it ends by itself.
    Pause {
        #[command(flatten)]
        scope: ScopeOptions,
        /// For how long, as in `30m` or `2d`; at most five days.
        #[arg(long = "for", value_parser = humantime::parse_duration)]
        duration: std::time::Duration,
        #[command(flatten)]
        order: Order,
        #[command(flatten)]
        offline: OfflineOptions,
    },
    /// Pause a scope for five days at once, and without end when another guardian freezes it too.
    Freeze {
        #[command(flatten)]
        scope: ScopeOptions,
        #[command(flatten)]
        order: Order,
        #[command(flatten)]
        offline: OfflineOptions,
    },
    /// Propose to lift a pause: another guardian must approve, then it waits.
    Resume {
        #[command(flatten)]
        scope: ScopeOptions,
        #[command(flatten)]
        order: Order,
    },
    /// Show what is paused, and until when.
    Pauses(Door),
    /// List what is proposed; approve or cancel it.
    #[command(subcommand)]
    Proposals(ProposalCommand),
    /// Show limits; lower them at once, or propose to raise them.
    #[command(subcommand)]
    Limits(LimitsCommand),
    /// List held transfers; drop, extend, or propose to release them.
    #[command(subcommand)]
    Hold(HoldCommand),
    /// List quarantined transfers; send them back to work or drop them.
    #[command(subcommand)]
    Quarantine(QuarantineCommand),
    /// Let a halted chain be followed again. What is paused stays paused.
    Acknowledge {
        /// The halted chain (CAIP-2).
        chain: ChainId,
        #[command(flatten)]
        order: Order,
    },
    /// Show halted chains.
    Halts(Door),
    /// Have final blocks of a source chain read again, for deposits that were missed.
    Reobserve {
        /// The source chain (CAIP-2).
        chain: ChainId,
        /// Height of the first block.
        #[arg(long)]
        from: u64,
        /// Height of the last; at most 10,000 blocks.
        #[arg(long)]
        to: u64,
        #[command(flatten)]
        order: Order,
    },
    /// List fast payouts whose deposits are gone; propose to accept the loss.
    #[command(subcommand)]
    Loss(LossCommand),
    /// Show guardians and signers; propose another set.
    #[command(subcommand)]
    Signers(SignersCommand),
    /// Show what is agreed on; propose a configuration that allows more.
    #[command(subcommand)]
    Policy(PolicyCommand),
}

/// Carries a command out.
pub async fn run(command: ControlCommand, json: bool) -> Result<()> {
    match command {
        ControlCommand::Pause { scope, duration, order, offline } => {
            let scope = scope.read()?;
            let act = Act::Pause { scope: scope.clone(), seconds: duration.as_secs() };
            offline.stop(act, &scope, &order, json).await
        }
        ControlCommand::Freeze { scope, order, offline } => {
            let scope = scope.read()?;
            offline.stop(Act::Freeze { scope: scope.clone() }, &scope, &order, json).await
        }
        ControlCommand::Resume { scope, order } => order.send(Act::Resume { scope: scope.read()? }, None, json).await,
        ControlCommand::Pauses(door) => list(&door.open()?, "pauses", "", &["what", "until", "reason"], json).await,
        ControlCommand::Proposals(command) => command.run(json).await,
        ControlCommand::Limits(command) => command.run(json).await,
        ControlCommand::Hold(command) => command.run(json).await,
        ControlCommand::Quarantine(command) => command.run(json).await,
        ControlCommand::Acknowledge { chain, order } => {
            let halt = halt::standing(&order.client()?, &chain).await?;
            order.send(Act::AcknowledgeHalt { chain, halt }, None, json).await
        }
        ControlCommand::Halts(door) => list(&door.open()?, "halts", "", &["chain", "reason"], json).await,
        ControlCommand::Reobserve { chain, from, to, order } => {
            order.send(Act::Reobserve { chain, from, to }, None, json).await
        }
        ControlCommand::Loss(command) => command.run(json).await,
        ControlCommand::Signers(command) => command.run(json).await,
        ControlCommand::Policy(command) => command.run(json).await,
    }
}
