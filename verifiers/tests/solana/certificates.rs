//! Certificates of Alpenglow by themselves. None of a live cluster is recorded anywhere, so these are made here, with real
//! BLS keys.

use alloy_primitives::keccak256;
use blst::min_pk::AggregateSignature;
use spandrel_verifiers::VerifyError;
use spandrel_verifiers::ethereum::bls::DST;
use spandrel_verifiers::solana::{AlpenglowKeys, BlockName, Certificate, Claim, Electorate, Stake, StakeTable};

use super::maker::{SHRED_VERSION, Validator, base2, base3, certificate, table, validators};

const SLOT: u64 = 300;

pub fn name(slot: u64) -> BlockName {
    BlockName { slot, block_id: keccak256(slot.to_be_bytes()) }
}

fn electorate() -> Electorate {
    Electorate::new(table(0, &validators())).unwrap()
}

fn verify(certificate: &Certificate) -> Result<usize, VerifyError> {
    certificate.verify(electorate().ranks(), SHRED_VERSION).map(|ranks| ranks.len())
}

/// Ranks of ann, bob and the others are 0 to 4, with 40, 30, 15, 10 and 5 percent of the stake.
pub fn made(claim: Claim, primary: &[usize], fallback: &[usize]) -> Certificate {
    certificate(claim, &validators(), primary, fallback)
}

#[test]
fn thresholds_are_inclusive_and_those_of_each_claim() {
    let block = name(SLOT);
    // 60 % exactly would be 40 + 15 + 5; 55 % is 40 + 15; 80 % is 40 + 30 + 10; 75 % is 40 + 30 + 5.
    for claim in [Claim::Notarize(block), Claim::Finalize(SLOT), Claim::NotarizeFallback(block), Claim::Skip(SLOT)] {
        assert_eq!(verify(&made(claim, &[0, 2, 4], &[])).unwrap(), 3, "{claim:?}");
        assert_eq!(verify(&made(claim, &[0, 2], &[])).unwrap_err().field, "bitmap", "{claim:?}");
    }
    assert_eq!(verify(&made(Claim::FinalizeFast(block), &[0, 1, 3], &[])).unwrap(), 3);
    assert_eq!(verify(&made(Claim::FinalizeFast(block), &[0, 1, 4], &[])).unwrap_err().field, "bitmap");
    // 82 %: 40 + 30 + 10 is too little, 40 + 30 + 15 enough.
    assert_eq!(verify(&made(Claim::Genesis(block), &[0, 1, 3], &[])).unwrap_err().field, "bitmap");
    assert_eq!(verify(&made(Claim::Genesis(block), &[0, 1, 2], &[])).unwrap(), 3);
}

#[test]
fn payloads_have_the_lengths_and_tags_of_the_protocol() {
    let block = name(SLOT);
    let tags = |claim: Claim| {
        let (first, second) = claim.payloads(SHRED_VERSION);
        (first[0], first.len(), second.map(|second| (second[0], second.len())))
    };
    assert_eq!(tags(Claim::Notarize(block)), (1, 43, None));
    assert_eq!(tags(Claim::FinalizeFast(block)), (1, 43, None));
    assert_eq!(tags(Claim::Finalize(SLOT)), (2, 11, None));
    assert_eq!(tags(Claim::Skip(SLOT)), (3, 11, Some((5, 11))));
    assert_eq!(tags(Claim::NotarizeFallback(block)), (1, 43, Some((4, 43))));
    assert_eq!(tags(Claim::Genesis(block)), (6, 43, None));
    let (payload, _) = Claim::Notarize(block).payloads(0x1234);
    let expected = [&[1][..], &SLOT.to_le_bytes(), block.block_id.as_slice(), &[0x34, 0x12]].concat();
    assert_eq!(payload, expected);
}

#[test]
fn a_certificate_is_bound_to_its_claim_its_cluster_and_its_signers() {
    let good = made(Claim::Notarize(name(SLOT)), &[0, 1, 2], &[]);
    verify(&good).unwrap();
    let refused = |change: fn(&mut Certificate)| {
        let mut other = good.clone();
        change(&mut other);
        verify(&other).unwrap_err().field
    };
    assert_eq!(refused(|certificate| certificate.claim = Claim::Notarize(name(SLOT + 1))), "signature");
    assert_eq!(refused(|certificate| certificate.claim = Claim::Finalize(SLOT)), "signature");
    assert_eq!(refused(|certificate| certificate.claim = Claim::Genesis(name(SLOT))), "signature");
    assert_eq!(refused(|certificate| certificate.shred_version += 1), "shred_version");
    assert_eq!(refused(|certificate| certificate.bitmap = base2(&[0, 1, 3]).into()), "signature");
    assert_eq!(refused(|certificate| certificate.bitmap = base2(&[0, 1, 2, 3]).into()), "signature");
    assert_eq!(refused(|certificate| certificate.bitmap = base2(&[0, 1, 2, 5]).into()), "bitmap");
    assert_eq!(refused(|certificate| certificate.bitmap = base2(&[]).into()), "bitmap");
    assert_eq!(refused(|certificate| certificate.bitmap = base3(&[0, 1, 2], &[]).into()), "bitmap");
    assert_eq!(refused(|certificate| certificate.signature[0] ^= 0x80), "signature");
    // Infinity, which is a point, and the signature of nobody.
    assert_eq!(
        refused(|certificate| {
            certificate.signature = [0; 192];
            certificate.signature[0] = 0x40;
        }),
        "signature"
    );
    // A certificate for another shred version, as its signers signed it.
    let elsewhere = good.verify(electorate().ranks(), SHRED_VERSION + 1).unwrap_err();
    assert_eq!(elsewhere.field, "shred_version");
}

