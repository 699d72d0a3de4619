//! Which scope a pause is of.

use anyhow::{Context, Result};
use spandrel_risk::{Direction, Lane, Scope};
use spandrel_verifiers::{AssetId, ChainId};

/// One scope.
#[derive(Debug, clap::Args)]
#[group(id = "what", required = true, multiple = false)]
pub struct ScopeOptions {
    /// Everything.
    #[arg(long)]
    global: bool,
    /// Everything from or to a chain (CAIP-2).
    #[arg(long)]
    chain: Option<ChainId>,
    /// One asset (CAIP-19).
    #[arg(long)]
    asset: Option<String>,
    /// One route: two chains with `->` between them.
    #[arg(long)]
    route: Option<String>,
    /// One direction of a chain: `deposits` or `payouts`, `@` and the chain.
    #[arg(long)]
    direction: Option<String>,
    /// One lane, `fast` or `light_client`; with `@` and a chain, only what comes from there.
    #[arg(long)]
    lane: Option<String>,
}

impl ScopeOptions {
    /// The scope that was named.
    pub fn read(&self) -> Result<Scope> {
        if let Some(chain) = &self.chain {
            return Ok(Scope::Chain { chain: chain.clone() });
        }
        if let Some(asset) = &self.asset {
            return Ok(Scope::Asset { asset: AssetId::parse(asset)? });
        }
        if let Some(route) = &self.route {
            let (source, destination) =
                route.split_once("->").context("route: expected two chains with -> between them")?;
            let (source, destination) = (ChainId::parse(source.trim())?, ChainId::parse(destination.trim())?);
            return Ok(Scope::Route { source, destination });
        }
        if let Some(direction) = &self.direction {
            let said = direction.split_once('@');
            let (name, chain) = said.context("direction: expected deposits or payouts, @ and a chain")?;
            return Ok(Scope::Direction { chain: ChainId::parse(chain)?, direction: read_direction(name)? });
        }
        if let Some(lane) = &self.lane {
            let (name, source) = match lane.split_once('@') {
                Some((name, chain)) => (name, Some(ChainId::parse(chain)?)),
                None => (lane.as_str(), None),
            };
            return Ok(Scope::Lane { lane: read_lane(name)?, source });
        }
        anyhow::ensure!(self.global, "scope: expected one, found none");
        Ok(Scope::Global)
    }
}

fn read_direction(name: &str) -> Result<Direction> {
    Direction::ALL
        .into_iter()
        .find(|direction| direction.to_string() == name)
        .with_context(|| format!("direction: expected deposits or payouts, found {name:?}"))
}

/// A lane by its name.
pub fn read_lane(name: &str) -> Result<Lane> {
    [Lane::Fast, Lane::LightClient]
        .into_iter()
        .find(|lane| lane.to_string() == name)
        .with_context(|| format!("lane: expected fast or light_client, found {name:?}"))
}
