//! Proposals, limits, held and quarantined transfers, signers.

use std::collections::BTreeSet;
use std::path::PathBuf;

use alloy_primitives::{Address, B256};
use anyhow::{Context, Result};
use clap::Subcommand;
use serde_json::{Map, Value};
use spandrel_risk::control::{Act, SignerRole};
use spandrel_risk::{Corridor, Limits};
use spandrel_verifiers::attestation::SignerSet;
use spandrel_verifiers::{AssetId, ChainId, DepositId};

use super::scope::read_lane;
use super::send::{Client, Door, Order};
use super::usage::usage;
use super::view::{list, show};
use super::wide::WideCommand;
use crate::config::Config;

/// Open proposals.
#[derive(Debug, Subcommand)]
pub enum ProposalCommand {
    /// List them.
    List(Door),
    /// Agree to one that another person made; to a freeze by signing the same freeze.
    Approve {
        /// Its id.
        id: B256,
        #[command(flatten)]
        order: Order,
    },
    /// End one.
    Cancel {
        /// Its id.
        id: B256,
        #[command(flatten)]
        order: Order,
    },
}

impl ProposalCommand {
    pub(super) async fn run(self, json: bool) -> Result<()> {
        match self {
            Self::List(door) => {
                let columns = ["id", "what", "person", "reason", "approval", "waits_for"];
                list(&door.open()?, "proposals", "", &columns, json).await
            }
            Self::Approve { id, order } => {
                let act = match proposed(&order.client()?, id).await? {
                    // The chains take a freeze of one's own, and no approval.
                    freeze @ Act::Freeze { .. } => freeze,
                    act => Act::Approve { proposal: id, what: act.to_string() },
                };
                order.send(act, None, json).await
            }
            Self::Cancel { id, order } => {
                let what = proposed(&order.client()?, id).await?.to_string();
                order.send(Act::Cancel { proposal: id, what }, None, json).await
            }
        }
    }
}

/// What is proposed, printed before it is signed.
async fn proposed(client: &Client, id: B256) -> Result<Act> {
    let (proposals, _) = client.get("proposals").await?;
    let rows = proposals.as_array().map(Vec::as_slice).unwrap_or_default();
    let row = rows.iter().find(|row| row["id"].as_str() == Some(&id.to_string()));
    let row = row.with_context(|| format!("NO_SUCH_PROPOSAL: no open proposal {id}"))?;
    let act: Act = serde_json::from_value(row["act"].clone()).context("proposal: expected an act")?;
    eprintln!("{act}");
    Ok(act)
}

/// Which corridor and lane, and what changes.
#[derive(Debug, clap::Args)]
pub struct LimitOptions {
    /// From which chain (CAIP-2).
    #[arg(long)]
    source: ChainId,
    /// To which chain.
    #[arg(long)]
    destination: ChainId,
    /// Which asset (CAIP-19).
    #[arg(long)]
    asset: String,
    /// `fast` or `light_client`.
    #[arg(long)]
    lane: String,
    /// A limit and its new value, as in `window=1000`; the others stay as they are.
    #[arg(long = "set", value_name = "LIMIT=VALUE", required = true)]
    changes: Vec<String>,
}

/// Limits.
#[derive(Debug, Subcommand)]
pub enum LimitsCommand {
    /// Show them as they stand.
    Show(Door),
    /// Show how much of them is used, lane by lane and of each window over lanes or by value, from the ledger alone.
    Usage {
        /// The configuration: ledger and limits.
        #[arg(long, default_value = "spandrel.toml")]
        config: PathBuf,
    },
    /// Lower some at once.
    Lower {
        #[command(flatten)]
        limits: LimitOptions,
        #[command(flatten)]
        order: Order,
    },
    /// Propose others: two people and a timelock.
    Raise {
        #[command(flatten)]
        limits: LimitOptions,
        #[command(flatten)]
        order: Order,
    },
    /// Limits over corridors: show them, lower one at once, or propose to raise it.
    #[command(subcommand)]
    Wide(WideCommand),
}

