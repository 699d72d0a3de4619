//! A statement and its signature.

use alloy_primitives::{Address, B256, Bytes, Signature, keccak256};
use serde::{Deserialize, Serialize};
use spandrel_verifiers::{UnixSeconds, VerifyError, attestation, eip712};

use super::{Act, Typed};

/// Longest time from a statement's arrival to its expiry: a signature that was lost is worthless after a day.
pub const MAX_LIFETIME: u64 = 86_400;

/// Longest reason, bytes.
const MAX_REASON: usize = 500;

/// What a guardian signs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// What is ordered.
    pub act: Act,
    /// Why: kept in the audit log.
    pub reason: String,
    /// Whose key signs it: the same words by two guardians are two statements.
    pub guardian: Address,
    /// The key's next number: 0 first, one more each time.
    pub nonce: u64,
    /// Unix seconds; from then on the statement is void.
    pub expiry: UnixSeconds,
}

impl Statement {
    /// Domain name of EIP-712.
    pub const DOMAIN: &'static str = "Spandrel Control";
    /// Domain version of EIP-712.
    pub const VERSION: &'static str = "1";
    /// Domain type: bound to a deployment by its salt, because a statement is for several chains at once.
    pub const DOMAIN_TYPE: &'static str = "EIP712Domain(string name,string version,bytes32 salt)";

    /// EIP-712 digest for one deployment (see [`super::deployment`]): what is signed, and the statement's name.
    pub fn digest(&self, deployment: B256) -> B256 {
        let words = [keccak256(Self::DOMAIN_TYPE), keccak256(Self::DOMAIN), keccak256(Self::VERSION), deployment];
        eip712::digest(keccak256(words.concat()), &Typed::of(self).words())
    }

    /// Whether the reason is there, short, and one line of plain text.
    pub(super) fn has_reason(&self) -> bool {
        let reason = &self.reason;
        !reason.trim().is_empty() && reason.len() <= MAX_REASON && !reason.chars().any(char::is_control)
    }
}

/// A statement with its signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedStatement {
    /// What was signed.
    pub statement: Statement,
    /// `r ‖ s ‖ v`, 65 bytes, v 27 or 28, as wallets give it.
    pub signature: Bytes,
}

impl SignedStatement {
    /// A statement and the signature of its digest.
    pub fn new(statement: Statement, signature: &Signature) -> Self {
        Self { statement, signature: Bytes::from(signature.as_bytes().to_vec()) }
    }

    /// Who signed it for `deployment`. Only 65 bytes with a low s and v 27 or 28 are a signature (EIP-2).
    pub fn signer(&self, deployment: B256) -> Result<Address, VerifyError> {
        let parity = match self.signature.last() {
            Some(27) => false,
            Some(28) => true,
            _ => return Err(VerifyError::invalid("signature.v", "27 or 28", "another")),
        };
        let bytes: [u8; 65] = self
            .signature
            .as_ref()
            .try_into()
            .map_err(|_| VerifyError::invalid("signature", "65 bytes", self.signature.len()))?;
        let (rs, _) = bytes.split_last_chunk::<1>().ok_or_else(|| VerifyError::invalid("signature", "65 bytes", 0))?;
        let signature = Signature::from_bytes_and_parity(rs, parity);
        attestation::recover(self.statement.digest(deployment), &signature)
    }
}
