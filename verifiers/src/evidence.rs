//! Evidence of a deposit, as it travels from the relayer to the verifiers. Chains are registered here.

use alloy_primitives::{B256, Bytes, keccak256};
use serde::{Deserialize, Serialize};

use crate::follow::SeenDeposit;
use crate::{VerifyError, bitcoin, cosmos, ethereum, solana};

/// What is needed, beyond the verifier's own trusted state, to prove one deposit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Evidence {
    /// A deposit output in a Bitcoin block.
    Bitcoin(Box<bitcoin::Inclusion>),
    /// A deposit stored by an Ethereum outbox, with the finality update that covers its block.
    Ethereum(Box<ethereum::DepositEvidence>),
    /// A packet that a Cosmos chain committed to, with the headers that lead to it.
    Cosmos(Box<cosmos::DepositEvidence>),
    /// A transfer in a Solana block, with the witnesses of its success.
    Solana(Box<solana::DepositEvidence>),
}

/// What is needed, beyond the verifier's own trusted state, to prove that a block is final: that alone, of no deposit.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlockEvidence {
    /// The header as the chain hashes it: RLP of the execution block's (Ethereum).
    pub header: Bytes,
    /// What proves it final, unless the verifier holds that already: SSZ of a finality update (Ethereum).
    pub finality: Option<Bytes>,
}

impl Evidence {
    /// Hash of the block or state under which it proves: the root of the checkpoint that verifiers sign for it.
    pub fn root(&self) -> B256 {
        match self {
            Self::Bitcoin(inclusion) => bitcoin::sha256d(&inclusion.header),
            Self::Ethereum(evidence) => keccak256(&evidence.inclusion.header),
            Self::Cosmos(evidence) => evidence.inclusion.app_hash,
            Self::Solana(evidence) => evidence.inclusion.block_id,
        }
    }

    /// The kind of chain it is of, as it is spelled in JSON.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Bitcoin(_) => "bitcoin",
            Self::Ethereum(_) => "ethereum",
            Self::Cosmos(_) => "cosmos",
            Self::Solana(_) => "solana",
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
            Self::Cosmos(evidence) => {
                let key = evidence.inclusion.source_key().map_err(|error| error.within("inclusion"))?;
                require_equal("inclusion.packet", seen.deposit.source_key, key)
            }
            // Which transaction it is stands inside the shreds: only the block is open to see.
            Self::Solana(evidence) => require_equal("inclusion.slot", seen.block.height, evidence.inclusion.slot),
        }
    }
}

/// A chain's own evidence, taken out of the envelope.
macro_rules! evidence_of {
    ($variant:ident, $own:ty, $kind:literal) => {
        impl TryFrom<Evidence> for $own {
            type Error = VerifyError;
            fn try_from(evidence: Evidence) -> Result<Self, VerifyError> {
                match evidence {
                    Evidence::$variant(own) => Ok(*own),
                    other => Err(VerifyError::malformed("evidence", $kind, other.kind())),
                }
            }
        }
        impl From<$own> for Evidence {
            fn from(own: $own) -> Self {
                Self::$variant(Box::new(own))
            }
        }
    };
}
evidence_of!(Bitcoin, bitcoin::Inclusion, "bitcoin");
evidence_of!(Ethereum, ethereum::DepositEvidence, "ethereum");
evidence_of!(Cosmos, cosmos::DepositEvidence, "cosmos");
evidence_of!(Solana, solana::DepositEvidence, "solana");

fn require_equal<T: PartialEq + ToString>(field: &str, expected: T, found: T) -> Result<(), VerifyError> {
    if expected == found { Ok(()) } else { Err(VerifyError::invalid(field, expected, found)) }
}
