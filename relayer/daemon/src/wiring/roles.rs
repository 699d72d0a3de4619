//! Verifiers and signers of this process: own key, own nodes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use alloy_primitives::Address;
use anyhow::{Context, Result};
use futures::FutureExt;
use spandrel_engine::{Judge, Sighting, SignDigest, SignVerdict, SignerRole, VerifierRole};
use spandrel_signer::{Hardness, Keystore, LocalKey, sign_batch, sign_checkpoint, sign_verdict};
use spandrel_verifiers::ChainId;

use super::{bitcoin, domain, ethereum, registries};
use crate::config::{Config, KeyRef, Profile, RoleConfig};

/// Unlocks a key of the configured keystore.
pub fn unlock(config: &Config, key: &KeyRef) -> Result<LocalKey> {
    let hardness = match config.profile {
        Profile::Production => Hardness::Standard,
        Profile::Dev => Hardness::Dev,
    };
    let keystore = Keystore::open(&config.keystore, hardness)?;
    keystore.unlock(&key.name, &key.password.read()?).with_context(|| format!("key {}", key.name))
}

/// A verifier's key. It must be a member of the verifier set.
fn verifier_key(config: &Config, role: &RoleConfig) -> Result<LocalKey> {
    let key = unlock(config, &role.key)?;
    anyhow::ensure!(
        config.verifier_set.members.contains(&key.address()),
        "verifier {}: expected a member of verifier_set, found {}",
        role.key.name,
        key.address()
    );
    Ok(key)
}

/// A fast-lane signer's key. It must be a member of the signer set.
fn signer_key(config: &Config, role: &RoleConfig) -> Result<LocalKey> {
    let key = unlock(config, &role.key)?;
    anyhow::ensure!(
        config.signer_set.members.contains(&key.address()),
        "signer {}: expected a member of signer_set, found {}",
        role.key.name,
        key.address()
    );
    Ok(key)
}

/// A verifier over all configured source chains, and its address.
pub fn verifier_role(config: &Config, role: &RoleConfig) -> Result<(Address, VerifierRole)> {
    let key = verifier_key(config, role)?;
    let mut judges: BTreeMap<ChainId, Box<dyn Judge>> = BTreeMap::new();
    for source in &config.bitcoin {
        let node = role.bitcoin.get(&source.chain).context("a Bitcoin node of its own")?;
        judges.insert(source.chain.clone(), bitcoin::judge(source, node)?);
    }
    for source in &config.ethereum {
        let chain = &source.network.chain;
        let node = role.ethereum.get(chain).context("an Ethereum node of its own")?;
        judges.insert(chain.clone(), ethereum::judge(source, node));
    }
    let domains = config.destination.iter().map(|target| (target.chain.clone(), domain(target))).collect();
    let address = key.address();
    let own = key.clone();
    let signing: SignDigest = Arc::new(move |digest| {
        let key = own.clone();
        async move { sign_checkpoint(&key, digest).await.map_err(|error| error.to_string()) }.boxed()
    });
    let sign: SignVerdict = Arc::new(move |verdict, domain| {
        let key = key.clone();
        async move { sign_verdict(&key, verdict, &domain).await.map_err(|error| error.to_string()) }.boxed()
    });
    let role = VerifierRole::new(sign, config.verifier_set.epoch, domains, judges);
    Ok((address, role.registering(signing, registries(config))))
}

/// A fast-lane signer over all configured source chains, that signs what these accounts ask, and its address.
pub fn signer_role(
    config: &Config,
    role: &RoleConfig,
    requests_by: &BTreeSet<Address>,
) -> Result<(Address, SignerRole)> {
    let key = signer_key(config, role)?;
    let mut sightings: BTreeMap<ChainId, Box<dyn Sighting>> = BTreeMap::new();
    for source in &config.bitcoin {
        let node = role.bitcoin.get(&source.chain).context("a Bitcoin node of its own")?;
        sightings.insert(source.chain.clone(), bitcoin::sighting(source, node)?);
    }
    for source in &config.ethereum {
        let chain = &source.network.chain;
        let node = role.ethereum.get(chain).context("an Ethereum node of its own")?;
        sightings.insert(chain.clone(), ethereum::sighting(source, node));
    }
    let destinations = config.destination.iter().map(|target| {
        let number = target.chain.eip155_number().unwrap_or_default();
        (target.chain.clone(), (number, target.fast_lane, config.signer_set.epoch))
    });
    let address = key.address();
    let sign: SignDigest = Arc::new(move |digest| {
        let key = key.clone();
        async move { sign_batch(&key, digest).await.map_err(|error| error.to_string()) }.boxed()
    });
    Ok((address, SignerRole::new(sign, requests_by.clone(), destinations.collect(), sightings)))
}
