//! Keys of the state's maps, looked up by their parts.
//!
//! An owned key would copy each of its parts, and every copy of an id counts itself in an atomic counter, twice. A
//! decision reads a dozen keys; by their parts it reads them where they are.

use std::borrow::Borrow;
use std::cmp::Ordering;

use alloy_primitives::B256;
use spandrel_verifiers::{AssetId, ChainId};

use crate::record::Account;
use crate::velocity::Party;
use crate::{Corridor, Side, Tank};

/// The parts of a key. Guarantees that those of two keys of one map are ordered as the keys are.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Parts<'a> {
    Account { source: &'a ChainId, asset: &'a AssetId },
    Exposure { source: &'a ChainId, asset: &'a AssetId, destination: &'a ChainId },
    Corridor(&'a Corridor),
    Destination(&'a ChainId),
    Source(&'a ChainId),
    Asset(&'a AssetId),
    Paid(&'a Corridor),
    Party { asset: &'a AssetId, side: Side, party: &'a B256 },
}

/// What has the parts of a key.
pub(crate) trait Parted {
    fn parts(&self) -> Parts<'_>;
}

impl Parted for Parts<'_> {
    fn parts(&self) -> Parts<'_> {
        *self
    }
}

impl Parted for Account {
    fn parts(&self) -> Parts<'_> {
        Parts::Account { source: &self.source, asset: &self.asset }
    }
}

impl Parted for (Account, ChainId) {
    fn parts(&self) -> Parts<'_> {
        let (Account { source, asset }, destination) = self;
        Parts::Exposure { source, asset, destination }
    }
}

impl Parted for Tank {
    fn parts(&self) -> Parts<'_> {
        match self {
            Self::Corridor(corridor) => Parts::Corridor(corridor),
            Self::Destination { chain } => Parts::Destination(chain),
            Self::Source { chain } => Parts::Source(chain),
            Self::Asset { asset } => Parts::Asset(asset),
            Self::Paid(corridor) => Parts::Paid(corridor),
        }
    }
}

impl Parted for Party {
    fn parts(&self) -> Parts<'_> {
        let (asset, side, party) = self;
        Parts::Party { asset, side: *side, party }
    }
}

impl<'a> Borrow<dyn Parted + 'a> for Account {
    fn borrow(&self) -> &(dyn Parted + 'a) {
        self
    }
}

impl<'a> Borrow<dyn Parted + 'a> for (Account, ChainId) {
    fn borrow(&self) -> &(dyn Parted + 'a) {
        self
    }
}

impl<'a> Borrow<dyn Parted + 'a> for Tank {
    fn borrow(&self) -> &(dyn Parted + 'a) {
        self
    }
}

impl<'a> Borrow<dyn Parted + 'a> for Party {
    fn borrow(&self) -> &(dyn Parted + 'a) {
        self
    }
}

impl PartialEq for dyn Parted + '_ {
    fn eq(&self, other: &Self) -> bool {
        self.parts() == other.parts()
    }
}

impl Eq for dyn Parted + '_ {}

impl PartialOrd for dyn Parted + '_ {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for dyn Parted + '_ {
    fn cmp(&self, other: &Self) -> Ordering {
        self.parts().cmp(&other.parts())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Lane;

    /// Whether every two of `keys` are ordered as their parts are.
    fn require_same_order<K: Parted + Ord>(keys: &[K]) {
        for (one, other) in keys.iter().flat_map(|one| keys.iter().map(move |other| (one, other))) {
            assert_eq!(one.cmp(other), one.parts().cmp(&other.parts()));
        }
    }

    #[test]
    fn parts_are_ordered_as_the_keys_are() {
        let chains = [9, 10, 1].map(ChainId::eip155);
        let assets = chains.each_ref().map(|chain| AssetId::slip44(chain, 60));
        let pairs = || chains.iter().flat_map(|chain| assets.iter().map(move |asset| (chain.clone(), asset.clone())));
        let accounts: Vec<_> = pairs().map(|(source, asset)| Account { source, asset }).collect();
        require_same_order(&accounts);
        let exposures: Vec<_> =
            accounts.iter().flat_map(|account| chains.iter().map(|to| (account.clone(), to.clone()))).collect();
        require_same_order(&exposures);
        let corridors = exposures.iter().flat_map(|(Account { source, asset }, destination)| {
            [Lane::Fast, Lane::LightClient].map(|lane| Corridor {
                source: source.clone(),
                destination: destination.clone(),
                asset: asset.clone(),
                lane,
            })
        });
        let tanks: Vec<_> = corridors
            .flat_map(|corridor| [Tank::Paid(corridor.clone()), Tank::Corridor(corridor)])
            .chain(chains.iter().map(|chain| Tank::Destination { chain: chain.clone() }))
            .chain(chains.iter().map(|chain| Tank::Source { chain: chain.clone() }))
            .chain(assets.iter().map(|asset| Tank::Asset { asset: asset.clone() }))
            .collect();
        require_same_order(&tanks);
        let parties: Vec<Party> = assets
            .iter()
            .flat_map(|asset| [Side::Sender, Side::Recipient].map(|side| (asset, side)))
            .flat_map(|(asset, side)| [3, 1, 2].map(|n| (asset.clone(), side, B256::repeat_byte(n))))
            .collect();
        require_same_order(&parties);
    }
}
