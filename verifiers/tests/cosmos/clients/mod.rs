//! Recorded IBC clients of solidity-ibc-eureka's form: what a client of CometBFT trusts, and a header or a proof for it.

mod state;

use alloy_primitives::B256;
use serde_json::Value;
use spandrel_verifiers::cosmos::ics23::{Membership, verify_absence, verify_membership};
use spandrel_verifiers::cosmos::{ClientHeader, CommitSig, KeyTables, Packet, Payload, commitment_key, verify_header};
use state::Client;

use crate::json::{base64, number};
use crate::store::sha;
use crate::support::Tally;
use crate::vector_coverage::stated;

fn unhex(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().unwrap().trim_start_matches("0x")).unwrap()
}

/// Whether a file is one of these.
pub fn is_client(file: &Value) -> bool {
    let has_states = file["client_state_hex"].is_string() && file["consensus_state_hex"].is_string()
        || file["client_state"]["trust_level_numerator"].is_number()
            && (file["consensus_state"]["root"].is_string() || file["trusted_consensus_state"]["root"].is_string());
    has_states && (file["membership_msg"]["proof"].is_string() || client_message(file).is_string())
}

fn client_message(file: &Value) -> &Value {
    &file["update_client_message"]["client_message_hex"]
}

/// Whether it is to verify: as is stated, or by what the recording is of. What says nothing is to verify.
fn is_valid(path: &std::path::Path, file: &Value) -> bool {
    const REFUSED: [&str; 6] = ["expired", "future", "malformed", "invalid", "wrong", "tampered"];
    let description = file["metadata"]["description"].as_str().and_then(|text| text.rsplit("scenario: ").next());
    let scenario = file["scenario"].as_str().or(description).unwrap_or_default();
    stated(path, file).unwrap_or_else(|| !REFUSED.iter().any(|word| scenario.contains(word)))
}

/// Runs a file's header and its proof under what its client trusts.
///
/// # Panics
/// When a verdict is another than it is to be, or holds for something else too.
pub fn run(path: &std::path::Path, file: &Value, tally: &mut Tally) {
    let (client, is_valid) = (Client::of(file), is_valid(path, file));
    if client_message(file).is_string() {
        run_update(&client, &file["update_client_message"], is_valid, tally);
    }
    if file["membership_msg"].is_object() {
        run_proof(&client, file, is_valid, tally);
    }
}

fn run_update(client: &Client, message: &Value, is_valid: bool, tally: &mut Tally) {
    let encoded = unhex(&message["client_message_hex"]);
    let trusted = client.state(number(&message["trusted_height"]));
    let tables = KeyTables::new();
    let check = |header: &ClientHeader, now: u64| {
        verify_header(&client.params, &trusted, header, now, &tables)?.into_result(&client.params)
    };
    let header = ClientHeader::decode(&encoded);
    let now = |header: &ClientHeader| header.signed_header.header.time.unix_seconds() + 1;
    if !is_valid {
        let verdict = header.and_then(|header| check(&header, now(&header).min(client.time.unix_seconds() + 3_600)));
        verdict.unwrap_err();
        return tally.refuse();
    }
    let header = header.unwrap();
    assert_eq!(ClientHeader::decode(&header.encode()).unwrap(), header);
    assert_eq!(header.height(), number(&message["new_height"]));
    check(&header, now(&header)).unwrap();
    tally.pass();
    // When trust has run out, before its time, and with another signature or another trusted height.
    let expired = client.time.unix_seconds() + client.params.trusting_period + 1;
    let early = header.signed_header.header.time.unix_seconds() - client.params.max_clock_drift - 1;
    let mut resigned = header.clone();
    for vote in &mut resigned.signed_header.commit.signatures {
        if let CommitSig::ForBlock(vote) = vote {
            vote.signature.0[32] ^= 1;
        }
    }
    let elsewhere = ClientHeader { trusted_height: header.trusted_height + 100, ..header.clone() };
    for verdict in [
        check(&header, expired),
        check(&header, early),
        check(&resigned, now(&header)),
        check(&elsewhere, now(&header)),
    ] {
        verdict.unwrap_err();
        tally.refuse();
    }
}

/// Text whose letters are bytes: keys have bytes that are no text.
fn letters(text: &Value) -> Vec<u8> {
    let text = text.as_str().unwrap();
    let bytes = text.chars().map(|letter| u8::try_from(u32::from(letter)).ok()).collect::<Option<_>>();
    bytes.unwrap_or_else(|| text.as_bytes().to_vec())
}

