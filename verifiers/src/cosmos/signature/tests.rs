//! Every way of checking many signatures beside the single check, whose verdict they must have.

use std::collections::HashMap;

use alloy_primitives::FixedBytes;
use curve25519_dalek::constants::EIGHT_TORSION;
use curve25519_dalek::edwards::EdwardsPoint;
use curve25519_dalek::scalar::Scalar;
use proptest::prelude::*;

use super::batch::{system, verify_all_by};
use super::tables::{EquationTable, SetTable, in_lanes};
use super::{Signed, verify_all, verify_signature};
use crate::cosmos::commit::VoteSignature;
use crate::cosmos::validators::PublicKey;
use crate::counted::{SINGLE_SIGNATURES, VOTE_EQUATIONS, counting, on_one_thread};
use crate::exact::challenge;

const MESSAGE: &[u8] = b"a vote";

/// What is wrong with a signature, or only odd.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Honest,
    OtherMessage,
    Flipped(usize),
    /// `s` plus the group order: another encoding of the same number.
    LargeS,
    /// A point of small order added to the key, one to the nonce: valid by ZIP-215, whatever they are.
    Torsion(usize, usize),
    /// Nothing but small order: key and `R` of it, `s` none.
    SmallOrder(usize, usize),
    /// As before, `R` being the identity with `y` not reduced.
    NotReduced(usize),
    NoPoint,
}

fn kinds() -> Vec<Kind> {
    let mut kinds = vec![Kind::Honest, Kind::OtherMessage, Kind::LargeS, Kind::NoPoint];
    kinds.extend([0, 7, 100, 255, 256, 300, 504, 511].map(Kind::Flipped));
    for torsion in 0..8 {
        kinds.extend([Kind::NotReduced(torsion), Kind::Torsion(torsion, 0), Kind::Torsion(0, torsion)]);
        kinds.extend([Kind::Torsion(torsion, 3), Kind::SmallOrder(torsion, 0), Kind::SmallOrder(torsion, 5)]);
    }
    kinds
}

/// `p + 1`, which stands for 1, `y` of the identity.
fn identity_not_reduced() -> [u8; 32] {
    let mut encoding = [0xff; 32];
    (encoding[0], encoding[31]) = (0xee, 0x7f);
    encoding
}

fn signed(seed: u64, kind: Kind) -> (PublicKey, VoteSignature) {
    let (secret, nonce) = (Scalar::from(seed + 1_000), Scalar::from(seed * 7 + 77));
    let (of_key, of_nonce) = match kind {
        Kind::Torsion(key, nonce) => (EIGHT_TORSION[key], EIGHT_TORSION[nonce]),
        _ => (EIGHT_TORSION[0], EIGHT_TORSION[0]),
    };
    let mut key = (EdwardsPoint::mul_base(&secret) + of_key).compress().0;
    let mut r = (EdwardsPoint::mul_base(&nonce) + of_nonce).compress().0;
    match kind {
        Kind::SmallOrder(a, b) => (key, r) = (EIGHT_TORSION[a].compress().0, EIGHT_TORSION[b].compress().0),
        Kind::NotReduced(a) => (key, r) = (EIGHT_TORSION[a].compress().0, identity_not_reduced()),
        // y = 2 is on no point.
        Kind::NoPoint => r = Scalar::from(2_u64).to_bytes(),
        _ => {}
    }
    let message = if kind == Kind::OtherMessage { b"another" } else { MESSAGE };
    let s = nonce + challenge(&r, &key, message) * secret;
    let mut s = s.to_bytes();
    match kind {
        Kind::SmallOrder(..) | Kind::NotReduced(_) => s = [0; 32],
        Kind::LargeS => {
            let order_less_1 = (-Scalar::ONE).to_bytes();
            let mut carry = 1_u16;
            for (byte, more) in s.iter_mut().zip(order_less_1) {
                let sum = u16::from(*byte) + u16::from(more) + carry;
                (*byte, carry) = (sum as u8, sum >> 8);
            }
        }
        _ => {}
    }
    let mut signature: [u8; 64] = [r, s].concat().try_into().unwrap();
    if let Kind::Flipped(bit) = kind {
        signature[bit / 8] ^= 1 << (bit % 8);
    }
    (PublicKey::Ed25519(key), FixedBytes(signature))
}

