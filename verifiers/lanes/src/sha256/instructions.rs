//! The compression function by the processor's SHA instructions, for `N` messages whose steps take turns: the
//! instructions of one message wait for each other, those of two do not.
#![allow(unsafe_code, reason = "processor intrinsics")]

use std::arch::x86_64::*;

use super::constants::{PADDING_OF_64, ROUNDS, START};
use super::sha::Sha;
use crate::Hash;
use crate::words::{Processor, Task};

/// A processor that has the SHA instructions, and AVX, whose forms of the others save copies.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ShaNi(());

/// The hash value as the instructions want it: words a, b, e, f and words c, d, g, h, the first of them highest.
type Halves = [__m128i; 2];

impl ShaNi {
    /// None where this processor has none.
    pub(crate) fn detect() -> Option<Self> {
        (is_x86_feature_detected!("sha") && is_x86_feature_detected!("avx")).then_some(Self(()))
    }
}

impl Processor for ShaNi {
    #[inline]
    fn call<T: Task>(self, task: T) -> T::Output {
        #[inline(never)]
        #[target_feature(enable = "sha,avx")]
        fn run<T: Task>(task: T) -> T::Output {
            task.run()
        }
        // SAFETY: `self` is made only where there are these instructions.
        unsafe { run(task) }
    }
}

// SAFETY, for every function called below: `self` is made only where there are the instructions they need.
impl<const N: usize> Sha<N> for ShaNi {
    type State = [Halves; N];

    #[inline(always)]
    fn start(self) -> [Halves; N] {
        // SAFETY: as above.
        [unsafe { to_halves(START) }; N]
    }
    #[inline(always)]
    fn compress(self, state: &mut [Halves; N], blocks: &[&[u8; 64]; N]) {
        // SAFETY: as above.
        unsafe { compress(state, read_all(blocks)) }
    }
    #[inline(always)]
    fn compress_padding_of_64(self, state: &mut [Halves; N]) {
        // SAFETY: as above.
        unsafe { compress_known(state, &PADDING_OF_64) }
    }
    #[inline(always)]
    fn hash_again(self, state: &[Halves; N]) -> [Halves; N] {
        let mut again = Sha::<N>::start(self);
        // SAFETY: as above.
        unsafe { compress(&mut again, hashes_as_blocks(state)) };
        again
    }
    #[inline(always)]
    fn write(self, state: &[Halves; N]) -> [Hash; N] {
        // SAFETY: as above.
        unsafe { write_all(state) }
    }
}

#[inline]
#[target_feature(enable = "avx")]
fn to_halves(words: [u32; 8]) -> Halves {
    let signed = |at: usize| words[at].cast_signed();
    [
        _mm_set_epi32(signed(0), signed(1), signed(4), signed(5)),
        _mm_set_epi32(signed(2), signed(3), signed(6), signed(7)),
    ]
}

/// Words a to d and e to h, the first of them lowest.
#[inline]
#[target_feature(enable = "avx")]
fn in_order([abef, cdgh]: Halves) -> [__m128i; 2] {
    let (feba, dchg) = (_mm_shuffle_epi32::<0x1b>(abef), _mm_shuffle_epi32::<0xb1>(cdgh));
    [_mm_blend_epi16::<0xf0>(feba, dchg), _mm_alignr_epi8::<8>(dchg, feba)]
}

/// Turns round the bytes of each word.
#[inline]
#[target_feature(enable = "avx")]
fn swap_bytes(words: __m128i) -> __m128i {
    _mm_shuffle_epi8(words, _mm_set_epi64x(0x0c0d0e0f_08090a0b, 0x04050607_00010203))
}

#[inline]
#[target_feature(enable = "avx")]
fn read_all<const N: usize>(blocks: &[&[u8; 64]; N]) -> [[__m128i; 4]; N] {
    let mut words = [[_mm_setzero_si128(); 4]; N];
    for (words, block) in words.iter_mut().zip(blocks) {
        for (words, part) in words.iter_mut().zip(block.as_chunks::<16>().0) {
            // SAFETY: the load reads the 16 bytes of a borrowed part, and any address is good for an unaligned load.
            *words = swap_bytes(unsafe { _mm_loadu_si128(part.as_ptr().cast()) });
        }
    }
    words
}

