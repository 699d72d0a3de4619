//! The one fact that crosses: a deposit, and the id that binds everything that is paid for it.

use std::fmt;

use alloy_primitives::{B256, U256, keccak256};
use serde::{Deserialize, Serialize};

use crate::{AssetId, ChainId};

/// A deposit made on a source chain, to be paid on a destination chain.
///
/// Addresses and keys are 32 bytes: EVM addresses are left-padded with zeros, Bitcoin x-only keys fill them.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deposit {
    /// Format version, [`Deposit::VERSION`].
    pub version: u8,
    /// Chain on which the funds were locked.
    pub source_chain: ChainId,
    /// Bridge on the source chain: `Outbox` address (EVM), the vault's Taproot internal key (Bitcoin) or
    /// `keccak256(client id)` of the IBC client that follows the destination (Cosmos).
    pub source_bridge: B256,
    /// What is unique on the source chain: the outbox nonce (EVM, big-endian) or
    /// `keccak256(consensus-encoded outpoint)` (Bitcoin: 32 bytes txid in wire order, 4 bytes output index LE), or
    /// `keccak256` of the packet commitment's key (Cosmos: client id, 0x01, 8 bytes sequence BE).
    pub source_key: B256,
    /// Asset, in the source chain's terms.
    pub asset: AssetId,
    /// Amount in the asset's base unit.
    #[serde(deserialize_with = "crate::quantity::deserialize")]
    pub amount: U256,
    /// Chain on which it is to be paid.
    pub destination_chain: ChainId,
    /// Bridge on the destination: `Inbox` address (EVM).
    pub destination_bridge: B256,
    /// Who is paid.
    pub recipient: B256,
    /// Who deposited: account (EVM) or refund key (Bitcoin).
    pub sender: B256,
    /// Which lane the depositor asks for.
    pub lane: LanePreference,
    /// Unix seconds after which it must not be paid any more.
    pub expiry: u64,
}

/// Which lane the depositor asks for; the risk engine may still choose the slower one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum LanePreference {
    /// Fast when it is open, else light client.
    Any = 0,
    /// Fast; falls back to the light client when over a cap.
    Fast = 1,
    /// Only with a light-client proof.
    LightClient = 2,
}

impl TryFrom<u8> for LanePreference {
    type Error = crate::VerifyError;
    fn try_from(value: u8) -> Result<Self, Self::Error> {
        match value {
            0 => Ok(Self::Any),
            1 => Ok(Self::Fast),
            2 => Ok(Self::LightClient),
            other => Err(crate::VerifyError::malformed("lane", "0, 1 or 2", other)),
        }
    }
}

/// `keccak256(abi.encode(every field))` of a [`Deposit`]; the nullifier on every destination.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DepositId(pub B256);

impl Deposit {
    /// The only version there is.
    pub const VERSION: u8 = 1;

    /// The id: `keccak256` of the twelve fields as ABI words, strings as their `keccak256`.
    /// The Solidity twin is `DepositLib.id`.
    pub fn id(&self) -> DepositId {
        let words: [B256; 12] = [
            B256::with_last_byte(self.version),
            self.source_chain.hash(),
            self.source_bridge,
            self.source_key,
            self.asset.hash(),
            self.amount.into(),
            self.destination_chain.hash(),
            self.destination_bridge,
            self.recipient,
            self.sender,
            B256::with_last_byte(self.lane as u8),
            U256::from(self.expiry).into(),
        ];
        DepositId(keccak256(words.concat()))
    }
}

impl fmt::Display for DepositId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Debug for DepositId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

#[cfg(test)]
pub(crate) fn sample() -> Deposit {
    Deposit {
        version: 1,
        source_chain: ChainId::eip155(1),
        source_bridge: B256::repeat_byte(2),
        source_key: B256::with_last_byte(3),
        asset: AssetId::parse("eip155:1/slip44:60").unwrap(),
        amount: U256::from(5),
        destination_chain: ChainId::eip155(6),
        destination_bridge: B256::repeat_byte(7),
        recipient: B256::repeat_byte(8),
        sender: B256::repeat_byte(9),
        lane: LanePreference::Any,
        expiry: 11,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_changes_the_id() {
        let base = sample();
        let changed = [
            Deposit { version: 2, ..base.clone() },
            Deposit { source_chain: ChainId::eip155(2), ..base.clone() },
            Deposit { source_bridge: B256::ZERO, ..base.clone() },
            Deposit { source_key: B256::ZERO, ..base.clone() },
            Deposit { asset: AssetId::parse("eip155:1/slip44:61").unwrap(), ..base.clone() },
            Deposit { amount: U256::from(6), ..base.clone() },
            Deposit { destination_chain: ChainId::eip155(7), ..base.clone() },
            Deposit { destination_bridge: B256::ZERO, ..base.clone() },
            Deposit { recipient: B256::ZERO, ..base.clone() },
            Deposit { sender: B256::ZERO, ..base.clone() },
            Deposit { lane: LanePreference::Fast, ..base.clone() },
            Deposit { expiry: 12, ..base.clone() },
        ];
        for other in changed {
            assert_ne!(other.id(), base.id(), "{other:?}");
        }
    }
}
