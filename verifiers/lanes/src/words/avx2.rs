//! 256-bit words.
#![allow(unsafe_code, reason = "processor intrinsics")]

use std::arch::x86_64::*;

use super::{Limbs, Processor, Task, Words32, Words64};

/// A processor that has AVX2.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Avx2(());

impl Avx2 {
    /// None where this processor has none.
    pub(crate) fn detect() -> Option<Self> {
        is_x86_feature_detected!("avx2").then_some(Self(()))
    }

    /// Eight rows of eight words, transposed.
    #[inline(always)]
    fn transpose_8(self, rows: [__m256i; 8]) -> [__m256i; 8] {
        // SAFETY: `self` is made only where there is AVX2.
        unsafe { transpose_8(rows) }
    }

    /// Four rows of four words, transposed.
    #[inline(always)]
    fn transpose_4(self, rows: [__m256i; 4]) -> [__m256i; 4] {
        // SAFETY: `self` is made only where there is AVX2.
        unsafe { transpose_4(rows) }
    }

    /// The bytes of each 32-bit word turned round.
    #[inline(always)]
    fn swap_bytes(self, words: __m256i) -> __m256i {
        // SAFETY: `self` is made only where there is AVX2.
        unsafe { _mm256_shuffle_epi8(words, both_halves(0x0c0d0e0f_08090a0b, 0x04050607_00010203)) }
    }

    #[inline(always)]
    fn load(self, bytes: &[u8; 32]) -> __m256i {
        // SAFETY: `self` is made only where there is AVX2; the 32 bytes that are read are borrowed, and any address is
        // good for an unaligned load.
        unsafe { _mm256_loadu_si256(bytes.as_ptr().cast()) }
    }

    #[inline(always)]
    fn store(self, words: __m256i, bytes: &mut [u8; 32]) {
        // SAFETY: `self` is made only where there is AVX2; the 32 bytes that are written are borrowed, and any address
        // is good for an unaligned store.
        unsafe { _mm256_storeu_si256(bytes.as_mut_ptr().cast(), words) };
    }
}

/// The two words in either half.
#[inline]
#[target_feature(enable = "avx2")]
fn both_halves(high: i64, low: i64) -> __m256i {
    _mm256_set_epi64x(high, low, high, low)
}

#[inline]
#[target_feature(enable = "avx2")]
fn transpose_8(rows: [__m256i; 8]) -> [__m256i; 8] {
    let [a, b, c, d, e, f, g, h] = rows;
    let (ab, ab_high) = (_mm256_unpacklo_epi32(a, b), _mm256_unpackhi_epi32(a, b));
    let (cd, cd_high) = (_mm256_unpacklo_epi32(c, d), _mm256_unpackhi_epi32(c, d));
    let (ef, ef_high) = (_mm256_unpacklo_epi32(e, f), _mm256_unpackhi_epi32(e, f));
    let (gh, gh_high) = (_mm256_unpacklo_epi32(g, h), _mm256_unpackhi_epi32(g, h));
    let left = [
        _mm256_unpacklo_epi64(ab, cd),
        _mm256_unpackhi_epi64(ab, cd),
        _mm256_unpacklo_epi64(ab_high, cd_high),
        _mm256_unpackhi_epi64(ab_high, cd_high),
    ];
    let right = [
        _mm256_unpacklo_epi64(ef, gh),
        _mm256_unpackhi_epi64(ef, gh),
        _mm256_unpacklo_epi64(ef_high, gh_high),
        _mm256_unpackhi_epi64(ef_high, gh_high),
    ];
    [
        _mm256_permute2x128_si256::<0x20>(left[0], right[0]),
        _mm256_permute2x128_si256::<0x20>(left[1], right[1]),
        _mm256_permute2x128_si256::<0x20>(left[2], right[2]),
        _mm256_permute2x128_si256::<0x20>(left[3], right[3]),
        _mm256_permute2x128_si256::<0x31>(left[0], right[0]),
        _mm256_permute2x128_si256::<0x31>(left[1], right[1]),
        _mm256_permute2x128_si256::<0x31>(left[2], right[2]),
        _mm256_permute2x128_si256::<0x31>(left[3], right[3]),
    ]
}

#[inline]
#[target_feature(enable = "avx2")]
fn transpose_4(rows: [__m256i; 4]) -> [__m256i; 4] {
    let [a, b, c, d] = rows;
    let (ab, ab_high) = (_mm256_unpacklo_epi64(a, b), _mm256_unpackhi_epi64(a, b));
    let (cd, cd_high) = (_mm256_unpacklo_epi64(c, d), _mm256_unpackhi_epi64(c, d));
    [
        _mm256_permute2x128_si256::<0x20>(ab, cd),
        _mm256_permute2x128_si256::<0x20>(ab_high, cd_high),
        _mm256_permute2x128_si256::<0x31>(ab, cd),
        _mm256_permute2x128_si256::<0x31>(ab_high, cd_high),
    ]
}