fn run_proof(client: &Client, file: &Value, is_valid: bool, tally: &mut Tally) {
    let message = &file["membership_msg"];
    let (store, key) = (letters(&message["path"][0]), letters(&message["path"][1]));
    let (value, proof) = (unhex(&message["value"]), unhex(&message["proof"]));
    let check = |root: B256, key: &[u8], value: &[u8], proof: &[u8]| match value {
        [] => verify_absence(root, &store, key, proof),
        _ => verify_membership(&Membership { root, store: &store, key, value, proof }),
    };
    // Some files give the state at the height before its root, and that root by itself.
    let root = file["app_hash_hex"].as_str().map_or(client.root.to_vec(), |_| unhex(&file["app_hash_hex"]));
    let root = B256::from_slice(&root);
    if !is_valid {
        check(root, &key, &value, &proof).unwrap_err();
        return tally.refuse();
    }
    check(root, &key, &value, &proof).unwrap();
    tally.pass();
    if file["packet"].is_object() {
        check_packet(&file["packet"], &key, &value);
        tally.pass();
    }
    let other = [&value[..], b"x"].concat();
    for verdict in [
        check(!root, &key, &value, &proof),
        check(root, &[&key[..], b"x"].concat(), &value, &proof),
        verify_membership(&Membership { root, store: &store, key: &key, value: &other, proof: &proof }),
        check(root, &key, &value, &proof[..proof.len() - 1]),
    ] {
        verdict.unwrap_err();
        tally.refuse();
    }
}

/// Holds a packet against what the chain committed to: itself, or the acknowledgement of it. A receipt is not there.
///
/// # Panics
/// When it is another commitment.
fn check_packet(recorded: &Value, key: &[u8], value: &[u8]) {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let payload = |payload: &Value| Payload {
        source_port: text(&payload["source_port"]),
        destination_port: text(&payload["dest_port"]),
        version: text(&payload["version"]),
        encoding: text(&payload["encoding"]),
        value: base64(payload["value"].as_str().unwrap()).into(),
    };
    let packet = Packet {
        sequence: number(&recorded["sequence"]),
        source_client: text(&recorded["source_client"]),
        destination_client: text(&recorded["dest_client"]),
        timeout: number(&recorded["timeout_timestamp"]),
        payloads: recorded["payloads"].as_array().unwrap().iter().map(payload).collect(),
    };
    assert_eq!(Packet::decode(&packet.encode()).unwrap(), packet);
    let of = |client: &str, kind: u8| [client.as_bytes(), &[kind], &packet.sequence.to_be_bytes()].concat();
    let (receipt, acknowledgement) = (of(&packet.destination_client, 2), of(&packet.destination_client, 3));
    match key {
        key if *key == commitment_key(&packet.source_client, packet.sequence) => {
            assert_eq!(packet.commitment().as_slice(), value);
        }
        key if *key == acknowledgement => {
            let acknowledged = base64(recorded["acknowledgement"].as_str().unwrap());
            assert_eq!(sha(&[&[2], &sha(&[&acknowledged])]), value);
        }
        key => assert_eq!((key, value), (&receipt[..], &[][..])),
    }
}

fn to_base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let group = |group: &[u8]| {
        let bits = group.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
        let letter = |place: usize| char::from(LETTERS[(bits >> (18 - 6 * place)) as usize & 63]);
        (0..4).map(|place| if place <= group.len() { letter(place) } else { '=' }).collect::<String>()
    };
    bytes.chunks(3).map(group).collect()
}

