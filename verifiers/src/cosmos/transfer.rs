//! ICS-20 transfers inside IBC v2 payloads: one meaning, three encodings.
//!
//! The source chain escrows what its own decoder reads. So only the encoding that its encoder writes is taken: JSON of
//! known fields, each once; canonical protobuf; canonical ABI. Otherwise a sender could write a payload that the chain
//! reads as one token and this as a million.

use alloy_primitives::U256;
use serde::Deserialize;

use super::packet::Payload;
use crate::VerifyError;
use crate::error::shown;
use crate::protobuf::Reader;

/// Port of the transfer application.
pub const TRANSFER_PORT: &str = "transfer";

/// Version of its payloads.
pub const TRANSFER_VERSION: &str = "ics20-1";

/// Longest denomination (ibc-go limits base denominations to 128; a trace of hops stands before).
const MAX_DENOM: usize = 512;

/// Longest sender and receiver (ibc-go `MaximumReceiverLength`).
const MAX_ACCOUNT: usize = 2048;

/// Longest memo (ibc-go `MaximumMemoLength`).
const MAX_MEMO: usize = 32_768;

/// Most digits of an amount: those of 2^256 - 1.
const MAX_DIGITS: usize = 78;

/// Most bytes of a payload.
const MAX_LENGTH: usize = 48 << 10;

/// `FungibleTokenPacketData`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// What is sent, with the hops it came over before it: `uatom`, `transfer/07-tendermint-0/uatom`.
    pub denom: String,
    /// How much, in its base unit; not zero.
    pub amount: U256,
    /// Who sends, as the source writes accounts.
    pub sender: String,
    /// Who receives, as the destination writes accounts.
    pub receiver: String,
    /// For whoever reads it.
    pub memo: String,
}

/// As it stands in JSON and protobuf: the amount is a decimal string.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    denom: String,
    amount: String,
    sender: String,
    receiver: String,
    #[serde(default)]
    memo: String,
}

impl Transfer {
    /// Decodes the payload of a transfer.
    ///
    /// # Errors
    /// Names the field under `payload` or `transfer`.
    pub fn decode(payload: &Payload) -> Result<Self, VerifyError> {
        let labels = [
            ("payload.source_port", TRANSFER_PORT, &payload.source_port),
            ("payload.destination_port", TRANSFER_PORT, &payload.destination_port),
            ("payload.version", TRANSFER_VERSION, &payload.version),
        ];
        for (field, expected, found) in labels {
            if expected != found {
                return Err(VerifyError::invalid(field, expected, found));
            }
        }
        if payload.value.len() > MAX_LENGTH {
            let expected = format!("at most {MAX_LENGTH} bytes");
            return Err(VerifyError::malformed("payload.value", expected, payload.value.len()));
        }
        let written = match payload.encoding.as_str() {
            "application/json" => serde_json::from_slice(&payload.value)
                .map_err(|error| VerifyError::malformed("payload.value", "JSON of a transfer", error))?,
            "application/x-protobuf" => Written::from_protobuf(&payload.value)?,
            "application/x-solidity-abi" => Written::from_abi(&payload.value)?,
            other => {
                let expected = "application/json, application/x-protobuf or application/x-solidity-abi";
                return Err(VerifyError::invalid("payload.encoding", expected, other));
            }
        };
        written.check()
    }
}

impl Written {
    fn from_protobuf(bytes: &[u8]) -> Result<Self, VerifyError> {
        let mut fields = Reader::of("transfer", bytes);
        let written = Self {
            denom: fields.text(1, "denom", MAX_DENOM)?.to_owned(),
            amount: fields.text(2, "amount", MAX_DIGITS)?.to_owned(),
            sender: fields.text(3, "sender", MAX_ACCOUNT)?.to_owned(),
            receiver: fields.text(4, "receiver", MAX_ACCOUNT)?.to_owned(),
            memo: fields.text(5, "memo", MAX_MEMO)?.to_owned(),
        };
        fields.end()?;
        Ok(written)
    }

