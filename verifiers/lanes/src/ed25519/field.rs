//! Numbers modulo `p = 2^255 - 19`, `N` at once, in ten limbs of 26 and 25 bits in turns.
//!
//! A number is *reduced* when its limbs are below `2^26 + 2^18` and `2^25 + 2^18` in turns; what products, packed numbers
//! and constants are. Sums and differences of two reduced numbers are *loose*: below `2^27.6` and `2^26.6`. Products
//! take loose numbers: the largest column is below `2^62.6`, and 19 times a limb is below `2^32`, which is as much as an
//! instruction multiplies.

use crate::words::{Limbs, Task};

/// `N` numbers, a limb of each in a word.
pub(super) type Elements<W, const N: usize> = [<W as Limbs<N>>::Word; 10];

/// A number on its way in or out: its 32 little-endian bytes, as words.
pub(super) type Number = [u64; 4];

const LOW_26: u64 = (1 << 26) - 1;
const LOW_25: u64 = (1 << 25) - 1;

/// Twice `p`, limb by limb no less than any reduced number.
const TWICE_P: [u64; 10] = {
    let mut limbs = [2 * LOW_26, 2 * LOW_25, 2 * LOW_26, 2 * LOW_25, 2 * LOW_26, 2 * LOW_25, 0, 0, 0, 0];
    limbs[0] = 2 * (LOW_26 - 18);
    (limbs[6], limbs[7], limbs[8], limbs[9]) = (limbs[2], limbs[1], limbs[2], limbs[1]);
    limbs
};

/// Where each limb begins.
const OFFSETS: [u32; 10] = [0, 26, 51, 77, 102, 128, 153, 179, 204, 230];

/// The arithmetic, in words `W`. All of it is to be inlined where the instructions may be used; closures would not be.
#[derive(Clone, Copy)]
pub(super) struct Field<W, const N: usize>(pub(super) W);

impl<W: Limbs<N>, const N: usize> Field<W, N> {
    /// The same number everywhere.
    #[inline(always)]
    pub(super) fn splat(self, number: Number) -> Elements<W, N> {
        self.unpack(self.0.read(&[&number; N]))
    }

    /// Numbers below `2^255` from their words; bit 255 is left out.
    #[inline(always)]
    pub(super) fn unpack(self, words: [W::Word; 4]) -> Elements<W, N> {
        let w = self.0;
        let [a, b, c, d] = words;
        let (even, odd) = (w.splat(LOW_26), w.splat(LOW_25));
        [
            w.and(a, even),
            w.and(w.right::<26>(a), odd),
            w.and(w.or(w.right::<51>(a), w.left::<13>(b)), even),
            w.and(w.right::<13>(b), odd),
            w.right::<38>(b),
            w.and(c, odd),
            w.and(w.right::<25>(c), even),
            w.and(w.or(w.right::<51>(c), w.left::<13>(d)), odd),
            w.and(w.right::<12>(d), even),
            w.and(w.right::<38>(d), odd),
        ]
    }

    /// The numbers of reduced elements, each below `p`.
    #[inline(always)]
    pub(super) fn pack(self, elements: &Elements<W, N>) -> [Number; N] {
        let lanes = elements.map(|word| self.0.lanes(word));
        std::array::from_fn(|lane| to_number(lanes.map(|limb| limb[lane])))
    }

    /// `a + b` of reduced numbers: loose.
    #[inline(always)]
    pub(super) fn add(self, a: &Elements<W, N>, b: &Elements<W, N>) -> Elements<W, N> {
        let mut sum = *a;
        for limb in 0..10 {
            sum[limb] = self.0.add(a[limb], b[limb]);
        }
        sum
    }

    /// `a - b`, of which `b` is reduced: loose if `a` is reduced too.
    #[inline(always)]
    pub(super) fn subtract(self, a: &Elements<W, N>, b: &Elements<W, N>) -> Elements<W, N> {
        let (w, mut difference) = (self.0, *a);
        for limb in 0..10 {
            difference[limb] = w.subtract(w.add(a[limb], w.splat(TWICE_P[limb])), b[limb]);
        }
        difference
    }

    /// `a` where `mask` has ones, `b` elsewhere.
    #[inline(always)]
    pub(super) fn choose(self, mask: W::Word, a: &Elements<W, N>, b: &Elements<W, N>) -> Elements<W, N> {
        let mut chosen = *a;
        for limb in 0..10 {
            chosen[limb] = self.0.choose(mask, a[limb], b[limb]);
        }
        chosen
    }