/// To be checked as votes, those with a seat under it.
fn items(signatures: &[(PublicKey, VoteSignature)], has_seat: fn(usize) -> bool) -> Vec<Signed<'_>> {
    let seats = signatures.iter().enumerate();
    seats
        .map(|(seat, (key, signature))| Signed {
            key,
            seat: has_seat(seat).then_some(seat),
            message: MESSAGE.to_vec(),
            signature,
        })
        .collect()
}

/// Checks these by every way; returns how many single checks the one in lanes took, where there is one.
fn compare(signatures: &[(PublicKey, VoteSignature)]) -> Option<usize> {
    let keys: Vec<&PublicKey> = signatures.iter().map(|(key, _)| key).collect();
    let alone = |(key, signature): &(PublicKey, VoteSignature)| verify_signature(key, MESSAGE, signature);
    let expected = signatures.iter().map(alone).position(|is_valid| !is_valid).map_or(Ok(()), Err);
    let items = |has_seat: fn(usize) -> bool| items(signatures, has_seat);
    let seatings: [fn(usize) -> bool; 2] = [|_| true, |seat| seat % 3 > 0];
    let equation = SetTable::Equation(EquationTable::of(&keys));
    let lanes = in_lanes(&keys, &HashMap::new()).map(SetTable::Lanes);
    for has_seat in seatings {
        for table in [None, Some(&equation), lanes.as_ref()] {
            assert_eq!(verify_all(&items(has_seat), table), expected);
        }
    }
    lanes.map(|lanes| on_one_thread(|| counting(&SINGLE_SIGNATURES, || verify_all(&items(|_| true), Some(&lanes)))).1)
}