    /// `abi.encode` of `(string denom, string sender, string receiver, uint256 amount, string memo)`, in the one form
    /// that encoders write.
    fn from_abi(bytes: &[u8]) -> Result<Self, VerifyError> {
        let (words, _) = bytes.as_chunks::<32>();
        let malformed = || VerifyError::malformed("payload.value", "canonical ABI of a transfer", shown(bytes));
        let text = |slot: usize| -> Option<String> {
            let offset = small(words.get(slot.checked_add(1)?)?)?.checked_add(32)?;
            let rest = bytes.get(offset..)?;
            let (length, rest) = rest.split_first_chunk::<32>()?;
            String::from_utf8(rest.get(..small(length)?)?.to_vec()).ok()
        };
        let parse = || -> Option<Self> {
            let amount = U256::from_be_bytes(*words.get(4)?);
            let (denom, sender, receiver, memo) = (text(0)?, text(1)?, text(2)?, text(4)?);
            Some(Self { denom, amount: amount.to_string(), sender, receiver, memo })
        };
        let written = parse().ok_or_else(malformed)?;
        match written.to_abi() {
            Some(canonical) if canonical == bytes => Ok(written),
            _ => Err(malformed()),
        }
    }

    fn to_abi(&self) -> Option<Vec<u8>> {
        let word = |number: usize| U256::from(number).to_be_bytes::<32>();
        let amount: U256 = self.amount.parse().ok()?;
        let mut heads = Vec::new();
        let mut tails: Vec<u8> = Vec::new();
        let mut put = |text: &str| -> Option<[u8; 32]> {
            let offset = word(tails.len().checked_add(5 * 32)?);
            tails.extend(word(text.len()));
            tails.extend(text.as_bytes());
            tails.resize(tails.len().checked_next_multiple_of(32)?, 0);
            Some(offset)
        };
        let (denom, sender, receiver) = (put(&self.denom)?, put(&self.sender)?, put(&self.receiver)?);
        let memo = put(&self.memo)?;
        for head in [word(32), denom, sender, receiver, amount.to_be_bytes::<32>(), memo] {
            heads.extend(head);
        }
        heads.extend(tails);
        Some(heads)
    }

    fn check(self) -> Result<Transfer, VerifyError> {
        let texts = [
            ("transfer.denom", &self.denom, 1, MAX_DENOM),
            ("transfer.sender", &self.sender, 1, MAX_ACCOUNT),
            ("transfer.receiver", &self.receiver, 1, MAX_ACCOUNT),
            ("transfer.memo", &self.memo, 0, MAX_MEMO),
        ];
        for (field, text, least, most) in texts {
            if !(least..=most).contains(&text.len()) {
                return Err(VerifyError::malformed(field, format!("{least} to {most} bytes"), text.len()));
            }
        }
        let amount = decimal(&self.amount).ok_or_else(|| {
            let found: String = self.amount.chars().take(80).collect();
            VerifyError::malformed("transfer.amount", "a decimal number from 1 to 2^256 - 1", format!("{found:?}"))
        })?;
        let Self { denom, sender, receiver, memo, .. } = self;
        Ok(Transfer { denom, amount, sender, receiver, memo })
    }
}

/// A positive number without sign or leading zeros.
fn decimal(text: &str) -> Option<U256> {
    let is_canonical = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.is_empty() && !text.starts_with('0');
    if is_canonical { text.parse().ok() } else { None }
}

