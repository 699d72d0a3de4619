//! 512-bit words: each operation is one instruction. They are read and written as two halves of 256 bits.
#![allow(unsafe_code, reason = "processor intrinsics")]

use std::arch::x86_64::*;

use super::{Avx2, Processor, Task, Words32, Words64};

/// Truth tables for `ternarylogic`: bit `4 a + 2 b + c` is the result for bits `a`, `b` and `c`.
mod table {
    pub(super) const XOR3: i32 = 0x96;
    pub(super) const CHOOSE: i32 = 0xca;
    pub(super) const MAJORITY: i32 = 0xe8;
    pub(super) const CHI: i32 = 0xd2;

    #[cfg(test)]
    mod tests {
        use super::*;

        fn table(of: fn(u8, u8, u8) -> u8) -> i32 {
            (0..8).map(|bits: u8| i32::from(of(bits >> 2, bits >> 1 & 1, bits & 1) & 1) << bits).sum()
        }

        #[test]
        fn the_tables_are_those_of_their_functions() {
            assert_eq!(XOR3, table(|a, b, c| a ^ b ^ c));
            assert_eq!(CHOOSE, table(|a, b, c| (a & b) ^ (!a & c)));
            assert_eq!(MAJORITY, table(|a, b, c| (a & b) ^ (a & c) ^ (b & c)));
            assert_eq!(CHI, table(|a, b, c| a ^ (!b & c)));
        }
    }
}

/// A processor that has AVX-512F, and AVX2 with it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Avx512(Avx2);

impl Avx512 {
    /// None where this processor has none.
    pub(crate) fn detect() -> Option<Self> {
        Avx2::detect().filter(|_| is_x86_feature_detected!("avx512f")).map(Self)
    }

    #[inline(always)]
    fn join(self, low: __m256i, high: __m256i) -> __m512i {
        // SAFETY: `self` is made only where there is AVX-512F.
        unsafe { _mm512_inserti64x4::<1>(_mm512_castsi256_si512(low), high) }
    }

    /// The bits of `TABLE`, looked up with those of `a`, `b` and `c`.
    #[cfg(not(miri))]
    #[inline(always)]
    fn look_up<const TABLE: i32>(self, a: __m512i, b: __m512i, c: __m512i) -> __m512i {
        // SAFETY: `self` is made only where there is AVX-512F.
        unsafe { _mm512_ternarylogic_epi64::<TABLE>(a, b, c) }
    }

    /// The same for Miri, which does not have that instruction: each of the table's terms by itself.
    #[cfg(miri)]
    fn look_up<const TABLE: i32>(self, a: __m512i, b: __m512i, c: __m512i) -> __m512i {
        // SAFETY: `self` is made only where there is AVX-512F.
        unsafe {
            let mut found = _mm512_setzero_si512();
            for term in (0..8).filter(|term| TABLE >> term & 1 == 1) {
                let turned = |word, bit| match term >> bit & 1 {
                    0 => _mm512_xor_si512(word, _mm512_set1_epi64(-1)),
                    _ => word,
                };
                let both = _mm512_and_si512(turned(a, 2), turned(b, 1));
                found = _mm512_or_si512(found, _mm512_and_si512(both, turned(c, 0)));
            }
            found
        }
    }

    #[inline(always)]
    fn split(self, words: __m512i) -> [__m256i; 2] {
        // SAFETY: `self` is made only where there is AVX-512F.
        unsafe { [_mm512_castsi512_si256(words), _mm512_extracti64x4_epi64::<1>(words)] }
    }
}

impl Processor for Avx512 {
    #[inline]
    fn call<T: Task>(self, task: T) -> T::Output {
        #[inline(never)]
        #[target_feature(enable = "avx512f")]
        fn run<T: Task>(task: T) -> T::Output {
            task.run()
        }
        // SAFETY: `self` is made only where there is AVX-512F.
        unsafe { run(task) }
    }
}

// SAFETY, for every operation below: `self` is made only where there is AVX-512F, and they touch no memory.
impl Words32<16> for Avx512 {
    type Word = __m512i;

