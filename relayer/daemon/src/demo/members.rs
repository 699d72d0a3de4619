//! Who verifies and signs for a local bridge: three verifiers and three fast-lane signers, of whom two are a quorum. Made of
//! them: what contracts are told, and the configuration of one process with every role.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;
use spandrel_contracts::deploy::{DeployConfig, Quorum};
use spandrel_risk::{LimitTable, WideLimits};
use spandrel_verifiers::attestation::SignerSet;

use super::keys::{KeyRing, Member};
use crate::config::{AssetConfig, BitcoinSource, Config, Destination, EthereumSource, Profile, RoleConfig, Telemetry};
use crate::telemetry::LogFormat;

const OF_EACH: usize = 3;
const QUORUM: u16 = 2;
const EPOCH: u64 = 1;

/// Their keys.
pub struct Members {
    verifiers: Vec<Member>,
    signers: Vec<Member>,
}

/// What a process stands between.
pub struct Ends {
    /// Bitcoin chains with deposits.
    pub bitcoin: Vec<BitcoinSource>,
    /// Ethereum chains with deposits.
    pub ethereum: Vec<EthereumSource>,
    /// Where deposits are paid.
    pub destination: Vec<Destination>,
    /// What may move.
    pub limit: LimitTable,
    /// How amounts of it are written.
    pub asset: Vec<AssetConfig>,
}

impl Members {
    /// New keys for all of them.
    pub fn make(keys: &KeyRing) -> Result<Self> {
        Ok(Self { verifiers: keys.several("verifier", OF_EACH)?, signers: keys.several("signer", OF_EACH)? })
    }

    /// Contracts that know the members, and nothing else yet: no roles, no assets, no routes.
    pub fn contracts(&self) -> DeployConfig {
        DeployConfig {
            verifiers: quorum(&self.verifiers),
            fast_signers: quorum(&self.signers),
            retention: 3_600,
            rotation_delay: 3_600,
            refund_hold: 0,
            bitcoin: None,
            wrapped: Vec::new(),
            sources: Vec::new(),
            assets: Vec::new(),
            routes: Vec::new(),
            roles: None,
        }
    }

    /// The checked configuration of one process with every role, its ledger in `folder`. Each member asks the same nodes.
    pub fn process(&self, folder: &Path, keys: &KeyRing, ends: Ends) -> Result<Config> {
        let Ends { bitcoin, ethereum, destination, limit, asset } = ends;
        let to_bitcoin = bitcoin.iter().flat_map(|source| source.nodes.iter().map(move |node| (&source.chain, node)));
        let to_bitcoin: BTreeMap<_, _> = to_bitcoin.map(|(chain, node)| (chain.clone(), node.clone())).collect();
        let to_ethereum =
            ethereum.iter().flat_map(|source| source.nodes.iter().map(move |node| (&source.network.chain, node)));
        let to_ethereum: BTreeMap<_, _> = to_ethereum.map(|(chain, node)| (chain.clone(), node.clone())).collect();
        let role = |(key, _): &Member| RoleConfig {
            key: key.clone(),
            bitcoin: to_bitcoin.clone(),
            ethereum: to_ethereum.clone(),
        };
        let config = Config {
            profile: Profile::Dev,
            bus: None,
            database: folder.join("spandrel.sqlite"),
            keystore: keys.folder.clone(),
            telemetry: Telemetry {
                listen: ([127, 0, 0, 1], 0).into(),
                log: "warn".to_owned(),
                format: LogFormat::Text,
                late_after: Default::default(),
                otlp: None,
            },
            api: None,
            control: None,
            verifier_set: set(&self.verifiers)?,
            signer_set: set(&self.signers)?,
            pause_seconds: 3_600,
            verifier: self.verifiers.iter().map(role).collect(),
            signer: self.signers.iter().map(role).collect(),
            wide: WideLimits::unlimited(limit.limits.keys()),
            limit,
            price_feed: Vec::new(),
            asset,
            retired: Default::default(),
            bitcoin,
            ethereum,
            destination,
        };
        config.check()?;
        Ok(config)
    }
}

fn quorum(keys: &[Member]) -> Quorum {
    Quorum { members: keys.iter().map(|(_, address)| *address).collect(), threshold: QUORUM }
}

fn set(keys: &[Member]) -> Result<SignerSet> {
    Ok(SignerSet::new(EPOCH, usize::from(QUORUM), keys.iter().map(|(_, address)| *address).collect())?)
}
