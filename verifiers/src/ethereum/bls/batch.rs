//! Many aggregate signatures by one equation: with random scalars `r`, the signatures `s` under keys `k` over points
//! `h` are all right if `e(g, Σ r·s) = Π e(r·k, h)`. One final exponentiation, and one chain of squarings for every
//! eight pairings, instead of one each; and one chain of doublings for `Σ r·s`.
//!
//! An equation that does not hold is split until the bad ones are found; a part that must hold a bad one, because its
//! neighbour held none, is split without being tried. At most `⌈log2 n⌉ + 1` equations pass over each signature, and
//! each refusal comes from the single check itself. One bad signature among `n` costs at most `2⌈log2 n⌉` equations
//! more, over at most `2n + ⌈log2 n⌉` signatures, and its own single check. `n` is at most 256: more signatures are
//! several equations.

use alloy_primitives::B256;
use blst::min_pk::{AggregateSignature, Signature};
use blst::{BLST_ERROR, Pairing, blst_fp12, blst_p1_affine, blst_p2_affine};
use rayon::prelude::*;

use super::sum::{plus, weighted_sum};
use super::{Committee, DST, Scalars};
use crate::VerifyError;
use crate::ethereum::containers::SyncAggregate;

/// Bits of a scalar.
const SCALAR_BITS: usize = 64;
/// Most signatures of one equation, so that what a bad one costs does not grow with how many are brought.
const MAX_EQUATION: usize = 256;
/// Fewest signatures that are worth a thread.
const SHARE: usize = 2;

/// The claim that seats of a committee signed a message.
#[derive(Clone, Copy, Debug)]
pub struct Claimed<'a> {
    /// Whose signature it is said to be.
    pub committee: &'a Committee,
    /// Who signed, and the signature.
    pub aggregate: &'a SyncAggregate,
    /// What they signed.
    pub message: B256,
}

impl Claimed<'_> {
    fn verify(&self) -> Result<usize, VerifyError> {
        self.committee.verify(self.aggregate, self.message)
    }
}

/// A claim in points, with its scalar.
struct Term {
    /// Which claim it is.
    place: usize,
    key: blst_p1_affine,
    signature: Signature,
    message: B256,
    scalar: u64,
}

