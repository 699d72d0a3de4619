//! Certificates of Alpenglow: aggregate signatures by which a block is notarized, finalized or skipped.
//!
//! Source: SIMD-0326, Agave `votor-messages` (`certificate.rs`, `wire.rs`), `bls-cert-verify`. Wire form, integers
//! little-endian: message version 1, kind, slot 8, block id 32 (not for Finalize and Skip), signature 192 (an affine G2
//! point), length of the bitmap 8, bitmap, shred version 2. Thresholds are inclusive shares of the ranked stake.

use std::any::Any;
use std::num::NonZeroU64;

use alloy_primitives::{B256, Bytes};
use blst::min_pk::Signature;
use blst::{BLST_ERROR, Pairing, blst_p1_affine, blst_p2_affine};
use serde::{Deserialize, Serialize};

use super::bitmap::{MAX_RANKS, Signers};
use super::bytes::Reader;
use super::ranks::RankMap;
use super::stakes::is_share;
use crate::VerifyError;
use crate::error::shown;
use crate::ethereum::bls::{DST, Scalars};

const WIRE_VERSION: u8 = 1;
const SIGNATURE_LENGTH: usize = 192;
const MAX_BITMAP: usize = MAX_RANKS + 3;
/// Bits of a scalar.
const SCALAR_BITS: usize = 64;

/// Most bytes of a certificate's wire form.
pub const MAX_CERTIFICATE_LENGTH: usize = 2 + 8 + 32 + SIGNATURE_LENGTH + 8 + MAX_BITMAP + 2;

/// A block by its slot and id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlockName {
    /// Its slot.
    pub slot: u64,
    /// Root of the tree over its FEC sets and its parent.
    pub block_id: B256,
}

/// What a certificate says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Claim {
    /// The slot's notarized block is final: it does not say which.
    Finalize(u64),
    /// The block is notarized and final at once.
    FinalizeFast(BlockName),
    /// The block is the slot's only one that can be notarized.
    Notarize(BlockName),
    /// The block may be built on.
    NotarizeFallback(BlockName),
    /// The slot may be skipped.
    Skip(u64),
    /// The last block of TowerBFT, from which Alpenglow goes on.
    Genesis(BlockName),
}

/// A decoded certificate. Nothing of it is checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// What it says.
    pub claim: Claim,
    /// The aggregate signature, an uncompressed G2 point.
    pub signature: [u8; SIGNATURE_LENGTH],
    /// Who signed.
    pub bitmap: Bytes,
    /// The cluster it was made for.
    pub shred_version: u16,
}

impl Claim {
    /// The slot.
    pub fn slot(&self) -> u64 {
        match self {
            Self::Finalize(slot) | Self::Skip(slot) => *slot,
            Self::FinalizeFast(block)
            | Self::Notarize(block)
            | Self::NotarizeFallback(block)
            | Self::Genesis(block) => block.slot,
        }
    }

    /// Least percentage of the ranked stake.
    pub fn threshold(&self) -> u8 {
        match self {
            Self::FinalizeFast(_) => 80,
            Self::Genesis(_) => 82,
            Self::Finalize(_) | Self::Notarize(_) | Self::NotarizeFallback(_) | Self::Skip(_) => 60,
        }
    }

    /// What the first group signs, and what the second may sign instead.
    pub fn payloads(&self, shred_version: u16) -> (Vec<u8>, Option<Vec<u8>>) {
        let block = |tag: u8, block: &BlockName| payload(tag, block.slot, Some(block.block_id), shred_version);
        let slot = |tag: u8, slot: u64| payload(tag, slot, None, shred_version);
        match self {
            Self::Notarize(name) | Self::FinalizeFast(name) => (block(1, name), None),
            Self::Finalize(number) => (slot(2, *number), None),
            Self::Skip(number) => (slot(3, *number), Some(slot(5, *number))),
            Self::NotarizeFallback(name) => (block(1, name), Some(block(4, name))),
            Self::Genesis(name) => (block(6, name), None),
        }
    }

