//! Writes an SSZ container: the fixed part with offsets, then the variable parts.

use alloy_primitives::{B256, U256};

/// Collects the fixed part and the variable parts of one container.
#[derive(Default)]
pub(crate) struct Writer {
    fixed: Vec<u8>,
    variable: Vec<(usize, Vec<u8>)>,
}

impl Writer {
    pub(crate) fn bytes(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        self.fixed.extend_from_slice(bytes.as_ref());
        self
    }

    pub(crate) fn uint64(&mut self, value: u64) -> &mut Self {
        self.bytes(value.to_le_bytes())
    }

    pub(crate) fn uint256(&mut self, value: U256) -> &mut Self {
        self.bytes(value.to_le_bytes::<32>())
    }

    pub(crate) fn branch(&mut self, branch: &[B256]) -> &mut Self {
        for node in branch {
            self.bytes(node);
        }
        self
    }

    /// Leaves room for an offset, and remembers what it will point at.
    pub(crate) fn variable(&mut self, bytes: Vec<u8>) -> &mut Self {
        self.variable.push((self.fixed.len(), bytes));
        self.bytes([0; 4])
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        let mut out = self.fixed;
        for (place, bytes) in self.variable {
            let offset = u32::try_from(out.len()).unwrap_or(u32::MAX).to_le_bytes();
            for (to, from) in out.iter_mut().skip(place).zip(offset) {
                *to = from;
            }
            out.extend(bytes);
        }
        out
    }
}
