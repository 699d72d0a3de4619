//! A cursor over outside bytes: little-endian integers and Solana's two variable-length integers, canonical only.

use alloy_primitives::B256;

use crate::VerifyError;

/// Reads from the front; every error names `field`.
#[derive(Clone, Debug)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
    field: &'static str,
}

impl<'a> Reader<'a> {
    pub(super) fn new(field: &'static str, bytes: &'a [u8]) -> Self {
        Self { rest: bytes, field }
    }

    /// Refuses more than `limit` bytes before anything is read.
    pub(super) fn bounded(field: &'static str, bytes: &'a [u8], limit: usize) -> Result<Self, VerifyError> {
        if bytes.len() > limit {
            return Err(VerifyError::malformed(field, format!("at most {limit} bytes"), bytes.len()));
        }
        Ok(Self::new(field, bytes))
    }

    pub(super) fn malformed(&self, expected: impl ToString, found: impl ToString) -> VerifyError {
        VerifyError::malformed(self.field, expected, found)
    }

    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], VerifyError> {
        let (head, tail) = self
            .rest
            .split_at_checked(count)
            .ok_or_else(|| self.malformed(format!("{count} more bytes"), self.rest.len()))?;
        self.rest = tail;
        Ok(head)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<&'a [u8; N], VerifyError> {
        let (head, tail) = self
            .rest
            .split_first_chunk::<N>()
            .ok_or_else(|| self.malformed(format!("{N} more bytes"), self.rest.len()))?;
        self.rest = tail;
        Ok(head)
    }

    /// `count` items of `N` bytes.
    pub(super) fn arrays<const N: usize>(&mut self, count: usize) -> Result<&'a [[u8; N]], VerifyError> {
        Ok(self.take(count.saturating_mul(N))?.as_chunks::<N>().0)
    }

    pub(super) fn u8(&mut self) -> Result<u8, VerifyError> {
        Ok(u8::from_le_bytes(*self.array()?))
    }

    pub(super) fn u16(&mut self) -> Result<u16, VerifyError> {
        Ok(u16::from_le_bytes(*self.array()?))
    }

    pub(super) fn u32(&mut self) -> Result<u32, VerifyError> {
        Ok(u32::from_le_bytes(*self.array()?))
    }

    pub(super) fn u64(&mut self) -> Result<u64, VerifyError> {
        Ok(u64::from_le_bytes(*self.array()?))
    }

    pub(super) fn hash(&mut self) -> Result<B256, VerifyError> {
        Ok(B256::new(*self.array()?))
    }

    /// A `u64` length that must not be above `limit`.
    pub(super) fn length(&mut self, limit: usize) -> Result<usize, VerifyError> {
        let found = self.u64()?;
        usize::try_from(found)
            .ok()
            .filter(|length| *length <= limit)
            .ok_or_else(|| self.malformed(format!("at most {limit} items"), found))
    }

    /// 0 or 1.
    pub(super) fn flag(&mut self) -> Result<bool, VerifyError> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(self.malformed("0 or 1", other)),
        }
    }

    /// `ShortU16` (compact-u16): seven bits a byte, at most three bytes, no alias of a shorter form.
    pub(super) fn compact_u16(&mut self) -> Result<usize, VerifyError> {
        let mut value = 0_usize;
        for shift in [0_u32, 7, 14] {
            let byte = self.u8()?;
            value |= usize::from(byte & 0x7f).wrapping_shl(shift);
            if byte & 0x80 == 0 {
                let is_alias = byte == 0 && shift > 0;
                if is_alias || value > usize::from(u16::MAX) {
                    return Err(self.malformed("a canonical compact-u16", value));
                }
                return Ok(value);
            }
        }
        Err(self.malformed("a compact-u16 of at most three bytes", "a fourth"))
    }

    /// LEB128 of a `u64`, no alias of a shorter form (`serde_varint`).
    pub(super) fn varint_u64(&mut self) -> Result<u64, VerifyError> {
        let mut value = 0_u64;
        for shift in (0_u32..64).step_by(7) {
            let byte = self.u8()?;
            let part = u64::from(byte & 0x7f);
            let shifted = part.wrapping_shl(shift);
            if shifted.wrapping_shr(shift) != part || (byte == 0 && shift > 0) {
                return Err(self.malformed("a canonical varint of 64 bits", byte));
            }
            value |= shifted;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(self.malformed("a varint of 64 bits", "a longer one"))
    }

    /// A reader of the next `count` bytes, under the same name.
    pub(super) fn part(&mut self, count: usize) -> Result<Self, VerifyError> {
        Ok(Self { rest: self.take(count)?, field: self.field })
    }

    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Refuses bytes that were not read.
    pub(super) fn finish(self) -> Result<(), VerifyError> {
        if self.rest.is_empty() {
            return Ok(());
        }
        Err(self.malformed("no trailing bytes", self.rest.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compact(bytes: &[u8]) -> Option<usize> {
        let mut reader = Reader::new("n", bytes);
        let value = reader.compact_u16().ok()?;
        reader.finish().ok().map(|()| value)
    }

    fn varint(bytes: &[u8]) -> Option<u64> {
        let mut reader = Reader::new("n", bytes);
        let value = reader.varint_u64().ok()?;
        reader.finish().ok().map(|()| value)
    }

    #[test]
    fn a_compact_length_has_one_form() {
        assert_eq!(compact(&[0]), Some(0));
        assert_eq!(compact(&[0x7f]), Some(127));
        assert_eq!(compact(&[0x80, 1]), Some(128));
        assert_eq!(compact(&[0xff, 0xff, 3]), Some(65_535));
        for alias in [&[0x80, 0][..], &[0x80, 0x80, 0], &[0xff, 0xff, 4], &[0x80, 0x80, 0x80, 1], &[0x80], &[]] {
            assert_eq!(compact(alias), None, "{alias:?}");
        }
    }

    /// All that three bytes can be, of which a length reads one to three, and all that fewer can be.
    #[test]
    fn every_compact_length_is_read_as_the_peer_reads_it() {
        let agree = |bytes: &[u8]| {
            let mut reader = Reader::new("n", bytes);
            let ours = reader.compact_u16().ok().map(|value| (value, bytes.len() - reader.rest().len()));
            assert_eq!(ours, solana_short_vec::decode_shortu16_len(bytes).ok(), "{bytes:?}");
        };
        agree(&[]);
        for number in 0..1_u32 << 24 {
            let bytes = number.to_be_bytes();
            agree(&bytes[1..]);
            match number {
                0..0x100 => agree(&bytes[3..]),
                0x100..0x1_0000 => agree(&bytes[2..]),
                _ => {}
            }
        }
    }

    #[test]
    fn a_varint_has_one_form() {
        assert_eq!(varint(&[0]), Some(0));
        assert_eq!(varint(&[0xac, 2]), Some(300));
        let most = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1];
        assert_eq!(varint(&most), Some(u64::MAX));
        let mut over = most;
        over[9] = 2;
        for alias in [&[0x80, 0][..], &over, &[0xff; 11], &[0x80]] {
            assert_eq!(varint(alias), None, "{alias:?}");
        }
    }
}