impl Processor for Avx2 {
    #[inline]
    fn call<T: Task>(self, task: T) -> T::Output {
        #[inline(never)]
        #[target_feature(enable = "avx2")]
        fn run<T: Task>(task: T) -> T::Output {
            task.run()
        }
        // SAFETY: `self` is made only where there is AVX2.
        unsafe { run(task) }
    }
}

// SAFETY, for every operation below: `self` is made only where there is AVX2, and they touch no memory.
impl Words32<8> for Avx2 {
    type Word = __m256i;

    #[inline(always)]
    fn splat(self, value: u32) -> __m256i {
        // SAFETY: as above.
        unsafe { _mm256_set1_epi32(value.cast_signed()) }
    }
    #[inline(always)]
    fn add(self, a: __m256i, b: __m256i) -> __m256i {
        // SAFETY: as above.
        unsafe { _mm256_add_epi32(a, b) }
    }
    #[inline(always)]
    fn xor3(self, a: __m256i, b: __m256i, c: __m256i) -> __m256i {
        // SAFETY: as above.
        unsafe { _mm256_xor_si256(_mm256_xor_si256(a, b), c) }
    }
    #[inline(always)]
    fn choose(self, a: __m256i, b: __m256i, c: __m256i) -> __m256i {
        // SAFETY: as above.
        unsafe { _mm256_xor_si256(_mm256_and_si256(_mm256_xor_si256(b, c), a), c) }
    }
    /// `a ^ b` is the next round's `b ^ c`, and is computed once.
    #[inline(always)]
    fn majority(self, a: __m256i, b: __m256i, c: __m256i) -> __m256i {
        // SAFETY: as above.
        unsafe { _mm256_xor_si256(_mm256_and_si256(_mm256_xor_si256(a, b), _mm256_xor_si256(b, c)), b) }
    }
    #[inline(always)]
    fn rotate<const RIGHT: i32, const LEFT: i32>(self, a: __m256i) -> __m256i {
        const { assert!(RIGHT + LEFT == 32) };
        // SAFETY: as above.
        unsafe { _mm256_or_si256(_mm256_srli_epi32::<RIGHT>(a), _mm256_slli_epi32::<LEFT>(a)) }
    }
    #[inline(always)]
    fn shift<const RIGHT: i32>(self, a: __m256i) -> __m256i {
        // SAFETY: as above.
        unsafe { _mm256_srli_epi32::<RIGHT>(a) }
    }
    #[inline(always)]
    fn read(self, blocks: &[&[u8; 64]; 8]) -> [__m256i; 16] {
        let mut words = [Words32::<8>::splat(self, 0); 16];
        for (part, words) in words.as_chunks_mut::<8>().0.iter_mut().enumerate() {
            for (row, block) in words.iter_mut().zip(blocks) {
                *row = self.swap_bytes(self.load(&block.as_chunks().0[part]));
            }
            *words = self.transpose_8(*words);
        }
        words
    }
    #[inline(always)]
    fn write(self, words: &[__m256i; 8]) -> [[u8; 32]; 8] {
        let mut bytes = [[0; 32]; 8];
        for (bytes, row) in bytes.iter_mut().zip(self.transpose_8(*words)) {
            self.store(self.swap_bytes(row), bytes);
        }
        bytes
    }
}

// SAFETY, for every operation below: `self` is made only where there is AVX2, and they touch no memory.
impl Words64<4> for Avx2 {
    type Word = __m256i;

