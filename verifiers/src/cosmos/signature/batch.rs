//! Many signatures: those under prepared keys exactly, each alone ([`crate::exact`]), all others by one equation.
//!
//! With random z of 128 bits from the operating system: `[8]( -Σ(z·S)·B + Σ(z·k)·A + Σz·R ) = 0` holds if every
//! signature passes the single check, and but for a chance of 2^-128 only then (ZIP-215 is cofactored for this). If it
//! does not hold, halves are tried until the bad signature is found.

use curve25519_dalek::constants::ED25519_BASEPOINT_POINT;
use curve25519_dalek::edwards::EdwardsPoint;
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::{Identity, IsIdentity, VartimeMultiscalarMul};
use rand::TryRngCore;
use rand::rngs::OsRng;
use rayon::prelude::*;
use spandrel_lanes::ed25519::Multiples;

use super::tables::{EquationTable, SetTable, Tabled, decompress};
use super::{Signed, verify_signature};
use crate::cosmos::validators::PublicKey;
use crate::exact::{self, Claim, challenge};

/// Fewest signatures that are worth a thread of their own.
const SHARE: usize = 32;

/// From so many points on, the library turns to an algorithm that only pays for many more.
const POINTS_AT_ONCE: usize = 189;

/// Where the numbers come from by which signatures are multiplied: so many, or none where there is no randomness.
pub(super) trait Randomizers: Fn(usize) -> Option<Vec<Scalar>> + Sync {}
impl<F: Fn(usize) -> Option<Vec<Scalar>> + Sync> Randomizers for F {}

/// One ed25519 signature, parsed: what the equation is made of.
struct Term {
    seat: Option<usize>,
    key: [u8; 32],
    commitment: EdwardsPoint,
    response: Scalar,
    challenge: Scalar,
}

