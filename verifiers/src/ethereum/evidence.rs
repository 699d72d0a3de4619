//! Wire form of an Ethereum deposit's evidence.

use alloy_primitives::Bytes;
use serde::{Deserialize, Serialize};

use crate::Deposit;

/// A deposit stored by an `Outbox`, under a finalized execution block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DepositEvidence {
    /// SSZ of a `LightClientFinalityUpdate` (its fork is told by its attested slot) whose finalized header's
    /// execution block is the one of `inclusion.header`. A verifier that already holds that block final needs none.
    pub finality: Option<Bytes>,
    /// The storage proof under that execution block.
    pub inclusion: Inclusion,
}

/// Account and storage proof of `deposits[nonce] = deposit id` in the outbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inclusion {
    /// RLP of the execution block header; its `keccak256` is the block hash.
    pub header: Bytes,
    /// Trie nodes from the state root to the outbox account.
    pub account_proof: Vec<Bytes>,
    /// Trie nodes from the account's storage root to the deposit's slot.
    pub storage_proof: Vec<Bytes>,
    /// The deposit whose id the slot holds.
    pub deposit: Deposit,
}
