//! Limits over corridors: each by itself, by its name in the configuration.

use anyhow::{Context, Result, bail, ensure};
use clap::Subcommand;
use serde::Serialize;
use spandrel_risk::control::Act;
use spandrel_risk::{AssetLimit, Corridor, Limit, RiskPolicy, WideLimit};
use spandrel_verifiers::{AssetId, ChainId};

use super::scope::read_lane;
use super::send::{Client, Door, Order};
use crate::output::print;
use crate::status::table;

/// Limits over corridors.
#[derive(Debug, Subcommand)]
pub enum WideCommand {
    /// Show them as they stand.
    Show(Door),
    /// Lower one at once.
    Lower {
        #[command(flatten)]
        limit: WideOptions,
        #[command(flatten)]
        order: Order,
    },
    /// Propose a higher one: two people and a timelock.
    Raise {
        #[command(flatten)]
        limit: WideOptions,
        #[command(flatten)]
        order: Order,
    },
}

/// Which limit, and its new value. What is named says whose: an asset, a destination, a source, or one lane of a corridor by all
/// four.
#[derive(Debug, clap::Args)]
pub struct WideOptions {
    /// An asset wherever it goes (CAIP-19): window, notional, sender.capacity, recipient.capacity, most_of_p99, usual,
    /// exposure.share.
    #[arg(long)]
    asset: Option<String>,
    /// Everything to a chain (CAIP-2): notional. With `--asset`, `--source` and `--lane`, one lane of a corridor: notional.
    #[arg(long)]
    destination: Option<ChainId>,
    /// Everything from a chain whose blocks can be bought: block_cost.
    #[arg(long)]
    source: Option<ChainId>,
    /// `fast` or `light_client`, of a corridor.
    #[arg(long)]
    lane: Option<String>,
    /// The limit and its new value, as in `window=1000`.
    #[arg(long = "set", value_name = "LIMIT=VALUE")]
    change: String,
}

/// One as it stands.
#[derive(Serialize)]
struct Row {
    /// Its name in the configuration.
    name: String,
    limit: WideLimit,
    value: Limit,
}

impl WideCommand {
    pub(super) async fn run(self, json: bool) -> Result<()> {
        match self {
            Self::Show(door) => {
                let (policy, _) = standing(&door.open()?).await?;
                let row = |limit: WideLimit| {
                    limit.of(&policy.wide).map(|value| Row { name: limit.to_string(), limit, value })
                };
                let rows: Vec<Row> = WideLimit::all(&policy.wide).into_iter().filter_map(row).collect();
                print(json, &rows, || {
                    let mut shown = table(&["limit", "value"]);
                    for row in &rows {
                        shown.add_row([row.name.clone(), row.value.to_string()]);
                    }
                    shown.to_string()
                })
            }
            Self::Lower { limit, order } => {
                let (limit, value, version) = limit.on_what_stands(&order.client()?).await?;
                order.send(Act::LowerWideLimit { limit, value }, Some(&version), json).await
            }
            Self::Raise { limit, order } => {
                let (limit, value, version) = limit.on_what_stands(&order.client()?).await?;
                order.send(Act::RaiseWideLimit { limit, value }, Some(&version), json).await
            }
        }
    }
}

impl WideOptions {
    /// What it is now is printed before it is signed.
    async fn on_what_stands(&self, client: &Client) -> Result<(WideLimit, Limit, String)> {
        let (limit, value) = self.read()?;
        let (policy, version) = standing(client).await?;
        let now = limit.of(&policy.wide).with_context(|| format!("UNKNOWN_LIMIT: no such limit as {limit}"))?;
        eprintln!("{limit}: {now}");
        Ok((limit, value, version))
    }

    fn read(&self) -> Result<(WideLimit, Limit)> {
        let (name, value) = self.change.split_once('=').context("set: expected LIMIT=VALUE")?;
        let limit = match (&self.source, &self.destination, &self.asset, &self.lane) {
            (None, None, Some(asset), None) => {
                WideLimit::Asset { asset: AssetId::parse(asset)?, limit: AssetLimit::try_from(name.to_owned())? }
            }
            (None, Some(chain), None, None) => WideLimit::Destination { chain: chain.clone() },
            (Some(chain), None, None, None) => WideLimit::Depth { chain: chain.clone() },
            (Some(source), Some(destination), Some(asset), Some(lane)) => {
                let (source, destination) = (source.clone(), destination.clone());
                let corridor = Corridor { source, destination, asset: AssetId::parse(asset)?, lane: read_lane(lane)? };
                WideLimit::Corridor { corridor }
            }
            _ => bail!("limit: expected an asset, a destination, a source, or all of them and a lane, found others"),
        };
        ensure!(name == limit.field(), "set: expected {}, found {name:?}", limit.field());
        let value = serde_json::from_value(value.into()).with_context(|| format!("set: {name}"))?;
        Ok((limit, value))
    }
}

async fn standing(client: &Client) -> Result<(RiskPolicy, String)> {
    let (limits, version) = client.get("limits").await?;
    Ok((serde_json::from_value(limits).context("limits: expected the limits as they stand")?, version))
}
