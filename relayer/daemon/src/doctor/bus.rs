//! The server of the bus between processes.

use std::time::Duration;

use spandrel_bus::Link;

use super::{PATIENCE, Row, Seen};
use crate::config::{BusConfig, Config};
use crate::role::Role;
use crate::wiring;

/// Connects as the relayer would, and says nothing.
pub async fn look(config: &Config, bus: &BusConfig) -> Seen {
    let what = format!("bus {}", bus.url);
    let mend = "start nats-server there, with the users of docs/operations/bus.md; check bus.credentials and bus.ca";
    let row = match tokio::time::timeout(PATIENCE, connected(config)).await {
        Ok(Ok(())) => Row::ok(what, "connected"),
        Ok(Err(error)) => Row::wrong(what, format!("{error:#}"), mend),
        Err(_) => Row::wrong(what, "expected a connection, found none", mend),
    };
    vec![row].into()
}

async fn connected(config: &Config) -> anyhow::Result<()> {
    let link: Link = wiring::bus(config, Role::Relayer).await?;
    while !link.is_connected() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}