    #[inline(always)]
    fn splat(self, value: u64) -> __m256i {
        // SAFETY: as above.
        unsafe { _mm256_set1_epi64x(value.cast_signed()) }
    }
    #[inline(always)]
    fn xor(self, a: __m256i, b: __m256i) -> __m256i {
        // SAFETY: as above.
        unsafe { _mm256_xor_si256(a, b) }
    }
    #[inline(always)]
    fn xor3(self, a: __m256i, b: __m256i, c: __m256i) -> __m256i {
        // SAFETY: as above.
        unsafe { _mm256_xor_si256(_mm256_xor_si256(a, b), c) }
    }
    #[inline(always)]
    fn chi(self, a: __m256i, b: __m256i, c: __m256i) -> __m256i {
        // SAFETY: as above.
        unsafe { _mm256_xor_si256(a, _mm256_andnot_si256(b, c)) }
    }
    #[inline(always)]
    fn rotate<const LEFT: i32, const RIGHT: i32>(self, a: __m256i) -> __m256i {
        const { assert!(LEFT + RIGHT == 64) };
        // SAFETY: as above.
        unsafe {
            match LEFT {
                // Whole bytes: one instruction instead of three.
                8 => _mm256_shuffle_epi8(a, both_halves(0x0e0d0c0b_0a09080f, 0x06050403_02010007)),
                56 => _mm256_shuffle_epi8(a, both_halves(0x080f0e0d_0c0b0a09, 0x00070605_04030201)),
                _ => _mm256_or_si256(_mm256_slli_epi64::<LEFT>(a), _mm256_srli_epi64::<RIGHT>(a)),
            }
        }
    }
    #[inline(always)]
    fn read(self, blocks: &[&[u8; 136]; 4]) -> [__m256i; 17] {
        let mut words = [Words64::<4>::splat(self, 0); 17];
        for (part, words) in words.as_chunks_mut::<4>().0.iter_mut().enumerate() {
            for (row, block) in words.iter_mut().zip(blocks) {
                *row = self.load(&block.as_chunks().0[part]);
            }
            *words = self.transpose_4(*words);
        }
        let [a, b, c, d] = blocks.map(|block| i64::from_le_bytes(block.as_chunks().0[16]));
        // SAFETY: as above.
        words[16] = unsafe { _mm256_set_epi64x(d, c, b, a) };
        words
    }
    #[inline(always)]
    fn write(self, words: &[__m256i; 4]) -> [[u8; 32]; 4] {
        let mut bytes = [[0; 32]; 4];
        for (bytes, row) in bytes.iter_mut().zip(self.transpose_4(*words)) {
            self.store(row, bytes);
        }
        bytes
    }
}

// SAFETY, for every operation below: `self` is made only where there is AVX2; but for `read`, `lanes` and `fetch` they
// touch no memory.
impl Limbs<4> for Avx2 {
    type Word = __m256i;

    #[inline(always)]
    fn splat(self, value: u64) -> __m256i {
        // SAFETY: as above.
        unsafe { _mm256_set1_epi64x(value.cast_signed()) }
    }
    #[inline(always)]
    fn add(self, a: __m256i, b: __m256i) -> __m256i {
        // SAFETY: as above.
        unsafe { _mm256_add_epi64(a, b) }
    }
    #[inline(always)]
    fn subtract(self, a: __m256i, b: __m256i) -> __m256i {
        // SAFETY: as above.
        unsafe { _mm256_sub_epi64(a, b) }
    }
    #[inline(always)]
    fn multiply(self, a: __m256i, b: __m256i) -> __m256i {
        // SAFETY: as above.
        unsafe { _mm256_mul_epu32(a, b) }
    }
    #[inline(always)]
    fn and(self, a: __m256i, b: __m256i) -> __m256i {
        // SAFETY: as above.
        unsafe { _mm256_and_si256(a, b) }
    }
    #[inline(always)]
    fn or(self, a: __m256i, b: __m256i) -> __m256i {
        // SAFETY: as above.
        unsafe { _mm256_or_si256(a, b) }
    }
    #[inline(always)]
    fn right<const BITS: i32>(self, a: __m256i) -> __m256i {
        // SAFETY: as above.
        unsafe { _mm256_srli_epi64::<BITS>(a) }
    }
    #[inline(always)]
    fn left<const BITS: i32>(self, a: __m256i) -> __m256i {
        // SAFETY: as above.
        unsafe { _mm256_slli_epi64::<BITS>(a) }
    }
    #[inline(always)]
    fn choose(self, mask: __m256i, a: __m256i, b: __m256i) -> __m256i {
        // SAFETY: as above.
        unsafe { _mm256_blendv_epi8(b, a, mask) }
    }
    #[inline(always)]
    fn read(self, rows: &[&[u64; 4]; 4]) -> [__m256i; 4] {
        // SAFETY: as above; the four values that are read are borrowed, and any address is good for an unaligned load.
        self.transpose_4(rows.map(|row| unsafe { _mm256_loadu_si256(row.as_ptr().cast()) }))
    }
    #[inline(always)]
    fn of_lanes(self, values: [u64; 4]) -> __m256i {
        let [a, b, c, d] = values.map(u64::cast_signed);
        // SAFETY: as above.
        unsafe { _mm256_set_epi64x(d, c, b, a) }
    }
    #[inline(always)]
    fn lanes(self, word: __m256i) -> [u64; 4] {
        let mut values = [0_u64; 4];
        // SAFETY: as above; the four values that are written are borrowed, and any address is good for an unaligned store.
        unsafe { _mm256_storeu_si256(values.as_mut_ptr().cast(), word) };
        values
    }
    #[inline(always)]
    fn fetch<T>(self, value: &T) {
        for line in (0..size_of::<T>()).step_by(64) {
            // SAFETY: the address is within `value`; fetching reads nothing that
            // the program sees, and faults at no address.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(value).cast::<i8>().wrapping_add(line)) };
        }
    }
}
