//! ed25519's equation, checked exactly and for each signature alone, under keys that were prepared.
//!
//! `s` is below the group order and `R` is, byte by byte, how `s·B - k·A` is written. A signature for which this holds is
//! valid by every rule that is in use, but for keys and `R` of small order, which some refuse. One for which it does not
//! hold may still be valid where `R` may be written in two ways or differ by a point of small order (ZIP-215); so nothing
//! is ever refused for it: the caller asks the library's single check. That also makes a fault in the lanes' arithmetic
//! cost time and nothing else, see [`spandrel_lanes::ed25519`].

use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::scalar::Scalar;
use sha2::{Digest, Sha512};
use spandrel_lanes::ed25519::{Combination, Multiples, combine_each, multiples_each};

/// Most signatures that share an inversion.
const MOST: usize = 128;

/// A signature under a prepared key.
pub(crate) struct Claim<'a> {
    /// The key as it is written.
    pub(crate) key: &'a [u8; 32],
    /// Its point's multiples.
    pub(crate) multiples: &'a Multiples,
    /// What is signed.
    pub(crate) message: &'a [u8],
    /// 32 bytes of `R`, 32 of `s`.
    pub(crate) signature: &'a [u8; 64],
}

/// Multiples of each point, in order; `None` where this processor or this build does not go this way.
pub(crate) fn prepare(points: &[EdwardsPoint]) -> Option<Vec<Option<Multiples>>> {
    let encodings = EdwardsPoint::compress_batch_alloc(points);
    multiples_each(&encodings.iter().map(CompressedEdwardsY::to_bytes).collect::<Vec<_>>())
}

/// Whether the equation holds exactly, for each claim in order.
pub(crate) fn holds_each(claims: &[Claim<'_>]) -> Vec<bool> {
    let scalars: Vec<Option<[[u8; 32]; 2]>> = claims.iter().map(scalars).collect();
    let items: Vec<Combination<'_>> = claims
        .iter()
        .zip(&scalars)
        .filter_map(|(claim, scalars)| scalars.as_ref().map(|[s, k]| Combination { s, k, key: claim.multiples }))
        .collect();
    let mut encodings = combine_each(&items).unwrap_or_default().into_iter();
    let has_scalars = scalars.iter().map(Option::is_some);
    let found = has_scalars.map(|has_scalars| if has_scalars { encodings.next() } else { None });
    found.zip(claims).map(|(found, claim)| found.is_some_and(|found| claim.signature.starts_with(&found))).collect()
}

/// How many signatures to check together, of `count`: on all threads, each with as much to do as the others.
pub(crate) fn share(count: usize) -> usize {
    let threads = rayon::current_num_threads().max(1);
    let rounds = count.div_ceil(threads.saturating_mul(MOST)).max(1);
    count.div_ceil(threads.saturating_mul(rounds)).next_multiple_of(4).max(4)
}

/// `s` if it is below the group order, and `k`.
fn scalars(claim: &Claim<'_>) -> Option<[[u8; 32]; 2]> {
    let (r, s) = claim.signature.split_first_chunk::<32>()?;
    let s = Option::<Scalar>::from(Scalar::from_canonical_bytes(s.try_into().ok()?))?;
    Some([s.to_bytes(), challenge(r, claim.key, claim.message).to_bytes()])
}

/// `k`: the hash of `R`, `A` and the message (RFC 8032, 5.1.7).
pub(crate) fn challenge(r: &[u8; 32], key: &[u8; 32], message: &[u8]) -> Scalar {
    let hash = Sha512::new().chain_update(r).chain_update(key).chain_update(message).finalize();
    Scalar::from_bytes_mod_order_wide(&hash.into())
}
