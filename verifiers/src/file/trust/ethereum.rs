//! A beacon block root, and the light-client data after it.

use alloy_primitives::{Address, B256, keccak256};
use serde::{Deserialize, Serialize};

use crate::ethereum::containers::Bootstrap;
use crate::ethereum::{
    ChainConfig, DepositEvidence, EthereumVerifier, Inclusion, LightClientStore, Update, deposit_slot,
};
use crate::file::Step;
use crate::{ChainId, Deposit, UnixSeconds, Verified, Verifier, VerifyError};

/// What is taken on trust of every deposit on Ethereum.
pub(super) const ASSUMED: [&str; 2] = [
    "the first beacon block is known from elsewhere (weak subjectivity)",
    "two thirds of each sync committee are honest (they are not slashable)",
];

/// Trust in a beacon block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EthereumTrust {
    /// The network.
    pub network: ChainConfig,
    /// The bridge's `Outbox`.
    pub outbox: Address,
    /// The trusted beacon block root.
    pub trusted_root: B256,
    /// The `LightClientBootstrap` of that root.
    pub bootstrap: Bootstrap,
    /// Updates after it.
    pub updates: Vec<Update>,
}

impl EthereumTrust {
    pub(super) fn verify(
        &self,
        evidence: &DepositEvidence,
        now: UnixSeconds,
    ) -> Result<Verified<Deposit>, VerifyError> {
        let within = |error: VerifyError| error.within("trust");
        let verifier = EthereumVerifier::new(self.network.clone(), self.outbox).map_err(within)?;
        let mut trusted = LightClientStore::bootstrap(&self.network, self.trusted_root, &self.bootstrap)
            .map_err(|error| error.within("bootstrap").within("trust"))?;
        for (index, update) in self.updates.iter().enumerate() {
            let named = |error: VerifyError| error.within(&format!("updates[{index}]")).within("trust");
            verifier.advance(&mut trusted, update, now).map_err(named)?;
        }
        verifier.verify(&trusted, evidence, now).map_err(|error| error.within("evidence"))
    }

    pub(super) fn said(&self) -> Vec<String> {
        let Self { network, outbox, trusted_root, updates, .. } = self;
        let own = [
            format!("beacon block {trusted_root}; {} updates follow it", updates.len()),
            format!("outbox contract {outbox}"),
        ];
        network.said().into_iter().chain(own).chain(ASSUMED.map(str::to_owned)).collect()
    }

    pub(super) fn steps(&self, evidence: &DepositEvidence) -> Vec<Step> {
        let block = keccak256(&evidence.inclusion.header);
        let mut steps = vec![
            Step::new(
                "the bootstrap's header is the trusted one, and its state holds the sync committee".to_owned(),
                format!("beacon block root {}", self.trusted_root),
                &["trust.bootstrap", "trust.config", "trust.outbox"],
            ),
            Step::new(
                format!("{} updates: signed by two thirds of the committee of their period", self.updates.len()),
                "the committee that the bootstrap or an update before proved".to_owned(),
                &["trust.updates", "trust"],
            ),
        ];
        steps.extend(inclusion_steps(&evidence.inclusion, &self.network.chain, self.outbox));
        steps.push(
            Step::new(
                format!("block {block} is final"),
                match &evidence.finality {
                    Some(_) => "the finality update it brings, signed by two thirds of the sync committee".to_owned(),
                    None => "the blocks that the updates above proved final".to_owned(),
                },
                &["evidence.finality", "evidence"],
            )
            .looking_into(&["evidence.inclusion.header"]),
        );
        steps
    }
}

/// How the outbox of a chain stores a deposit in the state of a block.
pub(super) fn inclusion_steps(inclusion: &Inclusion, chain: &ChainId, outbox: Address) -> Vec<Step> {
    let block = keccak256(&inclusion.header);
    let slot = deposit_slot(inclusion.deposit.source_key);
    vec![
        Step::new(
            "the deposit names this chain and this bridge".to_owned(),
            format!("{} and outbox {}", chain, outbox),
            &[
                "evidence.inclusion.deposit.version",
                "evidence.inclusion.deposit.source_chain",
                "evidence.inclusion.deposit.source_bridge",
            ],
        ),
        Step::new(
            format!("the execution header of block {block} is canonical RLP"),
            "keccak256 of its bytes is the block hash".to_owned(),
            &["evidence.inclusion.header"],
        ),
        Step::new(
            format!("the state holds the outbox's account: {} trie nodes", inclusion.account_proof.len()),
            "the header's state root".to_owned(),
            &["evidence.inclusion.account_proof"],
        ),
        Step::new(
            format!("the outbox stores the deposit's id {}", inclusion.deposit.id()),
            format!("slot {slot} under the account's storage root, {} trie nodes", inclusion.storage_proof.len()),
            &["evidence.inclusion.storage_proof", "evidence.inclusion.deposit"],
        ),
    ]
}
