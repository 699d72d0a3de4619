//! Ed25519 as Solana checks it, `verify_strict` of ed25519-dalek, with precomputed tables for known keys.
//!
//! The rule: `s` is below the group order, neither `A` nor `R` has small order, and the bytes of `R` are the encoding of
//! `s·B - k·A`, `k` the hash of the bytes of `R`, `A` and the message. The equation is checked without a factor of
//! eight, per signature: a sum over several signatures could not tell a torsion component from none, so none is used.
//!
//! [`VoterKey`] holds multiples of its point, so that `k·A` and `s·B` are some eighty additions with hardly a doubling;
//! on processors with AVX2 four signatures go at once ([`crate::exact`]), and the encodings of many results share one
//! inversion. The verdict is that of `verify_strict` for every input: where the encoding of `s·B - k·A` equals `R`,
//! `R` is canonical and decodes to that very point, and `verify_strict` accepts; everything else is given to
//! `verify_strict` itself.

mod plain;

use std::fmt;
use std::sync::LazyLock;

use alloy_primitives::B256;
use curve25519_dalek::constants::EIGHT_TORSION;
use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::scalar::Scalar;
use ed25519_dalek::{Signature, VerifyingKey};
use rayon::prelude::*;
use spandrel_lanes::ed25519::{MULTIPLES_BYTES, Multiples};

use self::plain::{TABLE_BYTES, Table};
use crate::exact::{self, Claim, challenge};

/// Keys that are prepared together.
const KEYS_AT_ONCE: usize = 4;

/// Bytes of the table of one key, at most.
pub const KEY_TABLE_BYTES: usize = if MULTIPLES_BYTES > TABLE_BYTES { MULTIPLES_BYTES } else { TABLE_BYTES };

/// Checks one signature under a key that is seen for the first time. The verdict is ed25519-dalek's.
pub fn verify_strict(key: &B256, message: &[u8], signature: &[u8; 64]) -> bool {
    #[cfg(test)]
    crate::counted::add(&crate::counted::SINGLE_SIGNATURES, 1);
    let signature = Signature::from_bytes(signature);
    VerifyingKey::from_bytes(&key.0).is_ok_and(|key| key.verify_strict(message, &signature).is_ok())
}

/// A public key with multiples of its point: 40 KiB, for keys that sign again and again.
pub struct VoterKey {
    bytes: B256,
    prepared: Prepared,
}

enum Prepared {
    /// No signature under this key is valid: no point, or one of small order.
    Nothing,
    /// For four signatures at once.
    Lanes(Multiples),
    Plain(Table),
}

/// A signature to be checked.
#[derive(Clone, Copy, Debug)]
pub struct Signed<'a> {
    /// Whose.
    pub key: &'a VoterKey,
    /// Over what.
    pub message: &'a [u8],
    /// 32 bytes of `R`, 32 of `s`.
    pub signature: &'a [u8; 64],
}

impl VoterKey {
    /// Prepares a key. Many are prepared sooner by [`VoterKey::each`].
    pub fn new(bytes: B256) -> Self {
        let prepared = Self::prepare(&[bytes]).pop();
        prepared.unwrap_or(Self { bytes, prepared: Prepared::Nothing })
    }

    /// Prepares keys, in order, on all threads.
    pub fn each(keys: &[B256]) -> Vec<Self> {
        keys.par_chunks(KEYS_AT_ONCE).flat_map_iter(Self::prepare).collect()
    }

    fn prepare(keys: &[B256]) -> Vec<Self> {
        let point = |key: &B256| CompressedEdwardsY(key.0).decompress().filter(|point| !point.is_small_order());
        let points: Vec<Option<EdwardsPoint>> = keys.iter().map(point).collect();
        let mut in_lanes = exact::prepare(&points.iter().copied().flatten().collect::<Vec<_>>()).map(Vec::into_iter);
        let mut prepare = |point| match in_lanes.as_mut().and_then(Iterator::next).flatten() {
            Some(multiples) => Prepared::Lanes(multiples),
            None => Prepared::Plain(Table::new(point)),
        };
        let prepared = points.into_iter().map(|point| point.map_or(Prepared::Nothing, &mut prepare));
        keys.iter().zip(prepared).map(|(bytes, prepared)| Self { bytes: *bytes, prepared }).collect()
    }

    /// The key as it is written.
    pub fn bytes(&self) -> B256 {
        self.bytes
    }

    /// Checks one signature; the verdict is that of [`verify_strict`].
    pub fn verify_strict(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        verify_strict_each(&[Signed { key: self, message, signature }]) == [true]
    }
}

impl fmt::Debug for VoterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VoterKey({})", self.bytes)
    }
}

