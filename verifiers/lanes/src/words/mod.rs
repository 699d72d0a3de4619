//! Words that hold one value of each of `N` messages, and what the kernels do with them.
//!
//! An implementation is a proof that the processor has the instructions; the operations are its methods, so that no
//! word can exist without it.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(test)]
pub(crate) mod model;

#[cfg(target_arch = "x86_64")]
pub(crate) use {avx2::Avx2, avx512::Avx512};

/// Work to be compiled for a processor's instructions. `run` is always inlined.
pub(crate) trait Task {
    /// Its result.
    type Output;
    /// Does it.
    fn run(self) -> Self::Output;
}

/// A processor with certain instructions.
pub(crate) trait Processor: Copy {
    /// Does `task` in code that may use them.
    fn call<T: Task>(self, task: T) -> T::Output;
}

/// `N` values of 32 bits.
pub(crate) trait Words32<const N: usize>: Processor {
    /// All `N`.
    type Word: Copy;

    /// `value` for every message.
    fn splat(self, value: u32) -> Self::Word;
    /// Wrapping sum.
    fn add(self, a: Self::Word, b: Self::Word) -> Self::Word;
    /// `a ^ b ^ c`.
    fn xor3(self, a: Self::Word, b: Self::Word, c: Self::Word) -> Self::Word;
    /// `(a & b) ^ (!a & c)`.
    fn choose(self, a: Self::Word, b: Self::Word, c: Self::Word) -> Self::Word;
    /// `(a & b) ^ (a & c) ^ (b & c)`.
    fn majority(self, a: Self::Word, b: Self::Word, c: Self::Word) -> Self::Word;
    /// Rotated right by `RIGHT`, where `RIGHT + LEFT == 32`.
    fn rotate<const RIGHT: i32, const LEFT: i32>(self, a: Self::Word) -> Self::Word;
    /// Shifted right by `RIGHT`.
    fn shift<const RIGHT: i32>(self, a: Self::Word) -> Self::Word;
    /// The 16 big-endian words of each block.
    fn read(self, blocks: &[&[u8; 64]; N]) -> [Self::Word; 16];
    /// Eight words as the big-endian bytes of each message.
    fn write(self, words: &[Self::Word; 8]) -> [[u8; 32]; N];
}

/// `N` values of 64 bits.
pub(crate) trait Words64<const N: usize>: Processor {
    /// All `N`.
    type Word: Copy;

    /// `value` for every message.
    fn splat(self, value: u64) -> Self::Word;
    /// `a ^ b`.
    fn xor(self, a: Self::Word, b: Self::Word) -> Self::Word;
    /// `a ^ b ^ c`.
    fn xor3(self, a: Self::Word, b: Self::Word, c: Self::Word) -> Self::Word;
    /// `a ^ (!b & c)`.
    fn chi(self, a: Self::Word, b: Self::Word, c: Self::Word) -> Self::Word;
    /// Rotated left by `LEFT`, where `LEFT + RIGHT == 64`.
    fn rotate<const LEFT: i32, const RIGHT: i32>(self, a: Self::Word) -> Self::Word;
    /// The 17 little-endian words of each block.
    fn read(self, blocks: &[&[u8; 136]; N]) -> [Self::Word; 17];
    /// Four words as the little-endian bytes of each message.
    fn write(self, words: &[Self::Word; 4]) -> [[u8; 32]; N];
}

/// `N` values of 64 bits to calculate with.
pub(crate) trait Limbs<const N: usize>: Processor {
    /// All `N`.
    type Word: Copy;

    /// `value` everywhere.
    fn splat(self, value: u64) -> Self::Word;
    /// Wrapping sum.
    fn add(self, a: Self::Word, b: Self::Word) -> Self::Word;
    /// Wrapping difference.
    fn subtract(self, a: Self::Word, b: Self::Word) -> Self::Word;
    /// Product of the lower halves.
    fn multiply(self, a: Self::Word, b: Self::Word) -> Self::Word;
    /// `a & b`.
    fn and(self, a: Self::Word, b: Self::Word) -> Self::Word;
    /// `a | b`.
    fn or(self, a: Self::Word, b: Self::Word) -> Self::Word;
    /// Shifted right by `BITS`.
    fn right<const BITS: i32>(self, a: Self::Word) -> Self::Word;
    /// Shifted left by `BITS`.
    fn left<const BITS: i32>(self, a: Self::Word) -> Self::Word;
    /// `a` where `mask` is all ones, `b` where it is zero.
    fn choose(self, mask: Self::Word, a: Self::Word, b: Self::Word) -> Self::Word;
    /// The four values of each row.
    fn read(self, rows: &[&[u64; 4]; N]) -> [Self::Word; 4];
    /// A word of these values.
    fn of_lanes(self, values: [u64; N]) -> Self::Word;
    /// The values of a word.
    fn lanes(self, word: Self::Word) -> [u64; N];
    /// Says that `value` will be read soon.
    fn fetch<T>(self, value: &T);
}