impl LimitsCommand {
    pub(super) async fn run(self, json: bool) -> Result<()> {
        match self {
            Self::Show(door) => {
                let columns = ["source", "destination", "asset", "lane", "per_transfer", "window", "exposure_cap"];
                list(&door.open()?, "limits", "limits", &columns, json).await
            }
            Self::Usage { config } => usage(&Config::read(&config)?, json).await,
            Self::Lower { limits, order } => {
                let (corridor, limits, version) = limits.on_what_stands(&order.client()?).await?;
                order.send(Act::LowerLimits { corridor, limits }, Some(&version), json).await
            }
            Self::Raise { limits, order } => {
                let (corridor, limits, version) = limits.on_what_stands(&order.client()?).await?;
                order.send(Act::RaiseLimits { corridor, limits }, Some(&version), json).await
            }
            Self::Wide(command) => command.run(json).await,
        }
    }
}

impl LimitOptions {
    async fn on_what_stands(&self, client: &Client) -> Result<(Corridor, Limits, String)> {
        let corridor = Corridor {
            source: self.source.clone(),
            destination: self.destination.clone(),
            asset: AssetId::parse(&self.asset)?,
            lane: read_lane(&self.lane)?,
        };
        let (rows, version) = client.get("limits").await?;
        let Value::Object(names) = serde_json::to_value(&corridor)? else { anyhow::bail!("corridor: expected fields") };
        let rows = rows["limits"].as_array().map(Vec::as_slice).unwrap_or_default();
        let row = rows.iter().filter_map(Value::as_object);
        let is_it = |row: &&Map<String, Value>| names.iter().all(|(name, value)| row.get(name) == Some(value));
        let mut limits = row.clone().find(is_it).context("UNKNOWN_CORRIDOR: no such limits")?.clone();
        limits.retain(|name, _| !names.contains_key(name));
        for change in &self.changes {
            let (name, value) = change.split_once('=').context("set: expected LIMIT=VALUE")?;
            let standing = limits.get_mut(name).with_context(|| format!("set: no limit {name:?}"))?;
            *standing = match standing {
                Value::Number(_) => value.parse::<u64>().with_context(|| format!("{name}: expected a number"))?.into(),
                _ => Value::String(value.to_owned()),
            };
        }
        Ok((corridor, serde_json::from_value(Value::Object(limits)).context("limits")?, version))
    }
}

/// The version of a waiting transfer as it was looked at: what is ordered is of that one.
async fn seen(client: &Client, queue: &str, id: B256) -> Result<String> {
    let (row, version) = client.get(&format!("{queue}/{id}")).await?;
    eprintln!("{id}: {}", row["reason"].as_str().unwrap_or_default());
    Ok(version)
}

/// Held transfers.
#[derive(Debug, Subcommand)]
pub enum HoldCommand {
    /// List them.
    List(Door),
    /// Show one, with what happened to it.
    Show {
        /// Its deposit id.
        id: B256,
        #[command(flatten)]
        door: Door,
    },
    /// Do not pay it: its depositor takes it back.
    Drop {
        /// Its deposit id.
        id: B256,
        #[command(flatten)]
        order: Order,
    },
    /// Let it wait longer.
    Extend {
        /// Its deposit id.
        id: B256,
        /// Until when, RFC 3339.
        #[arg(long, value_parser = humantime::parse_rfc3339_weak)]
        until: std::time::SystemTime,
        #[command(flatten)]
        order: Order,
    },
    /// Propose to pay it now: two people and a delay.
    Release {
        /// Its deposit id.
        id: B256,
        #[command(flatten)]
        order: Order,
    },
}