/// [`Committee::verify`] of each claim, in order: the same verdict, in about half the work where all are right.
/// Signatures are group-checked one by one, as there.
///
/// What one bad claim of `n` costs: see above. If a final exponentiation takes no longer than a claim's own part of an
/// equation, 16 claims with a bad one take at most 4 times as long as 16 good ones:
/// `(16 + 1 + 36 + 8 + 2) / (16 + 1)`.
///
/// # Errors
/// As [`Committee::verify`], each item by itself.
pub fn verify_each(claims: &[Claimed<'_>], scalars: &mut impl Scalars) -> Vec<Result<usize, VerifyError>> {
    let scalars = if claims.len() < 2 { None } else { scalars.scalars(claims.len()) };
    let Some(scalars) = scalars.filter(|scalars| scalars.len() == claims.len()) else {
        return claims.par_iter().map(Claimed::verify).collect();
    };
    let places = claims.par_iter().zip(scalars).enumerate();
    let terms = places.filter_map(|(place, (claim, scalar))| term(place, claim, scalar.get()));
    let terms: Vec<Term> = terms.collect();
    let mut right = vec![false; claims.len()];
    for terms in terms.chunks(MAX_EQUATION) {
        settle(terms, false, &mut right);
    }
    let verdicts = claims.par_iter().zip(right);
    verdicts.map(|(claim, right)| if right { Ok(claim.aggregate.participants()) } else { claim.verify() }).collect()
}

/// `None` for what is no key or signature at all: the single check will say why.
fn term(place: usize, claim: &Claimed<'_>, scalar: u64) -> Option<Term> {
    let key = claim.committee.signers(claim.aggregate).ok()?;
    let signature = Signature::from_bytes(claim.aggregate.sync_committee_signature.as_slice()).ok()?;
    if !signature.subgroup_check() {
        return None;
    }
    Some(Term { place, key: key.into(), signature, message: claim.message, scalar })
}

/// Marks the terms that are right. `is_wrong` when it is known that not all are.
fn settle(terms: &[Term], is_wrong: bool, right: &mut [bool]) {
    if !is_wrong && holds(terms) {
        for term in terms {
            if let Some(right) = right.get_mut(term.place) {
                *right = true;
            }
        }
        return;
    }
    // A single one that is wrong stays unmarked.
    if terms.len() < 2 {
        return;
    }
    let (first, second) = terms.split_at(terms.len().div_euclid(2));
    settle(first, false, right);
    let first_is_right = first.iter().all(|term| right.get(term.place) == Some(&true));
    settle(second, first_is_right, right);
}

/// Whether the equation over `terms` holds; shared among threads, with one final exponentiation.
fn holds(terms: &[Term]) -> bool {
    #[cfg(test)]
    crate::counted::EQUATIONS.with_borrow_mut(|all| all.push(terms.iter().map(|term| term.place).collect()));
    let share = terms.len().div_ceil(rayon::current_num_threads().max(1)).max(SHARE);
    let shares: Option<Vec<_>> = terms.par_chunks(share).map(multiply).collect();
    let Some(shares) = shares else { return false };
    let mut shares = shares.into_iter();
    let Some((mut product, mut sum)) = shares.next() else { return true };
    for (share, more) in shares {
        if product.merge(&share) != BLST_ERROR::BLST_SUCCESS {
            return false;
        }
        sum = plus(sum, &more);
    }
    let sum = blst_p2_affine::from(sum.to_signature());
    let mut of_sum = blst_fp12::default();
    Pairing::aggregated(&mut of_sum, &sum);
    // Without a sum blst takes it for infinity, whose pairing is one.
    product.finalverify((sum != blst_p2_affine::default()).then_some(&of_sum))
}

/// The product of one share's pairings of keys and messages, and the sum of its signatures.
fn multiply(terms: &[Term]) -> Option<(Pairing<'static>, AggregateSignature)> {
    let sum = weighted_sum(terms.iter().map(|term| (&term.signature, term.scalar)))?;
    // Which blst leaves out of its own sum.
    let infinity = blst_p2_affine::default();
    let mut pairing = Pairing::new(true, DST);
    for Term { key, message, scalar, .. } in terms {
        let (message, scalar) = (message.as_slice(), scalar.to_le_bytes());
        match pairing.mul_n_aggregate(key, false, &infinity, false, &scalar, SCALAR_BITS, message, &[]) {
            BLST_ERROR::BLST_SUCCESS => {}
            _ => return None,
        }
    }
    pairing.commit();
    Some((pairing, sum))
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU64;

    use alloy_primitives::keccak256;
    use blst::min_pk::{AggregateSignature, SecretKey};

    use super::super::tests::{aggregate_over, committee_of, infinity, secrets};
    use super::*;
    use crate::ethereum::bls::SystemScalars;

    struct Scene {
        secrets: Vec<SecretKey>,
        committee: Committee,
        signed: Vec<(SyncAggregate, B256)>,
    }

    /// `count` messages, signed by more or fewer of 16 seats.
    fn scene(count: u8) -> Scene {
        let secrets = secrets(16);
        let keys: Vec<_> = secrets.iter().map(SecretKey::sk_to_pk).collect();
        let committee = Committee::new(&committee_of(&keys)).unwrap();
        let sign = |n: u8| {
            let seats: Vec<usize> = (0..=usize::from(n) % 16).collect();
            let message = keccak256([n]);
            (aggregate_over(&secrets, &seats, message), message)
        };
        let signed = (0..count).map(sign).collect();
        Scene { secrets, committee, signed }
    }

    impl Scene {
        fn claims(&self) -> Vec<Claimed<'_>> {
            let committee = &self.committee;
            self.signed.iter().map(|(aggregate, message)| Claimed { committee, aggregate, message: *message }).collect()
        }

        /// Checks that the batch says of each claim what the single check says; returns how many are right.
        fn right(&self, scalars: &mut impl Scalars) -> usize {
            let claims = self.claims();
            let verdicts = verify_each(&claims, scalars);
            let singles: Vec<_> = claims.iter().map(Claimed::verify).collect();
            assert_eq!(verdicts, singles);
            singles.iter().filter(|verdict| verdict.is_ok()).count()
        }
    }

    #[test]
    fn a_batch_of_right_signatures_is_right_whatever_its_size() {
        for count in [0, 1, 2, 3, 8, 9, 17] {
            assert_eq!(scene(count).right(&mut SystemScalars), usize::from(count));
        }
    }

    #[test]
    fn every_bad_signature_is_named_and_its_neighbours_pass() {
        for bad in [&[0][..], &[8], &[3, 4], &[0, 1, 2, 3, 4, 5, 6, 7, 8], &[1, 3, 5, 7]] {
            let mut scene = scene(9);
            for place in bad {
                scene.signed[*place].1 = keccak256("another message");
            }
            assert_eq!(scene.right(&mut SystemScalars), 9 - bad.len(), "{bad:?}");
        }
    }

    /// Equations that the batch takes, and how many signatures they pass over: together, and over any one at most.
    fn work(scene: &Scene) -> (usize, usize, usize) {
        let count = scene.signed.len();
        crate::counted::EQUATIONS.take();
        verify_each(&scene.claims(), &mut SystemScalars);
        let equations = crate::counted::EQUATIONS.take();
        let over = |place: usize| equations.iter().filter(|equation| equation.contains(&place)).count();
        (equations.len(), equations.iter().map(Vec::len).sum(), (0..count).map(over).max().unwrap_or_default())
    }

    #[test]
    fn a_bad_signature_costs_its_neighbours_no_more_than_the_stated_bound() {
        for count in [2_usize, 3, 8, 9, 16] {
            let halvings = count.next_power_of_two().ilog2() as usize;
            let honest = scene(count as u8);
            assert_eq!(work(&honest), (1, count, 1));
            for bad in 0..count {
                let mut scene = scene(count as u8);
                scene.signed[bad].1 = keccak256("another message");
                let (equations, passes, most) = work(&scene);
                assert!(equations <= 1 + 2 * halvings, "{bad} of {count}: {equations} equations");
                assert!(passes <= 3 * count + halvings, "{bad} of {count}: {passes} signatures");
                assert!(most <= halvings + 1, "{bad} of {count}: {most} times one signature");
            }
            // However many are bad, each is passed over so often and no more.
            let mut all = scene(count as u8);
            all.signed.iter_mut().for_each(|(_, message)| *message = keccak256("another message"));
            assert!(work(&all).2 <= halvings + 1);
        }
    }

    /// Signatures beyond what an equation holds are in another one, where a bad one of the first costs nothing.
    #[test]
    fn a_bad_signature_costs_nothing_to_those_of_another_equation() {
        let mut scene = scene(9);
        let (good, more) = (scene.signed.clone(), MAX_EQUATION + 2);
        scene.signed = good.iter().cycle().take(more).cloned().collect();
        assert_eq!(work(&scene), (2, more, 1));
        scene.signed[0].1 = keccak256("another message");
        crate::counted::EQUATIONS.take();
        let verdicts = verify_each(&scene.claims(), &mut SystemScalars);
        assert!(verdicts.iter().enumerate().all(|(place, verdict)| verdict.is_ok() == (place != 0)));
        let behind = |equation: &&Vec<usize>| equation.iter().any(|place| *place >= MAX_EQUATION);
        assert_eq!(crate::counted::EQUATIONS.take().iter().filter(behind).count(), 1);
    }

    #[test]
    fn signatures_that_are_no_points_of_the_group_are_named_too() {
        let mut scene = scene(9);
        scene.signed[1].0.sync_committee_signature = infinity();
        scene.signed[2].0.sync_committee_signature = [0xff; 96].into();
        scene.signed[3].0.sync_committee_bits = vec![0; 2].into();
        scene.signed[4].0.sync_committee_bits = vec![1; 4].into();
        // A point on the curve that is not in the group (the official `deserialization_fails_not_in_G2`).
        let mut outside = [0_u8; 96];
        outside[0] = 0x80;
        outside[95] = 2;
        scene.signed[5].0.sync_committee_signature = outside.into();
        assert_eq!(scene.right(&mut SystemScalars), 4);
    }

    /// Two forged signatures whose errors cancel: `s1 + e` and `s2 - e`. Their sum is right, neither is.
    fn cancelling() -> Scene {
        let mut scene = scene(2);
        let extra = scene.secrets[0].sign(b"whatever", DST, &[]);
        let mut negated = extra.compress();
        negated[0] ^= 0x20;
        let add = |signature: &Signature, other: &[u8]| {
            let other = Signature::from_bytes(other).unwrap();
            AggregateSignature::aggregate(&[signature, &other], false).unwrap().to_signature().compress()
        };
        for (index, other) in [extra.compress(), negated].iter().enumerate() {
            let signature = &mut scene.signed[index].0.sync_committee_signature;
            let own = Signature::from_bytes(signature.as_slice()).unwrap();
            *signature = add(&own, other).into();
        }
        scene
    }

    /// Scalars that an attacker knows.
    struct Ones;

    impl Scalars for Ones {
        fn scalars(&mut self, count: usize) -> Option<Vec<NonZeroU64>> {
            Some(vec![NonZeroU64::MIN; count])
        }
    }

    #[test]
    fn errors_that_cancel_are_found_because_the_scalars_are_unknown() {
        let scene = cancelling();
        assert_eq!(scene.right(&mut SystemScalars), 0);
        // The attack is real: with scalars that are known beforehand both forgeries pass.
        assert!(verify_each(&scene.claims(), &mut Ones).iter().all(Result::is_ok));
    }

    #[test]
    fn without_randomness_each_signature_is_checked_alone() {
        struct Nothing;
        impl Scalars for Nothing {
            fn scalars(&mut self, _: usize) -> Option<Vec<NonZeroU64>> {
                None
            }
        }
        assert_eq!(cancelling().right(&mut Nothing), 0);
        assert_eq!(scene(5).right(&mut Nothing), 5);
    }
}