/// A word that is an offset or a length.
fn small(word: &[u8; 32]) -> Option<usize> {
    usize::try_from(U256::from_be_bytes(*word)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cosmos::Packet;
    use crate::protobuf::Writer;
    use alloy_primitives::{Bytes, b256};

    const JSON: &str = r#"{"denom":"uatom","amount":"1000000","sender":"sender","receiver":"receiver","memo":"memo"}"#;

    fn payload(encoding: &str, value: impl Into<Vec<u8>>) -> Payload {
        Payload {
            source_port: TRANSFER_PORT.to_owned(),
            destination_port: TRANSFER_PORT.to_owned(),
            version: TRANSFER_VERSION.to_owned(),
            encoding: encoding.to_owned(),
            value: Bytes::from(value.into()),
        }
    }

    fn expected() -> Transfer {
        Transfer {
            denom: "uatom".to_owned(),
            amount: U256::from(1_000_000),
            sender: "sender".to_owned(),
            receiver: "receiver".to_owned(),
            memo: "memo".to_owned(),
        }
    }

    fn written() -> Written {
        serde_json::from_str(JSON).unwrap()
    }

    fn protobuf() -> Vec<u8> {
        Writer::new()
            .bytes(1, b"uatom")
            .bytes(2, b"1000000")
            .bytes(3, b"sender")
            .bytes(4, b"receiver")
            .bytes(5, b"memo")
            .finish()
    }

    #[test]
    fn the_three_encodings_mean_the_same() {
        assert_eq!(Transfer::decode(&payload("application/json", JSON)).unwrap(), expected());
        assert_eq!(Transfer::decode(&payload("application/x-protobuf", protobuf())).unwrap(), expected());
        let abi = written().to_abi().unwrap();
        assert_eq!(Transfer::decode(&payload("application/x-solidity-abi", abi)).unwrap(), expected());
    }

    #[test]
    fn abi_is_the_one_of_ibc_go() {
        let packet = Packet {
            sequence: 1,
            source_client: "07-tendermint-0".to_owned(),
            destination_client: "07-tendermint-1".to_owned(),
            timeout: 100,
            payloads: vec![payload("application/x-solidity-abi", written().to_abi().unwrap())],
        };
        let committed = b256!("d408dca5088b9b375edb3c4df6bae0e18084fc0dbd90fcd0d028506553c81b25");
        assert_eq!(packet.commitment(), committed);
    }

    #[test]
    fn what_two_decoders_could_read_differently_is_refused() {
        let twice = JSON.replacen('{', r#"{"amount":"1","#, 1);
        let other_case = JSON.replacen("amount", "Amount", 1);
        let both_cases = JSON.replacen('{', r#"{"Amount":"1","#, 1);
        for value in [twice, other_case, both_cases, format!("{JSON}{JSON}"), format!("[{JSON}]")] {
            assert!(Transfer::decode(&payload("application/json", value.clone())).is_err(), "{value}");
        }
        let twice = Writer::new().bytes(1, b"uatom").bytes(2, b"1").bytes(2, b"1000000").bytes(3, b"a").bytes(4, b"b");
        assert!(Transfer::decode(&payload("application/x-protobuf", twice.finish())).is_err());
    }

    #[test]
    fn abi_of_another_form_is_refused() {
        let canonical = written().to_abi().unwrap();
        let mut longer = canonical.clone();
        longer.extend([0; 32]);
        let mut padded = canonical.clone();
        *padded.last_mut().unwrap() = 1;
        // The memo's offset leads to the receiver's tail: a decoder would read it happily.
        let mut shared = canonical.clone();
        let receiver: Vec<u8> = shared[3 * 32..4 * 32].to_vec();
        shared[5 * 32..6 * 32].copy_from_slice(&receiver);
        for value in [longer, padded, shared, canonical[..canonical.len() - 32].to_vec(), Vec::new()] {
            assert!(Transfer::decode(&payload("application/x-solidity-abi", value)).is_err());
        }
    }

    #[test]
    fn amounts_are_positive_and_canonical() {
        for amount in ["0", "01", "+1", "-1", "1.0", "", " 1", "0x1", "1e3"] {
            let value = JSON.replacen("1000000", amount, 1);
            let error = Transfer::decode(&payload("application/json", value)).unwrap_err();
            assert_eq!(error.field, "transfer.amount", "{amount}");
        }
        let too_large = JSON.replacen("1000000", &"9".repeat(78), 1);
        assert!(Transfer::decode(&payload("application/json", too_large)).is_err());
        let most = JSON.replacen("1000000", &U256::MAX.to_string(), 1);
        assert_eq!(Transfer::decode(&payload("application/json", most)).unwrap().amount, U256::MAX);
    }

    #[test]
    fn other_applications_versions_and_encodings_are_refused() {
        type Edit = (&'static str, fn(&mut Payload));
        let edits: [Edit; 4] = [
            ("payload.source_port", |payload| payload.source_port = "icahost".to_owned()),
            ("payload.destination_port", |payload| payload.destination_port = "icahost".to_owned()),
            ("payload.version", |payload| payload.version = "ics20-2".to_owned()),
            ("payload.encoding", |payload| payload.encoding = String::new()),
        ];
        for (field, edit) in edits {
            let mut payload = payload("application/json", JSON);
            edit(&mut payload);
            assert_eq!(Transfer::decode(&payload).unwrap_err().field, field);
        }
    }
}
