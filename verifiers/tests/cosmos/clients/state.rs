//! What a client of CometBFT trusts, as its two states say: in protobuf or, in older files, in plain fields.

use alloy_primitives::{B256, Bytes};
use serde_json::Value;
use spandrel_verifiers::cosmos::{ClientParams, ConsensusState, Fraction, Timestamp};

use super::unhex;
use crate::json::number;

/// A message's field: its number, and a number or bytes.
enum Field<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// The fields of a protobuf message of numbers and bytes; none for other bytes.
fn fields(mut bytes: &[u8]) -> Vec<(u64, Field<'_>)> {
    fn varint(bytes: &mut &[u8]) -> Option<u64> {
        let length = bytes.iter().position(|byte| byte & 0x80 == 0)? + 1;
        let (digits, rest) = bytes.split_at(length);
        *bytes = rest;
        Some(digits.iter().rev().fold(0, |value, digit| value << 7 | u64::from(digit & 0x7f)))
    }
    let mut next = || {
        let (tag, value) = (varint(&mut bytes)?, varint(&mut bytes)?);
        if tag & 7 == 0 {
            return Some((tag >> 3, Field::Number(value)));
        }
        let (content, rest) = bytes.split_at_checked(usize::try_from(value).ok()?)?;
        bytes = rest;
        (tag & 7 == 2).then_some((tag >> 3, Field::Bytes(content)))
    };
    std::iter::from_fn(&mut next).collect()
}

/// A field of bytes; empty if it is left out.
fn content(message: &[u8], number: u64) -> &[u8] {
    let field = fields(message).into_iter().find(|(found, _)| *found == number);
    field.and_then(|(_, field)| if let Field::Bytes(bytes) = field { Some(bytes) } else { None }).unwrap_or_default()
}

/// A field that is a number; zero if it is left out.
fn numeral(message: &[u8], number: u64) -> u64 {
    let field = fields(message).into_iter().find(|(found, _)| *found == number);
    field.and_then(|(_, field)| if let Field::Number(value) = field { Some(value) } else { None }).unwrap_or_default()
}

/// What a client trusts: its parameters, and the state that is known of some height.
pub struct Client {
    pub params: ClientParams,
    pub time: Timestamp,
    pub root: Bytes,
    next_validators_hash: B256,
}

impl Client {
    pub fn of(file: &Value) -> Self {
        if let Some(client) = file.get("client_state_hex") {
            return Self::of_protobuf(&unhex(client), &unhex(&file["consensus_state_hex"]));
        }
        let (client, state) = (&file["client_state"], consensus_state(file));
        let params = ClientParams {
            chain_id: client["chain_id"].as_str().unwrap().to_owned(),
            trusting_period: number(&client["trusting_period"]),
            unbonding_period: number(&client["unbonding_period"]),
            max_clock_drift: number(&client["max_clock_drift"]),
            trust_level: Fraction {
                numerator: number(&client["trust_level_numerator"]),
                denominator: number(&client["trust_level_denominator"]),
            },
        };
        // Nanoseconds, or seconds where it is too small for that.
        let time = number(&state["timestamp"]);
        let (seconds, nanos) =
            if time < 1_000_000_000_000 { (time, 0) } else { (time / 1_000_000_000, time % 1_000_000_000) };
        Self {
            params,
            time: Timestamp::new(seconds as i64, nanos as u32).unwrap(),
            root: unhex(&state["root"]).into(),
            next_validators_hash: B256::from_slice(&unhex(&state["next_validators_hash"])),
        }
    }

    /// `ibc.lightclients.tendermint.v1.ClientState` and `ConsensusState`.
    fn of_protobuf(client: &[u8], state: &[u8]) -> Self {
        let (level, time) = (content(client, 2), content(state, 1));
        let params = ClientParams {
            chain_id: String::from_utf8_lossy(content(client, 1)).into_owned(),
            trusting_period: numeral(content(client, 3), 1),
            unbonding_period: numeral(content(client, 4), 1),
            max_clock_drift: numeral(content(client, 5), 1),
            trust_level: Fraction { numerator: numeral(level, 1), denominator: numeral(level, 2) },
        };
        Self {
            params,
            time: Timestamp::new(numeral(time, 1) as i64, numeral(time, 2) as u32).unwrap(),
            root: Bytes::copy_from_slice(content(content(state, 2), 1)),
            next_validators_hash: B256::right_padding_from(content(state, 3).get(..32).unwrap_or_default()),
        }
    }

    pub fn state(&self, height: u64) -> ConsensusState {
        ConsensusState {
            height,
            // Of headers after it nothing is held against it.
            hash: B256::ZERO,
            time: self.time,
            app_hash: self.root.clone(),
            next_validators_hash: self.next_validators_hash,
        }
    }
}

fn consensus_state(file: &Value) -> &Value {
    ["consensus_state", "trusted_consensus_state"]
        .iter()
        .map(|name| &file[*name])
        .find(|state| state.is_object())
        .unwrap()
}
