//! edwards25519: `s·B - k·A` of many keys `A`, four at once, for signatures whose equation is checked one by one.
//!
//! It is said for each combination what its point is written as (RFC 8032, 5.1.2), and nothing else: the caller compares
//! that with the `R` that a signature brings, and asks another implementation about whatever differs. So a fault in this
//! arithmetic could have a right signature checked twice; for a wrong one to pass, the fault would have to yield the very
//! 32 bytes that its maker committed to before `k`, their hash, was known. The time taken depends on the scalars: these
//! are of public signatures.
//!
//! Keys are prepared once, as multiples of their points; then a combination is 83 additions of seven products each. Only
//! processors with AVX2 go this way. The tests also do on plain arrays, which check that no limb outgrows its word.

mod combine;
mod digits;
mod field;
#[cfg(test)]
mod field_tests;
mod point;
mod table;
#[cfg(test)]
mod tests;

use std::fmt;

pub use self::combine::Combination;
use self::combine::Encode;
use self::table::{Entry, Prepare, Rows};
use crate::words::{Limbs, Processor};

/// Multiples in a row of a key's table.
const KEY_WIDTH: usize = 16;
/// Rows of a key's table.
const KEY_ROWS: usize = 26;

/// Multiples in a row of the base point's table.
const BASE_WIDTH: usize = 128;

/// The encoding of the base point (RFC 8032, 5.1): `y` is 4/5, `x` is even.
const BASE_POINT: [u8; 32] = {
    let mut encoding = [0x66; 32];
    encoding[0] = 0x58;
    encoding
};

/// Bytes of one key's [`Multiples`].
pub const MULTIPLES_BYTES: usize = size_of::<[[Entry; KEY_WIDTH]; KEY_ROWS]>();

/// Multiples of a point: `j·1024^i·A` for `j` of 1 to 16 and `i` below 26, 39 KiB.
pub struct Multiples {
    rows: Rows<KEY_WIDTH>,
}

impl fmt::Debug for Multiples {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Multiples").finish_non_exhaustive()
    }
}

/// Prepares points from their canonical encodings: multiples of each, in order, and `None` for what encodes none. `None`
/// in all where this processor, or this build, has no wide lanes.
#[cfg_attr(not(target_arch = "x86_64"), expect(unused_variables, reason = "there are no lanes"))]
pub fn multiples_each(encodings: &[[u8; 32]]) -> Option<Vec<Option<Multiples>>> {
    #[cfg(target_arch = "x86_64")]
    return words().map(|words| prepare_each(words, encodings));
    #[cfg(not(target_arch = "x86_64"))]
    None
}

/// The encoding of `s·B - k·A` of each, in order. `None` where this processor, or this build, has no wide lanes.
#[cfg_attr(not(target_arch = "x86_64"), expect(unused_variables, reason = "there are no lanes"))]
pub fn combine_each(items: &[Combination<'_>]) -> Option<Vec<[u8; 32]>> {
    #[cfg(target_arch = "x86_64")]
    return words().map(|words| {
        static BASE: std::sync::OnceLock<Rows<BASE_WIDTH>> = std::sync::OnceLock::new();
        words.call(Encode { w: words, base: BASE.get_or_init(|| base_rows(words)), items })
    });
    #[cfg(not(target_arch = "x86_64"))]
    None
}

#[cfg(target_arch = "x86_64")]
fn words() -> Option<crate::words::Avx2> {
    crate::words::Avx2::detect().filter(|_| crate::path::Path::Avx2.is_open())
}

fn prepare_each<W: Limbs<N>, const N: usize>(w: W, encodings: &[[u8; 32]]) -> Vec<Option<Multiples>> {
    let prepared = encodings.chunks(N).flat_map(|group| {
        // Where a group is not full, its first member stands in for those that are missing.
        let encodings = &std::array::from_fn(|lane| *group.get(lane).unwrap_or(&group[0]));
        let rows = w.call(Prepare::<_, N, KEY_WIDTH> { w, encodings, rows: KEY_ROWS, doublings: 10 });
        rows.into_iter().take(group.len())
    });
    prepared.map(|rows| rows.map(|rows| Multiples { rows })).collect()
}

/// `j·256^i·B` for `j` of 1 to 128 and `i` below 32: 384 KiB.
fn base_rows<W: Limbs<N>, const N: usize>(w: W) -> Rows<BASE_WIDTH> {
    let prepared = w.call(Prepare::<_, N, BASE_WIDTH> { w, encodings: &[BASE_POINT; N], rows: 32, doublings: 8 });
    prepared.into_iter().flatten().next().unwrap_or_default()
}
