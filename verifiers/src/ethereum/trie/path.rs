//! Paths through a trie: the nibbles of a key, and those that a node has in hex-prefix encoding. Neither is unpacked.

use crate::VerifyError;

/// What is left of a key on the way down.
#[derive(Clone, Copy)]
pub(super) struct Rest<'k> {
    key: &'k [u8],
    /// Nibbles gone.
    gone: usize,
}

impl<'k> Rest<'k> {
    pub fn of(key: &'k [u8]) -> Self {
        Self { key, gone: 0 }
    }

    fn len(&self) -> usize {
        self.key.len().saturating_mul(2).saturating_sub(self.gone)
    }

    /// The next nibble, and what is left after it; `None` at the end.
    pub fn split_first(self) -> Option<(usize, Self)> {
        let nibble = nibble_of(self.key, self.gone)?;
        Some((usize::from(nibble), self.without(1)))
    }

    fn without(self, nibbles: usize) -> Self {
        Self { gone: self.gone.saturating_add(nibbles), ..self }
    }

    /// What is left after `path`, if it begins with it.
    pub fn strip_prefix(self, path: Path<'_>) -> Option<Self> {
        let begins = path.len() <= self.len()
            && (0..path.len()).all(|index| path.nibble(index) == nibble_of(self.key, self.gone.saturating_add(index)));
        begins.then(|| self.without(path.len()))
    }

    /// Whether `path` is all that is left.
    pub fn is(self, path: Path<'_>) -> bool {
        if path.len() != self.len() {
            return false;
        }
        // Both end at the end of a byte: whole bytes stand against each other, after one nibble if the count is odd.
        let is_odd = self.len() & 1 == 1;
        let tail = self.key.get(self.gone.saturating_add(usize::from(is_odd)).div_euclid(2)..);
        tail == path.packed.get(1..) && (!is_odd || path.nibble(0) == nibble_of(self.key, self.gone))
    }
}

fn nibble_of(bytes: &[u8], index: usize) -> Option<u8> {
    let byte = *bytes.get(index.div_euclid(2))?;
    Some(if index & 1 == 0 { byte.wrapping_shr(4) } else { byte & 0x0f })
}

/// Nibbles in hex-prefix encoding (Yellow Paper, appendix C), as they stand in a node.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Path<'a> {
    packed: &'a [u8],
    is_odd: bool,
}

impl<'a> Path<'a> {
    /// The path, and whether it ends in a leaf.
    pub fn decode(packed: &'a [u8]) -> Result<(Self, bool), VerifyError> {
        let refuse = |found: String| Err(VerifyError::malformed("", "a hex-prefix path", found));
        let Some(first) = packed.first() else { return refuse("an empty string".to_owned()) };
        let (flags, low) = (first.wrapping_shr(4), first & 0x0f);
        let is_odd = flags & 1 == 1;
        if flags > 3 || (!is_odd && low != 0) {
            return refuse(format!("prefix {first:#04x}"));
        }
        Ok((Self { packed, is_odd }, flags >= 2))
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn len(&self) -> usize {
        self.packed.len().saturating_sub(1).saturating_mul(2).saturating_add(usize::from(self.is_odd))
    }

    fn nibble(&self, index: usize) -> Option<u8> {
        nibble_of(self.packed, index.saturating_add(if self.is_odd { 1 } else { 2 }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hex-prefix encoding of `nibbles`.
    fn packed(nibbles: &[u8]) -> Vec<u8> {
        let mut all = if nibbles.len() % 2 == 1 { vec![3] } else { vec![2, 0] };
        all.extend(nibbles);
        all.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
    }

    #[test]
    fn a_path_is_compared_nibble_by_nibble_wherever_it_begins() {
        let key = [0x12, 0x34, 0x56];
        let nibbles = [1, 2, 3, 4, 5, 6];
        for gone in 0..=6 {
            let rest = Rest::of(&key).without(gone);
            for length in 0..=6 {
                for wrong in 0..=length {
                    let mut own: Vec<u8> = nibbles.iter().copied().cycle().skip(gone).take(length).collect();
                    if let Some(nibble) = own.get_mut(wrong) {
                        *nibble ^= 8;
                    }
                    let bytes = packed(&own);
                    let (path, is_leaf) = Path::decode(&bytes).unwrap();
                    assert!(is_leaf);
                    let fits = wrong == length && gone + length <= 6;
                    assert_eq!(rest.strip_prefix(path).map(|rest| rest.gone), fits.then_some(gone + length));
                    assert_eq!(rest.is(path), fits && gone + length == 6, "{gone} {length} {wrong}");
                }
            }
        }
        assert!(Rest::of(&key).without(6).split_first().is_none());
        assert_eq!(Rest::of(&key).without(3).split_first().map(|(nibble, rest)| (nibble, rest.gone)), Some((4, 4)));
    }

    #[test]
    fn prefixes_that_are_no_encoding_are_refused() {
        for wrong in [&[][..], &[0x01], &[0x2f], &[0x40], &[0xff, 0x00]] {
            assert!(Path::decode(wrong).is_err(), "{wrong:02x?}");
        }
    }
}
