//! IBC v2 packets: what a chain commits to, and under which key (ICS-04 v2, ICS-24 v2).

use alloy_primitives::{B256, Bytes, keccak256};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::VerifyError;
use crate::protobuf::{Reader, WHOLE, Writer};

/// Most bytes of an encoded packet (ibc-go allows 256 KiB of payloads).
pub const MAX_PACKET_LENGTH: usize = 320 << 10;

/// Most payloads in a packet that is decoded; ibc-go sends one.
pub const MAX_PAYLOADS: usize = 16;

/// Longest client or port identifier (ICS-24).
const MAX_IDENTIFIER: usize = 128;

/// Shortest client identifier (ICS-24): with the fixed tail of the key, no two clients' keys collide.
const MIN_CLIENT: usize = 9;

/// Longest version or encoding of a payload.
const MAX_LABEL: usize = 128;

/// What stands before every packet commitment's sequence in its key.
const COMMITMENT: u8 = 1;

/// Protocol version byte of a commitment.
const VERSION: u8 = 2;

/// A packet as its source chain sent it (`ibc.core.channel.v2.Packet`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Packet {
    /// Unique among the packets of `source_client`, from 1.
    pub sequence: u64,
    /// Client on the source chain that follows the destination.
    pub source_client: String,
    /// Client on the destination chain that follows the source.
    pub destination_client: String,
    /// Unix seconds of the destination from which it cannot be received any more.
    pub timeout: u64,
    /// One per application.
    pub payloads: Vec<Payload>,
}

/// What one application sends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Payload {
    /// Application on the source.
    pub source_port: String,
    /// Application on the destination.
    pub destination_port: String,
    /// Version of the application's protocol.
    pub version: String,
    /// Media type of `value`.
    pub encoding: String,
    /// For the application.
    pub value: Bytes,
}

/// Store key of a packet's commitment: `{client} 0x01 {sequence, 8 bytes big-endian}` (ICS-24 v2).
pub fn commitment_key(client: &str, sequence: u64) -> Vec<u8> {
    [client.as_bytes(), &[COMMITMENT], &sequence.to_be_bytes()].concat()
}

/// The source key of a deposit that was sent as a packet: `keccak256` of [`commitment_key`].
pub fn source_key(client: &str, sequence: u64) -> B256 {
    keccak256(commitment_key(client, sequence))
}

impl Packet {
    /// Decodes the canonical protobuf of a packet.
    ///
    /// # Errors
    /// Names the field under `packet`.
    pub fn decode(bytes: &[u8]) -> Result<Self, VerifyError> {
        let mut fields = Reader::bounded("packet", bytes, MAX_PACKET_LENGTH)?;
        let sequence = fields.uint64(1, "sequence")?;
        let source_client = fields.text(2, "source_client", MAX_IDENTIFIER)?.to_owned();
        let destination_client = fields.text(3, "destination_client", MAX_IDENTIFIER)?.to_owned();
        let timeout = fields.uint64(4, "timeout_timestamp")?;
        let payloads = fields.repeated(5, "payloads", MAX_PAYLOADS, WHOLE)?;
        fields.end()?;
        let payloads = payloads.into_iter().map(Payload::decode).collect::<Result<_, _>>()?;
        let packet = Self { sequence, source_client, destination_client, timeout, payloads };
        packet.check()?;
        Ok(packet)
    }

    /// The canonical protobuf that [`Self::decode`] reads.
    pub fn encode(&self) -> Vec<u8> {
        Writer::new()
            .uint(1, self.sequence)
            .bytes(2, self.source_client.as_bytes())
            .bytes(3, self.destination_client.as_bytes())
            .uint(4, self.timeout)
            .each(5, self.payloads.iter().map(Payload::encode))
            .finish()
    }

    /// What the source chain stores under [`Self::key`]: sha256 of 0x02 and of the hashes of destination client,
    /// timeout and payloads (ICS-04 v2). Every part has a fixed length, so that no other packet has the preimage.
    pub fn commitment(&self) -> B256 {
        let payloads: Vec<u8> = self.payloads.iter().flat_map(|payload| payload.hash()).collect();
        let mut preimage = vec![VERSION];
        preimage.extend(Sha256::digest(self.destination_client.as_bytes()));
        preimage.extend(Sha256::digest(self.timeout.to_be_bytes()));
        preimage.extend(Sha256::digest(payloads));
        B256::from_slice(&Sha256::digest(preimage))
    }

    /// Store key of its commitment.
    pub fn key(&self) -> Vec<u8> {
        commitment_key(&self.source_client, self.sequence)
    }

    /// See [`source_key`].
    pub fn source_key(&self) -> B256 {
        source_key(&self.source_client, self.sequence)
    }

    fn check(&self) -> Result<(), VerifyError> {
        if self.sequence == 0 {
            return Err(VerifyError::malformed("packet.sequence", "1 or more", 0));
        }
        check_client("packet.source_client", &self.source_client)?;
        check_client("packet.destination_client", &self.destination_client)?;
        if self.timeout == 0 {
            return Err(VerifyError::malformed("packet.timeout_timestamp", "a time", 0));
        }
        if self.payloads.is_empty() {
            return Err(VerifyError::malformed("packet.payloads", "one or more", 0));
        }
        Ok(())
    }
}

