//! BLS12-381: the official vectors, Wycheproof's, and blst's own verification beside ours.

use std::path::PathBuf;
use std::sync::LazyLock;

use alloy_primitives::{B256, Bytes, keccak256};
use blst::BLST_ERROR;
use blst::min_pk::{AggregatePublicKey, AggregateSignature, PublicKey, SecretKey, Signature};
use proptest::prelude::*;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use spandrel_verifiers::VerifyError;
use spandrel_verifiers::ethereum::bls::{Claimed, Committee, DST, SystemScalars, verify_aggregate, verify_each};
use spandrel_verifiers::ethereum::containers::{BlsPublicKey, BlsSignature, SyncAggregate, SyncCommittee};

use crate::chain::{SEATS, committee, secrets, sign};
use crate::support::{Tally, bytes, folders, hex_bytes, texts, vectors};

#[derive(Deserialize)]
struct Case<I, O> {
    input: I,
    output: O,
}

#[derive(Deserialize)]
struct Verify {
    pubkey: Bytes,
    message: Bytes,
    signature: Bytes,
}

#[derive(Deserialize)]
struct FastAggregateVerify {
    pubkeys: Vec<Bytes>,
    message: Bytes,
    signature: Bytes,
}

#[derive(Deserialize)]
struct BatchVerify {
    pubkeys: Vec<Bytes>,
    messages: Vec<Bytes>,
    signatures: Vec<Bytes>,
}

#[derive(Deserialize)]
struct AggregateVerify {
    pubkeys: Vec<Bytes>,
    messages: Vec<Bytes>,
    signature: Bytes,
}

#[derive(Deserialize)]
struct HashToG2 {
    msg: String,
}

#[derive(Deserialize)]
struct Coordinates {
    x: String,
    y: String,
}

#[derive(Deserialize)]
struct Sign {
    privkey: Bytes,
    message: Bytes,
}

#[derive(Deserialize)]
struct Point {
    #[serde(alias = "pubkey", alias = "signature")]
    bytes: String,
}

fn no(what: &str) -> VerifyError {
    VerifyError::malformed(what, "a point", "bytes of another length")
}

/// Bytes of another length are no key or signature at all.
fn check(keys: &[Bytes], message: &Bytes, signature: &Bytes) -> Result<(), VerifyError> {
    let key = |key: &Bytes| BlsPublicKey::try_from(key.as_ref()).map_err(|_| no("pubkeys[0]"));
    let keys: Vec<_> = keys.iter().map(key).collect::<Result<_, _>>()?;
    let signature = BlsSignature::try_from(signature.as_ref()).map_err(|_| no("signature"))?;
    verify_aggregate(&keys, message, &signature)
}

pub struct Suite {
    pub tally: Tally,
    pub roots: Vec<PathBuf>,
}

impl Suite {
    /// Runs every case in folders of this name, however deep, in JSON or YAML.
    fn each<I: DeserializeOwned, O: DeserializeOwned>(&mut self, name: &str, run: impl Fn(&mut Tally, I, O)) {
        let folders: Vec<_> = self.roots.iter().flat_map(|root| folders(root, name)).collect();
        if folders.is_empty() {
            return self.tally.skip("a suite that is not there");
        }
        for file in folders.into_iter().flat_map(texts) {
            println!("bls: {name}/{}", file.display());
            let is_yaml = file.extension().is_some_and(|ending| ending == "yaml");
            let bytes = bytes(&file);
            let case: Option<Case<I, O>> =
                if is_yaml { serde_yaml::from_slice(&bytes).ok() } else { serde_json::from_slice(&bytes).ok() };
            match case {
                Some(Case { input, output }) => run(&mut self.tally, input, output),
                // In a folder that only has the name of a suite.
                None => self.tally.skip("no input and output of its suite"),
            }
        }
    }
}

fn judge(tally: &mut Tally, result: Result<(), VerifyError>, expected: bool) {
    assert_eq!(result.is_ok(), expected, "{result:?}");
    if expected { tally.pass() } else { tally.refuse_any(result) }
}

