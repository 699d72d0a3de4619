//! Our decoders beside those of the Solana SDK and of Agave, on every recorded input, on what is close to it, and on what
//! is made of their types: one verdict, one meaning. Where we refuse more than they do, the rule is written here and holds
//! both ways.

mod certificates;
mod entries;
mod lattices;
mod transactions;
mod vote_accounts;
mod votes;

use std::ops::Range;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// Bytes that are lengths and tags at the edges of what these may be.
const EDGES: [u8; 8] = [0, 1, 2, 0x7f, 0x80, 0x81, 0x82, 0xff];

/// What is close to `bytes`: each bit flipped, each byte at an edge, left out and doubled, each shorter form, longer
/// ones, and some with several bytes changed, the same for one `seed`.
fn near(bytes: &[u8], seed: u64) -> impl Iterator<Item = Vec<u8>> {
    let places = || 0..bytes.len();
    let with = |place: usize, value: u8| {
        let mut changed = bytes.to_vec();
        changed[place] = value;
        changed
    };
    let flipped = places().flat_map(move |place| (0..8).map(move |bit| with(place, bytes[place] ^ 1 << bit)));
    let edged = places().flat_map(move |place| EDGES.map(|value| with(place, value)));
    let moved = places().flat_map(move |place| {
        let (head, tail) = bytes.split_at(place);
        [[head, &tail[1..]].concat(), [head, &tail[..1], tail].concat()]
    });
    let shorter = places().map(|length| bytes[..length].to_vec());
    let longer =
        EDGES.into_iter().flat_map(move |byte| [1, 2, 32, 64].map(|count| [bytes, &vec![byte; count]].concat()));
    let mut random = StdRng::seed_from_u64(seed);
    let count = if bytes.is_empty() { 0 } else { 200 };
    let several = (0..count).map(move |_| {
        let mut changed = bytes.to_vec();
        for _ in 0..random.random_range(2..5) {
            let place = random.random_range(places());
            changed[place] = random.random();
        }
        changed
    });
    flipped.chain(edged).chain(moved).chain(shorter).chain(longer).chain(several)
}

/// The same, with what stands before and behind `range` left as it is.
fn near_within(bytes: &[u8], range: Range<usize>, seed: u64) -> impl Iterator<Item = Vec<u8>> {
    let (head, tail) = (&bytes[..range.start], &bytes[range.end..]);
    near(&bytes[range], seed).map(move |part| [head, &part, tail].concat())
}