#[inline]
#[target_feature(enable = "avx")]
fn write_all<const N: usize>(state: &[Halves; N]) -> [Hash; N] {
    let mut hashes = [Hash::default(); N];
    for (hash, halves) in hashes.iter_mut().zip(state) {
        for (part, words) in hash.as_chunks_mut::<16>().0.iter_mut().zip(in_order(*halves)) {
            // SAFETY: the store writes the 16 bytes of a part of ours, and any address is good for an unaligned store.
            unsafe { _mm_storeu_si128(part.as_mut_ptr().cast(), swap_bytes(words)) };
        }
    }
    hashes
}

/// Each hash with the padding of a message of 32 bytes.
#[inline]
#[target_feature(enable = "avx")]
fn hashes_as_blocks<const N: usize>(state: &[Halves; N]) -> [[__m128i; 4]; N] {
    let padding = [_mm_set_epi32(0, 0, 0, i32::MIN), _mm_set_epi32(32 * 8, 0, 0, 0)];
    let mut words = [[_mm_setzero_si128(); 4]; N];
    for (words, halves) in words.iter_mut().zip(state) {
        let [first, second] = in_order(*halves);
        *words = [first, second, padding[0], padding[1]];
    }
    words
}

/// Four constants, the first of them lowest.
#[inline]
#[target_feature(enable = "avx")]
fn constants(of: &[u32; 64], step: usize) -> __m128i {
    let [a, b, c, d] = of.as_chunks::<4>().0[step];
    _mm_set_epi32(d.cast_signed(), c.cast_signed(), b.cast_signed(), a.cast_signed())
}

/// Four rounds of every message.
#[inline]
#[target_feature(enable = "sha,avx")]
fn four_rounds<const N: usize>(state: &mut [Halves; N], words: [__m128i; N]) {
    for lane in 0..N {
        let [abef, cdgh] = &mut state[lane];
        *cdgh = _mm_sha256rnds2_epu32(*cdgh, *abef, words[lane]);
    }
    for lane in 0..N {
        let [abef, cdgh] = &mut state[lane];
        *abef = _mm_sha256rnds2_epu32(*abef, *cdgh, _mm_shuffle_epi32::<0x0e>(words[lane]));
    }
}

#[inline]
#[target_feature(enable = "sha,avx")]
fn compress<const N: usize>(state: &mut [Halves; N], mut words: [[__m128i; 4]; N]) {
    let before = *state;
    for step in 0..16 {
        let constants = constants(&ROUNDS, step);
        let mut with_constants = [constants; N];
        for (words, sum) in words.iter().zip(&mut with_constants) {
            *sum = _mm_add_epi32(words[0], constants);
        }
        four_rounds(state, with_constants);
        for words in &mut words {
            let [a, b, c, d] = *words;
            let next = _mm_add_epi32(_mm_sha256msg1_epu32(a, b), _mm_alignr_epi8::<4>(d, c));
            *words = [b, c, d, _mm_sha256msg2_epu32(next, d)];
        }
    }
    add_to(state, before);
}

/// Takes a block of which `sums` are the words with the constants, for every message the same.
#[inline]
#[target_feature(enable = "sha,avx")]
fn compress_known<const N: usize>(state: &mut [Halves; N], sums: &[u32; 64]) {
    let before = *state;
    for step in 0..16 {
        four_rounds(state, [constants(sums, step); N]);
    }
    add_to(state, before);
}

#[inline]
#[target_feature(enable = "avx")]
fn add_to<const N: usize>(state: &mut [Halves; N], before: [Halves; N]) {
    for (after, before) in state.iter_mut().zip(before) {
        *after = [_mm_add_epi32(after[0], before[0]), _mm_add_epi32(after[1], before[1])];
    }
}