/// Eight seats of one key: the smallest committee that a signature can be checked against.
fn committee_of(key: &PublicKey) -> Committee {
    let sum = AggregatePublicKey::aggregate(&[key; 8], false).unwrap().to_public_key();
    let pubkeys = vec![key.compress().into(); 8];
    Committee::new(&SyncCommittee { pubkeys, aggregate_pubkey: sum.compress().into() }).unwrap()
}

#[test]
fn the_official_vectors_are_answered_as_expected() {
    let roots: Vec<_> = ["crypto", "ethereum"].into_iter().filter_map(vectors).collect();
    let mut suite = Suite { tally: Tally::new("eth bls12-381"), roots };
    run_official(&mut suite);
    if suite.tally.passed() == 0 {
        suite.tally.skip("no case among the vectors");
    }
}

/// Runs all suites below the roots.
///
/// # Panics
/// When a case is answered otherwise than it says.
pub fn run_official(suite: &mut Suite) {
    suite.each("verify", |tally, input: Verify, expected| {
        judge(tally, check(&[input.pubkey], &input.message, &input.signature), expected);
    });
    suite.each("fast_aggregate_verify", |tally, input: FastAggregateVerify, expected| {
        judge(tally, check(&input.pubkeys, &input.message, &input.signature), expected);
    });
    suite.each("batch_verify", |tally, input: BatchVerify, expected: bool| {
        let committees: Vec<_> =
            input.pubkeys.iter().map(|key| committee_of(&PublicKey::key_validate(key).unwrap())).collect();
        let aggregates: Vec<_> = input
            .signatures
            .iter()
            .map(|signature| SyncAggregate {
                sync_committee_bits: vec![1].into(),
                sync_committee_signature: BlsSignature::from_slice(signature),
            })
            .collect();
        let claims = committees.iter().zip(&aggregates).zip(&input.messages);
        let claims: Vec<_> = claims
            .map(|((committee, aggregate), message)| Claimed {
                committee,
                aggregate,
                message: B256::from_slice(message),
            })
            .collect();
        let verdicts = verify_each(&claims, &mut SystemScalars);
        let alone: Vec<_> = claims.iter().map(|claim| claim.committee.verify(claim.aggregate, claim.message)).collect();
        assert_eq!(verdicts, alone);
        judge(tally, verdicts.into_iter().try_for_each(|verdict| verdict.map(drop)), expected);
    });
    suite.each("sign", |tally, input: Sign, output: Option<Bytes>| {
        let Some(signature) = output else { return tally.skip("signing with the key zero") };
        let key = SecretKey::from_bytes(&input.privkey).unwrap().sk_to_pk().compress();
        judge(tally, check(&[key.into()], &input.message, &signature), true);
    });
    suite.each("deserialization_G1", |tally, Point { bytes }, is_point: bool| {
        let signature = infinity();
        let result = check(&[hex_bytes(&bytes)], &Bytes::new(), &signature);
        let is_key = result.as_ref().unwrap_err().field != "pubkeys[0]";
        // Infinity is a point, and no key.
        let is_infinity = bytes.trim_start_matches("0x").starts_with("c0") && is_point;
        assert_eq!(is_key, is_point && !is_infinity, "{bytes}");
        if is_key { tally.pass() } else { tally.refuse(result, "pubkeys[0]") }
    });
    suite.each("deserialization_G2", |tally, Point { bytes }, is_point: bool| {
        let key = secrets(0)[0].sk_to_pk().compress();
        let result = check(&[key.into()], &Bytes::new(), &hex_bytes(&bytes));
        // A point of the group is refused only for being another signature.
        let is_found = result.as_ref().unwrap_err().found.starts_with("another");
        assert_eq!(is_found, is_point, "{bytes} {result:?}");
        if is_point { tally.pass() } else { tally.refuse(result, "signature") }
    });
    // What follows has no face of its own here: the same library, by which signatures are checked, must be right in it.
    suite.each("aggregate", |tally, input: Vec<Bytes>, expected: Option<Bytes>| {
        let signatures: Option<Vec<_>> = input.iter().map(|bytes| Signature::from_bytes(bytes).ok()).collect();
        let signatures = signatures.filter(|signatures| !signatures.is_empty());
        let sum = signatures
            .and_then(|signatures| AggregateSignature::aggregate(&signatures.iter().collect::<Vec<_>>(), true).ok());
        assert_eq!(sum.map(|sum| Bytes::from(sum.to_signature().compress().to_vec())), expected);
        if expected.is_some() { tally.pass() } else { tally.count(0, 1) }
    });
    suite.each("aggregate_verify", |tally, input: AggregateVerify, expected: bool| {
        assert_eq!(verify_many(&input), expected);
        if expected { tally.pass() } else { tally.count(0, 1) }
    });
    suite.each("hash_to_G2", |tally, input: HashToG2, output: Coordinates| {
        // A signature by the key one is the message's point itself; the tag is the suite's own.
        let mut one = [0; 32];
        one[31] = 1;
        let tag = b"QUUX-V01-CS02-with-BLS12381G2_XMD:SHA-256_SSWU_RO_";
        let point = SecretKey::from_bytes(&one).unwrap().sign(input.msg.as_bytes(), tag, &[]).serialize();
        // Each coordinate is two numbers, here the one without the imaginary unit first, in a point last.
        let numbers = [&output.x, &output.y].map(|pair| pair.replace("0x", ""));
        let expected = numbers.map(|pair| pair.split(',').rev().collect::<String>()).concat();
        assert_eq!(hex::encode(point), expected);
        tally.pass();
    });
    suite.each("eth_fast_aggregate_verify", |tally, input: FastAggregateVerify, expected| {
        if input.pubkeys.is_empty() && input.signature.as_ref() == infinity().as_ref() {
            return tally.skip("nobody's signature: an update without participants is refused before");
        }
        judge(tally, check(&input.pubkeys, &input.message, &input.signature), expected);
    });
    suite.each("eth_aggregate_pubkeys", |tally, input: Vec<Bytes>, expected: Option<Bytes>| {
        let keys: Option<Vec<_>> = input.iter().map(|key| PublicKey::key_validate(key).ok()).collect();
        let keys = keys.filter(|keys| !keys.is_empty());
        let sum = keys.map(|keys| AggregatePublicKey::aggregate(&keys.iter().collect::<Vec<_>>(), false).unwrap());
        let sum = sum.map(|sum| sum.to_public_key().compress());
        assert_eq!(sum.map(|sum| Bytes::from(sum.to_vec())), expected);
        // Ours: the sum is that of a committee whose seats these keys share, as often as they fit into it.
        let Some(sum) = expected.filter(|_| SEATS.is_multiple_of(input.len())) else { return tally.count(0, 1) };
        let times = SEATS / input.len();
        let key = PublicKey::from_bytes(&sum).unwrap();
        let sum = AggregatePublicKey::aggregate(&vec![&key; times], false).unwrap().to_public_key().compress();
        let seats = input.iter().map(|key| BlsPublicKey::from_slice(key));
        let pubkeys: Vec<_> = std::iter::repeat_n(seats, times).flatten().collect();
        Committee::new(&SyncCommittee { pubkeys, aggregate_pubkey: sum.into() }).unwrap();
        tally.pass();
    });
}

