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
    let members = config.verifier_set.members.union(&config.signer_set.members).copied().collect();
    let (url, name, ca) = (bus.url.clone(), bus.name.clone(), bus.ca.clone());
    let options = NatsOptions { url, name, credentials, ca, members };
    Ok(Link::Nats(Box::new(Nats::connect(options, hears, CAPACITY).await?)))
}