    fn kind(&self) -> u8 {
        match self {
            Self::Finalize(_) => 7,
            Self::FinalizeFast(_) => 8,
            Self::Notarize(_) => 9,
            Self::NotarizeFallback(_) => 10,
            Self::Skip(_) => 11,
            Self::Genesis(_) => 12,
        }
    }
}

/// 43 bytes for a block, 11 for a slot.
fn payload(tag: u8, slot: u64, block_id: Option<B256>, shred_version: u16) -> Vec<u8> {
    let block_id = block_id.as_ref().map(B256::as_slice).unwrap_or_default();
    [&[tag][..], &slot.to_le_bytes(), block_id, &shred_version.to_le_bytes()].concat()
}

impl Certificate {
    /// Decodes the wire form.
    ///
    /// # Errors
    /// Names `certificate`.
    pub fn decode(bytes: &[u8]) -> Result<Self, VerifyError> {
        let mut reader = Reader::bounded("certificate", bytes, MAX_CERTIFICATE_LENGTH)?;
        let (version, kind) = (reader.u8()?, reader.u8()?);
        if version != WIRE_VERSION {
            return Err(reader.malformed(format!("wire version {WIRE_VERSION}"), version));
        }
        let slot = reader.u64()?;
        let mut block = || Ok::<_, VerifyError>(BlockName { slot, block_id: reader.hash()? });
        let claim = match kind {
            7 => Claim::Finalize(slot),
            8 => Claim::FinalizeFast(block()?),
            9 => Claim::Notarize(block()?),
            10 => Claim::NotarizeFallback(block()?),
            11 => Claim::Skip(slot),
            12 => Claim::Genesis(block()?),
            other => return Err(reader.malformed("a certificate, kind 7 to 12", other)),
        };
        let signature = *reader.array::<SIGNATURE_LENGTH>()?;
        let length = reader.length(MAX_BITMAP)?;
        let bitmap = Bytes::copy_from_slice(reader.take(length)?);
        let shred_version = reader.u16()?;
        reader.finish()?;
        Ok(Self { claim, signature, bitmap, shred_version })
    }

    /// The wire form.
    pub fn encode(&self) -> Vec<u8> {
        let block_id = match &self.claim {
            Claim::Finalize(_) | Claim::Skip(_) => &[][..],
            Claim::FinalizeFast(block)
            | Claim::Notarize(block)
            | Claim::NotarizeFallback(block)
            | Claim::Genesis(block) => block.block_id.as_slice(),
        };
        let length = u64::try_from(self.bitmap.len()).unwrap_or(u64::MAX).to_le_bytes();
        let head = [&[WIRE_VERSION, self.claim.kind()][..], &self.claim.slot().to_le_bytes(), block_id].concat();
        [&head, &self.signature[..], &length, &self.bitmap, &self.shred_version.to_le_bytes()].concat()
    }

    /// Checks the signature by the validators that the bitmap names, and that they hold enough of the ranked stake of
    /// the slot's epoch. Returns their ranks.
    ///
    /// # Errors
    /// Names `shred_version`, `bitmap` or `signature`.
    pub fn verify(&self, ranks: &RankMap, shred_version: u16) -> Result<Vec<usize>, VerifyError> {
        let signed = self.signed(ranks, shred_version)?;
        if holds(&[(&signed, None)]) { Ok(signed.ranks) } else { Err(self.unsigned()) }
    }

