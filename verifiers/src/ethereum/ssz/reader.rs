//! Reads the fixed part of an SSZ container in order, then its variable parts by offset.

use alloy_primitives::{B256, FixedBytes, U256};

use crate::VerifyError;

/// A cursor over untrusted bytes; every refusal names the field being read.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    length: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, length: bytes.len() }
    }

    pub(crate) fn bytes(&mut self, field: &str, count: usize) -> Result<&'a [u8], VerifyError> {
        let Some((taken, rest)) = self.rest.split_at_checked(count) else {
            return Err(VerifyError::malformed(field, format!("{count} bytes"), format!("{} left", self.rest.len())));
        };
        self.rest = rest;
        Ok(taken)
    }

    pub(crate) fn array<const N: usize>(&mut self, field: &str) -> Result<[u8; N], VerifyError> {
        let bytes = self.bytes(field, N)?;
        bytes.try_into().map_err(|_| VerifyError::malformed(field, format!("{N} bytes"), bytes.len()))
    }

    pub(crate) fn fixed<const N: usize>(&mut self, field: &str) -> Result<FixedBytes<N>, VerifyError> {
        Ok(FixedBytes(self.array(field)?))
    }

    pub(crate) fn uint64(&mut self, field: &str) -> Result<u64, VerifyError> {
        Ok(u64::from_le_bytes(self.array(field)?))
    }

    pub(crate) fn uint256(&mut self, field: &str) -> Result<U256, VerifyError> {
        Ok(U256::from_le_bytes::<32>(self.array(field)?))
    }

    pub(crate) fn branch(&mut self, field: &str, depth: usize) -> Result<Vec<B256>, VerifyError> {
        (0..depth).map(|index| self.fixed(&format!("{field}[{index}]"))).collect()
    }

    /// Reads an offset into the whole input.
    pub(crate) fn offset(&mut self, field: &str) -> Result<usize, VerifyError> {
        let offset = u32::from_le_bytes(self.array(field)?);
        usize::try_from(offset).map_err(|_| VerifyError::malformed(field, "an offset", offset))
    }

    /// Splits what is left after the fixed part by `offsets`: the first must be where the fixed part ended, none may
    /// fall or pass the end.
    pub(crate) fn variable<const N: usize>(self, offsets: [(&str, usize); N]) -> Result<[&'a [u8]; N], VerifyError> {
        let mut parts = [self.rest; N];
        let mut start = self.length.saturating_sub(self.rest.len());
        let mut rest = self.rest;
        let ends = offsets.iter().skip(1).map(|(_, offset)| *offset).chain([self.length]);
        for (index, ((part, (field, offset)), end)) in parts.iter_mut().zip(offsets).zip(ends).enumerate() {
            if index == 0 && offset != start {
                return Err(VerifyError::malformed(field, format!("offset {start}"), offset));
            }
            let taken = end.checked_sub(start).and_then(|size| rest.split_at_checked(size));
            let Some((here, after)) = taken else {
                let expected = format!("an offset from {start} to {}", self.length);
                return Err(VerifyError::malformed(field, expected, end));
            };
            (*part, rest, start) = (here, after, end);
        }
        Ok(parts)
    }

    /// Refuses bytes left over.
    pub(crate) fn finish(self, field: &str) -> Result<(), VerifyError> {
        if self.rest.is_empty() {
            return Ok(());
        }
        let expected = format!("{} bytes", self.length.saturating_sub(self.rest.len()));
        Err(VerifyError::malformed(field, expected, self.length))
    }
}
