//! What the files among the vectors are, by what is in them.

use std::path::Path;

use crate::corpus;
use crate::vector_coverage::{Kind, Ran};

/// All kinds; tests look for them in every folder.
pub const KINDS: &[Kind] = &[
    kind::<0>(),
    kind::<1>(),
    kind::<2>(),
    kind::<3>(),
    kind::<4>(),
    kind::<5>(),
    kind::<6>(),
    kind::<7>(),
    kind::<8>(),
    kind::<9>(),
    kind::<10>(),
    kind::<11>(),
    kind::<12>(),
    kind::<13>(),
    kind::<14>(),
    kind::<15>(),
    kind::<16>(),
    kind::<17>(),
    kind::<18>(),
    kind::<19>(),
    kind::<20>(),
];

const _: () = assert!(KINDS.len() == corpus::Kind::ALL.len());

const fn kind<const N: usize>() -> Kind {
    Kind { name: corpus::Kind::ALL[N].1, run: run::<N> }
}

fn run<const N: usize>(_: &Path, bytes: &[u8]) -> Option<Ran> {
    let (kind, _, unread) = corpus::Kind::ALL[N];
    (corpus::Kind::of(bytes) == Some(kind)).then(|| unread.map_or(Ran::Elsewhere, Ran::Unread))
}
