//! The deposit's block itself: whoever reads looks it up where they trust.

use alloy_primitives::{Address, B256};
use serde::{Deserialize, Serialize};

use super::{bitcoin, ethereum};
use crate::bitcoin::{BitcoinVerifier, ChainParams, ConfirmationPolicy, displayed};
use crate::ethereum::verify_in_block;
use crate::file::Step;
use crate::{ChainId, Deposit, Evidence, Verified, VerifyError};

/// Trust in one block of Bitcoin or Ethereum.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlockTrust {
    /// CAIP-2 id.
    pub chain: ChainId,
    /// The vault's Taproot internal key, or the `Outbox` as 32 bytes.
    pub bridge: B256,
    /// Hash of the block, in wire order.
    pub block: B256,
}

impl BlockTrust {
    pub(super) fn verify(&self, evidence: &Evidence) -> Result<Verified<Deposit>, VerifyError> {
        let verified = match evidence {
            Evidence::Bitcoin(inclusion) => {
                let Some(params) = ChainParams::of_chain(&self.chain) else {
                    return Err(VerifyError::invalid("trust.chain", "a known Bitcoin network", &self.chain));
                };
                let verifier = BitcoinVerifier::new(params, self.bridge, ConfirmationPolicy::flat(1));
                verifier.map_err(|error| error.within("trust"))?.verify_under(self.block, inclusion)
            }
            Evidence::Ethereum(evidence) => {
                verify_in_block((&self.chain, self.outbox()?), self.block, &evidence.inclusion)
            }
            other => Err(VerifyError::malformed("kind", "bitcoin or ethereum", other.kind())),
        };
        verified.map_err(|error| error.within("evidence"))
    }

    pub(super) fn said(&self) -> Vec<String> {
        let Self { chain, bridge, .. } = self;
        if ChainParams::of_chain(chain).is_some() {
            let mut shown = self.block;
            shown.0.reverse();
            return vec![
                format!("block {shown:x} of {chain} is in the chain with most work: look it up"),
                "so many blocks stand on it that it stays, and its deposit was not taken back: count them".to_owned(),
                format!("vault key {bridge}"),
                bitcoin::ASSUMED[1].to_owned(),
            ];
        }
        vec![
            format!("block {} of {chain} is final: look it up; no finality update in the evidence is read", self.block),
            format!("outbox contract {}", Address::from_word(*bridge)),
        ]
    }

    pub(super) fn steps(&self, evidence: &Evidence) -> Vec<Step> {
        let (against, place) = (format!("block {} that is trusted", self.block), &["evidence.header", "evidence"]);
        match evidence {
            Evidence::Bitcoin(inclusion) => {
                let block = displayed(&inclusion.header);
                let mut steps = vec![Step::new(format!("the evidence is of block {block}"), against, place)];
                steps.extend(bitcoin::inclusion_steps(inclusion, self.bridge));
                steps
            }
            Evidence::Ethereum(evidence) => {
                let outbox = Address::from_word(self.bridge);
                let mut steps = ethereum::inclusion_steps(&evidence.inclusion, &self.chain, outbox);
                let claim = format!("that block is the trusted one, {}", self.block);
                steps.push(Step::new(claim, against, place).looking_into(&["evidence.inclusion.header"]));
                steps
            }
            _ => Vec::new(),
        }
    }

    fn outbox(&self) -> Result<Address, VerifyError> {
        let outbox = Address::from_word(self.bridge);
        let is_address = outbox.into_word() == self.bridge;
        if is_address { Ok(outbox) } else { Err(VerifyError::invalid("trust.bridge", "an address", self.bridge)) }
    }
}
