//! Who asks this process's signers to sign: the relayer, by a key of its own for that.

use std::collections::BTreeSet;
use std::sync::Arc;

use alloy_primitives::Address;
use anyhow::{Context, Result, ensure};
use futures::FutureExt;
use spandrel_engine::SignDigest;
use spandrel_signer::{Hardness, Keystore, LocalKey, sign_batch};

use super::unlock;
use crate::config::{BusConfig, Config};
use crate::role::Role;

/// What a process asks with, and whom its signers answer.
pub struct Requests {
    key: Option<LocalKey>,
    by: BTreeSet<Address>,
}

impl Requests {
    /// As configured. Where every role is in one process and there is no bus to others, the key is one of this start, and
    /// its signers answer that one alone.
    ///
    /// # Errors
    /// When the key cannot be unlocked, or is not one that signers answer.
    pub fn of(config: &Config, role: Role) -> Result<Self> {
        let Some(bus) = &config.bus else {
            let key = LocalKey::generate()?;
            return Ok(Self { by: [key.address()].into(), key: Some(key) });
        };
        let by = bus.requests_by.clone();
        let Some(reference) = bus.request_key.as_ref().filter(|_| role.runs(Role::Relayer)) else {
            return Ok(Self { key: None, by });
        };
        let key = unlock(config, reference)?;
        require_answered(bus, key.address())?;
        Ok(Self { key: Some(key), by })
    }

    /// Signs what the relayer asks.
    ///
    /// # Errors
    /// When this process has no key for that.
    pub fn sign(&self) -> Result<SignDigest> {
        let key = self.key.clone().context("bus.request_key: expected one, found none")?;
        Ok(Arc::new(move |digest| {
            let key = key.clone();
            async move { sign_batch(&key, digest).await.map_err(|error| error.to_string()) }.boxed()
        }))
    }

    /// Whom this process's signers answer.
    pub fn by(&self) -> &BTreeSet<Address> {
        &self.by
    }
}

/// Refuses a request key that the keystore does not hold, or that no signer would answer. Nothing is unlocked.
///
/// # Errors
/// What was expected, and what was found.
pub fn require_known_request_key(config: &Config) -> Result<()> {
    let Some((bus, key)) = config.bus.as_ref().and_then(|bus| Some((bus, bus.request_key.as_ref()?))) else {
        return Ok(());
    };
    let kept = Keystore::open(&config.keystore, Hardness::Dev)?.list()?;
    let found = kept.into_iter().find(|info| info.name == key.name);
    let place = config.keystore.display();
    let found =
        found.with_context(|| format!("bus.request_key: expected {} in {place}, found no such key", key.name))?;
    require_answered(bus, found.address)
}

fn require_answered(bus: &BusConfig, address: Address) -> Result<()> {
    ensure!(
        bus.requests_by.contains(&address),
        "bus.request_key: expected one whose address is in bus.requests_by, found {address}"
    );
    Ok(())
}
