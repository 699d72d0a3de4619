//! A stake table of a Solana cluster, and the votes or certificates after it.

use serde::{Deserialize, Serialize};

use crate::file::Step;
use crate::solana::{DepositEvidence, Migration, SolanaConfig, SolanaVerifier, StakeTable, TrustedSlots, Update};
use crate::{Deposit, UnixSeconds, Verified, Verifier, VerifyError};

/// Trust in a stake table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SolanaTrust {
    /// The cluster, the vault on it, and whom to believe in what nothing proves.
    pub config: SolanaConfig,
    /// The trusted stakes of one epoch.
    pub table: StakeTable,
    /// Votes, roots, certificates and further tables.
    pub updates: Vec<Update>,
}

impl SolanaTrust {
    pub(super) fn verify(
        &self,
        evidence: &DepositEvidence,
        now: UnixSeconds,
    ) -> Result<Verified<Deposit>, VerifyError> {
        let within = |error: VerifyError| error.within("trust");
        let verifier = SolanaVerifier::new(self.config.clone()).map_err(within)?;
        let mut trusted =
            TrustedSlots::new(self.table.clone()).map_err(|error| error.within("table").within("trust"))?;
        for (index, update) in self.updates.iter().enumerate() {
            let named = |error: VerifyError| error.within(&format!("updates[{index}]")).within("trust");
            verifier.advance(&mut trusted, update, now).map_err(named)?;
        }
        verifier.verify(&trusted, evidence, now).map_err(|error| error.within("evidence"))
    }

    pub(super) fn said(&self) -> Vec<String> {
        let Self { config, table, updates } = self;
        let (sources, witnesses) = (&config.stake_sources, &config.execution_witnesses);
        let accounts = config.token_accounts.iter().map(|(account, mint)| format!("{account} of mint {mint}"));
        vec![
            format!("cluster {}, shred version {}", config.chain, config.shred_version),
            format!(
                "epochs of {} slots, {}",
                config.epochs.slots_per_epoch,
                if config.epochs.warmup { "the first ones shorter" } else { "from the beginning" }
            ),
            format!(
                "stake table of epoch {} with {} vote accounts, digest {} (weak subjectivity); {} updates follow it",
                table.epoch,
                table.stakes.len(),
                table.digest(),
                updates.len()
            ),
            format!("later tables by {}", sources.said("sources")),
            "less than a third of the stake votes twice".to_owned(),
            format!(
                "the transaction SUCCEEDED by the word of {}: no Solana block proves it",
                witnesses.said("witnesses")
            ),
            format!("vault authority {}, accounts {}", config.vault, accounts.collect::<Vec<_>>().join(", ")),
            match config.migration {
                Migration::Refused => "votes alone: certificates of Alpenglow are refused".to_owned(),
                Migration::AtGenesisCertificate => "Alpenglow from its genesis certificate on".to_owned(),
            },
            format!("what is trusted expires {} seconds after the newest proven block", config.max_age),
        ]
    }

    pub(super) fn steps(&self, evidence: &DepositEvidence) -> Vec<Step> {
        let (inclusion, config) = (&evidence.inclusion, &self.config);
        let block = inclusion.block_id;
        vec![
            Step::new(
                "the configuration and the stake table make sense".to_owned(),
                format!("{}, stakes that are ordered and not zero", config.chain),
                &["trust.config", "trust.table"],
            ),
            Step::new(
                format!("{} updates: two thirds of the stake voted, or certificates finalized", self.updates.len()),
                "the epoch's stakes; strict ed25519 over each vote, or BLS aggregates over each certificate".to_owned(),
                &["trust.updates", "trust"],
            ),
            Step::new(
                format!("block {block} of slot {} is final, and the state is fresh", inclusion.slot),
                "votes for a descendant 32 slots later, linked by bank hashes; or certificates".to_owned(),
                &["evidence.inclusion.slot", "evidence.inclusion.block_id", "evidence.inclusion.trusted"],
            ),
            Step::new(
                format!(
                    "{} shreds stand in that block, and are a whole batch of entries that nodes read",
                    inclusion.shreds.batch.len()
                ),
                format!("Merkle proofs of the shreds, and FEC sets up to block id {block}"),
                &["evidence.inclusion.shreds", "evidence.inclusion.parent"],
            ),
            Step::new(
                format!(
                    "entry {}, transaction {}, instruction {} is a token transfer to the vault, its terms in the memo \
                     before it",
                    inclusion.entry, inclusion.transaction, inclusion.instruction
                ),
                format!("the vault {} and its token accounts", config.vault),
                &["evidence.inclusion"],
            ),
            Step::new(
                "TRUSTED, not proven: the transaction succeeded".to_owned(),
                format!(
                    "{} signatures of {} witnesses",
                    config.execution_witnesses.threshold,
                    config.execution_witnesses.members.len()
                ),
                &["evidence.execution", "evidence"],
            ),
        ]
    }
}