    /// The same numbers, reduced, of limbs below `2^32`.
    #[inline(always)]
    pub(super) fn reduce(self, a: &Elements<W, N>) -> Elements<W, N> {
        let w = self.0;
        let (even, odd) = (w.splat(LOW_26), w.splat(LOW_25));
        let (mut reduced, mut carry) = (*a, w.multiply(w.right::<25>(a[9]), w.splat(19)));
        for pair in 0..5 {
            let limb = 2 * pair;
            reduced[limb] = w.add(w.and(a[limb], even), carry);
            carry = w.right::<26>(a[limb]);
            reduced[limb + 1] = w.add(w.and(a[limb + 1], odd), carry);
            carry = w.right::<25>(a[limb + 1]);
        }
        reduced
    }

    /// `a * b` of loose numbers: reduced.
    #[inline(always)]
    pub(super) fn multiply(self, a: &Elements<W, N>, b: &Elements<W, N>) -> Elements<W, N> {
        self.0.call(Multiply { w: self.0, a, b })
    }

    /// `a * a`.
    #[inline(always)]
    pub(super) fn square(self, a: &Elements<W, N>) -> Elements<W, N> {
        self.multiply(a, a)
    }

    /// `a^(2^times)`.
    #[inline(always)]
    fn square_times(self, a: &Elements<W, N>, times: u32) -> Elements<W, N> {
        let mut power = *a;
        for _ in 0..times {
            power = self.square(&power);
        }
        power
    }

    /// `a^(2^250 - 1)`, and `a^11` on the way.
    #[inline(always)]
    fn power_of_250_ones(self, a: &Elements<W, N>) -> (Elements<W, N>, Elements<W, N>) {
        let to_2 = self.square(a);
        let to_9 = self.multiply(a, &self.square_times(&to_2, 2));
        let to_11 = self.multiply(&to_9, &to_2);
        let ones_5 = self.multiply(&self.square(&to_11), &to_9);
        let ones_10 = self.twice_the_ones(&ones_5, 5);
        let ones_20 = self.twice_the_ones(&ones_10, 10);
        let ones_40 = self.twice_the_ones(&ones_20, 20);
        let ones_50 = self.multiply(&self.square_times(&ones_40, 10), &ones_10);
        let ones_100 = self.twice_the_ones(&ones_50, 50);
        let ones_200 = self.twice_the_ones(&ones_100, 100);
        (self.multiply(&self.square_times(&ones_200, 50), &ones_50), to_11)
    }

    /// The power of `2 · count` ones from that of `count`.
    #[inline(always)]
    fn twice_the_ones(self, ones: &Elements<W, N>, count: u32) -> Elements<W, N> {
        self.multiply(&self.square_times(ones, count), ones)
    }

    /// `1 / a`, as `a^(p - 2)`; 0 of 0.
    #[inline(always)]
    pub(super) fn invert(self, a: &Elements<W, N>) -> Elements<W, N> {
        let (ones_250, to_11) = self.power_of_250_ones(a);
        self.multiply(&self.square_times(&ones_250, 5), &to_11)
    }

    /// `a^((p - 5) / 8)`, which square roots are made of.
    #[inline(always)]
    pub(super) fn power_for_root(self, a: &Elements<W, N>) -> Elements<W, N> {
        let (ones_250, _) = self.power_of_250_ones(a);
        self.multiply(&self.square_times(&ones_250, 2), a)
    }
}

/// A product. A task of its own: it takes more registers than there are, and is done in many places.
struct Multiply<'a, W: Limbs<N>, const N: usize> {
    w: W,
    a: &'a Elements<W, N>,
    b: &'a Elements<W, N>,
}

/// Sum of products.
macro_rules! sum {
    ($w:ident: $a:ident * $b:ident $(, $c:ident * $d:ident)+) => {{
        let sum = $w.multiply($a, $b);
        $(let sum = $w.add(sum, $w.multiply($c, $d));)+
        sum
    }};
}

