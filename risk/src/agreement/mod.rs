//! What was agreed on: the whole of what bounds payments, as one value that is stored, named by its digest, and compared.
//!
//! A configuration states one at every start. What it states is taken at once where it allows nothing that the agreed one
//! does not ([`looser`]); the rest needs two people and a timelock (docs/control.md).

mod looser;

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, keccak256};
use serde::{Deserialize, Serialize};
use spandrel_verifiers::attestation::SignerSet;
use spandrel_verifiers::bitcoin::ConfirmationPolicy;
use spandrel_verifiers::{AssetId, ChainId, VerifyError};

use crate::{RiskPolicy, WideLimit};

pub(crate) use looser::named;
pub use looser::{Loosening, looser};

/// Everything that bounds payments. What is not listed is not served, or not allowed.
///
/// Its encoding is JSON, fields in the order of the type and maps by key: one text for one value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Agreement {
    /// Of this encoding.
    pub version: AgreementVersion,
    /// Whether the rules for value hold, rather than those for local chains.
    pub is_production: bool,
    /// How long an automatic pause lasts, seconds.
    pub pause_seconds: u64,
    /// Whose verdicts count.
    pub verifiers: SignerSet,
    /// Whose attestations count on the fast lane.
    pub signers: SignerSet,
    /// Who may stop and loosen; absent: nobody.
    pub guardians: Option<GuardianTerms>,
    /// Where deposits come from.
    pub sources: BTreeMap<ChainId, SourceTerms>,
    /// Where they are paid.
    pub destinations: BTreeMap<ChainId, DestinationTerms>,
    /// Where prices come from.
    pub feeds: BTreeMap<AssetId, FeedTerms>,
    /// The `Vault` on each EVM source that users are told to pay to. Absent: the process tells no users, and says nothing
    /// about it; what is agreed on stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vaults: Option<BTreeMap<ChainId, Address>>,
    /// What may move.
    pub risk: RiskPolicy,
}

/// The version of an [`Agreement`]'s encoding: 1. Another is refused, not guessed at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct AgreementVersion;

/// The guardians and their delays, seconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GuardianTerms {
    /// Keys, and whose each is.
    pub people: BTreeMap<Address, String>,
    /// From the second approval to a resumption or early release.
    pub resume_delay: u64,
    /// From the second approval to anything looser.
    pub timelock: u64,
}

/// A source chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceTerms {
    /// The bridge there, as deposits name it.
    pub bridge: B256,
    /// How many of the relayer's nodes must see the same block.
    pub quorum: usize,
    /// Where finality is a matter of depth, by how much.
    pub depth: Option<DepthTerms>,
    /// By which contracts pauses stop its deposits. Absent: nothing there does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pauses: Option<PauseTerms>,
}

/// Contracts of a source chain by which its deposits are stopped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PauseTerms {
    /// The `Inbox` by which statements name the bridge there.
    pub inbox: Address,
    /// The `PauseController` that the vault asks.
    pub pause_controller: Address,
}

/// How deep a deposit must stand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DepthTerms {
    /// To be final, by value.
    pub confirmations: ConfirmationPolicy,
    /// To be attested on the fast lane.
    pub fast_confirmations: u32,
}

/// A destination chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DestinationTerms {
    /// The `Inbox`.
    pub inbox: Address,
    /// The `FastLane`.
    pub fast_lane: Address,
    /// The `CheckpointRegistry`.
    pub checkpoint_registry: Address,
    /// The `PauseController`.
    pub pause_controller: Address,
    /// Blocks after which a payout is final; absent: the chain says so itself.
    pub confirmations: Option<u64>,
    /// How many further nodes must say the same before anything ends for good.
    pub witnesses: usize,
}

/// The feed of one asset's price.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeedTerms {
    /// On which chain.
    pub chain: ChainId,
    /// Which contract.
    pub contract: Address,
    /// Decimal digits of the unit in which values are limited.
    pub digits: u8,
    /// What kind of contract it is, and which of its prices: JSON.
    pub publisher: String,
    /// How many nodes must tell the same.
    pub quorum: usize,
    /// Seconds between two readings.
    pub every_seconds: u64,
}

impl Agreement {
    /// Its name: `keccak256("spandrel agreement" ‖ encoding)`, whose `version` is part of the encoding.
    pub fn digest(&self) -> B256 {
        let encoding = serde_json::to_vec(self).unwrap_or_default();
        keccak256([b"spandrel agreement".as_slice(), &encoding].concat())
    }

    /// This file with what guardians have set, wherever the file says what it said before (`filed`). `agreed` is what
    /// stands: `filed` with what guardians have set.
    #[must_use]
    pub fn over(&self, filed: &Self, agreed: &Self) -> Self {
        let mut kept = self.clone();
        for (corridor, limits) in &mut kept.risk.limits {
            if let (Some(before), Some(set)) = (filed.risk.limits(corridor), agreed.risk.limits(corridor)) {
                *limits = set.kept(before, limits);
            }
        }
        for limit in WideLimit::all(&self.risk.wide) {
            let [before, set] = [filed, agreed].map(|agreement| limit.of(&agreement.risk.wide));
            if let Some(set) = set.filter(|_| before == limit.of(&self.risk.wide)) {
                limit.set(&mut kept.risk.wide, set);
            }
        }
        kept
    }

    /// This file with what it says nothing about as `filed`, the one before, said it.
    #[must_use]
    pub fn completed(&self, filed: &Self) -> Self {
        Self { vaults: self.vaults.clone().or_else(|| filed.vaults.clone()), ..self.clone() }
    }

    /// Whether a process that was started with this file may go on under `agreed`: all that it says but the limits is the
    /// same. Limits are followed as they change.
    pub fn differs_only_in_limits(&self, agreed: &Self) -> bool {
        let without = |agreement: Self| Self { risk: RiskPolicy::default(), ..agreement };
        without(self.completed(agreed)) == without(agreed.clone())
    }
}

impl TryFrom<u8> for AgreementVersion {
    type Error = VerifyError;

    fn try_from(version: u8) -> Result<Self, VerifyError> {
        if version == 1 { Ok(Self) } else { Err(VerifyError::invalid("version", 1, version)) }
    }
}

impl From<AgreementVersion> for u8 {
    fn from(_: AgreementVersion) -> Self {
        1
    }
}
