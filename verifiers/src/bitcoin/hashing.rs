//! `sha256d`, Bitcoin's hash, of one message and of many.

use alloy_primitives::B256;
use bitcoin::hashes::{Hash as _, sha256d};
use rayon::prelude::*;
use spandrel_lanes::{Hash, sha256d_each};

/// What one thread takes at a time.
const PORTION: usize = 256;

/// `sha256d(bytes)` in wire order: a txid (of a transaction without witness) or a block hash (of a header).
pub fn sha256d(bytes: &[u8]) -> B256 {
    B256::new(sha256d::Hash::hash(bytes).to_byte_array())
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
    let hashes = in_portions(&distinct, sha256d_each);
    if hashes.len() == places.len() {
        return hashes;
    }
    places.into_iter().filter_map(|place| hashes.get(place.saturating_sub(1)).copied()).collect()
}

/// What `each` makes of portions of `items`, in order, on as many threads as there are.
pub(super) fn in_portions<I: Sync, T: Send>(items: &[I], each: impl Fn(&[I]) -> Vec<T> + Sync) -> Vec<T> {
    if items.len() <= PORTION || rayon::current_num_threads() == 1 {
        return each(items);
    }
    items.par_chunks(PORTION).flat_map_iter(&each).collect()
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