impl HoldCommand {
    pub(super) async fn run(self, json: bool) -> Result<()> {
        match self {
            Self::List(door) => {
                let columns = ["id", "source", "destination", "amount", "reason", "until"];
                list(&door.open()?, "held", "transfers", &columns, json).await
            }
            Self::Show { id, door } => show(&door.open()?, "held", id, json).await,
            Self::Drop { id, order } => {
                let seen = seen(&order.client()?, "held", id).await?;
                order.send(Act::DropHeld { transfer: DepositId(id) }, Some(&seen), json).await
            }
            Self::Extend { id, until, order } => {
                let until = until.duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs());
                let seen = seen(&order.client()?, "held", id).await?;
                order.send(Act::ExtendHold { transfer: DepositId(id), until }, Some(&seen), json).await
            }
            Self::Release { id, order } => {
                let seen = seen(&order.client()?, "held", id).await?;
                order.send(Act::ReleaseHeld { transfer: DepositId(id) }, Some(&seen), json).await
            }
        }
    }
}

/// Quarantined transfers.
#[derive(Debug, Subcommand)]
pub enum QuarantineCommand {
    /// List them.
    List(Door),
    /// Show one, with what happened to it.
    Show {
        /// Its deposit id.
        id: B256,
        #[command(flatten)]
        door: Door,
    },
    /// Send it back to work, under all checks.
    Requeue {
        /// Its deposit id.
        id: B256,
        #[command(flatten)]
        order: Order,
    },
    /// Do not pay it: its depositor takes it back.
    Drop {
        /// Its deposit id.
        id: B256,
        #[command(flatten)]
        order: Order,
    },
}

impl QuarantineCommand {
    pub(super) async fn run(self, json: bool) -> Result<()> {
        match self {
            Self::List(door) => {
                let columns = ["id", "source", "destination", "amount", "reason"];
                list(&door.open()?, "quarantine", "transfers", &columns, json).await
            }
            Self::Show { id, door } => show(&door.open()?, "quarantine", id, json).await,
            Self::Requeue { id, order } => {
                let seen = seen(&order.client()?, "quarantine", id).await?;
                order.send(Act::RequeueQuarantined { transfer: DepositId(id) }, Some(&seen), json).await
            }
            Self::Drop { id, order } => {
                let seen = seen(&order.client()?, "quarantine", id).await?;
                order.send(Act::DropQuarantined { transfer: DepositId(id) }, Some(&seen), json).await
            }
        }
    }
}

/// Whose set of signers.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub enum Role {
    /// The fast lane's signers.
    FastLane,
    /// The verifiers.
    Verifiers,
}

/// Guardians and signers.
#[derive(Debug, Subcommand)]
pub enum SignersCommand {
    /// Show guardians, their next nonces, and the sets (`--json` for all of it).
    Show(Door),
    /// Propose another set: two people and a timelock.
    Change {
        /// Whose.
        #[arg(long)]
        role: Role,
        /// Its epoch: later than the standing set's.
        #[arg(long)]
        epoch: u64,
        /// How many must sign.
        #[arg(long)]
        threshold: usize,
        /// A member; give each.
        #[arg(long = "member", required = true)]
        members: Vec<Address>,
        #[command(flatten)]
        order: Order,
    },
}

impl SignersCommand {
    pub(super) async fn run(self, json: bool) -> Result<()> {
        match self {
            Self::Show(door) => {
                list(&door.open()?, "signers", "guardians", &["address", "person", "next_nonce"], json).await
            }
            Self::Change { role, epoch, threshold, members, order } => {
                let role = match role {
                    Role::FastLane => SignerRole::FastLane,
                    Role::Verifiers => SignerRole::Verifiers,
                };
                let members: BTreeSet<Address> = members.into_iter().collect();
                let set = SignerSet::new(epoch, threshold, members)?;
                let (_, version) = order.client()?.get("signers").await?;
                order.send(Act::ChangeSigners { role, set }, Some(&version), json).await
            }
        }
    }
}
