//! Points of edwards25519, `N` at once: `-x² + y² = 1 + d·x²·y²`.
//!
//! The formulas are those of extended coordinates (Hisil, Wong, Carter and Dawson, "Twisted Edwards Curves Revisited",
//! 2008). Addition is complete: it is right for equal points, opposite ones, the identity and points of small order.

use super::field::{Elements, Field, Number};
use crate::words::Limbs;

/// `d`, `2·d`, a root of -1.
pub(super) const D: Number =
    [0x75eb_4dca_1359_78a3, 0x0070_0a4d_4141_d8ab, 0x8cc7_4079_7779_e898, 0x5203_6cee_2b6f_fe73];
const TWICE_D: Number = [0xebd6_9b94_26b2_f159, 0x00e0_149a_8283_b156, 0x198e_80f2_eef3_d130, 0x2406_d9dc_56df_fce7];
const ROOT_OF_MINUS_1: Number =
    [0xc4ee_1b27_4a0e_a0b0, 0x2f43_1806_ad2f_e478, 0x2b4d_0099_3dfb_d7a7, 0x2b83_2480_4fc1_df0b];
const ZERO: Number = [0; 4];
const ONE: Number = [1, 0, 0, 0];
/// `(p + 1) / 2`.
pub(super) const HALF: Number =
    [0xffff_ffff_ffff_fff7, 0xffff_ffff_ffff_ffff, 0xffff_ffff_ffff_ffff, 0x3fff_ffff_ffff_ffff];

/// Points as `x = X / Z`, `y = Y / Z`, `x·y = T / Z`, all reduced.
pub(super) struct Points<W: Limbs<N>, const N: usize> {
    pub(super) x: Elements<W, N>,
    pub(super) y: Elements<W, N>,
    pub(super) z: Elements<W, N>,
    t: Elements<W, N>,
}

impl<W: Limbs<N>, const N: usize> Clone for Points<W, N> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<W: Limbs<N>, const N: usize> Copy for Points<W, N> {}

/// Points to be added, known by `(y + x) / 2`, `(y - x) / 2` and `d·x·y`.
pub(super) struct Addends<W: Limbs<N>, const N: usize> {
    pub(super) sum: Elements<W, N>,
    pub(super) difference: Elements<W, N>,
    pub(super) product: Elements<W, N>,
}

/// The curve's operations, in words `W`.
#[derive(Clone, Copy)]
pub(super) struct Curve<W, const N: usize>(pub(super) Field<W, N>);

impl<W: Limbs<N>, const N: usize> Curve<W, N> {
    #[inline(always)]
    pub(super) fn identity(self) -> Points<W, N> {
        let (zero, one) = (self.0.splat(ZERO), self.0.splat(ONE));
        Points { x: zero, y: one, z: one, t: zero }
    }

    /// `a + b`; `a - b` where `negative` has ones and `sum` and `difference` of `b` have changed places.
    #[inline(always)]
    pub(super) fn add(self, a: &Points<W, N>, b: &Addends<W, N>, negative: W::Word) -> Points<W, N> {
        let f = self.0;
        let low = f.multiply(&f.subtract(&a.y, &a.x), &b.difference);
        let high = f.multiply(&f.add(&a.y, &a.x), &b.sum);
        let product = f.multiply(&a.t, &b.product);
        let (minus, plus) = (f.subtract(&a.z, &product), f.add(&a.z, &product));
        let (minus, plus) = (f.choose(negative, &plus, &minus), f.choose(negative, &minus, &plus));
        self.join(&f.subtract(&high, &low), &minus, &plus, &f.add(&high, &low))
    }

    /// `a + b`.
    #[inline(always)]
    pub(super) fn add_points(self, a: &Points<W, N>, b: &Points<W, N>) -> Points<W, N> {
        let f = self.0;
        let low = f.multiply(&f.subtract(&a.y, &a.x), &f.subtract(&b.y, &b.x));
        let high = f.multiply(&f.add(&a.y, &a.x), &f.add(&b.y, &b.x));
        let product = f.multiply(&f.multiply(&a.t, &b.t), &f.splat(TWICE_D));
        let z = f.multiply(&a.z, &b.z);
        let twice_z = f.reduce(&f.add(&z, &z));
        let (minus, plus) = (f.subtract(&twice_z, &product), f.add(&twice_z, &product));
        self.join(&f.subtract(&high, &low), &minus, &plus, &f.add(&high, &low))
    }

    /// `2·a`.
    #[inline(always)]
    pub(super) fn double(self, a: &Points<W, N>) -> Points<W, N> {
        let f = self.0;
        let (xx, yy, zz) = (f.square(&a.x), f.square(&a.y), f.square(&a.z));
        let sum = f.reduce(&f.add(&xx, &yy));
        let both = f.square(&f.add(&a.x, &a.y));
        let difference = f.subtract(&xx, &yy);
        let last = f.reduce(&f.add(&f.add(&zz, &zz), &difference));
        self.join(&f.subtract(&sum, &both), &last, &difference, &sum)
    }