/// One signature over a message for each key.
fn verify_many(AggregateVerify { pubkeys, messages, signature }: &AggregateVerify) -> bool {
    let keys: Option<Vec<_>> = pubkeys.iter().map(|key| PublicKey::key_validate(key).ok()).collect();
    let messages: Vec<&[u8]> = messages.iter().map(AsRef::as_ref).collect();
    let (Some(keys), Ok(signature)) = (keys, Signature::from_bytes(signature)) else { return false };
    let keys: Vec<&PublicKey> = keys.iter().collect();
    signature.aggregate_verify(true, &messages, DST, &keys, true) == BLST_ERROR::BLST_SUCCESS
}

pub fn infinity() -> Bytes {
    let mut point = vec![0; 96];
    point[0] = 0xc0;
    point.into()
}

#[test]
fn wycheproofs_signatures_are_answered_as_expected() {
    let roots = ["crypto", "ethereum"].into_iter().filter_map(vectors);
    let mut tally = Tally::new("wycheproof bls");
    #[derive(Deserialize)]
    struct File {
        #[serde(rename = "testGroups")]
        groups: Vec<Group>,
    }
    #[derive(Deserialize)]
    struct Group {
        ciphersuite: Option<String>,
        #[serde(rename = "publicKey")]
        key: Option<Key>,
        tests: Vec<Test>,
    }
    #[derive(Deserialize)]
    struct Key {
        pk: String,
    }
    #[derive(Deserialize)]
    struct Test {
        #[serde(default)]
        msg: String,
        #[serde(default)]
        sig: String,
        result: String,
        comment: String,
    }
    // Whatever such a file is called, wherever it stands.
    for file in roots.flat_map(texts) {
        let Ok(content) = serde_json::from_slice::<serde_json::Value>(&bytes(&file)) else { continue };
        if content["algorithm"] != "BLS" {
            continue;
        }
        for group in serde_json::from_value::<File>(content).unwrap().groups {
            let (Some(key), Some(suite)) = (&group.key, &group.ciphersuite) else {
                group.tests.iter().for_each(|_| tally.skip("neither one key nor one message: nothing here does that"));
                continue;
            };
            let is_ours = suite.as_bytes() == DST;
            for test in &group.tests {
                let result = check(&[hex_bytes(&key.pk)], &hex_bytes(&test.msg), &hex_bytes(&test.sig));
                // Of another ciphersuite nothing is right here.
                let expected = is_ours && test.result == "valid";
                assert_eq!(result.is_ok(), expected, "{} {}", file.display(), test.comment);
                judge(&mut tally, result, expected);
            }
        }
    }
}

