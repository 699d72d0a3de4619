//! Evidence of a deposit, as it travels from the relayer to the verifiers. Chains are registered here.

use alloy_primitives::{B256, keccak256};
use serde::{Deserialize, Serialize};

use crate::follow::SeenDeposit;
use crate::{VerifyError, bitcoin, ethereum};

/// What is needed, beyond the verifier's own trusted state, to prove one deposit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Evidence {
    /// A deposit output in a Bitcoin block.
    Bitcoin(Box<bitcoin::Inclusion>),
    /// A deposit stored by an Ethereum outbox, with the finality update that covers its block.
    Ethereum(Box<ethereum::DepositEvidence>),
}

impl Evidence {
    /// Hash of the block under which it proves: the root of the checkpoint that verifiers sign for it.
    pub fn root(&self) -> B256 {
        match self {
            Self::Bitcoin(inclusion) => bitcoin::sha256d(&inclusion.header),
            Self::Ethereum(evidence) => keccak256(&evidence.inclusion.header),
        }
    }

    /// Refuses evidence that openly speaks of another deposit than `seen`. Passing proves nothing: it spares the
    /// verifiers what cannot verify.
    pub fn require_about(&self, seen: &SeenDeposit) -> Result<(), VerifyError> {
        match self {
            Self::Bitcoin(inclusion) => {
                let txid = bitcoin::sha256d(&inclusion.transaction);
                let key = keccak256([txid.as_slice(), &inclusion.output.to_le_bytes()].concat());
                require_equal("inclusion.outpoint", seen.deposit.source_key, key)?;
                require_equal("inclusion.header", seen.block.hash, self.root())
            }
            Self::Ethereum(evidence) => {
                require_equal("inclusion.deposit", seen.deposit.id(), evidence.inclusion.deposit.id())
            }
        }
    }
}

fn require_equal<T: PartialEq + ToString>(field: &str, expected: T, found: T) -> Result<(), VerifyError> {
    if expected == found { Ok(()) } else { Err(VerifyError::invalid(field, expected, found)) }
}
