//! The chains and assets this bridge knows, by the hash under which contracts name them.

use std::collections::BTreeMap;

use alloy_primitives::B256;
use spandrel_verifiers::{AssetId, ChainId};

/// Text by `keccak256(text)`. A hash that is not here cannot be turned into a deposit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    chains: BTreeMap<B256, ChainId>,
    assets: BTreeMap<B256, AssetId>,
}

impl Names {
    /// The names of these chains (destinations too) and assets.
    pub fn new(chains: impl IntoIterator<Item = ChainId>, assets: impl IntoIterator<Item = AssetId>) -> Self {
        Self {
            chains: chains.into_iter().map(|chain| (chain.hash(), chain)).collect(),
            assets: assets.into_iter().map(|asset| (asset.hash(), asset)).collect(),
        }
    }

    /// The chain of that hash.
    pub fn chain(&self, hash: B256) -> Option<ChainId> {
        self.chains.get(&hash).cloned()
    }

    /// The asset of that hash.
    pub fn asset(&self, hash: B256) -> Option<AssetId> {
        self.assets.get(&hash).cloned()
    }
}
