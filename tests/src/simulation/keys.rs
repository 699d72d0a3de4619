//! Real secp256k1 keys, the sets they form, and the bridge's configuration.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

use alloy::primitives::{Address, B256, Signature, U256};
use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;
use futures::FutureExt;
use spandrel_core::{Destination, Policy};
use spandrel_engine::SignDigest;
use spandrel_risk::{Corridor, Lane, Limit, Limits, RiskPolicy};
use spandrel_verifiers::attestation::SignerSet;
use spandrel_verifiers::{AssetId, ChainId, Deposit, VerdictDomain};

/// Members of each set; two of them are a quorum.
pub const MEMBERS: usize = 3;
/// Signer-set epoch, and the verifier set's first.
pub const EPOCH: u64 = 4;
/// EVM chain number of the destination.
pub const DESTINATION: u64 = 31338;
/// Largest fast payout, base units.
pub const FAST_CAP: u64 = 100;
/// Most that may be paid and not proven, per source chain.
pub const EXPOSURE_CAP: u64 = 150;
/// Largest payout of the light-client lane.
pub const PROVEN_CAP: u64 = 1000;
/// Most that may be paid in any day, per source chain, by the fast lane and by the light-client lane.
pub const WINDOWS: [u64; 2] = [250, 1500];
/// From here on a proven payout waits.
pub const LARGE_FROM: u64 = 500;
/// Smallest amount that is paid.
pub const DUST: u64 = 2;

const LARGE_DELAY: u64 = 90;
const PAUSE_TTL: u64 = 240;

static VERIFIERS: LazyLock<Vec<PrivateKeySigner>> = LazyLock::new(|| keys(0x10));
static SIGNERS: LazyLock<Vec<PrivateKeySigner>> = LazyLock::new(|| keys(0x20));
static RELAYER: LazyLock<PrivateKeySigner> = LazyLock::new(|| keys(0x30).swap_remove(0));

fn keys(from: u8) -> Vec<PrivateKeySigner> {
    let key = |byte| PrivateKeySigner::from_bytes(&B256::repeat_byte(byte)).expect("a key in range");
    (from..).take(MEMBERS).map(key).collect()
}

/// Which of the two sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Set {
    /// Those who prove.
    Verifiers,
    /// Those who attest.
    Signers,
}

impl Set {
    fn keys(self) -> &'static [PrivateKeySigner] {
        match self {
            Self::Verifiers => &VERIFIERS,
            Self::Signers => &SIGNERS,
        }
    }

    /// The set as it is configured in an epoch: two of three.
    pub fn members(self, epoch: u64) -> SignerSet {
        let members: BTreeSet<Address> = self.keys().iter().map(|key| key.address()).collect();
        SignerSet::new(epoch, 2, members).expect("two of three are a majority")
    }

    fn sign(self, member: usize, digest: B256) -> Signature {
        self.keys()[member].sign_hash_sync(&digest).expect("a local key signs")
    }
}

/// The relayer's account for what it asks signers.
pub fn relayer() -> Address {
    RELAYER.address()
}

/// Signs what the relayer asks.
pub fn asks() -> SignDigest {
    let sign = |digest| RELAYER.sign_hash_sync(&digest).map_err(|error| error.to_string());
    Arc::new(move |digest| futures::future::ready(sign(digest)).boxed())
}

/// Signatures made so far: the same digest is signed once.
#[derive(Debug, Default)]
pub struct Pens(BTreeMap<(Set, usize, B256), Signature>);

impl Pens {
    /// `member` of `set` signs `digest`.
    pub fn sign(&mut self, set: Set, member: usize, digest: B256) -> Signature {
        *self.0.entry((set, member, digest)).or_insert_with(|| set.sign(member, digest))
    }
}

/// The source chains: Bitcoin's regtest and an Ethereum.
pub fn sources() -> [ChainId; 2] {
    let bitcoin = ChainId::parse("bip122:0f9188f13cb7b2c71f2a335e3a4fc328").expect("CAIP-2");
    [bitcoin, ChainId::eip155(31337)]
}

/// The asset that is deposited on a source chain.
pub fn asset(source: &ChainId) -> AssetId {
    AssetId::slip44(source, if source.eip155_number().is_some() { 60 } else { 0 })
}

/// The destination.
pub fn destination() -> ChainId {
    ChainId::eip155(DESTINATION)
}

/// First byte of a recipient that takes money in a simulation and reverts in a block, while the storm lasts.
pub const HOSTILE: u8 = 0x66;

/// Whether a deposit's recipient is one of those.
pub fn is_hostile(deposit: &Deposit) -> bool {
    deposit.recipient.0[0] == HOSTILE
}

/// Where verdicts count.
pub fn domain() -> VerdictDomain {
    VerdictDomain { chain_number: DESTINATION, inbox: Address::repeat_byte(0x71), registry: Address::repeat_byte(0x72) }
}

/// The `FastLane` contract.
pub fn fast_lane() -> Address {
    Address::repeat_byte(0x73)
}

/// The bridge on a source chain, as deposits name it.
pub fn source_bridge(source: &ChainId) -> B256 {
    source.hash()
}

/// The bridge's configuration. `is_capped` off lifts what bounds the exposure.
pub fn policy(is_capped: bool) -> Policy {
    let cap = |amount: u64| if is_capped { Limit::Amount(U256::from(amount)) } else { Limit::Unlimited };
    let mut limits = BTreeMap::new();
    for source in sources() {
        for lane in [Lane::Fast, Lane::LightClient] {
            let (destination, asset) = (destination(), asset(&source));
            let corridor = Corridor { source: source.clone(), destination, asset, lane };
            let is_fast = lane == Lane::Fast;
            let found = Limits {
                per_transfer: if is_fast { cap(FAST_CAP) } else { Limit::Amount(U256::from(PROVEN_CAP)) },
                exposure_cap: if is_fast { cap(EXPOSURE_CAP) } else { Limit::Unlimited },
                window: if is_fast { cap(WINDOWS[0]) } else { Limit::Amount(U256::from(WINDOWS[1])) },
                large_from: if is_fast { Limit::Unlimited } else { Limit::Amount(U256::from(LARGE_FROM)) },
                large_delay: LARGE_DELAY,
                dust: U256::from(DUST),
            };
            limits.insert(corridor, found);
        }
    }
    let target = Destination { domain: domain(), fast_lane: fast_lane(), signers: Set::Signers.members(EPOCH) };
    let policy = Policy {
        sources: sources().into_iter().map(|chain| (chain.clone(), source_bridge(&chain))).collect(),
        destinations: BTreeMap::from([(destination(), target)]),
        verifiers: Set::Verifiers.members(EPOCH),
        risk: RiskPolicy::of_corridors(limits),
        pause_ttl: PAUSE_TTL,
    };
    policy.validate().expect("a valid policy");
    policy
}