    /// All but the signature's equation.
    fn signed(&self, ranks: &RankMap, shred_version: u16) -> Result<Signed, VerifyError> {
        if self.shred_version != shred_version {
            return Err(VerifyError::invalid("shred_version", shred_version, self.shred_version));
        }
        let signers = Signers::decode(&self.bitmap, ranks.len())?;
        let (first, second) = self.claim.payloads(shred_version);
        if signers.is_base3 && (second.is_none() || signers.fallback.is_empty()) {
            return Err(VerifyError::invalid("bitmap", "bits, as there is one payload", "trits"));
        }
        let (stake, key) = ranks.aggregate(&signers.primary)?;
        let (fallback_stake, fallback_key) = ranks.aggregate(&signers.fallback)?;
        let stake = stake.saturating_add(fallback_stake);
        let threshold = self.claim.threshold();
        if signers.count() == 0 || !is_share(stake, ranks.total(), threshold, 100) {
            let expected = format!("{threshold} % of {} lamports", ranks.total());
            return Err(VerifyError::invalid("bitmap", expected, stake));
        }
        let keys = [(key, Some(first)), (fallback_key, second)];
        let keys = keys.into_iter().filter_map(|(key, payload)| Some((key?.into(), payload?))).collect();
        let signature = point(&self.signature).ok_or_else(|| self.unsigned())?;
        Ok(Signed { keys, signature, ranks: [signers.primary, signers.fallback].concat() })
    }

    fn unsigned(&self) -> VerifyError {
        VerifyError::invalid("signature", "a signature of these validators", shown(&self.signature))
    }
}

/// [`Certificate::verify`] of each, in order. All signatures are checked by one equation, with random scalars; each by
/// itself where that does not hold.
pub(super) fn verify_each(
    certificates: &[Certificate],
    ranks: &RankMap,
    shred_version: u16,
    scalars: &mut impl Scalars,
) -> Vec<Result<Vec<usize>, VerifyError>> {
    let signed: Vec<_> = certificates.iter().map(|certificate| certificate.signed(ranks, shred_version)).collect();
    let scalars = if signed.len() < 2 { None } else { scalars.scalars(signed.len()) };
    let scalars = scalars.filter(|scalars| scalars.len() == signed.len()).unwrap_or_default();
    let terms: Vec<_> = signed.iter().flatten().zip(scalars.into_iter().map(Some)).collect();
    let hold = terms.len() > 1 && holds(&terms);
    let verdict = |(signed, certificate): (Result<Signed, VerifyError>, &Certificate)| {
        let signed = signed?;
        if hold || holds(&[(&signed, None)]) { Ok(signed.ranks) } else { Err(certificate.unsigned()) }
    };
    signed.into_iter().zip(certificates).map(verdict).collect()
}

/// A certificate whose signature is still to be checked.
struct Signed {
    /// Sums of keys, with what each signed.
    keys: Vec<(blst_p1_affine, Vec<u8>)>,
    signature: blst_p2_affine,
    ranks: Vec<usize>,
}

/// The point, in its one encoding; its group is checked where it is used.
fn point(signature: &[u8; SIGNATURE_LENGTH]) -> Option<blst_p2_affine> {
    let point = Signature::deserialize(signature).ok()?;
    (point.serialize() == *signature).then(|| blst_p2_affine::from(point))
}

/// Whether each signature is in its group and, each times its scalar, their sum is that of the keys over their messages.
/// One final exponentiation.
fn holds(certificates: &[(&Signed, Option<NonZeroU64>)]) -> bool {
    #[cfg(test)]
    crate::counted::add(&crate::counted::FINAL_EXPONENTIATIONS, 1);
    let mut pairing = Pairing::new(true, DST);
    for (signed, scalar) in certificates {
        for (place, (key, message)) in signed.keys.iter().enumerate() {
            // The signature enters, and its group is checked, with the first key.
            let (point, is_first): (&dyn Any, bool) = if place == 0 { (&signed.signature, true) } else { (&(), false) };
            let added = match scalar.map(|scalar| scalar.get().to_le_bytes()) {
                Some(scalar) => {
                    pairing.mul_n_aggregate(key, false, point, is_first, &scalar, SCALAR_BITS, message, &[])
                }
                None => pairing.aggregate(key, false, point, is_first, message, &[]),
            };
            if added != BLST_ERROR::BLST_SUCCESS {
                return false;
            }
        }
    }
    pairing.commit();
    pairing.finalverify(None)
}

#[cfg(test)]
mod tests {
    use alloy_primitives::keccak256;
    use blst::min_pk::AggregateSignature;

    use super::*;
    use crate::counted::maker::{self, SHRED_VERSION, table, validators};
    use crate::counted::{FINAL_EXPONENTIATIONS, counting};
    use crate::ethereum::bls::SystemScalars;
    use crate::solana::Electorate;

