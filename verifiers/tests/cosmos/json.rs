//! JSON of blocks, commits and validators as nodes and fixtures write it, read into the verifier's types.

use alloy_primitives::{B256, Bytes, FixedBytes};
use serde_json::Value;
use spandrel_verifiers::cosmos::{
    BlockId, Commit, CommitSig, Header, LightBlock, PublicKey, SignedHeader, Timestamp, Validator, ValidatorSet, Vote,
};

/// A number, written as such or as text; absent is zero.
pub fn number(value: &Value) -> u64 {
    match value {
        Value::String(text) => text.parse().unwrap(),
        Value::Null => 0,
        other => other.as_u64().unwrap(),
    }
}

pub fn base64(text: &str) -> Vec<u8> {
    let digit = |byte: u8| match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        other => panic!("{other} is not base64"),
    };
    let digits: Vec<u8> = text.bytes().filter(|byte| *byte != b'=').map(digit).collect();
    let mut bytes = Vec::new();
    for chunk in digits.chunks(4) {
        let bits = chunk.iter().fold(0_u32, |bits, digit| (bits << 6) | u32::from(*digit)) << (6 * (4 - chunk.len()));
        bytes.extend(&bits.to_be_bytes()[1..chunk.len()]);
    }
    bytes
}

/// Hex, with or without `0x`; absent is empty.
fn unhex(value: &Value) -> Vec<u8> {
    let text = value.as_str().unwrap_or_default();
    hex::decode(text.strip_prefix("0x").unwrap_or(text)).unwrap()
}

pub fn hash(value: &Value) -> Option<B256> {
    let bytes = unhex(value);
    (!bytes.is_empty()).then(|| B256::from_slice(&bytes))
}

/// RFC 3339, in UTC.
pub fn time(value: &Value) -> Timestamp {
    let text = value.as_str().unwrap();
    let text = text.strip_suffix('Z').or_else(|| text.strip_suffix("+00:00")).unwrap();
    let (date, clock) = text.split_once('T').unwrap();
    let date: Vec<i64> = date.split('-').map(|part| part.parse().unwrap()).collect();
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let clock: Vec<i64> = clock.split(':').map(|part| part.parse().unwrap()).collect();
    // Days since 1970-01-01 (H. Hinnant, civil calendar).
    let (year, month, day) = (date[0] - i64::from(date[1] <= 2), date[1], date[2]);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468;
    let seconds = days * 86_400 + clock[0] * 3_600 + clock[1] * 60 + clock[2];
    Timestamp::new(seconds, format!("{fraction:0<9}").parse().unwrap()).unwrap()
}

fn block_id(value: &Value) -> BlockId {
    let parts = if value["parts"].is_null() { &value["part_set_header"] } else { &value["parts"] };
    BlockId {
        hash: hash(&value["hash"]),
        parts_total: number(&parts["total"]) as u32,
        parts_hash: hash(&parts["hash"]),
    }
}

pub fn header(value: &Value) -> Header {
    Header {
        block_version: number(&value["version"]["block"]),
        app_version: number(&value["version"]["app"]),
        chain_id: value["chain_id"].as_str().unwrap().to_owned(),
        height: number(&value["height"]),
        time: time(&value["time"]),
        last_block_id: block_id(&value["last_block_id"]),
        last_commit_hash: hash(&value["last_commit_hash"]),
        data_hash: hash(&value["data_hash"]),
        validators_hash: hash(&value["validators_hash"]).unwrap(),
        next_validators_hash: hash(&value["next_validators_hash"]).unwrap(),
        consensus_hash: hash(&value["consensus_hash"]),
        app_hash: Bytes::from(unhex(&value["app_hash"])),
        last_results_hash: hash(&value["last_results_hash"]),
        evidence_hash: hash(&value["evidence_hash"]),
        proposer_address: FixedBytes::from_slice(&unhex(&value["proposer_address"])),
    }
}

fn commit_sig(value: &Value) -> CommitSig {
    // Union's recordings of some blocks name the kind and put the vote under it.
    let (flag, body) = match value["@type"].as_str() {
        Some("absent") => (1, value),
        Some("commit") => (2, &value["@value"]),
        Some("nil") => (3, &value["@value"]),
        Some(other) => panic!("vote type {other}"),
        None => (number(&value["block_id_flag"]), value),
    };
    let vote = || {
        let signature = body["signature"].as_str().unwrap();
        let signature = match signature.strip_prefix("0x") {
            Some(digits) => hex::decode(digits).unwrap(),
            None => base64(signature),
        };
        Vote {
            validator: FixedBytes::from_slice(&unhex(&body["validator_address"])),
            timestamp: time(&body["timestamp"]),
            signature: FixedBytes::from_slice(&signature),
        }
    };
    match flag {
        1 => CommitSig::Absent,
        2 => CommitSig::ForBlock(vote()),
        3 => CommitSig::ForNil(vote()),
        other => panic!("block id flag {other}"),
    }
}

pub fn commit(value: &Value) -> Commit {
    Commit {
        height: number(&value["height"]),
        round: number(&value["round"]) as u32,
        block_id: block_id(&value["block_id"]),
        // Go writes an empty list as `null`.
        signatures: value["signatures"].as_array().into_iter().flatten().map(commit_sig).collect(),
    }
}

pub fn signed_header(value: &Value) -> SignedHeader {
    SignedHeader { header: header(&value["header"]), commit: commit(&value["commit"]) }
}

/// As nodes write it, or as some of Union's recordings do.
fn public_key(value: &Value) -> PublicKey {
    let (kind, key) = match value["@type"].as_str() {
        Some(kind) => (kind, unhex(&value["@value"])),
        None => (value["type"].as_str().unwrap(), base64(value["value"].as_str().unwrap())),
    };
    match kind {
        "ed25519" | "tendermint/PubKeyEd25519" => PublicKey::Ed25519(key.try_into().unwrap()),
        "tendermint/PubKeySecp256k1" => PublicKey::Secp256k1(FixedBytes::from_slice(&key)),
        other => panic!("key type {other}"),
    }
}

/// In the order in which sets are hashed: by power, then by address.
pub fn validators(value: &Value) -> ValidatorSet {
    let list = value["validators"].as_array().cloned().unwrap_or_default();
    let mut validators: Vec<Validator> = list
        .iter()
        .map(|item| {
            let key = public_key(&item["pub_key"]);
            Validator::new(key, number(&item["voting_power"]))
        })
        .collect();
    validators.sort_by_key(|validator| (std::cmp::Reverse(validator.power()), *validator.address()));
    ValidatorSet::new(validators).unwrap()
}

/// With both sets.
pub fn light_block(value: &Value) -> LightBlock {
    LightBlock {
        signed_header: signed_header(&value["signed_header"]),
        validators: validators(&value["validator_set"]),
        next_validators: validators(&value["next_validator_set"]),
    }
}