impl<W: Limbs<N>, const N: usize> Task for Multiply<'_, W, N> {
    type Output = Elements<W, N>;

    /// Limb `i` times limb `j` belongs to limb `i + j`: twice if both are odd, since half a bit is lost at each; and 19
    /// times to limb `i + j - 10`.
    #[inline(always)]
    fn run(self) -> Elements<W, N> {
        let w = self.w;
        let [a0, a1, a2, a3, a4, a5, a6, a7, a8, a9] = *self.a;
        let [b0, b1, b2, b3, b4, b5, b6, b7, b8, b9] = *self.b;
        let twice = |a| w.add(a, a);
        let (d1, d3, d5, d7, d9) = (twice(a1), twice(a3), twice(a5), twice(a7), twice(a9));
        let nineteen = w.splat(19);
        let round = |b| w.multiply(b, nineteen);
        let (c1, c2, c3, c4, c5) = (round(b1), round(b2), round(b3), round(b4), round(b5));
        let (c6, c7, c8, c9) = (round(b6), round(b7), round(b8), round(b9));
        carried(
            w,
            [
                sum!(w: a0*b0, d1*c9, a2*c8, d3*c7, a4*c6, d5*c5, a6*c4, d7*c3, a8*c2, d9*c1),
                sum!(w: a0*b1, a1*b0, a2*c9, a3*c8, a4*c7, a5*c6, a6*c5, a7*c4, a8*c3, a9*c2),
                sum!(w: a0*b2, d1*b1, a2*b0, d3*c9, a4*c8, d5*c7, a6*c6, d7*c5, a8*c4, d9*c3),
                sum!(w: a0*b3, a1*b2, a2*b1, a3*b0, a4*c9, a5*c8, a6*c7, a7*c6, a8*c5, a9*c4),
                sum!(w: a0*b4, d1*b3, a2*b2, d3*b1, a4*b0, d5*c9, a6*c8, d7*c7, a8*c6, d9*c5),
                sum!(w: a0*b5, a1*b4, a2*b3, a3*b2, a4*b1, a5*b0, a6*c9, a7*c8, a8*c7, a9*c6),
                sum!(w: a0*b6, d1*b5, a2*b4, d3*b3, a4*b2, d5*b1, a6*b0, d7*c9, a8*c8, d9*c7),
                sum!(w: a0*b7, a1*b6, a2*b5, a3*b4, a4*b3, a5*b2, a6*b1, a7*b0, a8*c9, a9*c8),
                sum!(w: a0*b8, d1*b7, a2*b6, d3*b5, a4*b4, d5*b3, a6*b2, d7*b1, a8*b0, d9*c9),
                sum!(w: a0*b9, a1*b8, a2*b7, a3*b6, a4*b5, a5*b4, a6*b3, a7*b2, a8*b1, a9*b0),
            ],
        )
    }
}

/// Columns below `2^63` carried into each other, from limbs 0 and 4 at once: reduced. What is carried round from limb 9 is
/// below `2^38`, so that limb 1 ends below `2^25 + 2^18`.
#[inline(always)]
fn carried<W: Limbs<N>, const N: usize>(w: W, columns: Elements<W, N>) -> Elements<W, N> {
    let mut z = columns;
    let (even, odd) = (w.splat(LOW_26), w.splat(LOW_25));
    macro_rules! carry {
        (even $from:literal) => {
            z[$from + 1] = w.add(z[$from + 1], w.right::<26>(z[$from]));
            z[$from] = w.and(z[$from], even);
        };
        (odd $from:literal) => {
            z[$from + 1] = w.add(z[$from + 1], w.right::<25>(z[$from]));
            z[$from] = w.and(z[$from], odd);
        };
    }
    carry!(even 0);
    carry!(even 4);
    carry!(odd 1);
    carry!(odd 5);
    carry!(even 2);
    carry!(even 6);
    carry!(odd 3);
    carry!(odd 7);
    carry!(even 4);
    carry!(even 8);
    let round = w.right::<25>(z[9]);
    z[9] = w.and(z[9], odd);
    // 19 times: it is wider than an instruction multiplies.
    z[0] = w.add(z[0], w.add(w.add(round, w.left::<1>(round)), w.left::<4>(round)));
    carry!(even 0);
    z
}

/// The number below `p` that reduced limbs stand for.
fn to_number(limbs: [u64; 10]) -> Number {
    let bits = |limb: usize| if limb.is_multiple_of(2) { 26 } else { 25 };
    // What would be carried out of the top if 19 were added: 1 if the number is not below p.
    let over = limbs.iter().enumerate().fold(19, |carry, (limb, value)| (value + carry) >> bits(limb));
    let (mut carry, mut number) = (19 * over, [0; 4]);
    for (limb, value) in limbs.into_iter().enumerate() {
        let value = value + carry;
        carry = value >> bits(limb);
        let kept = value & ((1 << bits(limb)) - 1);
        let (word, bit) = (OFFSETS[limb] as usize / 64, OFFSETS[limb] % 64);
        number[word] |= kept << bit;
        if bit > 38 && word < 3 {
            number[word + 1] |= kept >> (64 - bit);
        }
    }
    number
}