    const SLOT: u64 = 300;

    /// What finalizes a slot, and what notarizes its block.
    fn certificates() -> Vec<Certificate> {
        let block = BlockName { slot: SLOT, block_id: keccak256("block") };
        let made = |claim| maker::certificate(claim, &validators(), &[0, 1, 2], &[]);
        vec![made(Claim::Finalize(SLOT)), made(Claim::Notarize(block))]
    }

    /// Which of them are right, and how many final exponentiations it took.
    fn work(certificates: &[Certificate], scalars: &mut impl Scalars) -> (Vec<bool>, usize) {
        let electorate = Electorate::new(table(0, &validators())).unwrap();
        let ranks = electorate.ranks();
        let (verdicts, work) =
            counting(&FINAL_EXPONENTIATIONS, || verify_each(certificates, ranks, SHRED_VERSION, scalars));
        for (certificate, verdict) in certificates.iter().zip(&verdicts) {
            assert_eq!(*verdict, certificate.verify(ranks, SHRED_VERSION));
        }
        (verdicts.iter().map(Result::is_ok).collect(), work)
    }

    #[test]
    fn two_certificates_share_one_final_exponentiation() {
        let honest = certificates();
        assert_eq!(work(&honest, &mut SystemScalars), (vec![true, true], 1));
        assert_eq!(work(&honest[..1], &mut SystemScalars), (vec![true], 1));
        assert_eq!(work(&[], &mut SystemScalars), (vec![], 0));
        for bad in 0..2 {
            let mut certificates = honest.clone();
            certificates[bad].signature = honest[1 - bad].signature;
            assert_eq!(work(&certificates, &mut SystemScalars), ((0..2).map(|place| place != bad).collect(), 3));
            // What is refused for its form alone is in no equation.
            certificates[bad].bitmap = Bytes::new();
            assert_eq!(work(&certificates, &mut SystemScalars), ((0..2).map(|place| place != bad).collect(), 1));
        }
        let both_payloads = maker::certificate(Claim::Skip(SLOT), &validators(), &[0], &[1]);
        assert_eq!(work(&[both_payloads.clone(), both_payloads], &mut SystemScalars), (vec![true, true], 1));
    }

    /// Scalars that an attacker knows.
    struct Ones;

    impl Scalars for Ones {
        fn scalars(&mut self, count: usize) -> Option<Vec<NonZeroU64>> {
            Some(vec![NonZeroU64::MIN; count])
        }
    }

    /// Two forged signatures whose errors cancel: `s1 + e` and `s2 - e`. Their sum is right, neither is.
    #[test]
    fn errors_that_cancel_are_found_because_the_scalars_are_unknown() {
        let mut forged = certificates();
        let extra = validators()[0].bls.sign(b"whatever", DST, &[]);
        let mut negated = extra.compress();
        negated[0] ^= 0x20;
        for (certificate, error) in forged.iter_mut().zip([extra.compress(), negated]) {
            let (own, error) = (Signature::deserialize(&certificate.signature).unwrap(), error);
            let error = Signature::from_bytes(&error).unwrap();
            let sum = AggregateSignature::aggregate(&[&own, &error], false).unwrap();
            certificate.signature = sum.to_signature().serialize();
        }
        assert_eq!(work(&forged, &mut SystemScalars).0, [false, false]);
        // The attack is real: with scalars that are known beforehand both forgeries pass.
        let electorate = Electorate::new(table(0, &validators())).unwrap();
        let verdicts = verify_each(&forged, electorate.ranks(), SHRED_VERSION, &mut Ones);
        assert!(verdicts.iter().all(Result::is_ok));
    }

    #[test]
    fn without_randomness_each_certificate_is_checked_alone() {
        struct Nothing;
        impl Scalars for Nothing {
            fn scalars(&mut self, _: usize) -> Option<Vec<NonZeroU64>> {
                None
            }
        }
        assert_eq!(work(&certificates(), &mut Nothing), (vec![true, true], 2));
    }
}
