//! Spoiling of a valid input, or another input altogether.

use libfuzzer_sys::arbitrary::{self, Arbitrary};

/// What the fuzzer does to bytes.
#[derive(Arbitrary, Debug)]
pub enum Patch {
    /// Bits flipped in single bytes, places counted round.
    Flip(Vec<(u16, u8)>),
    /// Everything from a place on replaced.
    Tail(u16, Vec<u8>),
    /// Bytes put in between.
    Insert(u16, Vec<u8>),
    /// So many bytes taken out at a place.
    Remove(u16, u8),
    /// Other bytes instead.
    Replace(Vec<u8>),
}

impl Patch {
    /// Applies it to `bytes`.
    pub fn apply(&self, bytes: &mut Vec<u8>) {
        let length = bytes.len();
        match self {
            Self::Flip(flips) if length > 0 => {
                flips.iter().for_each(|(place, bits)| bytes[usize::from(*place) % length] ^= bits);
            }
            Self::Flip(_) => {}
            Self::Tail(place, tail) => {
                bytes.truncate(usize::from(*place));
                bytes.extend(tail);
            }
            Self::Insert(place, more) => {
                let place = usize::from(*place) % (length + 1);
                bytes.splice(place..place, more.iter().copied());
            }
            Self::Remove(place, count) => {
                let place = usize::from(*place) % (length + 1);
                bytes.drain(place..(place + usize::from(*count)).min(length));
            }
            Self::Replace(other) => bytes.clone_from(other),
        }
    }
}

/// `bytes` after all of `patches`.
pub fn patched(mut bytes: Vec<u8>, patches: &[Patch]) -> Vec<u8> {
    patches.iter().for_each(|patch| patch.apply(&mut bytes));
    bytes
}
