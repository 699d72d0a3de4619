//! Who signed an Alpenglow certificate: ranks as bits, or as trits when two payloads were signed.
//!
//! Source: `solana-signer-store` (`lib.rs`). One byte of encoding (0 bits, 1 trits), the number of ranks (16 bits), then
//! eight ranks a byte, lowest bit first, or five ranks a byte, lowest trit first: 0 neither, 1 the first payload, 2 the
//! fallback. A rank cannot be in both. Here, padding must be zero, a byte of trits below 3^5, and the last rank signed:
//! one bitmap for one set of signers.

use super::bytes::Reader;
use crate::VerifyError;

/// Most validators that take part (SIMD-0357: the vote-account table keeps the 2,000 with most stake).
pub const MAX_RANKS: usize = 2_000;

const BASE_2: u8 = 0;
const BASE_3: u8 = 1;
const BITS: usize = 8;
const TRITS: usize = 5;

/// Ranks that signed, rising.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signers {
    /// Those who signed the first payload.
    pub primary: Vec<usize>,
    /// Those who signed the fallback.
    pub fallback: Vec<usize>,
    /// Whether the encoding could say both.
    pub is_base3: bool,
}

impl Signers {
    /// Decodes a bitmap for at most `ranks` validators.
    ///
    /// # Errors
    /// Names `bitmap`.
    pub fn decode(bytes: &[u8], ranks: usize) -> Result<Self, VerifyError> {
        let limit = ranks.min(MAX_RANKS);
        let mut reader = Reader::bounded("bitmap", bytes, limit.saturating_add(3))?;
        let (base, count) = (reader.u8()?, usize::from(reader.u16()?));
        if count > limit {
            return Err(reader.malformed(format!("at most {limit} ranks"), count));
        }
        let (radix, per_byte) = match base {
            BASE_2 => (2, BITS),
            BASE_3 => (3, TRITS),
            other => return Err(reader.malformed("encoding 0 or 1", other)),
        };
        let payload = reader.take(count.div_ceil(per_byte))?;
        let mut signers = Self { primary: Vec::new(), fallback: Vec::new(), is_base3: base == BASE_3 };
        let mut last = None;
        for (place, byte) in payload.iter().enumerate() {
            let mut rest = *byte;
            for offset in 0..per_byte {
                let (digit, next) = (rest.checked_rem(radix).unwrap_or_default(), rest.checked_div(radix));
                rest = next.unwrap_or_default();
                if digit == 0 {
                    continue;
                }
                let rank = place.saturating_mul(per_byte).saturating_add(offset);
                last = Some(rank);
                if digit == 1 { signers.primary.push(rank) } else { signers.fallback.push(rank) }
            }
            if rest != 0 {
                return Err(reader.malformed("trits below 3^5", byte));
            }
        }
        reader.clone().finish()?;
        if last.map_or(0, |rank| rank.saturating_add(1)) != count {
            return Err(reader.malformed(format!("the last of {count} ranks, and no more"), format!("{last:?}")));
        }
        Ok(signers)
    }

    /// How many signed.
    pub fn count(&self) -> usize {
        self.primary.len().saturating_add(self.fallback.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(bytes: &[u8]) -> Option<(Vec<usize>, Vec<usize>)> {
        Signers::decode(bytes, MAX_RANKS).ok().map(|signers| (signers.primary, signers.fallback))
    }

    #[test]
    fn ranks_are_where_the_encoding_puts_them() {
        assert_eq!(decode(&[0, 0, 0]), Some((vec![], vec![])));
        assert_eq!(decode(&[0, 10, 0, 0b1000_0101, 0b10]), Some((vec![0, 2, 7, 9], vec![])));
        // 1 + 2·3 + 0·9 + 2·27 + 1·81, then 1.
        assert_eq!(decode(&[1, 6, 0, 142, 1]), Some((vec![0, 4, 5], vec![1, 3])));
    }

    #[test]
    fn one_set_of_signers_has_one_bitmap() {
        for bytes in [
            &[0, 10, 0, 0b1000_0101, 0b110][..], // a bit of padding
            &[0, 10, 0, 0b1000_0101, 0],         // nobody at the end
            &[0, 11, 0, 0b1000_0101, 0b10],      // a rank more than needed
            &[0, 10, 0, 0b1000_0101],            // short
            &[0, 10, 0, 0b1000_0101, 0b10, 0],   // long
            &[1, 6, 0, 243, 1],                  // no five trits
            &[1, 6, 0, 142, 4],                  // a trit of padding
            &[2, 0, 0],                          // another encoding
            &[0, 0xd1, 0x07],                    // 2,001 ranks
            &[0, 0],
            &[],
        ] {
            assert_eq!(decode(bytes), None, "{bytes:?}");
        }
        let many = [&[0, 0xd0, 0x07][..], &[0xff; 250]].concat();
        assert_eq!(decode(&many).unwrap().0.len(), 2_000);
        assert_eq!(Signers::decode(&many, 1_999).unwrap_err().field, "bitmap");
    }
}
