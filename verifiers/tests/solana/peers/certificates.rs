//! Certificates beside `solana-signer-store`, which reads bitmaps, and `solana-bls-signatures`, put together as Agave's
//! `bls-cert-verify` does. That crate's signatures stand on blst, as ours do: what is compared is which points and sums of
//! keys enter the pairing, not the pairing.
//!
//! The difference: one set of signers has many bitmaps there, and one here.

use std::collections::BTreeSet;

use alloy_primitives::{B256, Bytes, keccak256};
use proptest::collection::vec;
use proptest::prelude::*;
use solana_bls_signatures::pubkey::{PopVerified, PubkeyAffine};
use solana_bls_signatures::{Keypair, PubkeyProjective, Signature, SignatureProjective, VerifySignature};
use solana_signer_store::{Decoded, decode, encode_base2, encode_base3};
use spandrel_verifiers::solana::{BlockName, Certificate, Claim, Electorate, MAX_RANKS, RankMap, Signers};

use super::near;
use crate::maker::{SHRED_VERSION, Validator, base2, base3, certificate, table, validators};
use crate::support::Tally;

/// First and second group of ranks, by the peer, if the bitmap is the shortest of its signers and without padding.
fn peer_signers(bytes: &[u8], ranks: usize) -> Option<(Vec<usize>, Vec<usize>, bool)> {
    let (primary, fallback, again, is_base3) = match decode(bytes, ranks.min(MAX_RANKS)).ok()? {
        Decoded::Base2(bits) => (bits.iter_ones().collect::<Vec<_>>(), Vec::new(), encode_base2(&bits), false),
        Decoded::Base3(first, second) => {
            let again = encode_base3(&first, &second);
            (first.iter_ones().collect(), second.iter_ones().collect(), again, true)
        }
    };
    let count = usize::from(u16::from_le_bytes([bytes[1], bytes[2]]));
    let needed = primary.iter().chain(&fallback).max().map_or(0, |last| last + 1);
    (is_clean(bytes) && again.ok()? == bytes && count == needed).then_some((primary, fallback, is_base3))
}

/// Padding bits of the last byte are zero: theirs keeps what it does not read and writes it again.
fn is_clean(bytes: &[u8]) -> bool {
    let count = usize::from(u16::from_le_bytes([bytes[1], bytes[2]]));
    bytes[0] != 0 || count.is_multiple_of(8) || bytes.last().is_none_or(|last| *last >> (count % 8) == 0)
}

fn agree_on_signers(bytes: &[u8], ranks: usize) -> bool {
    let ours = Signers::decode(bytes, ranks).ok();
    let ours = ours.map(|signers| (signers.primary, signers.fallback, signers.is_base3));
    let theirs = peer_signers(bytes, ranks);
    assert_eq!(ours, theirs, "{bytes:?} of {ranks}");
    theirs.is_some()
}

#[test]
fn every_short_bitmap_is_read_alike() {
    let mut tally = Tally::new("bitmaps beside solana-signer-store");
    for base in 0..3 {
        for count in 0..=11_u8 {
            for payload in 0..=u16::MAX {
                let [first, second] = payload.to_le_bytes();
                let bytes = [base, count, 0, first, second];
                let lengths = if second == 0 { 3..=5 } else { 5..=5 };
                for length in lengths {
                    if agree_on_signers(&bytes[..length], 10) { tally.pass() } else { tally.refused += 1 }
                }
            }
        }
    }
    assert!(tally.passed > 1_000);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn long_bitmaps_are_read_alike(trits in vec(0..3_u8, 1..2_000), seed: u64, is_base3: bool) {
        let of = |wanted: u8| (0..trits.len()).filter(|place| trits[*place] == wanted).collect::<Vec<_>>();
        let bitmap = if is_base3 { base3(&of(1), &of(2)) } else { base2(&of(1)) };
        prop_assert!(agree_on_signers(&bitmap, MAX_RANKS));
        agree_on_signers(&bitmap, trits.len() / 2);
        for changed in near(&bitmap, seed).step_by(41) {
            agree_on_signers(&changed, MAX_RANKS);
        }
    }
}

/// The peer's keys of the maker's validators.
fn keypairs(validators: &[Validator]) -> Vec<Keypair> {
    let derived = |validator: &Validator| {
        let keypair = Keypair::derive(keccak256(&validator.name).as_slice()).unwrap();
        assert_eq!(keypair.public.to_bytes_compressed(), validator.bls.sk_to_pk().compress());
        keypair
    };
    validators.iter().map(derived).collect()
}

