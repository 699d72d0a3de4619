//! Where trust begins, and what leads from there to the deposit's block. Chains are registered here.

mod bitcoin;
mod block;
mod cosmos;
mod ethereum;
mod solana;

use serde::{Deserialize, Serialize};

pub use self::bitcoin::BitcoinTrust;
pub use self::block::BlockTrust;
pub use self::cosmos::CosmosTrust;
pub use self::ethereum::EthereumTrust;
pub use self::solana::SolanaTrust;
use super::{MAX_TRUST, Step};
use crate::protobuf::Message;
use crate::{ChainId, Deposit, Evidence, UnixSeconds, Verified, VerifyError};

/// What the reader of a file must agree to trust, and the consensus evidence after it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trust {
    /// A Bitcoin block of known work, and the headers after it.
    Bitcoin(Box<BitcoinTrust>),
    /// A beacon block root, and the light-client data after it.
    Ethereum(Box<EthereumTrust>),
    /// A header of a Cosmos chain, and the headers after it.
    Cosmos(Box<CosmosTrust>),
    /// A stake table of a Solana cluster, and the votes or certificates after it.
    Solana(Box<SolanaTrust>),
    /// The deposit's block itself, which the reader looks up: as the transfer API answers.
    Block(Box<BlockTrust>),
}

/// What is taken on trust of every deposit on a chain, besides the anchor: the same words as in [`Trust::said`]. Of Bitcoin
/// and Ethereum; elsewhere it depends on the configuration, which the file holds.
pub fn assumed(chain: &ChainId) -> &'static [&'static str] {
    match chain.as_str().split(':').next() {
        Some("bip122") => &self::bitcoin::ASSUMED,
        Some("eip155") => &self::ethereum::ASSUMED,
        _ => &[],
    }
}

impl Trust {
    /// Everything that the reader must compare with what they know: none of it is proven.
    pub fn said(&self) -> Vec<String> {
        match self {
            Self::Bitcoin(trust) => trust.said(),
            Self::Ethereum(trust) => trust.said(),
            Self::Cosmos(trust) => trust.said(),
            Self::Solana(trust) => trust.said(),
            Self::Block(trust) => trust.said(),
        }
    }

    /// Checks the consensus evidence from the anchor on, and the deposit's evidence under it, as of `now`.
    ///
    /// # Errors
    /// Names the field under `trust` or `evidence`.
    pub fn verify(&self, evidence: &Evidence, now: UnixSeconds) -> Result<Verified<Deposit>, VerifyError> {
        match (self, evidence) {
            (Self::Bitcoin(trust), Evidence::Bitcoin(inclusion)) => trust.verify(inclusion, now),
            (Self::Ethereum(trust), Evidence::Ethereum(evidence)) => trust.verify(evidence, now),
            (Self::Cosmos(trust), Evidence::Cosmos(evidence)) => trust.verify(evidence, now),
            (Self::Solana(trust), Evidence::Solana(evidence)) => trust.verify(evidence, now),
            (Self::Block(trust), evidence) => trust.verify(evidence),
            _ => Err(VerifyError::malformed("evidence", "evidence of the trusted chain", evidence.kind())),
        }
    }

    /// What [`Self::verify`] checks, in its order.
    pub(super) fn steps(&self, evidence: &Evidence) -> Vec<Step> {
        match (self, evidence) {
            (Self::Bitcoin(trust), Evidence::Bitcoin(inclusion)) => trust.steps(inclusion),
            (Self::Ethereum(trust), Evidence::Ethereum(evidence)) => trust.steps(evidence),
            (Self::Cosmos(trust), Evidence::Cosmos(evidence)) => trust.steps(evidence),
            (Self::Solana(trust), Evidence::Solana(evidence)) => trust.steps(evidence),
            (Self::Block(trust), evidence) => trust.steps(evidence),
            _ => Vec::new(),
        }
    }

    /// The canonical protobuf. Trust beyond a limit of the format gives bytes that no one reads.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.write()
    }

    /// From its canonical protobuf, of at most [`MAX_TRUST`] bytes.
    ///
    /// # Errors
    /// `Malformed`, with the field's name as in verification and in JSON.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, VerifyError> {
        if bytes.len() > MAX_TRUST {
            return Err(VerifyError::malformed("trust", format!("at most {MAX_TRUST} bytes"), bytes.len()));
        }
        Self::read(bytes)
    }
}
