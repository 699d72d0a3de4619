//! The agreed policy: what a start may allow, and proposals of configurations that allow more.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Subcommand;
use serde::Deserialize;
use spandrel_risk::control::{Act, said_changes};
use spandrel_risk::{Agreement, looser};

use super::send::{Client, Door, Order};
use crate::config::Config;
use crate::output::print;
use crate::wiring;

/// The agreed policy.
#[derive(Debug, Subcommand)]
pub enum PolicyCommand {
    /// Show it.
    Show(Door),
    /// Propose a configuration that allows more: two people and a timelock, then a start with it.
    Propose {
        /// The new configuration file.
        file: PathBuf,
        #[command(flatten)]
        order: Order,
    },
}

/// What the control API shows of it.
#[derive(Deserialize)]
struct Standing {
    filed: Agreement,
    agreed: Agreement,
}

impl PolicyCommand {
    pub(super) async fn run(self, json: bool) -> Result<()> {
        match self {
            Self::Show(door) => {
                let (policy, _) = door.open()?.get("policy").await?;
                print(json, &policy, || format!("{policy:#}"))
            }
            Self::Propose { file, order } => {
                let (standing, version) = standing(&order.client()?).await?;
                let policy = wiring::agreement(&Config::read(&file)?)?.completed(&standing.filed);
                let loosenings = looser(&policy.over(&standing.filed, &standing.agreed), &standing.agreed);
                let act = Act::ChangePolicy { policy: Box::new(policy), changes: said_changes(&loosenings) };
                eprintln!("{act}");
                order.send(act, Some(&version), json).await
            }
        }
    }
}

async fn standing(client: &Client) -> Result<(Standing, String)> {
    let (policy, version) = client.get("policy").await?;
    let standing: Option<Standing> = serde_json::from_value(policy).context("policy: expected what is agreed on")?;
    Ok((standing.context("NOTHING_AGREED: no policy is agreed on yet")?, version))
}