impl Payload {
    fn decode(bytes: &[u8]) -> Result<Self, VerifyError> {
        let mut fields = Reader::of("packet.payload", bytes);
        let payload = Self {
            source_port: fields.text(1, "source_port", MAX_IDENTIFIER)?.to_owned(),
            destination_port: fields.text(2, "destination_port", MAX_IDENTIFIER)?.to_owned(),
            version: fields.text(3, "version", MAX_LABEL)?.to_owned(),
            encoding: fields.text(4, "encoding", MAX_LABEL)?.to_owned(),
            value: Bytes::copy_from_slice(fields.bytes(5, "value", WHOLE)?),
        };
        fields.end()?;
        Ok(payload)
    }

    fn encode(&self) -> Vec<u8> {
        Writer::new()
            .bytes(1, self.source_port.as_bytes())
            .bytes(2, self.destination_port.as_bytes())
            .bytes(3, self.version.as_bytes())
            .bytes(4, self.encoding.as_bytes())
            .bytes(5, &self.value)
            .finish()
    }

    fn hash(&self) -> [u8; 32] {
        let parts: [&[u8]; 5] = [
            self.source_port.as_bytes(),
            self.destination_port.as_bytes(),
            self.version.as_bytes(),
            self.encoding.as_bytes(),
            &self.value,
        ];
        Sha256::digest(parts.map(Sha256::digest).concat()).into()
    }
}

/// The identifier rules of ICS-24, so that a key names one client and one sequence.
pub(super) fn check_client(field: &str, client: &str) -> Result<(), VerifyError> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._+-#[]<>".contains(c);
    if (MIN_CLIENT..=MAX_IDENTIFIER).contains(&client.len()) && client.chars().all(allowed) {
        Ok(())
    } else {
        Err(VerifyError::malformed(field, "an ICS-24 client identifier", format!("{client:?}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::b256;

    fn sample(encoding: &str, value: &[u8]) -> Packet {
        Packet {
            sequence: 1,
            source_client: "07-tendermint-0".to_owned(),
            destination_client: "07-tendermint-1".to_owned(),
            timeout: 100,
            payloads: vec![Payload {
                source_port: "transfer".to_owned(),
                destination_port: "transfer".to_owned(),
                version: "ics20-1".to_owned(),
                encoding: encoding.to_owned(),
                value: Bytes::copy_from_slice(value),
            }],
        }
    }

    #[test]
    fn commitment_is_the_one_of_ibc_go() {
        let json = br#"{"denom":"uatom","amount":"1000000","sender":"sender","receiver":"receiver","memo":"memo"}"#;
        let expected = b256!("a096722aa6534040a0efbdae05765132a7b223ad306d6512f3734821bd046505");
        assert_eq!(sample("application/json", json).commitment(), expected);
    }

    #[test]
    fn keys_are_client_marker_and_sequence() {
        let key = sample("", b"").key();
        assert_eq!(key, [&b"07-tendermint-0\x01"[..], &[0, 0, 0, 0, 0, 0, 0, 1]].concat());
        assert_ne!(source_key("07-tendermint-0", 1), source_key("07-tendermint-0", 2));
        assert_ne!(source_key("07-tendermint-0", 1), source_key("07-tendermint-1", 1));
    }

    #[test]
    fn what_is_encoded_is_decoded() {
        let packet = sample("application/json", b"{}");
        assert_eq!(Packet::decode(&packet.encode()).unwrap(), packet);
    }

    #[test]
    fn every_field_but_the_key_changes_the_commitment() {
        let base = sample("application/json", b"{}");
        let change = |edit: fn(&mut Packet)| {
            let mut packet = base.clone();
            edit(&mut packet);
            packet.commitment()
        };
        let edits: [fn(&mut Packet); 8] = [
            |packet| packet.destination_client.push('0'),
            |packet| packet.timeout = 101,
            |packet| packet.payloads[0].source_port.push('r'),
            |packet| packet.payloads[0].destination_port.push('r'),
            |packet| packet.payloads[0].version.push('0'),
            |packet| packet.payloads[0].encoding.push('x'),
            |packet| packet.payloads[0].value = b"{} ".into(),
            |packet| packet.payloads.push(packet.payloads[0].clone()),
        ];
        for (index, edit) in edits.into_iter().enumerate() {
            assert_ne!(change(edit), base.commitment(), "{index}");
        }
    }

    #[test]
    fn packets_without_what_they_need_are_refused() {
        let base = sample("application/json", b"{}");
        type Edit = (&'static str, fn(&mut Packet));
        let edits: [Edit; 6] = [
            ("packet.sequence", |packet| packet.sequence = 0),
            ("packet.source_client", |packet| packet.source_client = "short".to_owned()),
            ("packet.source_client", |packet| packet.source_client.push('/')),
            ("packet.destination_client", |packet| packet.destination_client.clear()),
            ("packet.timeout_timestamp", |packet| packet.timeout = 0),
            ("packet.payloads", |packet| packet.payloads.clear()),
        ];
        for (field, edit) in edits {
            let mut packet = base.clone();
            edit(&mut packet);
            assert_eq!(Packet::decode(&packet.encode()).unwrap_err().field, field);
        }
    }
}
