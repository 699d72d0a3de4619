//! Sync committees and their aggregate signatures, as bytes; `bls` turns them into points.

use alloy_primitives::{B256, Bytes, FixedBytes};
use serde::{Deserialize, Serialize};

use super::check_length;
use crate::VerifyError;
use crate::ethereum::fork::{Form, Preset};
use crate::ethereum::ssz::{HashTreeRoot, Reader, Writer, chunks, hash_pair, merkleize, two_chunk_vector_root};

/// A compressed BLS12-381 G1 point.
pub type BlsPublicKey = FixedBytes<48>;
/// A compressed BLS12-381 G2 point.
pub type BlsSignature = FixedBytes<96>;

/// A sync committee: 32 (minimal) or 512 (mainnet) keys, duplicates allowed, and their sum.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncCommittee {
    /// One key a seat.
    pub pubkeys: Vec<BlsPublicKey>,
    /// Sum of `pubkeys`.
    pub aggregate_pubkey: BlsPublicKey,
}

/// Who of a committee signed, and their aggregate signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncAggregate {
    /// `Bitvector[SYNC_COMMITTEE_SIZE]`: 4 or 64 bytes, seat `i` is bit `i % 8` of byte `i / 8`.
    pub sync_committee_bits: Bytes,
    /// Sum of the participants' signatures.
    pub sync_committee_signature: BlsSignature,
}

impl SyncCommittee {
    /// The empty committee: what an update without one carries.
    pub fn empty(preset: Preset) -> Self {
        Self { pubkeys: vec![BlsPublicKey::ZERO; preset.committee_size()], aggregate_pubkey: BlsPublicKey::ZERO }
    }

    pub(super) fn length(preset: Preset) -> usize {
        preset.committee_size().saturating_add(1).saturating_mul(48)
    }

    pub(super) fn conform(&self, preset: Preset) -> Result<(), VerifyError> {
        check_length("pubkeys", preset.committee_size(), self.pubkeys.len())
    }

    pub(super) fn read(reader: &mut Reader<'_>, field: &str, preset: Preset) -> Result<Self, VerifyError> {
        let mut keys = Reader::new(reader.bytes(field, Self::length(preset))?);
        let seats = 0..preset.committee_size();
        let pubkeys = seats.map(|_| keys.fixed(field)).collect::<Result<_, _>>()?;
        Ok(Self { pubkeys, aggregate_pubkey: keys.fixed(field)? })
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        for key in &self.pubkeys {
            writer.bytes(key);
        }
        writer.bytes(self.aggregate_pubkey);
    }

    /// Decodes SSZ: every key, then the aggregate.
    ///
    /// Source: consensus-specs `specs/altair/beacon-chain.md`, `SyncCommittee`: 48 bytes a key, 32 or 512 keys.
    /// The keys need not be points: [`Committee::new`](crate::ethereum::bls::Committee::new) checks that.
    ///
    /// # Errors
    /// `Malformed` when the bytes are not exactly as many.
    pub fn decode_ssz(bytes: &[u8], preset: Preset) -> Result<Self, VerifyError> {
        let mut reader = Reader::new(bytes);
        let committee = Self::read(&mut reader, "sync_committee", preset)?;
        reader.finish("sync_committee")?;
        Ok(committee)
    }

    /// Encodes as SSZ.
    pub fn encode_ssz(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        self.write(&mut writer);
        writer.finish()
    }
}

impl HashTreeRoot for SyncCommittee {
    fn hash_tree_root(&self) -> B256 {
        let aggregate = merkleize(&chunks(self.aggregate_pubkey.as_slice()), 1);
        hash_pair(two_chunk_vector_root(&self.pubkeys), aggregate)
    }
}

impl SyncAggregate {
    /// How many seats signed.
    pub fn participants(&self) -> usize {
        let ones = self.sync_committee_bits.iter().map(|byte| byte.count_ones() as usize);
        ones.fold(0, usize::saturating_add)
    }

    /// How many seats there are.
    pub fn seats(&self) -> usize {
        self.sync_committee_bits.len().saturating_mul(8)
    }

    /// Whether at least two thirds of the seats signed: what Spandrel asks for before it acts.
    pub fn is_supermajority(&self) -> bool {
        self.seats() > 0 && self.participants().saturating_mul(3) >= self.seats().saturating_mul(2)
    }

    /// Whether each seat signed, in order of seats.
    pub fn signed(&self) -> impl Iterator<Item = bool> {
        self.sync_committee_bits.iter().flat_map(|byte| (0_u32..8).map(move |bit| byte.wrapping_shr(bit) & 1 == 1))
    }

    pub(super) fn length(preset: Preset) -> usize {
        (preset.committee_size() / 8).saturating_add(96)
    }

    pub(super) fn conform(&self, form: Form) -> Result<(), VerifyError> {
        check_length("sync_committee_bits", form.preset.committee_size() / 8, self.sync_committee_bits.len())
    }

    pub(super) fn read(reader: &mut Reader<'_>, field: &str, preset: Preset) -> Result<Self, VerifyError> {
        let sync_committee_bits = Bytes::copy_from_slice(reader.bytes(field, preset.committee_size() / 8)?);
        Ok(Self { sync_committee_bits, sync_committee_signature: reader.fixed(field)? })
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        writer.bytes(&self.sync_committee_bits).bytes(self.sync_committee_signature);
    }
}

impl HashTreeRoot for SyncAggregate {
    fn hash_tree_root(&self) -> B256 {
        let bits = chunks(&self.sync_committee_bits);
        let depth = bits.len().next_power_of_two().ilog2() as usize;
        hash_pair(merkleize(&bits, depth), merkleize(&chunks(self.sync_committee_signature.as_slice()), 2))
    }
}
