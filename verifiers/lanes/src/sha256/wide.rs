//! The compression function over words of `N` messages.

use super::constants::{PADDING_OF_64, ROUNDS, START};
use super::sha::Sha;
use crate::Hash;
use crate::words::{Processor, Task, Words32};

/// SHA-256 in words `W`.
#[derive(Clone, Copy)]
pub(super) struct Wide<W>(pub(super) W);

/// `$body` for `$at` from 0 to 15, written out, so that words stay in registers.
macro_rules! for_0_to_15 {
    ($at:ident $body:block) => { for_0_to_15!(@ $at $body 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15) };
    (@ $at:ident $body:block $($value:literal)*) => { $({ const $at: usize = $value; $body })* };
}

impl<W: Processor> Processor for Wide<W> {
    #[inline(always)]
    fn call<T: Task>(self, task: T) -> T::Output {
        self.0.call(task)
    }
}

impl<W: Words32<N>, const N: usize> Sha<N> for Wide<W> {
    type State = [W::Word; 8];

    #[inline(always)]
    fn start(self) -> [W::Word; 8] {
        let mut state = [self.0.splat(0); 8];
        for (state, value) in state.iter_mut().zip(START) {
            *state = self.0.splat(value);
        }
        state
    }
    #[inline(always)]
    fn compress(self, state: &mut [W::Word; 8], blocks: &[&[u8; 64]; N]) {
        let words = self.0.read(blocks);
        self.0.call(Compress { w: self.0, state, words });
    }
    #[inline(always)]
    fn compress_padding_of_64(self, state: &mut [W::Word; 8]) {
        self.0.call(CompressPaddingOf64 { w: self.0, state });
    }
    #[inline(always)]
    fn hash_again(self, state: &[W::Word; 8]) -> [W::Word; 8] {
        let [a, b, c, d, e, f, g, h] = *state;
        let (zero, end, bits) = (self.0.splat(0), self.0.splat(0x8000_0000), self.0.splat(32 * 8));
        let mut again = self.start();
        let words = [a, b, c, d, e, f, g, h, end, zero, zero, zero, zero, zero, zero, bits];
        self.0.call(Compress { w: self.0, state: &mut again, words });
        again
    }
    #[inline(always)]
    fn write(self, state: &[W::Word; 8]) -> [Hash; N] {
        self.0.write(state)
    }
}

/// FIPS 180-4, 6.2.2. A task of its own, so that its many instructions are there once.
struct Compress<'a, W: Words32<N>, const N: usize> {
    w: W,
    state: &'a mut [W::Word; 8],
    words: [W::Word; 16],
}

impl<W: Words32<N>, const N: usize> Task for Compress<'_, W, N> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let (w, mut words, mut values) = (self.w, self.words, *self.state);
        for (part, constants) in ROUNDS.as_chunks::<16>().0.iter().enumerate() {
            if part > 0 {
                for_0_to_15!(AT { words[AT] = scheduled::<W, N, AT>(w, &words) });
            }
            for_0_to_15!(AT { values = round(w, values, w.add(words[AT], w.splat(constants[AT]))) });
        }
        add_to(w, self.state, values);
    }
}

/// The same for the block that pads 64 bytes.
struct CompressPaddingOf64<'a, W: Words32<N>, const N: usize> {
    w: W,
    state: &'a mut [W::Word; 8],
}

impl<W: Words32<N>, const N: usize> Task for CompressPaddingOf64<'_, W, N> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let (w, mut values) = (self.w, *self.state);
        for words in PADDING_OF_64.as_chunks::<16>().0 {
            for_0_to_15!(AT { values = round(w, values, w.splat(words[AT])) });
        }
        add_to(w, self.state, values);
    }
}

/// The word that takes the place of word `AT`, sixteen rounds on.
#[inline(always)]
fn scheduled<W: Words32<N>, const N: usize, const AT: usize>(w: W, words: &[W::Word; 16]) -> W::Word {
    let (far, near) = (words[(AT + 1) % 16], words[(AT + 14) % 16]);
    let far = w.xor3(w.rotate::<7, 25>(far), w.rotate::<18, 14>(far), w.shift::<3>(far));
    let near = w.xor3(w.rotate::<17, 15>(near), w.rotate::<19, 13>(near), w.shift::<10>(near));
    w.add(w.add(words[AT], words[(AT + 9) % 16]), w.add(far, near))
}

/// One round, `word` being the message's word and the round's constant together.
#[inline(always)]
fn round<W: Words32<N>, const N: usize>(w: W, values: [W::Word; 8], word: W::Word) -> [W::Word; 8] {
    let [a, b, c, d, e, f, g, h] = values;
    let mixed = w.xor3(w.rotate::<6, 26>(e), w.rotate::<11, 21>(e), w.rotate::<25, 7>(e));
    let first = w.add(w.add(w.add(h, word), w.choose(e, f, g)), mixed);
    let mixed = w.xor3(w.rotate::<2, 30>(a), w.rotate::<13, 19>(a), w.rotate::<22, 10>(a));
    let second = w.add(mixed, w.majority(a, b, c));
    [w.add(first, second), a, b, c, w.add(d, first), e, f, g]
}

#[inline(always)]
fn add_to<W: Words32<N>, const N: usize>(w: W, state: &mut [W::Word; 8], values: [W::Word; 8]) {
    for (state, value) in state.iter_mut().zip(values) {
        *state = w.add(*state, value);
    }
}
