//! The bus that a role speaks on.

use anyhow::Result;
use spandrel_bus::{InProcess, Link, Nats, NatsOptions};

use crate::config::Config;
use crate::role::Role;

/// Messages that a slow role may fall behind.
const CAPACITY: usize = 4096;

/// The configured bus, or one within this process. A role that speaks with nobody has none to the others.
pub async fn bus(config: &Config, role: Role) -> Result<Link> {
    let (Some(bus), Some(hears)) = (&config.bus, role.hears()) else {
        return Ok(Link::InProcess(InProcess::new(CAPACITY)));
    };
    let credentials = match &bus.credentials {
        Some(credentials) => Some(credentials.read_text()?.expose().to_owned()),
        None => None,
    };
    let options = NatsOptions { url: bus.url.clone(), name: bus.name.clone(), credentials, ca: bus.ca.clone() };
    Ok(Link::Nats(Nats::connect(options, hears, CAPACITY).await?))
}
