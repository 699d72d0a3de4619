//! What an operator says about a Solana cluster and the bridge on it.

use std::collections::BTreeMap;

use alloy_primitives::B256;
use serde::{Deserialize, Serialize};

use super::address::to_base58;
use super::epochs::EpochSchedule;
use crate::attestation::SignerSet;
use crate::{AssetId, ChainId, VerifyError};

/// A cluster, the vault on it, and whom to believe in what nothing proves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SolanaConfig {
    /// The cluster: [`chain_id`] of its genesis hash.
    pub chain: ChainId,
    /// The shred version of the cluster, which changes when it is restarted.
    pub shred_version: u16,
    /// The lengths of its epochs.
    pub epochs: EpochSchedule,
    /// The vault's authority, a FROST ed25519 key: the bridge that deposits name.
    pub vault: B256,
    /// The vault's token accounts with the mint of each. SPL Token alone: a transfer under Token-2022 may credit less
    /// than it says.
    pub token_accounts: BTreeMap<B256, B256>,
    /// Who brings the stake tables of new epochs.
    pub stake_sources: SignerSet,
    /// Who says that transactions succeeded.
    pub execution_witnesses: SignerSet,
    /// Whether a migration to Alpenglow is believed when it is proven.
    pub migration: Migration,
    /// Seconds after the time of the newest proven block until what is trusted expires.
    pub max_age: u64,
}

/// What to do about Alpenglow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Migration {
    /// TowerBFT alone: certificates are refused.
    Refused,
    /// From the slot after the block that a genesis certificate names, Alpenglow alone.
    AtGenesisCertificate,
}

/// The CAIP-2 id of a cluster: `solana:` and the first 32 characters of its genesis hash in base58.
///
/// # Errors
/// Never for a hash of 32 bytes that is not mostly zeros.
pub fn chain_id(genesis_hash: B256) -> Result<ChainId, VerifyError> {
    let text: String = to_base58(genesis_hash).chars().take(32).collect();
    ChainId::parse(&format!("solana:{text}"))
}

/// The CAIP-19 id of an SPL token: `<chain>/token:<mint>`.
///
/// # Errors
/// Never for a valid chain.
pub fn token_id(chain: &ChainId, mint: B256) -> Result<AssetId, VerifyError> {
    AssetId::parse(&format!("{chain}/token:{}", to_base58(mint)))
}

impl SolanaConfig {
    /// Refuses what cannot work.
    ///
    /// # Errors
    /// Names the field.
    pub fn validate(&self) -> Result<(), VerifyError> {
        if !self.chain.as_str().starts_with("solana:") {
            return Err(VerifyError::invalid("chain", "solana:…", &self.chain));
        }
        self.epochs.validate()?;
        if self.vault.is_zero() {
            return Err(VerifyError::invalid("vault", "a key", self.vault));
        }
        if self.token_accounts.is_empty() {
            return Err(VerifyError::invalid("token_accounts", "at least one", 0));
        }
        if self.max_age == 0 {
            return Err(VerifyError::invalid("max_age", "some seconds", 0));
        }
        self.token_accounts.values().try_for_each(|mint| token_id(&self.chain, *mint).map(|_| ()))?;
        self.stake_sources.validate().map_err(|error| error.within("stake_sources"))?;
        self.execution_witnesses.validate().map_err(|error| error.within("execution_witnesses"))
    }
}