/// Checks every one of `items`; the index of the first bad one.
///
/// Those whose keys have tables for the lanes are checked exactly, each alone; what does not pass there, and what has
/// no table, goes into the equation. A bad one among `n` costs one single check where the others pass alone, and at most
/// `2⌈log2 n⌉` equations more, over at most `2n` signatures, where they share an equation: halves are tried, of which
/// only the one that holds it is halved again, down to at most three single checks; what has no form for an equation is
/// checked once with each half. Smaller equations share less: `n` with a bad one are to take at most 4
/// times as long as `n` good ones. Blocks share no equation, so that a forged one costs other blocks nothing.
///
/// # Errors
/// The index of a signature that the single check refuses, the lowest such.
pub(crate) fn verify_all(items: &[Signed<'_>], table: Option<&SetTable>) -> Result<(), usize> {
    verify_all_by(items, table, &system)
}

/// [`verify_all`] by these randomizers.
pub(super) fn verify_all_by(
    items: &[Signed<'_>],
    table: Option<&SetTable>,
    randomizers: &impl Randomizers,
) -> Result<(), usize> {
    let (passed, table) = match table {
        Some(SetTable::Lanes(keys)) => (pass_exactly(items, keys), None),
        Some(SetTable::Equation(table)) => (Vec::new(), Some(table)),
        None => (Vec::new(), None),
    };
    let left = items.iter().enumerate().filter(|(index, _)| passed.get(*index) != Some(&true));
    let (places, left): (Vec<usize>, Vec<&Signed<'_>>) = left.unzip();
    let share = left.len().div_ceil(rayon::current_num_threads().max(1)).max(SHARE);
    let bad = left.par_chunks(share).enumerate().map(|(number, chunk)| {
        let start = number.saturating_mul(share);
        verify_chunk(chunk, table, randomizers).map_err(|index| start.saturating_add(index))
    });
    let bad = bad.find_first(Result::is_err).unwrap_or(Ok(()));
    bad.map_err(|index| places.get(index).copied().unwrap_or(index))
}

/// Whether each of `items` has a key among those and passes alone.
fn pass_exactly(items: &[Signed<'_>], keys: &[Option<Tabled>]) -> Vec<bool> {
    let pass = |items: &[Signed<'_>]| {
        let tabled = |item: &Signed<'_>| {
            let tabled = keys.get(item.seat?)?.as_ref();
            tabled.filter(|tabled| *item.key == PublicKey::Ed25519(tabled.key))
        };
        let claim = |item| tabled(item).map(|Tabled { key, multiples }| exact_claim(item, key, multiples));
        let claims: Vec<Option<Claim<'_>>> = items.iter().map(claim).collect();
        let is_claim: Vec<bool> = claims.iter().map(Option::is_some).collect();
        let mut holds = exact::holds_each(&claims.into_iter().flatten().collect::<Vec<_>>()).into_iter();
        let pass: Vec<bool> = is_claim.iter().map(|is_claim| *is_claim && holds.next() == Some(true)).collect();
        pass
    };
    items.par_chunks(exact::share(items.len())).flat_map_iter(pass).collect()
}

fn exact_claim<'a>(item: &'a Signed<'_>, key: &'a [u8; 32], multiples: &'a Multiples) -> Claim<'a> {
    Claim { key, multiples, message: &item.message, signature: &item.signature.0 }
}

fn verify_chunk(
    items: &[&Signed<'_>],
    table: Option<&EquationTable>,
    randomizers: &impl Randomizers,
) -> Result<(), usize> {
    // An equation over one signature costs no less than the single check.
    if items.len() < 2 {
        return bisect(items, table, randomizers);
    }
    let mut terms = Vec::with_capacity(items.len());
    for item in items {
        match Term::of(item) {
            Some(term) => terms.push(term),
            // Of another scheme, or refused for its form alone.
            None if verify_alone(item) => {}
            None => return bisect(items, table, randomizers),
        }
    }
    if holds(&terms, table, randomizers) { Ok(()) } else { bisect(items, table, randomizers) }
}

/// Finds the first bad one of `items`, for which the equation does not hold or cannot be written.
fn bisect(items: &[&Signed<'_>], table: Option<&EquationTable>, randomizers: &impl Randomizers) -> Result<(), usize> {
    let (left, right) = items.split_at(items.len() / 2);
    match (left, right) {
        ([], []) => Ok(()),
        ([], [item]) => {
            if verify_alone(item) {
                Ok(())
            } else {
                Err(0)
            }
        }
        _ => {
            verify_chunk(left, table, randomizers)?;
            verify_chunk(right, table, randomizers).map_err(|index| left.len().saturating_add(index))
        }
    }
}

fn verify_alone(item: &Signed<'_>) -> bool {
    #[cfg(test)]
    crate::counted::add(&crate::counted::SINGLE_SIGNATURES, 1);
    verify_signature(item.key, &item.message, item.signature)
}

impl Term {
    /// `None` if the signature is not ed25519's, its S is not reduced, or its R is no point.
    fn of(item: &Signed<'_>) -> Option<Self> {
        let PublicKey::Ed25519(key) = *item.key else { return None };
        let (commitment, response) = item.signature.0.split_first_chunk::<32>()?;
        let response = Option::from(Scalar::from_canonical_bytes(*response.first_chunk()?))?;
        Some(Self {
            seat: item.seat,
            key,
            commitment: decompress(*commitment)?,
            response,
            challenge: challenge(commitment, &key, &item.message),
        })
    }
}

/// Whether the equation holds for all of `terms`. Without randomness it holds for none.
fn holds(terms: &[Term], table: Option<&EquationTable>, randomizers: &impl Randomizers) -> bool {
    #[cfg(test)]
    crate::counted::VOTE_EQUATIONS.with_borrow_mut(|all| all.push(terms.len()));
    let Some(randomizers) = randomizers(terms.len()).filter(|all| all.len() == terms.len()) else { return false };
    let sum = match table {
        Some(table) => tabled_sum(terms, &randomizers, table),
        None => plain_sum(terms, &randomizers),
    };
    sum.is_some_and(|sum| sum.mul_by_cofactor().is_identity())
}

/// By the operating system's randomness, of 128 bits each.
pub(super) fn system(count: usize) -> Option<Vec<Scalar>> {
    let mut bytes = vec![0_u8; count.saturating_mul(16)];
    OsRng.try_fill_bytes(&mut bytes).ok()?;
    let (chunks, _) = bytes.as_chunks::<16>();
    Some(chunks.iter().map(|chunk| Scalar::from(u128::from_le_bytes(*chunk))).collect())
}

/// The sum where the keys' multiples stand ready; keys of other sets join the commitments.
#[expect(clippy::arithmetic_side_effects, reason = "scalars of a field do not overflow")]
fn tabled_sum(terms: &[Term], randomizers: &[Scalar], table: &EquationTable) -> Option<EdwardsPoint> {
    let seats = terms.iter().filter_map(|term| term.seat).max().map_or(0, |seat| seat.saturating_add(1));
    let mut fixed = vec![Scalar::ZERO; seats.saturating_add(1)];
    let mut scalars = randomizers.to_vec();
    let mut points: Vec<EdwardsPoint> = terms.iter().map(|term| term.commitment).collect();
    for (term, z) in terms.iter().zip(randomizers) {
        let (base, keys) = fixed.split_first_mut()?;
        *base -= z * term.response;
        match term.seat {
            Some(seat) if table.has(seat) => *keys.get_mut(seat)? += z * term.challenge,
            Some(_) => return None,
            None => {
                scalars.push(z * term.challenge);
                points.push(decompress(term.key)?);
            }
        }
    }
    Some(table.sum(&fixed, &scalars, &points))
}

/// The sum where nothing is known of the keys.
#[expect(clippy::arithmetic_side_effects, reason = "scalars and points do not overflow")]
fn plain_sum(terms: &[Term], randomizers: &[Scalar]) -> Option<EdwardsPoint> {
    let base = terms.iter().zip(randomizers).map(|(term, z)| z * term.response).sum::<Scalar>();
    let mut scalars = vec![-base];
    let mut points = vec![ED25519_BASEPOINT_POINT];
    for (term, z) in terms.iter().zip(randomizers) {
        scalars.extend([z * term.challenge, *z]);
        points.extend([decompress(term.key)?, term.commitment]);
    }
    let parts = scalars.chunks(POINTS_AT_ONCE).zip(points.chunks(POINTS_AT_ONCE));
    let sums = parts.map(|(scalars, points)| EdwardsPoint::vartime_multiscalar_mul(scalars, points));
    Some(sums.fold(EdwardsPoint::identity(), |sum, part| sum + part))
}