    #[inline(always)]
    fn splat(self, value: u32) -> __m512i {
        // SAFETY: as above.
        unsafe { _mm512_set1_epi32(value.cast_signed()) }
    }
    #[inline(always)]
    fn add(self, a: __m512i, b: __m512i) -> __m512i {
        // SAFETY: as above.
        unsafe { _mm512_add_epi32(a, b) }
    }
    #[inline(always)]
    fn xor3(self, a: __m512i, b: __m512i, c: __m512i) -> __m512i {
        self.look_up::<{ table::XOR3 }>(a, b, c)
    }
    #[inline(always)]
    fn choose(self, a: __m512i, b: __m512i, c: __m512i) -> __m512i {
        self.look_up::<{ table::CHOOSE }>(a, b, c)
    }
    #[inline(always)]
    fn majority(self, a: __m512i, b: __m512i, c: __m512i) -> __m512i {
        self.look_up::<{ table::MAJORITY }>(a, b, c)
    }
    #[inline(always)]
    fn rotate<const RIGHT: i32, const LEFT: i32>(self, a: __m512i) -> __m512i {
        const { assert!(RIGHT + LEFT == 32) };
        // SAFETY: as above.
        unsafe { _mm512_ror_epi32::<RIGHT>(a) }
    }
    #[inline(always)]
    fn shift<const RIGHT: i32>(self, a: __m512i) -> __m512i {
        // SAFETY: as above.
        unsafe { _mm512_srlv_epi32(a, _mm512_set1_epi32(RIGHT)) }
    }
    #[inline(always)]
    fn read(self, blocks: &[&[u8; 64]; 16]) -> [__m512i; 16] {
        let [first, second] = halves::<_, 16, 8>(blocks);
        let (first, second) = (Words32::<8>::read(self.0, first), Words32::<8>::read(self.0, second));
        let mut words = [Words32::<16>::splat(self, 0); 16];
        for (at, word) in words.iter_mut().enumerate() {
            *word = self.join(first[at], second[at]);
        }
        words
    }
    #[inline(always)]
    fn write(self, words: &[__m512i; 8]) -> [[u8; 32]; 16] {
        let mut rows = [[Words32::<8>::splat(self.0, 0); 8]; 2];
        for (at, word) in words.iter().enumerate() {
            [rows[0][at], rows[1][at]] = self.split(*word);
        }
        let mut bytes = [[0; 32]; 16];
        for (bytes, rows) in bytes.as_chunks_mut().0.iter_mut().zip(&rows) {
            *bytes = Words32::<8>::write(self.0, rows);
        }
        bytes
    }
}

// SAFETY, for every operation below: `self` is made only where there is AVX-512F, and they touch no memory.
impl Words64<8> for Avx512 {
    type Word = __m512i;

    #[inline(always)]
    fn splat(self, value: u64) -> __m512i {
        // SAFETY: as above.
        unsafe { _mm512_set1_epi64(value.cast_signed()) }
    }
    #[inline(always)]
    fn xor(self, a: __m512i, b: __m512i) -> __m512i {
        // SAFETY: as above.
        unsafe { _mm512_xor_si512(a, b) }
    }
    #[inline(always)]
    fn xor3(self, a: __m512i, b: __m512i, c: __m512i) -> __m512i {
        self.look_up::<{ table::XOR3 }>(a, b, c)
    }
    #[inline(always)]
    fn chi(self, a: __m512i, b: __m512i, c: __m512i) -> __m512i {
        self.look_up::<{ table::CHI }>(a, b, c)
    }
    #[inline(always)]
    fn rotate<const LEFT: i32, const RIGHT: i32>(self, a: __m512i) -> __m512i {
        const { assert!(LEFT + RIGHT == 64) };
        // SAFETY: as above.
        unsafe { _mm512_rol_epi64::<LEFT>(a) }
    }
    #[inline(always)]
    fn read(self, blocks: &[&[u8; 136]; 8]) -> [__m512i; 17] {
        let [first, second] = halves::<_, 8, 4>(blocks);
        let (first, second) = (Words64::<4>::read(self.0, first), Words64::<4>::read(self.0, second));
        let mut words = [Words64::<8>::splat(self, 0); 17];
        for (at, word) in words.iter_mut().enumerate() {
            *word = self.join(first[at], second[at]);
        }
        words
    }
    #[inline(always)]
    fn write(self, words: &[__m512i; 4]) -> [[u8; 32]; 8] {
        let mut rows = [[Words64::<4>::splat(self.0, 0); 4]; 2];
        for (at, word) in words.iter().enumerate() {
            [rows[0][at], rows[1][at]] = self.split(*word);
        }
        let mut bytes = [[0; 32]; 8];
        for (bytes, rows) in bytes.as_chunks_mut().0.iter_mut().zip(&rows) {
            *bytes = Words64::<4>::write(self.0, rows);
        }
        bytes
    }
}

/// The first and the second half of `all`.
#[inline(always)]
fn halves<T, const N: usize, const H: usize>(all: &[T; N]) -> [&[T; H]; 2] {
    const { assert!(H * 2 == N) };
    let halves = all.as_chunks().0;
    [&halves[0], &halves[1]]
}
