//! What differs between Bitcoin's networks: limits, difficulty rules, names.
//!
//! Source: Bitcoin Core `kernel/chainparams.cpp`; BIP 94 (testnet4); BIP 54 (consensus cleanup, not active anywhere yet).

use alloy_primitives::B256;
use bitcoin::Network;
use bitcoin::consensus::encode::serialize;
use serde::{Deserialize, Serialize};

use super::hashing::sha256d;
use crate::{AssetId, ChainId};

/// Blocks between two difficulty adjustments.
pub const RETARGET_INTERVAL: u64 = 2016;

/// Seconds that [`RETARGET_INTERVAL`] blocks should take: two weeks.
pub const TARGET_TIMESPAN: u64 = 14 * 24 * 60 * 60;

/// Seconds without a block after which test networks allow one at minimum difficulty.
pub const MIN_DIFFICULTY_GAP: u64 = 20 * 60;

/// The rules of one Bitcoin network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChainParams {
    /// Which network; tells the genesis block and the address prefix.
    pub network: Network,
    /// Easiest target, compact.
    pub pow_limit_bits: u32,
    /// Whether a block more than [`MIN_DIFFICULTY_GAP`] after its parent must have the easiest target.
    pub has_min_difficulty_blocks: bool,
    /// Whether the target never changes (regtest).
    pub is_never_retargeted: bool,
    /// Extra rule on timestamps at period boundaries.
    pub timewarp: TimewarpRule,
    /// Heights from which header versions 2, 3 and 4 are the least allowed (BIP 34, 66, 65). From the first of them
    /// on, the coinbase starts with its height.
    pub least_version_heights: [u64; 3],
    /// Height from which BIP 54, the consensus cleanup, holds; None where it is not in force, which today is everywhere.
    /// Of its rules those that headers and coinbases show are checked: a period's first block is at most 7,200 s
    /// before its parent, a period's last block not before its first, and the coinbase's lock time is the height of
    /// the block before. Transactions of 64 bytes are refused at any height; its limit on signature operations
    /// is nothing that a proof of inclusion shows.
    #[serde(default)]
    pub cleanup_height: Option<u64>,
    /// Age in seconds, against the verifier's clock, beyond which the best block is too old to prove anything under
    /// it: an eclipsed node sees a chain that grows too slowly. None on regtest, where blocks come on demand.
    pub max_tip_age: Option<u64>,
}

/// A rule against moving timestamps back at a period's boundary to lower the difficulty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimewarpRule {
    /// None: the attack is valid, as on mainnet today.
    None,
    /// BIP 94: a period's first block is at most 600 s before its parent, and the next target starts from the
    /// period's first block rather than its last.
    Bip94,
}

impl ChainParams {
    /// Bitcoin.
    pub fn mainnet() -> Self {
        Self {
            network: Network::Bitcoin,
            pow_limit_bits: 0x1d00_ffff,
            has_min_difficulty_blocks: false,
            is_never_retargeted: false,
            timewarp: TimewarpRule::None,
            least_version_heights: [227_931, 363_725, 388_381],
            cleanup_height: None,
            max_tip_age: Some(6 * 60 * 60),
        }
    }

    /// The old public test network.
    pub fn testnet3() -> Self {
        Self {
            network: Network::Testnet,
            has_min_difficulty_blocks: true,
            least_version_heights: [21_111, 330_776, 581_885],
            ..Self::mainnet()
        }
    }

    /// The public test network of BIP 94.
    pub fn testnet4() -> Self {
        Self {
            network: Network::Testnet4,
            has_min_difficulty_blocks: true,
            timewarp: TimewarpRule::Bip94,
            least_version_heights: [1; 3],
            ..Self::mainnet()
        }
    }

    /// The default signet (BIP 325). Its block signatures are not in the headers and are not checked: only for tests.
    pub fn signet() -> Self {
        Self { network: Network::Signet, pow_limit_bits: 0x1e03_77ae, least_version_heights: [1; 3], ..Self::mainnet() }
    }

    /// A local test chain.
    pub fn regtest() -> Self {
        Self {
            network: Network::Regtest,
            pow_limit_bits: 0x207f_ffff,
            has_min_difficulty_blocks: true,
            is_never_retargeted: true,
            timewarp: TimewarpRule::None,
            least_version_heights: [1; 3],
            cleanup_height: None,
            max_tip_age: None,
        }
    }

    /// The network that `chain` names, if it is a Bitcoin one.
    pub fn of_chain(chain: &ChainId) -> Option<Self> {
        [Self::mainnet(), Self::testnet3(), Self::testnet4(), Self::signet(), Self::regtest()]
            .into_iter()
            .find(|params| params.chain() == *chain)
    }

    /// The genesis block's header, 80 bytes.
    pub fn genesis_header(&self) -> Vec<u8> {
        serialize(&bitcoin::constants::genesis_block(self.network).header)
    }

    /// The genesis block's hash, wire order.
    pub fn genesis_hash(&self) -> B256 {
        sha256d(&self.genesis_header())
    }

    /// The CAIP-2 id: `bip122:` and the first 32 hex digits of the displayed genesis hash.
    pub fn chain(&self) -> ChainId {
        ChainId::bip122(self.genesis_hash())
    }

    /// The native asset, in satoshis: `<chain>/slip44:0`, whichever the network.
    pub fn asset(&self) -> AssetId {
        AssetId::slip44(&self.chain(), 0)
    }

    /// Height from which a coinbase starts with its height (BIP 34).
    pub fn bip34_height(&self) -> u64 {
        let [height, _, _] = self.least_version_heights;
        height
    }

    /// Whether BIP 54 holds at `height`.
    pub fn is_cleaned_up(&self, height: u64) -> bool {
        self.cleanup_height.is_some_and(|first| height >= first)
    }

    /// The least header version at `height`.
    pub fn least_version(&self, height: u64) -> i32 {
        let [two, three, four] = self.least_version_heights;
        if height >= four {
            4
        } else if height >= three {
            3
        } else if height >= two {
            2
        } else {
            i32::MIN
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chains_are_named_by_their_genesis_block() {
        for (params, name) in [
            (ChainParams::mainnet(), "bip122:000000000019d6689c085ae165831e93"),
            (ChainParams::testnet3(), "bip122:000000000933ea01ad0ee984209779ba"),
            (ChainParams::testnet4(), "bip122:00000000da84f2bafbbc53dee25a72ae"),
            (ChainParams::signet(), "bip122:00000008819873e925422c1ff0f99f7c"),
            (ChainParams::regtest(), "bip122:0f9188f13cb7b2c71f2a335e3a4fc328"),
        ] {
            assert_eq!(params.chain().as_str(), name);
            assert_eq!(ChainId::parse(name).unwrap(), params.chain());
            assert_eq!(AssetId::parse(&format!("{name}/slip44:0")).unwrap(), params.asset());
            assert_eq!(ChainParams::of_chain(&params.chain()), Some(params));
        }
        assert_eq!(ChainParams::of_chain(&ChainId::eip155(1)), None);
    }

    #[test]
    fn the_easiest_targets_and_genesis_blocks_agree_with_the_bitcoin_crate() {
        for params in [ChainParams::mainnet(), ChainParams::testnet4(), ChainParams::signet(), ChainParams::regtest()] {
            let reference = params.network.params().max_attainable_target.to_compact_lossy().to_consensus();
            assert_eq!(params.pow_limit_bits, reference, "{}", params.network);
            let header = crate::bitcoin::Header::parse(&params.genesis_header()).unwrap();
            assert_eq!(header.bits, params.pow_limit_bits);
            header.check_work(&params).unwrap();
        }
    }
}
