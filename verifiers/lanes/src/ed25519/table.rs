//! Multiples of points, as they are kept: three numbers below `p` each, in 96 bytes.

use super::field::{Field, Number};
use super::point::{Addends, Curve, D, HALF, mask};
use crate::words::{Limbs, Task};

/// A point: `(y + x) / 2`, `(y - x) / 2`, `d·x·y`.
#[derive(Clone, Copy)]
#[repr(align(32))]
pub(super) struct Entry {
    sum: Number,
    difference: Number,
    product: Number,
}

impl Entry {
    pub(super) const IDENTITY: Self = Self { sum: HALF, difference: HALF, product: [0; 4] };
}

/// `j·BASE^(2i)·P` for `j` of 1 to `WIDTH` in row `i`.
pub(super) type Rows<const WIDTH: usize> = Box<[[Entry; WIDTH]]>;

/// Points to be added or, where `negative` has ones, subtracted, with `sum` and `difference` in their places.
#[inline(always)]
pub(super) fn addends<W: Limbs<N>, const N: usize>(
    field: Field<W, N>,
    entries: &[&Entry; N],
    negative: W::Word,
) -> Addends<W, N> {
    let w = field.0;
    let sum = w.read(&entries.map(|entry| &entry.sum));
    let difference = w.read(&entries.map(|entry| &entry.difference));
    let (mut first, mut second) = (sum, difference);
    for word in 0..4 {
        first[word] = w.choose(negative, difference[word], sum[word]);
        second[word] = w.choose(negative, sum[word], difference[word]);
    }
    let product = field.unpack(w.read(&entries.map(|entry| &entry.product)));
    Addends { sum: field.unpack(first), difference: field.unpack(second), product }
}

/// Makes the tables of `N` points at once, from their canonical encodings; `None` for what encodes no point.
pub(super) struct Prepare<'a, W, const N: usize, const WIDTH: usize> {
    pub(super) w: W,
    pub(super) encodings: &'a [[u8; 32]; N],
    /// How many rows.
    pub(super) rows: usize,
    /// How many doublings lead from one row to the next.
    pub(super) doublings: usize,
}

impl<W: Limbs<N>, const N: usize, const WIDTH: usize> Task for Prepare<'_, W, N, WIDTH> {
    type Output = [Option<Rows<WIDTH>>; N];

    #[inline(always)]
    fn run(self) -> Self::Output {
        let field = Field(self.w);
        let curve = Curve(field);
        let (decoded, is_point) = curve.decode(self.encodings);
        // Any point will do where there is none: its table is not given out.
        let mut power = curve.choose(self.w.of_lanes(is_point.map(mask)), &decoded, &curve.identity());
        let mut points = Vec::with_capacity(self.rows * WIDTH);
        for row in 0..self.rows {
            if row > 0 {
                for _ in 0..self.doublings {
                    power = curve.double(&power);
                }
            }
            let mut multiple = power;
            points.push(multiple);
            for _ in 1..WIDTH {
                multiple = curve.add_points(&multiple, &power);
                points.push(multiple);
            }
        }
        let mut tables: [Vec<[Entry; WIDTH]>; N] = std::array::from_fn(|_| vec![[Entry::IDENTITY; WIDTH]; self.rows]);
        let (half, d) = (field.splat(HALF), field.splat(D));
        for (place, [x, y]) in curve.affine(&points).iter().enumerate() {
            let sum = field.pack(&field.multiply(&field.add(y, x), &half));
            let difference = field.pack(&field.multiply(&field.subtract(y, x), &half));
            let product = field.pack(&field.multiply(&field.multiply(x, y), &d));
            for (lane, table) in tables.iter_mut().enumerate() {
                table[place / WIDTH][place % WIDTH] =
                    Entry { sum: sum[lane], difference: difference[lane], product: product[lane] };
            }
        }
        let mut is_point = is_point.into_iter();
        tables.map(|table| is_point.next().unwrap_or_default().then(|| table.into_boxed_slice()))
    }
}