/// Files of this form are not among the vectors beside the repository: some are made here, with a chain whose keys are
/// known.
#[test]
fn recorded_clients_are_followed_and_their_proofs_checked() {
    use serde_json::json;

    use crate::chain::{CHAIN, block_of, header, state};
    use crate::scene::{packet, scene};
    use crate::store::{field, varint};
    let (scene, path) = (scene(), std::path::Path::new("client.json"));
    let nested = |number: u8, parts: &[(u8, u64)]| {
        let numbers = parts.iter().flat_map(|(number, value)| [vec![number << 3], varint(*value)].concat());
        field(number, &numbers.collect::<Vec<_>>())
    };
    let client = [
        field(1, CHAIN.as_bytes()),
        nested(2, &[(1, 1), (2, 3)]),
        nested(3, &[(1, 100_000)]),
        nested(4, &[(1, 200_000)]),
        nested(5, &[(1, 15)]),
        nested(7, &[(1, 7), (2, 3)]),
    ]
    .concat();
    let mut head = header(10, &scene.members, &scene.members);
    head.app_hash = scene.app.app_hash().to_vec().into();
    let block = block_of(head, &scene.members, &scene.members);
    let update = block.verified_from(&scene.anchor);
    let consensus = |state: &spandrel_verifiers::cosmos::ConsensusState| {
        let time = nested(1, &[(1, state.time.seconds() as u64), (2, u64::from(state.time.nanos()))]);
        hex::encode(
            [time, field(2, &field(1, &state.app_hash)), field(3, state.next_validators_hash.as_slice())].concat(),
        )
    };
    let states = |state: &spandrel_verifiers::cosmos::ConsensusState, rest: Value| {
        let mut file = json!({"client_state_hex": hex::encode(&client), "consensus_state_hex": consensus(state)});
        file.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        file
    };
    let count = |file: &Value| {
        assert!(is_client(file));
        std::panic::catch_unwind(|| {
            let mut tally = Tally::silent();
            run(path, file, &mut tally);
            (tally.passed, tally.refused)
        })
    };
    let message = |header: &ClientHeader| json!({"client_message_hex": hex::encode(header.encode()), "trusted_height": 3, "new_height": 10});
    let followed = states(&state(&scene.anchor), json!({"update_client_message": message(&update)}));
    assert_eq!(count(&followed).unwrap(), (1, 4));
    // What is recorded as spoiled is to be refused, and nothing else.
    let mut late = update.clone();
    late.signed_header.header.time = crate::chain::at(crate::chain::START + 50_000);
    let scenario = |name: &str, header: &ClientHeader| {
        let metadata = json!({"description": format!("Tendermint light client fixture for scenario: {name}")});
        states(&state(&scene.anchor), json!({"update_client_message": message(header), "metadata": metadata}))
    };
    assert_eq!(count(&scenario("future_timestamp", &late)).unwrap(), (0, 1));
    count(&scenario("future_timestamp", &update)).unwrap_err();
    count(&scenario("happy_path", &late)).unwrap_err();
    // A packet's commitment, in protobuf and in plain fields, with its packet and with another.
    let sent = packet(5);
    let recorded = |packet: &Packet| {
        let payload = &packet.payloads[0];
        json!({
            "sequence": packet.sequence, "source_client": packet.source_client,
            "dest_client": packet.destination_client, "timeout_timestamp": packet.timeout,
            "payloads": [{
                "source_port": payload.source_port, "dest_port": payload.destination_port, "version": payload.version,
                "encoding": payload.encoding, "value": to_base64(&payload.value),
            }],
        })
    };
    let text = |key: &[u8]| key.iter().map(|byte| char::from(*byte)).collect::<String>();
    let proof = |key: &[u8], value: &[u8], proof: Vec<u8>| json!({"path": ["ibc", text(key)], "value": hex::encode(value), "proof": hex::encode(proof)});
    let (key, value) = (sent.key(), sent.commitment());
    let membership = proof(&key, value.as_slice(), scene.app.membership(&key));
    let after = state(&block);
    let committed = |packet: &Packet| states(&after, json!({"membership_msg": membership, "packet": recorded(packet)}));
    assert_eq!(count(&committed(&sent)).unwrap(), (2, 4));
    count(&committed(&Packet { timeout: sent.timeout + 1, ..sent.clone() })).unwrap_err();
    let plain = json!({
        "client_state": {
            "chain_id": CHAIN, "trusting_period": 100_000, "unbonding_period": 200_000, "max_clock_drift": 15,
            "trust_level_numerator": 1, "trust_level_denominator": 3, "latest_height": 10,
        },
        "consensus_state": {
            "root": hex::encode(&after.app_hash), "timestamp": 1_700_000_100_250_000_000_u64,
            "next_validators_hash": hex::encode(after.next_validators_hash),
        },
        "membership_msg": membership,
    });
    assert_eq!(count(&plain).unwrap(), (1, 4));
    // A receipt that is not there; and the commitment under the root of another height.
    let receipt = [sent.destination_client.as_bytes(), &[2], &sent.sequence.to_be_bytes()].concat();
    let absence = proof(&receipt, &[], scene.app.non_membership(&receipt));
    let absent = states(&after, json!({"membership_msg": absence, "packet": recorded(&sent)}));
    assert_eq!(count(&absent).unwrap(), (2, 4));
    count(&states(&state(&scene.anchor), json!({"membership_msg": membership}))).unwrap_err();
}
