//! `s·B - k·A`, for as many keys and scalars at once as there are lanes.

use super::digits::{radix_32, radix_256};
use super::field::Field;
use super::point::{Curve, Points, encoding_of, mask};
use super::table::{Entry, Rows, addends};
use super::{BASE_WIDTH, KEY_WIDTH, Multiples};
use crate::words::{Limbs, Task};

/// A key's row has the digits of `32^(2i)`; the digits between them are counted first, and doubled five times.
const DOUBLINGS_OF_ODD: usize = 5;

/// A scalar for the base point and one for a key, each 32 little-endian bytes of a number below `2^253`.
#[derive(Clone, Copy)]
pub struct Combination<'a> {
    /// Times the base point.
    pub s: &'a [u8; 32],
    /// Times the key, and taken off.
    pub k: &'a [u8; 32],
    /// The key.
    pub key: &'a Multiples,
}

/// What is added next: an entry of each lane, and whether it is taken off.
type Step<'a, const N: usize> = [(&'a Entry, bool); N];

/// The encodings of `s·B - k·A`, of `N` at once, in one inversion.
pub(super) struct Encode<'a, W, const N: usize> {
    pub(super) w: W,
    pub(super) base: &'a Rows<BASE_WIDTH>,
    pub(super) items: &'a [Combination<'a>],
}

impl<W: Limbs<N>, const N: usize> Task for Encode<'_, W, N> {
    type Output = Vec<[u8; 32]>;

    #[inline(always)]
    fn run(self) -> Vec<[u8; 32]> {
        let field = Field(self.w);
        let groups = self.items.chunks(N);
        let points: Vec<Points<W, N>> = groups.map(|group| self.w.call(Combine { encode: &self, group })).collect();
        let mut encodings = vec![[0; 32]; points.len() * N];
        for (place, [x, y]) in Curve(field).affine(&points).iter().enumerate() {
            let (x, y) = (field.pack(x), field.pack(y));
            for lane in 0..N {
                encodings[place * N + lane] = encoding_of(x[lane], y[lane]);
            }
        }
        encodings.truncate(self.items.len());
        encodings
    }
}

/// One group, of `N` or fewer.
struct Combine<'a, W, const N: usize> {
    encode: &'a Encode<'a, W, N>,
    group: &'a [Combination<'a>],
}

impl<W: Limbs<N>, const N: usize> Task for Combine<'_, W, N> {
    type Output = Points<W, N>;

    #[inline(always)]
    fn run(self) -> Points<W, N> {
        let curve = Curve(Field(self.encode.w));
        // Where the group is not full, its first member stands in for those that are missing.
        let items: [&Combination<'_>; N] = std::array::from_fn(|lane| self.group.get(lane).unwrap_or(&self.group[0]));
        let of_k = items.map(|item| radix_32(item.k));
        let of_s = items.map(|item| radix_256(item.s));
        let of_key = |row: usize, odd: usize| -> Step<'_, N> {
            std::array::from_fn(|lane| {
                let (entry, is_negative) = chosen::<KEY_WIDTH>(&items[lane].key.rows[row], of_k[lane][2 * row + odd]);
                (entry, !is_negative)
            })
        };
        let of_base =
            |row: usize| -> Step<'_, N> { std::array::from_fn(|lane| chosen(&self.encode.base[row], of_s[lane][row])) };
        let rows = items[0].key.rows.len();
        let odd = (0..rows).map(|row| of_key(row, 1));
        let others = (0..rows).map(|row| of_key(row, 0)).chain((0..self.encode.base.len()).map(of_base));
        let mut sum = self.add_all(curve, curve.identity(), odd);
        for _ in 0..DOUBLINGS_OF_ODD {
            sum = curve.double(&sum);
        }
        self.add_all(curve, sum, others)
    }
}

impl<W: Limbs<N>, const N: usize> Combine<'_, W, N> {
    /// Adds each step, while the entries of the one after it are fetched: they lie anywhere in their tables.
    #[inline(always)]
    fn add_all<'a>(
        &self,
        curve: Curve<W, N>,
        mut sum: Points<W, N>,
        mut steps: impl Iterator<Item = Step<'a, N>>,
    ) -> Points<W, N> {
        let w = self.encode.w;
        let mut next = steps.next();
        while let Some(step) = next {
            next = steps.next();
            for (entry, _) in next.iter().flatten() {
                w.fetch(*entry);
            }
            let negative = w.of_lanes(step.map(|(_, is_negative)| mask(is_negative)));
            sum = curve.add(&sum, &addends(curve.0, &step.map(|(entry, _)| entry), negative), negative);
        }
        sum
    }
}

/// The multiple that a digit stands for, without its sign, and whether it is negative.
#[inline(always)]
fn chosen<const WIDTH: usize>(row: &[Entry; WIDTH], digit: i16) -> (&Entry, bool) {
    let place = usize::from(digit.unsigned_abs());
    (if place == 0 { &Entry::IDENTITY } else { &row[place - 1] }, digit < 0)
}