#[test]
fn a_signature_must_be_in_its_group() {
    let good = made(Claim::Notarize(name(SLOT)), &[0, 1, 2], &[]);
    // x = (2, 0): on the curve where y exists, and not in the group with overwhelming likelihood.
    let point = (0..40_u8).find_map(|x| {
        let mut bytes = [0; 96];
        (bytes[0], bytes[95]) = (0x80, x);
        blst::min_pk::Signature::from_bytes(&bytes).ok().filter(|point| !point.subgroup_check())
    });
    let signature = point.unwrap().serialize();
    assert_eq!(verify(&Certificate { signature, ..good }).unwrap_err().field, "signature");
}

#[test]
fn fallback_votes_count_with_the_first_ones_but_not_twice() {
    let claim = Claim::NotarizeFallback(name(SLOT));
    let split = made(claim, &[0], &[2, 4]);
    assert_eq!(verify(&split).unwrap(), 3);
    assert_eq!(verify(&made(claim, &[], &[0, 1])).unwrap(), 2);
    assert_eq!(verify(&made(Claim::Skip(SLOT), &[0], &[2, 4])).unwrap(), 3);
    // The roles of the two payloads exchanged.
    let swapped = Certificate { bitmap: base3(&[2, 4], &[0]).into(), ..split.clone() };
    assert_eq!(verify(&swapped).unwrap_err().field, "signature");
    // One who signs both payloads cannot be counted for both: a trit has one value.
    let overlap = base3(&[0, 2], &[2]);
    assert_eq!(overlap[3], 1 + 3 * 9);
    let both = Certificate { bitmap: overlap.into(), ..split };
    assert_eq!(verify(&both).unwrap_err().field, "bitmap");
    // A claim with one payload has no fallback.
    let notarize = Claim::Notarize(name(SLOT));
    let payload = notarize.payloads(SHRED_VERSION).0;
    let sign = |rank: usize| validators()[rank].bls.sign(&payload, DST, &[]);
    let signatures: Vec<_> = [0, 1].map(sign).into();
    let sum = AggregateSignature::aggregate(&signatures.iter().collect::<Vec<_>>(), false).unwrap();
    let (signature, bitmap) = (sum.to_signature().serialize(), base3(&[0], &[1]).into());
    let crooked = Certificate { claim: notarize, signature, bitmap, shred_version: SHRED_VERSION };
    assert_eq!(verify(&crooked).unwrap_err().field, "bitmap");
}

#[test]
fn the_wire_form_is_the_certificate_and_nothing_else() {
    for claim in [
        Claim::Finalize(SLOT),
        Claim::FinalizeFast(name(SLOT)),
        Claim::Notarize(name(SLOT)),
        Claim::Skip(SLOT),
        Claim::Genesis(name(1)),
    ] {
        let good = made(claim, &[0, 1, 2], &[]);
        let bytes = good.encode();
        assert_eq!(Certificate::decode(&bytes).unwrap(), good);
        let (longer, shorter) = ([&bytes[..], &[0]].concat(), &bytes[..bytes.len() - 1]);
        for other in [
            &longer[..],
            shorter,
            &[&[2], &bytes[1..]].concat(),
            &[&[1, 6], &bytes[2..]].concat(),
            &[&[1, 13], &bytes[2..]].concat(),
        ] {
            assert_eq!(Certificate::decode(other).unwrap_err().field, "certificate");
        }
    }
    let long = Certificate { bitmap: vec![0; 2_004].into(), ..made(Claim::Finalize(1), &[0], &[]) };
    assert_eq!(Certificate::decode(&long.encode()).unwrap_err().field, "certificate");
}

#[test]
fn ranks_fall_with_stake_and_repeated_keys_have_none() {
    let rank = |stakes: Vec<Stake>| {
        let ranks = Electorate::new(StakeTable::new(0, stakes).unwrap()).unwrap();
        let ranks = ranks.ranks().clone();
        let stakes: Vec<u64> = (0..ranks.len()).map(|rank| ranks.get(rank).unwrap().stake).collect();
        (stakes, ranks.total())
    };
    let rows: Vec<Stake> = validators().iter().map(Validator::row).collect();
    assert_eq!(rank(rows.clone()), (vec![40, 30, 15, 10, 5], 100));
    let change = |place: usize, change: &dyn Fn(&mut AlpenglowKeys)| {
        let mut rows = rows.clone();
        change(rows[place].alpenglow.as_mut().unwrap());
        rows
    };
    let (bls, node) = (rows[0].alpenglow.as_ref().unwrap().bls, rows[0].alpenglow.as_ref().unwrap().node);
    // Both holders of one BLS key go, and both of one node; so does a key that is no point, or infinity.
    assert_eq!(rank(change(3, &|keys| keys.bls = bls)), (vec![30, 15, 5], 50));
    assert_eq!(rank(change(3, &|keys| keys.node = node)), (vec![30, 15, 5], 50));
    assert_eq!(rank(change(3, &|keys| keys.bls.0[5] ^= 1)).1, 90);
    assert_eq!(
        rank(change(3, &|keys| {
            keys.bls = Default::default();
            keys.bls.0[0] = 0xc0;
        }))
        .1,
        90
    );
    // Equal stakes rank by key.
    let mut equal = rows.clone();
    equal.iter_mut().for_each(|row| row.stake = 7);
    let electorate = Electorate::new(StakeTable::new(0, equal).unwrap()).unwrap();
    let keys: Vec<_> = (0..5).map(|rank| electorate.ranks().get(rank).unwrap().bls).collect();
    assert!(keys.is_sorted());
}