/// Checks many signatures on all threads: a verdict each, in order, that of [`verify_strict`].
///
/// A signature that is not accepted costs one [`verify_strict`] more, and its neighbours nothing.
pub fn verify_strict_each(signatures: &[Signed<'_>]) -> Vec<bool> {
    signatures.par_chunks(exact::share(signatures.len())).flat_map_iter(verify_chunk).collect()
}

fn verify_chunk(signatures: &[Signed<'_>]) -> Vec<bool> {
    let mut in_lanes =
        exact::holds_each(&signatures.iter().filter_map(Signed::in_lanes).collect::<Vec<_>>()).into_iter();
    let points: Vec<EdwardsPoint> = signatures.iter().filter_map(Signed::plainly).collect();
    let mut encodings = EdwardsPoint::compress_batch_alloc(&points).into_iter();
    let mut holds = |signed: &Signed<'_>| match signed.key.prepared {
        Prepared::Nothing => false,
        Prepared::Lanes(_) => in_lanes.next() == Some(true),
        Prepared::Plain(_) if signed.s().is_none() => false,
        Prepared::Plain(_) => encodings.next().is_some_and(|found| signed.signature.starts_with(found.as_bytes())),
    };
    let verdict = |signed: &Signed<'_>| {
        (holds(signed) && !SMALL_ORDER.iter().any(|point| signed.signature.starts_with(point.as_bytes())))
            || verify_strict(&signed.key.bytes, signed.message, signed.signature)
    };
    signatures.iter().map(verdict).collect()
}

impl<'a> Signed<'a> {
    /// The claim to be checked in lanes, if its key was prepared for them.
    fn in_lanes(&self) -> Option<Claim<'a>> {
        let Prepared::Lanes(multiples) = &self.key.prepared else { return None };
        Some(Claim { key: &self.key.bytes.0, multiples, message: self.message, signature: self.signature })
    }

    /// `s·B - k·A` if the key was prepared plainly and `s` is in range.
    fn plainly(&self) -> Option<EdwardsPoint> {
        let Prepared::Plain(table) = &self.key.prepared else { return None };
        let r = self.signature.first_chunk()?;
        Some(table.combine(&self.s()?, &challenge(r, &self.key.bytes.0, self.message)))
    }

    fn s(&self) -> Option<Scalar> {
        Scalar::from_canonical_bytes(*self.signature.last_chunk()?).into()
    }
}

static SMALL_ORDER: LazyLock<[CompressedEdwardsY; 8]> = LazyLock::new(|| EIGHT_TORSION.map(|point| point.compress()));

#[cfg(test)]
mod tests {
    use ed25519_dalek::{Signer, SigningKey};

    use super::*;
    use crate::counted::{SINGLE_SIGNATURES, counting};

    #[test]
    fn a_bad_signature_costs_one_check_more_and_its_neighbours_none() {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread().build().unwrap();
        let signers: Vec<SigningKey> = (0..9).map(|n| SigningKey::from_bytes(&[n; 32])).collect();
        let keys: Vec<B256> = signers.iter().map(|signer| B256::new(signer.verifying_key().to_bytes())).collect();
        let keys = VoterKey::each(&keys);
        let honest: Vec<[u8; 64]> = signers.iter().map(|signer| signer.sign(b"vote").to_bytes()).collect();
        for bad in [&[][..], &[0], &[8], &[2, 3, 5]] {
            let mut signatures = honest.clone();
            bad.iter().for_each(|place: &usize| signatures[*place][0] ^= 1);
            let signed: Vec<Signed<'_>> = keys
                .iter()
                .zip(&signatures)
                .map(|(key, signature)| Signed { key, message: b"vote", signature })
                .collect();
            let (verdicts, singles) = pool.install(|| counting(&SINGLE_SIGNATURES, || verify_strict_each(&signed)));
            assert_eq!(verdicts, (0..9).map(|place| !bad.contains(&place)).collect::<Vec<_>>());
            assert_eq!(singles, bad.len());
        }
    }

    /// Keys that were prepared for lanes and plainly, in one batch, and one that is good for nothing.
    #[test]
    fn keys_prepared_in_different_ways_may_be_mixed() {
        let signers: Vec<SigningKey> = (0..7).map(|n| SigningKey::from_bytes(&[n; 32])).collect();
        let mut keys: Vec<VoterKey> =
            signers.iter().map(|signer| VoterKey::new(B256::new(signer.verifying_key().to_bytes()))).collect();
        for place in [1, 2, 5] {
            let point = CompressedEdwardsY(keys[place].bytes.0).decompress().unwrap();
            keys[place].prepared = Prepared::Plain(Table::new(point));
        }
        keys[3] = VoterKey::new(B256::new(EIGHT_TORSION[1].compress().0));
        assert!(matches!(keys[3].prepared, Prepared::Nothing));
        let signatures: Vec<[u8; 64]> = signers.iter().map(|signer| signer.sign(b"vote").to_bytes()).collect();
        for bad in 0..7 {
            let mut signatures = signatures.clone();
            signatures[bad][40] ^= 4;
            // Of the next one, `s` is not in range.
            signatures[(bad + 1) % 7][63] |= 0xf0;
            let signed = keys.iter().zip(&signatures);
            let signed: Vec<_> = signed.map(|(key, signature)| Signed { key, message: b"vote", signature }).collect();
            let expected: Vec<bool> = (0..7).map(|place| ![3, bad, (bad + 1) % 7].contains(&place)).collect();
            assert_eq!(verify_strict_each(&signed), expected);
        }
    }
}