/// Agave's `verify_certificate`, with the rule on bitmaps, and bits where there is one payload.
fn peer_verifies(certificate: &Certificate, ranks: &RankMap, keypairs: &[Keypair]) -> bool {
    let Some((primary, fallback, is_base3)) = peer_signers(&certificate.bitmap, ranks.len()) else { return false };
    let (first, second) = certificate.claim.payloads(SHRED_VERSION);
    if is_base3 && (second.is_none() || fallback.is_empty()) {
        return false;
    }
    let stake: u64 = primary.iter().chain(&fallback).map(|rank| ranks.get(*rank).unwrap().stake).sum();
    if certificate.shred_version != SHRED_VERSION
        || stake * 100 < ranks.total() * u64::from(certificate.claim.threshold())
    {
        return false;
    }
    let sum = |ranks: &[usize]| {
        let keys: Vec<PopVerified<PubkeyAffine>> = ranks.iter().map(|rank| keypairs[*rank].public).collect();
        PubkeyProjective::aggregate(keys.iter())
    };
    let signature = Signature(certificate.signature);
    match (sum(&primary), sum(&fallback)) {
        (Ok(key), Err(_)) => key.verify_signature(&signature, &first).is_ok(),
        (Err(_), Ok(key)) => key.verify_signature(&signature, &second.unwrap_or_default()).is_ok(),
        (Ok(_), Ok(_)) => {
            // Each with its own message, which screens the same sum.
            let all: Vec<_> = primary.iter().chain(&fallback).map(|rank| keypairs[*rank].public).collect();
            let second = second.unwrap_or_default();
            let messages: Vec<&[u8]> =
                primary.iter().map(|_| &first[..]).chain(fallback.iter().map(|_| &second[..])).collect();
            SignatureProjective::verify_distinct_aggregated(all.iter(), &signature, messages.into_iter()).is_ok()
        }
        (Err(_), Err(_)) => false,
    }
}

#[test]
fn certificates_and_what_is_close_to_them_are_judged_alike() {
    let validators = validators();
    let (electorate, keypairs) = (Electorate::new(table(0, &validators)).unwrap(), keypairs(&validators));
    let ranks = electorate.ranks();
    let block = BlockName { slot: 300, block_id: B256::repeat_byte(3) };
    let agree = |certificate: &Certificate| {
        let ours = certificate.verify(ranks, SHRED_VERSION);
        assert_eq!(ours.is_ok(), peer_verifies(certificate, ranks, &keypairs), "{ours:?}: {certificate:?}");
        ours.is_ok()
    };
    let mut tally = Tally::new("certificates beside solana-bls-signatures");
    let claims = [
        Claim::Finalize(300),
        Claim::FinalizeFast(block),
        Claim::Notarize(block),
        Claim::NotarizeFallback(block),
        Claim::Skip(300),
        Claim::Genesis(block),
    ];
    let mut signatures = BTreeSet::new();
    for claim in claims {
        let both = claim.payloads(SHRED_VERSION).1.is_some();
        // Every set of signers, and each way in which they may sign one payload or the other.
        for digits in 1..3_usize.pow(5) {
            let of = |wanted: usize| {
                (0..5_u32).filter(move |rank| digits / 3_usize.pow(*rank) % 3 == wanted).map(|rank| rank as usize)
            };
            let (primary, fallback): (Vec<_>, Vec<_>) = (of(1).collect(), of(2).collect());
            if both || fallback.is_empty() {
                let made = certificate(claim, &validators, &primary, &fallback);
                if agree(&made) {
                    tally.pass()
                } else {
                    tally.refused += 1
                }
                signatures.insert(made.signature);
            }
        }
        let honest = certificate(claim, &validators, &[0, 1, 2], if both { &[3] } else { &[] });
        assert!(agree(&honest));
        for changed in near(&honest.encode(), 7).step_by(5) {
            let Ok(changed) = Certificate::decode(&changed) else { continue };
            if agree(&changed) { tally.pass() } else { tally.refused += 1 }
        }
        // The same signers, signed by others.
        for signature in signatures.iter().step_by(9) {
            if agree(&Certificate { signature: *signature, ..honest.clone() }) {
                tally.pass()
            } else {
                tally.refused += 1
            }
        }
        // Infinity, which is the sum of nothing, and no bitmap.
        let mut infinity = [0; 192];
        infinity[0] = 0x40;
        assert!(!agree(&Certificate { signature: infinity, ..honest.clone() }));
        assert!(!agree(&Certificate { bitmap: Bytes::new(), ..honest }));
    }
    assert!(tally.passed > 100 && tally.refused > 100);
}
