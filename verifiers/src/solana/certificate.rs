//! Certificates of Alpenglow: aggregate signatures by which a block is notarized, finalized or skipped.
//!
//! Source: SIMD-0326, Agave `votor-messages` (`certificate.rs`, `wire.rs`), `bls-cert-verify`. Wire form, integers
//! little-endian: message version 1, kind, slot 8, block id 32 (not for Finalize and Skip), signature 192 (an affine G2
//! point), length of the bitmap 8, bitmap, shred version 2. Thresholds are inclusive shares of the ranked stake.

use alloy_primitives::{B256, Bytes};
use blst::min_pk::{PublicKey, Signature};
use blst::{BLST_ERROR, Pairing, blst_p1_affine, blst_p2_affine};
use serde::{Deserialize, Serialize};

use super::bitmap::{MAX_RANKS, Signers};
use super::bytes::Reader;
use super::ranks::RankMap;
use super::stakes::is_share;
use crate::VerifyError;
use crate::ethereum::bls::DST;

const WIRE_VERSION: u8 = 1;
const SIGNATURE_LENGTH: usize = 192;
const MAX_BITMAP: usize = MAX_RANKS + 3;

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
        let signed = [(key, Some(first)), (fallback_key, second)];
        let signed: Vec<(PublicKey, Vec<u8>)> =
            signed.into_iter().filter_map(|(key, payload)| Some((key?, payload?))).collect();
        verify_signature(&signed, &self.signature)
            .map_err(|error| VerifyError::invalid("signature", "a signature of these validators", error))?;
        Ok([signers.primary, signers.fallback].concat())
    }
}

/// One pairing check: the signature is in its group and is the sum of those of each key over its own message.
fn verify_signature(signed: &[(PublicKey, Vec<u8>)], signature: &[u8; SIGNATURE_LENGTH]) -> Result<(), String> {
    let point = Signature::deserialize(signature).map_err(|error| format!("{error:?}"))?;
    if point.serialize() != *signature {
        return Err("another encoding of the point".to_owned());
    }
    let point = blst_p2_affine::from(point);
    let mut pairing = Pairing::new(true, DST);
    // The signature's group is checked where it enters, with the first key.
    let mut signature = Some(&point);
    for (key, message) in signed {
        let key = blst_p1_affine::from(*key);
        let result = match signature.take() {
            Some(point) => pairing.aggregate(&key, false, point, true, message, &[]),
            None => pairing.aggregate(&key, false, &(), false, message, &[]),
        };
        if result != BLST_ERROR::BLST_SUCCESS {
            return Err(format!("{result:?}"));
        }
    }
    pairing.commit();
    if pairing.finalverify(None) { Ok(()) } else { Err("another".to_owned()) }
}
