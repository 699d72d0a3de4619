//! A Bitcoin block of known work, and the headers after it.

use alloy_primitives::{B256, Bytes};
use serde::{Deserialize, Serialize};

use crate::bitcoin::{
    Anchor, BitcoinVerifier, ChainParams, ConfirmationPolicy, HeaderChain, Inclusion, REFUND_MARGIN, displayed,
};
use crate::file::Step;
use crate::{ChainId, Deposit, UnixSeconds, Verified, Verifier, VerifyError};

/// What is taken on trust of every deposit on Bitcoin.
pub(super) const ASSUMED: [&str; 2] =
    ["most work is honest", "the holders of the vault's key do not move the deposit without paying it"];

/// Trust in a Bitcoin block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BitcoinTrust {
    /// CAIP-2 id.
    pub chain: ChainId,
    /// The vault's Taproot internal key.
    pub vault: B256,
    /// Confirmations by value.
    pub confirmations: ConfirmationPolicy,
    /// The trusted block.
    pub anchor: Anchor,
    /// The headers after it, 80 bytes each.
    pub headers: Vec<Bytes>,
}

impl BitcoinTrust {
    pub(super) fn verify(&self, evidence: &Inclusion, now: UnixSeconds) -> Result<Verified<Deposit>, VerifyError> {
        let Some(params) = ChainParams::of_chain(&self.chain) else {
            return Err(VerifyError::invalid("trust.chain", "a known Bitcoin network", &self.chain));
        };
        let within = |error: VerifyError| error.within("trust");
        let mut trusted = HeaderChain::new(params.clone(), self.anchor.clone()).map_err(within)?;
        trusted.extend(&self.headers, now).map_err(within)?;
        let verifier = BitcoinVerifier::new(params, self.vault, self.confirmations.clone()).map_err(within)?;
        verifier.verify(&trusted, evidence, now).map_err(|error| error.within("evidence"))
    }

    pub(super) fn said(&self) -> Vec<String> {
        let network = ChainParams::of_chain(&self.chain).map(|params| params.network.to_string());
        let of_network = format!("network {} ({})", network.unwrap_or_default(), self.chain);
        let tiers = self.confirmations.tiers().iter();
        let tiers = tiers.map(|tier| format!("{} up to {} satoshis, ", tier.confirmations, tier.up_to));
        let rest = self.confirmations.required(u64::MAX);
        let own = [
            format!("vault key {}", self.vault),
            format!("confirmations: {}{rest} for more", tiers.collect::<String>()),
            format!("{} headers follow the anchor", self.headers.len()),
        ];
        std::iter::once(of_network).chain(self.anchor.said()).chain(own).chain(ASSUMED.map(str::to_owned)).collect()
    }

    pub(super) fn steps(&self, evidence: &Inclusion) -> Vec<Step> {
        let block = displayed(&evidence.header);
        let mut steps = vec![
            Step::new(
                format!("the anchor, block {}, agrees with itself and with the network's rules", self.anchor.height),
                format!("proof of work and difficulty rules of {}", self.chain),
                &["trust.chain", "trust.anchor"],
            ),
            Step::new(
                format!(
                    "{} headers extend it: linked, worked, on the retargeted difficulty, in time",
                    self.headers.len()
                ),
                "each header's parent; the branch with most work is taken".to_owned(),
                &["trust.headers", "trust.vault", "trust.confirmations", "trust"],
            ),
            Step::new(
                format!("block {block} stands at height {}", evidence.height),
                "the headers above".to_owned(),
                &["evidence.header", "evidence.height"],
            ),
        ];
        steps.extend(inclusion_steps(evidence, self.vault));
        steps.extend([
            Step::new(
                "the block is deep enough for the amount".to_owned(),
                format!("the confirmation policy: {} for small amounts", self.confirmations.required(0)),
                &["evidence.trusted", "evidence.confirmations"],
            ),
            Step::new(
                format!("the depositor's refund is at least {REFUND_MARGIN} blocks away"),
                format!("the refund delay of {} blocks (BIP 68)", evidence.terms.refund_delay),
                &["evidence.refund", "evidence"],
            ),
        ]);
        steps
    }
}

/// How a transaction is in its block and pays the vault.
pub(super) fn inclusion_steps(evidence: &Inclusion, vault: B256) -> Vec<Step> {
    let (txid, depth) = (displayed(&evidence.transaction), evidence.path.len());
    vec![
        Step::new(
            format!("transaction {txid} is canonical, has no 64 bytes and is no coinbase"),
            "consensus encoding without witness; CVE-2017-12842".to_owned(),
            &["evidence.transaction"],
        ),
        Step::new(
            "the coinbase is the block's first transaction and says its height".to_owned(),
            "BIP 34".to_owned(),
            &["evidence.coinbase"],
        ),
        Step::new(
            format!("transaction {} and the coinbase are {depth} levels below the Merkle root", evidence.index),
            "the header's Merkle root; equal depth shows that neither is an inner node".to_owned(),
            &[
                "evidence.path",
                "evidence.index",
                "evidence.coinbase_path",
                "evidence.transaction or",
                "evidence.coinbase or",
            ],
        ),
        Step::new(
            format!("output {} pays to the vault and commits to the terms of payment", evidence.output),
            format!("the Taproot key of vault {} and the terms (BIP 341)", vault),
            &["evidence.output", "evidence.terms", "evidence.amount"],
        ),
    ]
}
