//! Wire form of the evidence of a deposit on a Cosmos chain.

use alloy_primitives::{B256, Bytes};
use serde::{Deserialize, Serialize};

use super::packet::Packet;
use crate::VerifyError;

/// Most headers that lead from a trusted height to the one of the proof: bisection over a whole trusting period needs
/// fewer.
pub const MAX_HEADERS: usize = 16;

/// An IBC v2 packet that a Cosmos chain committed to, under the app hash of a header.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DepositEvidence {
    /// Canonical protobuf of `ibc.lightclients.tendermint.v1.Header`s, at most [`MAX_HEADERS`]: the first is verified
    /// from a height that is trusted, each other from the one before it, and the last is the header of
    /// `inclusion.height`. A verifier that already trusts that height needs none.
    pub headers: Vec<Bytes>,
    /// The packet and its commitment's proof.
    pub inclusion: Inclusion,
}

/// A packet, and the ICS-23 proof that its commitment stands in the `ibc` store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inclusion {
    /// Height of the header whose app hash is `app_hash`: one above the block that left this state.
    pub height: u64,
    /// The app hash under which the proof stands: the root of the checkpoint that verifiers sign for it.
    pub app_hash: B256,
    /// Canonical protobuf of `ibc.core.channel.v2.Packet`, as the chain's event carries it.
    pub packet: Bytes,
    /// Canonical protobuf of `ibc.core.commitment.v1.MerkleProof` with two proofs: of the commitment in the IAVL store,
    /// and of that store's root under the app hash.
    pub proof: Bytes,
}

impl Inclusion {
    /// The source key of the deposit of which this openly speaks. Proves nothing.
    ///
    /// # Errors
    /// Names the field under `packet` that does not decode.
    pub fn source_key(&self) -> Result<B256, VerifyError> {
        Packet::decode(&self.packet).map(|packet| packet.source_key())
    }
}
