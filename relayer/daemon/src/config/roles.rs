//! Verifiers and signers of this process: own key, own nodes.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use spandrel_signer::SecretRef;
use spandrel_verifiers::ChainId;

use super::{BitcoinNode, EthereumNode};

/// A key in the keystore.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyRef {
    /// Its name.
    pub name: String,
    /// Its password, by reference.
    #[schemars(with = "super::schema::Secret")]
    pub password: SecretRef,
}

/// One verifier or one signer.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RoleConfig {
    /// Its key.
    pub key: KeyRef,
    /// Its own Bitcoin nodes, by chain.
    #[serde(default)]
    #[schemars(with = "BTreeMap<super::schema::Chain, BitcoinNode>")]
    pub bitcoin: BTreeMap<ChainId, BitcoinNode>,
    /// Its own Ethereum nodes, by chain.
    #[serde(default)]
    #[schemars(with = "BTreeMap<super::schema::Chain, EthereumNode>")]
    pub ethereum: BTreeMap<ChainId, EthereumNode>,
}
