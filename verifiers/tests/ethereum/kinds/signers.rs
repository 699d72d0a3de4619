//! Whether the committee that stands beside light-client data signed it. Of which network it is is not said: the known one
//! is mainnet, and any other is told by its genesis root, if that stands in the same document.

use alloy_primitives::B256;
use serde::Deserialize;
use serde_json::Value;
use spandrel_verifiers::ethereum::bls::Committee;
use spandrel_verifiers::ethereum::containers::{BeaconBlockHeader, SyncAggregate, SyncCommittee};
use spandrel_verifiers::ethereum::{ChainConfig, Fork, ForkVersion, signing_root};

use super::whole::preset_of;

const BRANCHES: [&str; 2] = ["current_sync_committee_branch", "next_sync_committee_branch"];

/// What is known of a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signature {
    /// Nothing is signed.
    Nothing,
    /// A committee in the document signed it.
    Right,
    /// The committee of its period stands in the document, and did not sign it for any network known here.
    Unknown,
    /// No committee in the document signed it, and none is known to be that of its period.
    NotChecked,
}

/// What is signed, by whom and when.
pub struct Signed {
    header: BeaconBlockHeader,
    aggregate: SyncAggregate,
    slot: u64,
    fork: Fork,
}

/// A committee, and the period in which it signs, if that is known.
pub struct Signers {
    period: Option<u64>,
    committee: Committee,
}

/// Networks other than mainnet.
#[derive(Default)]
pub struct Networks {
    roots: Vec<B256>,
    versions: Vec<ForkVersion>,
}

impl Networks {
    /// Those whose genesis roots, or fork versions, a document states, however deep.
    pub fn of(document: &Value) -> Self {
        let mut found = Self::default();
        found.add(document);
        found
    }

    fn add(&mut self, value: &Value) {
        let text = |name: &str| value[name].as_str();
        let roots = ["genesis_validators_root", "genesis_root"].into_iter().filter_map(text);
        self.roots.extend(roots.filter_map(|root| root.parse::<B256>().ok()));
        let versions = ["fork_version", "current_version"].into_iter().filter_map(text);
        self.versions.extend(versions.filter_map(|version| version.parse::<ForkVersion>().ok()));
        match value {
            Value::Object(members) => members.values().for_each(|member| self.add(member)),
            Value::Array(items) => items.iter().for_each(|item| self.add(item)),
            _ => {}
        }
    }

    /// Versions that test networks give a fork, in whose form the data is, and those that are stated.
    fn versions(&self, form: Fork) -> Vec<ForkVersion> {
        let numbers: &[u8] = match form {
            Fork::Altair | Fork::Bellatrix => &[1, 2],
            Fork::Capella => &[3],
            Fork::Deneb => &[4],
            Fork::Electra | Fork::Fulu => &[5, 6],
            Fork::Gloas => &[7],
        };
        let made = numbers.iter().flat_map(|number| [[*number, 0, 0, 0], [*number, 0, 0, 1]]);
        made.map(ForkVersion::from).chain(self.versions.iter().copied()).collect()
    }
}

impl Signers {
    /// What a committee of a known period is, if its keys are keys.
    pub fn of_period((period, committee): (u64, &SyncCommittee)) -> Option<Self> {
        Some(Self { period: Some(period), committee: Committee::new(committee).ok()? })
    }

    /// Committees by themselves in a document, however deep: of which period is not said. Those with a branch belong to
    /// other data.
    pub fn alone_in(document: &Value) -> Vec<Self> {
        if let Ok(committee) = SyncCommittee::deserialize(document) {
            let committee = Committee::new(&committee).ok();
            return committee.into_iter().map(|committee| Self { period: None, committee }).collect();
        }
        match document {
            Value::Object(members) if BRANCHES.iter().any(|name| members.contains_key(*name)) => Vec::new(),
            Value::Object(members) => members.values().flat_map(Self::alone_in).collect(),
            Value::Array(items) => items.iter().flat_map(Self::alone_in).collect(),
            _ => Vec::new(),
        }
    }
}

impl Signed {
    pub fn new((header, aggregate, slot): (&BeaconBlockHeader, &SyncAggregate, u64), fork: Fork) -> Self {
        Self { header: *header, aggregate: aggregate.clone(), slot, fork }
    }

    fn period(&self) -> u64 {
        preset_of(self.aggregate.seats()).period_at(self.slot)
    }

    /// By any of these committees that may be that of its period, for any network.
    pub fn by(&self, signers: &[Signers], networks: &Networks) -> Signature {
        let mainnet = ChainConfig::mainnet();
        let version = mainnet.signing_version(self.slot).ok();
        let known = version.map(|version| signing_root(&self.header, version, mainnet.genesis_validators_root));
        let versions = networks.versions(self.fork);
        let stated = networks.roots.iter().flat_map(|root| versions.iter().map(move |version| (*version, *root)));
        let messages: Vec<B256> =
            known.into_iter().chain(stated.map(|(version, root)| signing_root(&self.header, version, root))).collect();
        let own = self.period();
        let is_right = |signers: &Signers| {
            messages.iter().any(|message| signers.committee.verify(&self.aggregate, *message).is_ok())
        };
        let mut candidates = signers.iter().filter(|signers| signers.period.is_none_or(|period| period == own));
        match () {
            () if candidates.any(is_right) => Signature::Right,
            () if signers.iter().any(|signers| signers.period == Some(own)) => Signature::Unknown,
            () => Signature::NotChecked,
        }
    }
}