#[test]
fn groups_of_every_size_with_a_signature_of_every_kind_in_every_place_are_judged_as_alone() {
    for count in 0..=9_usize {
        for place in 0..count {
            for kind in kinds() {
                // One in seven for the larger groups: they differ in their size alone.
                if count > 3 && (place + count) % 7 > 0 && kind != Kind::Flipped(0) {
                    continue;
                }
                let kind_at = |at| if at == place { kind } else { Kind::Honest };
                let signatures: Vec<_> = (0..count).map(|at| signed(at as u64, kind_at(at))).collect();
                let singles = compare(&signatures);
                assert!(singles.is_none_or(|singles| singles <= 1), "{kind:?}: {singles:?} single checks");
            }
        }
    }
    assert_eq!(compare(&[]).unwrap_or_default(), 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn any_mixture_is_judged_as_each_alone(
        chosen in prop::collection::vec((any::<prop::sample::Index>(), any::<bool>()), 0..14), seed in 0_u64..1_000,
    ) {
        let kinds = kinds();
        let kind = |(index, is_honest): &(prop::sample::Index, bool)| if *is_honest { Kind::Honest } else { *index.get(&kinds) };
        let signatures: Vec<_> = chosen.iter().zip(seed..).map(|(chosen, seed)| signed(seed, kind(chosen))).collect();
        compare(&signatures);
    }
}

/// Single checks, equations, and signatures that those pass over.
fn work(signatures: &[(PublicKey, VoteSignature)], table: Option<&SetTable>) -> (usize, usize, usize) {
    on_one_thread(|| {
        VOTE_EQUATIONS.take();
        let (verdict, singles) = counting(&SINGLE_SIGNATURES, || verify_all(&items(signatures, |_| true), table));
        let is_honest = |(key, signature): &(PublicKey, VoteSignature)| verify_signature(key, MESSAGE, signature);
        assert_eq!(verdict.is_ok(), signatures.iter().all(is_honest));
        let equations = VOTE_EQUATIONS.take();
        (singles, equations.len(), equations.iter().sum())
    })
}

#[test]
fn a_bad_signature_of_an_equation_costs_no_more_than_the_stated_bound() {
    for count in [2_usize, 3, 8, 9, 31, 40] {
        let halvings = count.next_power_of_two().ilog2() as usize;
        let honest: Vec<_> = (0..count as u64).map(|seed| signed(seed, Kind::Honest)).collect();
        let keys: Vec<&PublicKey> = honest.iter().map(|(key, _)| key).collect();
        let table = SetTable::Equation(EquationTable::of(&keys));
        for table in [None, Some(&table)] {
            assert_eq!(work(&honest, table), (0, 1, count));
            for bad in 0..count {
                for (kind, most_singles) in [(Kind::OtherMessage, 3), (Kind::NoPoint, halvings + 4)] {
                    let mut signatures = honest.clone();
                    signatures[bad].1 = signed(bad as u64, kind).1;
                    let (singles, equations, passes) = work(&signatures, table);
                    assert!(equations <= 1 + 2 * halvings, "{bad} of {count}, {kind:?}: {equations} equations");
                    assert!(passes <= 3 * count, "{bad} of {count}, {kind:?}: {passes} signatures");
                    assert!(singles <= most_singles, "{bad} of {count}, {kind:?}: {singles} single checks");
                }
            }
        }
    }
}

/// Two signatures whose errors cancel: `s + 1` and `s - 1`. Their sum is right, neither is.
#[test]
fn errors_that_cancel_are_found_because_the_randomizers_are_unknown() {
    let add = |signature: &mut VoteSignature, more: Scalar| {
        let s: [u8; 32] = signature[32..].try_into().unwrap();
        let s = Option::<Scalar>::from(Scalar::from_canonical_bytes(s)).unwrap() + more;
        signature[32..].copy_from_slice(s.as_bytes());
    };
    let mut signatures: Vec<_> = (0..5).map(|seed| signed(seed, Kind::Honest)).collect();
    add(&mut signatures[1].1, Scalar::ONE);
    add(&mut signatures[3].1, -Scalar::ONE);
    let keys: Vec<&PublicKey> = signatures.iter().map(|(key, _)| key).collect();
    let equation = SetTable::Equation(EquationTable::of(&keys));
    let items = items(&signatures, |_| true);
    for table in [None, Some(&equation)] {
        assert_eq!(verify_all_by(&items, table, &system), Err(1));
        assert_eq!(verify_all_by(&items, table, &|_| None), Err(1), "no randomness, no equation");
        // The attack is real: with randomizers that are known beforehand both forgeries pass.
        let ones = |count| Some(vec![Scalar::ONE; count]);
        assert_eq!(verify_all_by(&items, table, &ones), Ok(()));
    }
    assert_eq!(compare(&signatures).unwrap_or(1), 1);
}

#[test]
fn a_key_that_another_set_has_prepared_is_not_prepared_again() {
    let keys: Vec<PublicKey> = (0..6).map(|seed| signed(seed, Kind::Honest).0).collect();
    let keys: Vec<&PublicKey> = keys.iter().collect();
    let Some(first) = in_lanes(&keys[..5], &HashMap::new()) else { return };
    let known: HashMap<_, _> = first.iter().flatten().map(|tabled| (tabled.key, tabled.clone())).collect();
    let second = in_lanes(&keys[1..], &known).unwrap();
    for (old, new) in first[1..].iter().zip(&second) {
        assert!(std::sync::Arc::ptr_eq(&old.as_ref().unwrap().multiples, &new.as_ref().unwrap().multiples));
    }
    assert!(second.iter().all(Option::is_some));
}
