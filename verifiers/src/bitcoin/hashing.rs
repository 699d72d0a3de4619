//! `sha256d`, Bitcoin's hash, of one message and of many.

use alloy_primitives::B256;
use bitcoin::hashes::{Hash as _, sha256d};
use rayon::prelude::*;
use spandrel_lanes::{Hash, sha256d_each_into};

/// What one thread takes at a time.
pub(super) const PORTION: usize = 256;

/// `sha256d(bytes)` in wire order: a txid (of a transaction without witness) or a block hash (of a header).
pub fn sha256d(bytes: &[u8]) -> B256 {
    B256::new(sha256d::Hash::hash(bytes).to_byte_array())
}

/// The double SHA-256 as block explorers show it.
pub(crate) fn displayed(bytes: &[u8]) -> String {
    let mut hash = sha256d(bytes);
    hash.0.reverse();
    format!("{hash:x}")
}

/// `sha256d` of each message, on as many threads as there are. Equal neighbours are hashed once.
pub(super) fn sha256d_all<'a>(messages: impl Iterator<Item = &'a [u8]>) -> Vec<Hash> {
    let (mut distinct, mut places) = (Vec::<&[u8]>::new(), Vec::new());
    for message in messages {
        if distinct.last() != Some(&message) {
            distinct.push(message);
        }
        places.push(distinct.len());
    }
    let mut hashes = vec![Hash::default(); distinct.len()];
    match is_for_threads(distinct.len()) {
        true => {
            let portions = distinct.par_chunks(PORTION).zip(hashes.par_chunks_mut(PORTION));
            portions.for_each(|(messages, hashes)| sha256d_each_into(messages, hashes));
        }
        false => sha256d_each_into(&distinct, &mut hashes),
    }
    if hashes.len() == places.len() {
        return hashes;
    }
    places.into_iter().filter_map(|place| hashes.get(place.saturating_sub(1)).copied()).collect()
}

/// Whether so many small items are worth spreading over threads, of which there must be several.
pub(super) fn is_for_threads(count: usize) -> bool {
    count > PORTION && rayon::current_num_threads() > 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn each_message_has_its_own_hash(
            runs in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..90), 1usize..4), 0..400)
        ) {
            let messages = runs.iter().flat_map(|(message, times)| vec![message.as_slice(); *times]);
            let messages: Vec<&[u8]> = messages.collect();
            let hashes = sha256d_all(messages.iter().copied());
            prop_assert_eq!(hashes.len(), messages.len());
            for (message, hash) in messages.iter().zip(hashes) {
                prop_assert_eq!(sha256d(message), B256::new(hash));
            }
        }
    }
}
