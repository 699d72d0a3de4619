//! The permutation over words of `N` messages.

use crate::Hash;
use crate::groups::Engine;
use crate::words::{Task, Words64};

/// Bytes that a block holds, for a hash of 256 bits.
const RATE: usize = 136;

/// What `iota` adds in each round (FIPS 202, 3.2.5).
const ROUNDS: [u64; 24] = [
    0x0000_0000_0000_0001,
    0x0000_0000_0000_8082,
    0x8000_0000_0000_808a,
    0x8000_0000_8000_8000,
    0x0000_0000_0000_808b,
    0x0000_0000_8000_0001,
    0x8000_0000_8000_8081,
    0x8000_0000_0000_8009,
    0x0000_0000_0000_008a,
    0x0000_0000_0000_0088,
    0x0000_0000_8000_8009,
    0x0000_0000_8000_000a,
    0x0000_0000_8000_808b,
    0x8000_0000_0000_008b,
    0x8000_0000_0000_8089,
    0x8000_0000_0000_8003,
    0x8000_0000_0000_8002,
    0x8000_0000_0000_0080,
    0x0000_0000_0000_800a,
    0x8000_0000_8000_000a,
    0x8000_0000_8000_8081,
    0x8000_0000_0000_8080,
    0x0000_0000_8000_0001,
    0x8000_0000_8000_8008,
];

/// Keccak-256 in words `W`.
#[derive(Clone, Copy)]
pub(super) struct Wide<W>(pub(super) W);

impl<W: Words64<N>, const N: usize> Engine<N, RATE> for Wide<W> {
    type State = [W::Word; 25];

    #[inline(always)]
    fn start(self) -> [W::Word; 25] {
        [self.0.splat(0); 25]
    }
    #[inline(always)]
    fn absorb(self, state: &mut [W::Word; 25], blocks: &[&[u8; RATE]; N]) {
        for (state, word) in state.iter_mut().zip(self.0.read(blocks)) {
            *state = self.0.xor(*state, word);
        }
        permute(self.0, state);
    }
    #[inline(always)]
    fn finish(self, state: &[W::Word; 25]) -> [Hash; N] {
        self.0.write(&[state[0], state[1], state[2], state[3]])
    }
    #[inline(always)]
    fn tail_blocks(_: usize) -> usize {
        1
    }
    /// The padding of Keccak as submitted, which FIPS 202 changed.
    #[inline(always)]
    fn pad(tail: &mut [[u8; RATE]], length: usize) {
        tail[0][length % RATE] = 0x01;
        tail[0][RATE - 1] |= 0x80;
    }
    #[inline(always)]
    fn call<T: Task>(self, task: T) -> T::Output {
        self.0.call(task)
    }
}

/// Keccak-f[1600]. The word of column `x` and row `y` stands at `5 * y + x`.
#[inline(always)]
fn permute<W: Words64<N>, const N: usize>(w: W, state: &mut [W::Word; 25]) {
    let mut other = *state;
    for [first, second] in ROUNDS.as_chunks().0 {
        w.call(Round { w, from: state, to: &mut other, constant: *first });
        w.call(Round { w, from: &other, to: state, constant: *second });
    }
}

/// One round. A task of its own, which takes the state from memory and puts it back: it is larger than the registers
/// of most processors.
struct Round<'a, W: Words64<N>, const N: usize> {
    w: W,
    from: &'a [W::Word; 25],
    to: &'a mut [W::Word; 25],
    constant: u64,
}

impl<W: Words64<N>, const N: usize> Task for Round<'_, W, N> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let (w, s, to) = (self.w, self.from, self.to);
        let column = |x: usize| w.xor3(w.xor3(s[x], s[x + 5], s[x + 10]), s[x + 15], s[x + 20]);
        let columns = [column(0), column(1), column(2), column(3), column(4)];
        let around = |x: usize| w.xor(columns[(x + 4) % 5], w.rotate::<1, 63>(columns[(x + 1) % 5]));
        let around = [around(0), around(1), around(2), around(3), around(4)];
        let mixed = |at: usize| w.xor(s[at], around[at % 5]);
        /// Chi, of a row that theta, rho and pi have made.
        macro_rules! row {
            ($y:literal: $a:expr, $b:expr, $c:expr, $d:expr, $e:expr) => {
                let (a, b, c, d, e) = ($a, $b, $c, $d, $e);
                to[5 * $y] = w.chi(a, b, c);
                to[5 * $y + 1] = w.chi(b, c, d);
                to[5 * $y + 2] = w.chi(c, d, e);
                to[5 * $y + 3] = w.chi(d, e, a);
                to[5 * $y + 4] = w.chi(e, a, b);
            };
        }
        row!(0:
            mixed(0),
            w.rotate::<44, 20>(mixed(6)),
            w.rotate::<43, 21>(mixed(12)),
            w.rotate::<21, 43>(mixed(18)),
            w.rotate::<14, 50>(mixed(24)));
        row!(1:
            w.rotate::<28, 36>(mixed(3)),
            w.rotate::<20, 44>(mixed(9)),
            w.rotate::<3, 61>(mixed(10)),
            w.rotate::<45, 19>(mixed(16)),
            w.rotate::<61, 3>(mixed(22)));
        row!(2:
            w.rotate::<1, 63>(mixed(1)),
            w.rotate::<6, 58>(mixed(7)),
            w.rotate::<25, 39>(mixed(13)),
            w.rotate::<8, 56>(mixed(19)),
            w.rotate::<18, 46>(mixed(20)));
        row!(3:
            w.rotate::<27, 37>(mixed(4)),
            w.rotate::<36, 28>(mixed(5)),
            w.rotate::<10, 54>(mixed(11)),
            w.rotate::<15, 49>(mixed(17)),
            w.rotate::<56, 8>(mixed(23)));
        row!(4:
            w.rotate::<62, 2>(mixed(2)),
            w.rotate::<55, 9>(mixed(8)),
            w.rotate::<39, 25>(mixed(14)),
            w.rotate::<41, 23>(mixed(15)),
            w.rotate::<2, 62>(mixed(21)));
        to[0] = w.xor(to[0], w.splat(self.constant));
    }
}
