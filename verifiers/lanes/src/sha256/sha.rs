//! SHA-256 of `N` messages at once, whatever the instructions, and the same twice over.

use alloy_primitives::FixedBytes;

use crate::Hash;
use crate::groups::Engine;
use crate::words::{Processor, Task};

/// The compression function of `N` messages at once. All of it is always inlined.
pub(super) trait Sha<const N: usize>: Processor {
    /// The hash values so far.
    type State: Copy;

    /// Before the first block.
    fn start(self) -> Self::State;
    /// Takes a block of each message.
    fn compress(self, state: &mut Self::State, blocks: &[&[u8; 64]; N]);
    /// Takes the block that pads a message of 64 bytes.
    fn compress_padding_of_64(self, state: &mut Self::State);
    /// The state after the hashes that `state` stands for, taken as messages.
    fn hash_again(self, state: &Self::State) -> Self::State;
    /// The hashes.
    fn write(self, state: &Self::State) -> [Hash; N];
}

/// SHA-256; or, if `TWICE`, SHA-256 of the SHA-256.
#[derive(Clone, Copy)]
pub(super) struct Sha256Of<S, const TWICE: bool>(pub(super) S);

impl<S: Sha<N>, const N: usize, const TWICE: bool> Engine<N, 64> for Sha256Of<S, TWICE> {
    type State = S::State;

    #[inline(always)]
    fn start(self) -> S::State {
        self.0.start()
    }
    #[inline(always)]
    fn absorb(self, state: &mut S::State, blocks: &[&[u8; 64]; N]) {
        self.0.compress(state, blocks);
    }
    #[inline(always)]
    fn finish(self, state: &S::State) -> [Hash; N] {
        if TWICE { self.0.write(&self.0.hash_again(state)) } else { self.0.write(state) }
    }
    #[inline(always)]
    fn tail_blocks(length: usize) -> usize {
        if length % 64 < 56 { 1 } else { 2 }
    }
    #[inline(always)]
    fn pad(tail: &mut [[u8; 64]], length: usize) {
        tail[0][length % 64] = 0x80;
        let bits = (length as u64).wrapping_mul(8);
        tail[tail.len() - 1][56..].copy_from_slice(&bits.to_be_bytes());
    }
    #[inline(always)]
    fn call<T: Task>(self, task: T) -> T::Output {
        self.0.call(task)
    }
}

/// A message that fills one block; the padding is a block of its own.
pub(super) trait Block: Copy {
    /// Its 64 bytes, made in `room` where they do not stand in it. `room` was zeros before its first use, and was used
    /// for messages of this kind alone.
    fn block<'a>(&'a self, room: &'a mut [u8; 64]) -> &'a [u8; 64];
}

impl Block for [u8; 64] {
    #[inline(always)]
    fn block<'a>(&'a self, _: &'a mut [u8; 64]) -> &'a [u8; 64] {
        self
    }
}

/// With zeros behind it.
impl<const LENGTH: usize> Block for FixedBytes<LENGTH> {
    #[inline(always)]
    fn block<'a>(&'a self, room: &'a mut [u8; 64]) -> &'a [u8; 64] {
        room[..LENGTH].copy_from_slice(&self.0);
        room
    }
}

/// Hashes `pairs` into `hashes`, which has as many places, in groups of `N`.
pub(super) fn hash_pairs<S: Sha<N>, M: Block, const N: usize, const TWICE: bool>(
    sha: Sha256Of<S, TWICE>,
    pairs: &[M],
    hashes: &mut [Hash],
) {
    let (whole, rest) = pairs.as_chunks::<N>();
    let (hashes, rest_of_hashes) = hashes.split_at_mut(pairs.len() - rest.len());
    sha.call(Pairs { sha, pairs: whole, hashes: hashes.as_chunks_mut().0 });
    if let Some(first) = rest.first() {
        // Where a group is not full, its first pair stands in for those that are missing.
        let mut group = [*first; N];
        group[..rest.len()].copy_from_slice(rest);
        let mut found = [Hash::default(); N];
        sha.call(Pairs { sha, pairs: &[group], hashes: std::slice::from_mut(&mut found) });
        rest_of_hashes.copy_from_slice(&found[..rest.len()]);
    }
}

/// Hashes groups of pairs.
struct Pairs<'a, S, M, const N: usize, const TWICE: bool> {
    sha: Sha256Of<S, TWICE>,
    pairs: &'a [[M; N]],
    hashes: &'a mut [[Hash; N]],
}

impl<S: Sha<N>, M: Block, const N: usize, const TWICE: bool> Task for Pairs<'_, S, M, N, TWICE> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let mut rooms = [[0; 64]; N];
        for (pairs, hashes) in self.pairs.iter().zip(self.hashes) {
            let mut blocks = [&[0; 64]; N];
            for ((block, room), pair) in blocks.iter_mut().zip(&mut rooms).zip(pairs) {
                *block = pair.block(room);
            }
            let mut state = self.sha.start();
            self.sha.absorb(&mut state, &blocks);
            self.sha.0.compress_padding_of_64(&mut state);
            *hashes = self.sha.finish(&state);
        }
    }
}
