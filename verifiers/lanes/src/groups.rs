//! Messages in groups of as many as a processor works on at once.

use std::array;

use crate::Hash;
use crate::words::Task;

/// So many messages are put in order of length together; a place among them fits a byte.
const SORTED: usize = 256;

/// A hash function that takes blocks of `B` bytes of `N` messages at once. All of it is always inlined.
pub(crate) trait Engine<const N: usize, const B: usize>: Copy {
    /// Of `N` messages.
    type State;

    /// Before the first block.
    fn start(self) -> Self::State;
    /// Takes a block of each message.
    fn absorb(self, state: &mut Self::State, blocks: &[&[u8; B]; N]);
    /// The hashes, of messages whose last block was taken.
    fn finish(self, state: &Self::State) -> [Hash; N];
    /// How many blocks the padding of a message of `length` bytes makes of the `length % B` that are left: 1 or 2.
    fn tail_blocks(length: usize) -> usize;
    /// Puts the padding into the last blocks of a message of `length` bytes, which hold what is left of it and zeros.
    fn pad(tail: &mut [[u8; B]], length: usize);
    /// Does `task` in code that may use the engine's instructions.
    fn call<T: Task>(self, task: T) -> T::Output;
}

/// Calls `hash` for [`SORTED`] messages after another, each time with as many places in `hashes`.
///
/// What `hash` calls is compiled in this crate, whatever the type of the messages.
///
/// # Panics
/// When there are not as many places as messages.
pub(crate) fn in_portions<M: AsRef<[u8]>>(messages: &[M], hashes: &mut [Hash], hash: impl Fn(&[&[u8]], &mut [Hash])) {
    assert_eq!(messages.len(), hashes.len(), "a place for each hash");
    for (messages, hashes) in messages.chunks(SORTED).zip(hashes.chunks_mut(SORTED)) {
        let mut portion: [&[u8]; SORTED] = [&[]; SORTED];
        for (place, message) in portion.iter_mut().zip(messages) {
            *place = message.as_ref();
        }
        hash(&portion[..messages.len()], hashes);
    }
}

/// Hashes at most [`SORTED`] messages into as many places, in groups of `N`.
pub(crate) fn hash_each<E: Engine<N, B>, const N: usize, const B: usize>(
    engine: E,
    messages: &[&[u8]],
    hashes: &mut [Hash],
) {
    let mut order: [u8; SORTED] = array::from_fn(|place| place as u8);
    let order = &mut order[..messages.len()];
    let blocks = |place: &u8| block_count::<E, N, B>(messages[usize::from(*place)].len());
    if !order.is_sorted_by_key(blocks) {
        order.sort_unstable_by_key(blocks);
    }
    for places in order.chunks(N) {
        // Where a group is not full, its first message stands in for those that are missing.
        let place = |lane: usize| usize::from(*places.get(lane).unwrap_or(&places[0]));
        let found = engine.call(Group { engine, messages: array::from_fn(|lane| messages[place(lane)]) });
        for (place, hash) in places.iter().zip(found) {
            hashes[usize::from(*place)] = hash;
        }
    }
}

fn block_count<E: Engine<N, B>, const N: usize, const B: usize>(length: usize) -> usize {
    length / B + E::tail_blocks(length)
}

/// Hashes one group.
struct Group<'a, E, const N: usize, const B: usize> {
    engine: E,
    messages: [&'a [u8]; N],
}

impl<E: Engine<N, B>, const N: usize, const B: usize> Task for Group<'_, E, N, B> {
    type Output = [Hash; N];

    #[inline(always)]
    fn run(self) -> [Hash; N] {
        let engine = self.engine;
        let mut whole: [&[[u8; B]]; N] = [&[]; N];
        let (mut tails, mut counts) = ([[[0; B]; 2]; N], [0; N]);
        for lane in 0..N {
            let length = self.messages[lane].len();
            let (blocks, rest) = self.messages[lane].as_chunks();
            let tail = &mut tails[lane][..E::tail_blocks(length)];
            tail[0][..rest.len()].copy_from_slice(rest);
            E::pad(tail, length);
            (whole[lane], counts[lane]) = (blocks, blocks.len() + tail.len());
        }
        let most = counts.into_iter().max().unwrap_or_default();
        let mut state = engine.start();
        let mut hashes = [Hash::default(); N];
        for at in 0..most {
            let mut blocks = [&tails[0][0]; N];
            for lane in 0..N {
                // A message that has ended is given any block: its hash was taken.
                blocks[lane] = match whole[lane].get(at) {
                    Some(block) => block,
                    None => &tails[lane][(at - whole[lane].len()).min(1)],
                };
            }
            engine.absorb(&mut state, &blocks);
            if counts.contains(&(at + 1)) {
                let finished = engine.finish(&state);
                for lane in (0..N).filter(|lane| counts[*lane] == at + 1) {
                    hashes[lane] = finished[lane];
                }
            }
        }
        hashes
    }
}
