//! Proof of work of many headers: hashed together, with the arithmetic done once for headers of one target.

use alloy_primitives::{Bytes, U256};
use rayon::prelude::*;
use spandrel_lanes::{Hash, sha256d_each_into};

use super::hashing::{PORTION, is_for_threads};
use super::header::{HEADER_LENGTH, Header};
use super::params::ChainParams;
use super::target::{target_of, work_of};
use crate::VerifyError;

/// A target within a network's limit, and the work behind a hash that meets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Difficulty {
    bits: u32,
    pub(super) target: U256,
    pub(super) work: U256,
}

impl Difficulty {
    /// Of compact `bits`. Errors name `bits`.
    pub(super) fn of(params: &ChainParams, bits: u32) -> Result<Self, VerifyError> {
        let target = target_within_limit(params, bits)?;
        Ok(Self { bits, target, work: work_of(target) })
    }

    /// Of `bits`, which from one header to the next are most often the same.
    pub(super) fn or_of(self, params: &ChainParams, bits: u32) -> Result<Self, VerifyError> {
        if self.bits == bits { Ok(self) } else { Self::of(params, bits) }
    }
}

/// The target of compact `bits`, if the network allows one so easy. Errors name `bits`.
pub(super) fn target_within_limit(params: &ChainParams, bits: u32) -> Result<U256, VerifyError> {
    let target = target_of(bits)?;
    if target > target_of(params.pow_limit_bits)? {
        let expected = format!("at most the limit {:#010x}", params.pow_limit_bits);
        return Err(VerifyError::invalid("bits", expected, format!("{bits:#010x}")));
    }
    Ok(target)
}

/// Whether each header has the work that it states: for each of them the result of [`Header::parse`], then
/// [`Header::check_work`]. Nothing is said about what the header's place in a chain asks of it.
pub fn check_work_each(params: &ChainParams, headers: &[Bytes]) -> Vec<Result<Header, VerifyError>> {
    let hashes = header_hashes(headers);
    let check = |last: &mut Option<(u32, U256)>, (bytes, hash): (&Bytes, &Hash)| {
        Header::worked(bytes, *hash, |bits| {
            let target = match *last {
                Some((last_bits, target)) if last_bits == bits => target,
                _ => target_within_limit(params, bits)?,
            };
            *last = Some((bits, target));
            Ok(target)
        })
    };
    if !is_for_threads(headers.len()) {
        let mut last = None;
        return headers.iter().zip(&hashes).map(|item| check(&mut last, item)).collect();
    }
    headers.par_iter().zip(&hashes).with_min_len(PORTION).map_init(|| None, check).collect()
}

/// `sha256d` of the first 80 bytes of each: its hash, if it has no more and no fewer.
pub(super) fn header_hashes(headers: &[Bytes]) -> Vec<Hash> {
    let hash_portion = |headers: &[Bytes], hashes: &mut [Hash]| {
        let starts = headers.iter().map(|bytes| bytes.get(..HEADER_LENGTH).unwrap_or_default());
        sha256d_each_into(&starts.collect::<Vec<_>>(), hashes);
    };
    let mut hashes = vec![Hash::default(); headers.len()];
    match is_for_threads(headers.len()) {
        true => {
            let portions = headers.par_chunks(PORTION).zip(hashes.par_chunks_mut(PORTION));
            portions.for_each(|(headers, hashes)| hash_portion(headers, hashes));
        }
        false => hash_portion(headers, &mut hashes),
    }
    hashes
}

#[cfg(test)]
mod tests {
    use super::*;
    use bitcoin::block::Header as PeerHeader;
    use bitcoin::consensus::encode::deserialize;
    use bitcoin::hashes::Hash as _;
    use proptest::prelude::*;

    /// Headers of regtest, whose stated work every other one has; some of another length.
    fn headers() -> impl Strategy<Value = Vec<Bytes>> {
        let bits = prop_oneof![Just(0x207f_ffff_u32), Just(0x2000_ffff), Just(0x2100_ffff), Just(0x01fe_dcba)];
        let header = (prop::collection::vec(any::<u8>(), 72), bits, any::<u32>(), 0..40_usize);
        let header = header.prop_map(|(mut bytes, bits, nonce, odd)| {
            bytes.extend(bits.to_le_bytes());
            bytes.extend(nonce.to_le_bytes());
            match odd {
                0 => bytes.truncate(79),
                1 => bytes.push(0),
                2 => bytes.clear(),
                _ => {}
            }
            Bytes::from(bytes)
        });
        prop::collection::vec(header, 0..700)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        #[test]
        fn many_headers_are_judged_like_one(headers in headers()) {
            let params = ChainParams::regtest();
            let each = check_work_each(&params, &headers);
            prop_assert_eq!(each.len(), headers.len());
            for (bytes, result) in headers.iter().zip(each) {
                let single = Header::parse(bytes).and_then(|header| header.check_work(&params).map(|_| header));
                prop_assert_eq!(&result, &single);
                let Ok(peer) = deserialize::<PeerHeader>(bytes) else { continue };
                match result {
                    Ok(header) => {
                        let hash = peer.validate_pow(peer.target()).unwrap();
                        prop_assert_eq!(header.hash.0, hash.to_byte_array());
                    }
                    Err(error) => prop_assert!(error.field == "bits" || peer.validate_pow(peer.target()).is_err()),
                }
            }
        }
    }
}
