//! Words as arrays: what the instructions must equal, on any machine.

use super::{Limbs, Processor, Task, Words32, Words64};

#[derive(Clone, Copy, Debug)]
pub(crate) struct Model;

impl Processor for Model {
    fn call<T: Task>(self, task: T) -> T::Output {
        task.run()
    }
}

fn each<T: Copy, const N: usize>(a: [T; N], b: [T; N], c: [T; N], of: impl Fn(T, T, T) -> T) -> [T; N] {
    std::array::from_fn(|lane| of(a[lane], b[lane], c[lane]))
}

impl<const N: usize> Words32<N> for Model {
    type Word = [u32; N];

    fn splat(self, value: u32) -> [u32; N] {
        [value; N]
    }
    fn add(self, a: [u32; N], b: [u32; N]) -> [u32; N] {
        each(a, b, b, |a, b, _| a.wrapping_add(b))
    }
    fn xor3(self, a: [u32; N], b: [u32; N], c: [u32; N]) -> [u32; N] {
        each(a, b, c, |a, b, c| a ^ b ^ c)
    }
    fn choose(self, a: [u32; N], b: [u32; N], c: [u32; N]) -> [u32; N] {
        each(a, b, c, |a, b, c| (a & b) ^ (!a & c))
    }
    fn majority(self, a: [u32; N], b: [u32; N], c: [u32; N]) -> [u32; N] {
        each(a, b, c, |a, b, c| (a & b) ^ (a & c) ^ (b & c))
    }
    fn rotate<const RIGHT: i32, const LEFT: i32>(self, a: [u32; N]) -> [u32; N] {
        assert_eq!(RIGHT + LEFT, 32);
        a.map(|a| a.rotate_right(RIGHT as u32))
    }
    fn shift<const RIGHT: i32>(self, a: [u32; N]) -> [u32; N] {
        a.map(|a| a >> RIGHT)
    }
    fn read(self, blocks: &[&[u8; 64]; N]) -> [[u32; N]; 16] {
        let word = |block: &[u8; 64], at: usize| u32::from_be_bytes(block[4 * at..4 * at + 4].try_into().unwrap());
        std::array::from_fn(|at| std::array::from_fn(|lane| word(blocks[lane], at)))
    }
    fn write(self, words: &[[u32; N]; 8]) -> [[u8; 32]; N] {
        std::array::from_fn(|lane| std::array::from_fn(|at| words[at / 4][lane].to_be_bytes()[at % 4]))
    }
}

impl<const N: usize> Words64<N> for Model {
    type Word = [u64; N];

    fn splat(self, value: u64) -> [u64; N] {
        [value; N]
    }
    fn xor(self, a: [u64; N], b: [u64; N]) -> [u64; N] {
        each(a, b, b, |a, b, _| a ^ b)
    }
    fn xor3(self, a: [u64; N], b: [u64; N], c: [u64; N]) -> [u64; N] {
        each(a, b, c, |a, b, c| a ^ b ^ c)
    }
    fn chi(self, a: [u64; N], b: [u64; N], c: [u64; N]) -> [u64; N] {
        each(a, b, c, |a, b, c| a ^ (!b & c))
    }
    fn rotate<const LEFT: i32, const RIGHT: i32>(self, a: [u64; N]) -> [u64; N] {
        assert_eq!(LEFT + RIGHT, 64);
        a.map(|a| a.rotate_left(LEFT as u32))
    }
    fn read(self, blocks: &[&[u8; 136]; N]) -> [[u64; N]; 17] {
        let word = |block: &[u8; 136], at: usize| u64::from_le_bytes(block[8 * at..8 * at + 8].try_into().unwrap());
        std::array::from_fn(|at| std::array::from_fn(|lane| word(blocks[lane], at)))
    }
    fn write(self, words: &[[u64; N]; 4]) -> [[u8; 32]; N] {
        std::array::from_fn(|lane| std::array::from_fn(|at| words[at / 8][lane].to_le_bytes()[at % 8]))
    }
}

impl<const N: usize> Limbs<N> for Model {
    type Word = [u64; N];

    fn splat(self, value: u64) -> [u64; N] {
        [value; N]
    }
    fn add(self, a: [u64; N], b: [u64; N]) -> [u64; N] {
        each(a, b, b, |a, b, _| a.checked_add(b).expect("no sum of limbs wraps"))
    }
    fn subtract(self, a: [u64; N], b: [u64; N]) -> [u64; N] {
        each(a, b, b, |a, b, _| a.checked_sub(b).expect("no difference of limbs wraps"))
    }
    fn multiply(self, a: [u64; N], b: [u64; N]) -> [u64; N] {
        let half = |value: u64| u32::try_from(value).expect("no factor is wider than an instruction takes");
        each(a, b, b, |a, b, _| u64::from(half(a)) * u64::from(half(b)))
    }
    fn and(self, a: [u64; N], b: [u64; N]) -> [u64; N] {
        each(a, b, b, |a, b, _| a & b)
    }
    fn or(self, a: [u64; N], b: [u64; N]) -> [u64; N] {
        each(a, b, b, |a, b, _| a | b)
    }
    fn right<const BITS: i32>(self, a: [u64; N]) -> [u64; N] {
        a.map(|a| a >> BITS)
    }
    fn left<const BITS: i32>(self, a: [u64; N]) -> [u64; N] {
        a.map(|a| a << BITS)
    }
    fn choose(self, mask: [u64; N], a: [u64; N], b: [u64; N]) -> [u64; N] {
        each(mask, a, b, |mask, a, b| (a & mask) | (b & !mask))
    }
    fn read(self, rows: &[&[u64; 4]; N]) -> [[u64; N]; 4] {
        std::array::from_fn(|at| std::array::from_fn(|lane| rows[lane][at]))
    }
    fn of_lanes(self, values: [u64; N]) -> [u64; N] {
        values
    }
    fn lanes(self, word: [u64; N]) -> [u64; N] {
        word
    }
    fn fetch<T>(self, _: &T) {}
}