struct Scene {
    committee: Committee,
    keys: Vec<PublicKey>,
}

static SCENE: LazyLock<Scene> = LazyLock::new(|| Scene {
    committee: Committee::new(&committee(1)).unwrap(),
    keys: secrets(1).iter().map(SecretKey::sk_to_pk).collect(),
});

/// What blst's `fast_aggregate_verify` says, under the participants' keys.
fn peer(aggregate: &SyncAggregate, message: B256) -> bool {
    let seats = SCENE.keys.iter().zip(aggregate.signed());
    let keys: Vec<&PublicKey> = seats.filter(|(_, signed)| *signed).map(|(key, _)| key).collect();
    let Ok(signature) = Signature::from_bytes(aggregate.sync_committee_signature.as_slice()) else { return false };
    signature.fast_aggregate_verify(true, message.as_slice(), DST, &keys) == BLST_ERROR::BLST_SUCCESS
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn blst_gives_the_same_verdict_alone_and_in_a_batch(
        cases in prop::collection::vec((0_usize..SEATS, 1_usize..=SEATS, 0_u8..8, 0_usize..96, 0_u8..8), 1..7),
    ) {
        let signed: Vec<(SyncAggregate, B256)> = cases
            .iter()
            .map(|(first, count, kind, place, bit)| {
                let message = keccak256(first.to_be_bytes());
                let seats = *first..SEATS.min(first + count);
                let mut aggregate = sign(1, seats, message);
                match kind {
                    0 => aggregate.sync_committee_signature.0[*place] ^= 1 << bit,
                    1 => {
                        let mut bits = aggregate.sync_committee_bits.to_vec();
                        bits[place % 4] ^= 1 << bit;
                        aggregate.sync_committee_bits = bits.into();
                    }
                    2 => return (aggregate, keccak256(message)),
                    _ => {}
                }
                (aggregate, message)
            })
            .collect();
        let committee = &SCENE.committee;
        let claims: Vec<_> =
            signed.iter().map(|(aggregate, message)| Claimed { committee, aggregate, message: *message }).collect();
        let together = verify_each(&claims, &mut SystemScalars);
        for ((aggregate, message), verdict) in signed.iter().zip(together) {
            prop_assert_eq!(verdict.is_ok(), peer(aggregate, *message));
            prop_assert_eq!(verdict, committee.verify(aggregate, *message));
        }
    }
}