    /// `a` where `mask` has ones, `b` elsewhere.
    #[inline(always)]
    pub(super) fn choose(self, mask: W::Word, a: &Points<W, N>, b: &Points<W, N>) -> Points<W, N> {
        let choose = |a, b| self.0.choose(mask, a, b);
        Points { x: choose(&a.x, &b.x), y: choose(&a.y, &b.y), z: choose(&a.z, &b.z), t: choose(&a.t, &b.t) }
    }

    /// What the formulas end with, of loose numbers.
    #[inline(always)]
    fn join(self, e: &Elements<W, N>, f: &Elements<W, N>, g: &Elements<W, N>, h: &Elements<W, N>) -> Points<W, N> {
        let field = self.0;
        Points { x: field.multiply(e, f), y: field.multiply(g, h), z: field.multiply(f, g), t: field.multiply(e, h) }
    }

    /// Points from their canonical encodings (RFC 8032, 5.1.3), and whether each is one; what is none gives nonsense.
    #[inline(always)]
    pub(super) fn decode(self, encodings: &[[u8; 32]; N]) -> (Points<W, N>, [bool; N]) {
        let (f, w) = (self.0, self.0.0);
        let numbers = encodings.map(|encoding| number_of(&encoding));
        let y = f.unpack(w.read(&numbers.each_ref()));
        let (one, zero) = (f.splat(ONE), f.splat(ZERO));
        let yy = f.square(&y);
        let above = f.reduce(&f.subtract(&yy, &one));
        let below = f.reduce(&f.add(&f.multiply(&yy, &f.splat(D)), &one));
        // A root of above / below, if it has one, times a root of 1 or -1.
        let cube = f.multiply(&f.square(&below), &below);
        let seventh = f.multiply(&f.square(&cube), &below);
        let power = f.power_for_root(&f.multiply(&above, &seventh));
        let root = f.multiply(&f.multiply(&above, &cube), &power);
        let back = f.multiply(&f.square(&root), &below);
        let (found, wanted) = (f.pack(&back), f.pack(&above));
        let opposite = f.pack(&f.reduce(&f.subtract(&zero, &above)));
        let turned = f.multiply(&root, &f.splat(ROOT_OF_MINUS_1));
        let is_turned = w.of_lanes(std::array::from_fn(|lane| mask(found[lane] != wanted[lane])));
        let x = f.choose(is_turned, &turned, &root);
        let parities = f.pack(&x);
        let is_negated = std::array::from_fn(|lane| mask(parities[lane][0] & 1 != numbers[lane][3] >> 63));
        let x = f.choose(w.of_lanes(is_negated), &f.reduce(&f.subtract(&zero, &x)), &x);
        let is_point = |lane: usize| found[lane] == wanted[lane] || found[lane] == opposite[lane];
        (Points { x, y, z: one, t: f.multiply(&x, &y) }, std::array::from_fn(is_point))
    }

    /// `x` and `y` of each of many points, by one inversion: their products are inverted, and taken apart again.
    #[inline(always)]
    pub(super) fn affine(self, points: &[Points<W, N>]) -> Vec<[Elements<W, N>; 2]> {
        let f = self.0;
        let mut product = f.splat(ONE);
        let mut before = Vec::with_capacity(points.len());
        for point in points {
            before.push(product);
            product = f.multiply(&product, &point.z);
        }
        let mut inverse = f.invert(&product);
        let mut affine = Vec::with_capacity(points.len());
        for (point, before) in points.iter().zip(before).rev() {
            let of_z = f.multiply(&inverse, &before);
            inverse = f.multiply(&inverse, &point.z);
            affine.push([f.multiply(&point.x, &of_z), f.multiply(&point.y, &of_z)]);
        }
        affine.reverse();
        affine
    }
}

/// All ones or none.
pub(super) fn mask(is_set: bool) -> u64 {
    u64::from(is_set).wrapping_neg()
}

/// Words of 32 little-endian bytes.
pub(super) fn number_of(bytes: &[u8; 32]) -> Number {
    let (words, _) = bytes.as_chunks::<8>();
    std::array::from_fn(|word| u64::from_le_bytes(words[word]))
}

/// 32 little-endian bytes, the sign of `x` in the last bit (RFC 8032, 5.1.2).
pub(super) fn encoding_of(x: Number, y: Number) -> [u8; 32] {
    let mut words = y;
    words[3] |= x[0] << 63;
    let mut bytes = [0; 32];
    for (bytes, word) in bytes.as_chunks_mut::<8>().0.iter_mut().zip(words) {
        *bytes = word.to_le_bytes();
    }
    bytes
}
