//! Where packets of one client lead, and the deposit that a packet is.

use std::collections::BTreeMap;

use alloy_primitives::{B256, keccak256};
use serde::{Deserialize, Serialize};

use super::packet::Packet;
use super::transfer::Transfer;
use crate::{AssetId, ChainId, Deposit, LanePreference, VerifyError};

/// The store of IBC, whose root stands under the app hash by this name.
pub const IBC_STORE: &str = "ibc";

/// Packets that are deposits for one destination: those sent over one pair of clients.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// Client on the source chain that follows the destination (ICS-24 identifier).
    pub source_client: String,
    /// What the destination calls the source's client.
    pub destination_client: String,
    /// Where deposits are paid.
    pub destination_chain: ChainId,
    /// The bridge there: `Inbox` address (EVM), left-padded.
    pub destination_bridge: B256,
    /// The assets that cross, by their denomination in packets. Others are refused.
    pub assets: BTreeMap<String, AssetId>,
}

impl Route {
    /// # Errors
    /// Names the part that makes no sense.
    pub fn validate(&self) -> Result<(), VerifyError> {
        for (field, client) in
            [("route.source_client", &self.source_client), ("route.destination_client", &self.destination_client)]
        {
            super::packet::check_client(field, client)?;
        }
        if self.destination_bridge.is_zero() {
            return Err(VerifyError::invalid("route.destination_bridge", "a bridge", self.destination_bridge));
        }
        if self.assets.is_empty() {
            return Err(VerifyError::invalid("route.assets", "one or more", 0));
        }
        Ok(())
    }

    /// How deposits name the bridge on the source: `keccak256` of the source client's identifier.
    pub fn source_bridge(&self) -> B256 {
        keccak256(self.source_client.as_bytes())
    }

    /// The deposit that `packet`, committed to by `chain`, is.
    ///
    /// # Errors
    /// Names what of the packet is not of this route, or not a transfer.
    pub fn deposit(&self, chain: &ChainId, packet: &Packet) -> Result<Deposit, VerifyError> {
        let clients = [
            ("packet.source_client", &self.source_client, &packet.source_client),
            ("packet.destination_client", &self.destination_client, &packet.destination_client),
        ];
        for (field, expected, found) in clients {
            if expected != found {
                return Err(VerifyError::invalid(field, expected, found));
            }
        }
        let [payload] = packet.payloads.as_slice() else {
            return Err(VerifyError::invalid("packet.payloads", 1, packet.payloads.len()));
        };
        let transfer = Transfer::decode(payload)?;
        let Some(asset) = self.assets.get(&transfer.denom) else {
            let expected: Vec<_> = self.assets.keys().map(String::as_str).take(16).collect();
            return Err(VerifyError::invalid("transfer.denom", expected.join(", "), transfer.denom));
        };
        Ok(Deposit {
            version: Deposit::VERSION,
            source_chain: chain.clone(),
            source_bridge: self.source_bridge(),
            source_key: packet.source_key(),
            asset: asset.clone(),
            amount: transfer.amount,
            destination_chain: self.destination_chain.clone(),
            destination_bridge: self.destination_bridge,
            recipient: recipient(&transfer.receiver)?,
            // CAIP-10, as contracts name accounts.
            sender: keccak256(format!("{chain}:{}", transfer.sender)),
            lane: lane(&transfer.memo),
            // From the timeout on a packet is not received, and its sender can take it back (ICS-04 v2).
            expiry: packet.timeout.saturating_sub(1),
        })
    }
}

/// `0x` and 20 bytes of an EVM account, or 32 bytes of any other; not zero.
fn recipient(receiver: &str) -> Result<B256, VerifyError> {
    let bytes = receiver.strip_prefix("0x").and_then(|digits| hex::decode(digits).ok());
    let word = bytes.filter(|bytes| matches!(bytes.len(), 20 | 32)).map(|bytes| B256::left_padding_from(&bytes));
    match word {
        Some(word) if !word.is_zero() => Ok(word),
        _ => {
            let found: String = receiver.chars().take(80).collect();
            Err(VerifyError::invalid("transfer.receiver", "0x and 20 or 32 bytes, not zero", format!("{found:?}")))
        }
    }
}

/// What the depositor asks for: `lane=fast` or `lane=light_client` as the whole memo; anything else is no wish.
fn lane(memo: &str) -> LanePreference {
    match memo {
        "lane=fast" => LanePreference::Fast,
        "lane=light_client" => LanePreference::LightClient,
        _ => LanePreference::Any,
    }
}
