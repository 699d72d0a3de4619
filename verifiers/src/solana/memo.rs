//! The memo that gives a deposit its terms.
//!
//! `spandrel1|<destination chain>|<destination bridge>|<recipient>|<lane>|<expiry>`: a CAIP-2 string, two times 64
//! lower-case hexadecimal digits, the lane 0, 1 or 2, Unix seconds in decimal. One text for one meaning.

use alloy_primitives::{B256, hex};

use crate::error::shown_text;
use crate::{ChainId, LanePreference, VerifyError};

const TAG: &str = "spandrel1";

/// Longest memo: the tag, 41 characters of a chain, 128 digits, a lane, 20 digits, five separators.
const MAX_MEMO: usize = 9 + 41 + 128 + 1 + 20 + 5;

/// What a depositor asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemoTerms {
    /// Chain on which the deposit is to be paid.
    pub destination_chain: ChainId,
    /// Bridge on the destination.
    pub destination_bridge: B256,
    /// Who is paid there.
    pub recipient: B256,
    /// Lane asked for.
    pub lane: LanePreference,
    /// Unix seconds after which it must not be paid.
    pub expiry: u64,
}

impl MemoTerms {
    /// The memo of these terms.
    pub fn memo(&self) -> String {
        let Self { destination_chain, destination_bridge, recipient, lane, expiry } = self;
        let (bridge, recipient) = (hex::encode(destination_bridge), hex::encode(recipient));
        format!("{TAG}|{destination_chain}|{bridge}|{recipient}|{}|{expiry}", *lane as u8)
    }

    /// Reads a memo.
    ///
    /// # Errors
    /// Names `memo` when it is another text than [`MemoTerms::memo`] writes, `memo.destination_bridge` or
    /// `memo.recipient` when they cannot be paid to.
    pub fn parse(memo: &[u8]) -> Result<Self, VerifyError> {
        let malformed = || {
            let expected = format!("{TAG}|chain|bridge|recipient|lane|expiry");
            VerifyError::malformed("memo", expected, shown_text(memo))
        };
        let text = Some(memo).filter(|memo| memo.len() <= MAX_MEMO).and_then(|memo| std::str::from_utf8(memo).ok());
        let fields: Vec<&str> = text.ok_or_else(malformed)?.split('|').collect();
        let [TAG, chain, bridge, recipient, lane, expiry] = fields.as_slice() else { return Err(malformed()) };
        let word = |text: &str| hex::decode(text).ok().and_then(|bytes| B256::try_from(bytes.as_slice()).ok());
        let terms = Self {
            destination_chain: ChainId::parse(chain).map_err(|_| malformed())?,
            destination_bridge: word(bridge).ok_or_else(malformed)?,
            recipient: word(recipient).ok_or_else(malformed)?,
            lane: lane.parse::<u8>().map_err(|_| malformed())?.try_into().map_err(|_| malformed())?,
            expiry: expiry.parse().map_err(|_| malformed())?,
        };
        if terms.memo().as_bytes() != memo {
            return Err(malformed());
        }
        terms.check()?;
        Ok(terms)
    }

    /// As `DepositTerms::check` of Bitcoin: nothing zero; on an `eip155` destination, 20 bytes left-padded with zeros.
    fn check(&self) -> Result<(), VerifyError> {
        let is_evm = self.destination_chain.eip155_number().is_some();
        for (field, value) in [("memo.destination_bridge", self.destination_bridge), ("memo.recipient", self.recipient)]
        {
            if value.is_zero() {
                return Err(VerifyError::invalid(field, "a non-zero address", value));
            }
            if is_evm && value.iter().take(12).any(|byte| *byte != 0) {
                return Err(VerifyError::invalid(field, "20 bytes left-padded with zeros", value));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms() -> MemoTerms {
        MemoTerms {
            destination_chain: ChainId::eip155(1),
            destination_bridge: B256::left_padding_from(&[0x11; 20]),
            recipient: B256::left_padding_from(&[0x22; 20]),
            lane: LanePreference::Fast,
            expiry: 1_900_000_000,
        }
    }

    #[test]
    fn a_memo_says_what_it_was_made_of() {
        assert_eq!(MemoTerms::parse(terms().memo().as_bytes()).unwrap(), terms());
        let longest = MemoTerms {
            destination_chain: ChainId::parse("abcdefgh:abcdefghabcdefghabcdefghabcdefgh").unwrap(),
            destination_bridge: B256::repeat_byte(0xff),
            recipient: B256::repeat_byte(0xff),
            expiry: u64::MAX,
            ..terms()
        };
        assert_eq!(longest.memo().len(), MAX_MEMO);
        assert_eq!(MemoTerms::parse(longest.memo().as_bytes()).unwrap(), longest);
    }

    #[test]
    fn one_meaning_has_one_text() {
        let memo = terms().memo();
        for other in [
            memo.replace("|1|", "|01|"),
            memo.replace("|1|", "|+1|"),
            memo.replace("|1|", "|3|"),
            memo.replace("1900000000", "01900000000"),
            memo.replace("1900000000", "99999999999999999999"),
            memo.replace("spandrel1", "spandrel2"),
            memo.replacen("11", "1A", 1).to_uppercase(),
            format!("{memo} "),
            format!("{memo}|"),
            format!("{memo}{}", "0".repeat(200)),
            String::new(),
        ] {
            assert_eq!(MemoTerms::parse(other.as_bytes()).unwrap_err().field, "memo", "{other}");
        }
        assert_eq!(MemoTerms::parse(&[0xff; 20]).unwrap_err().field, "memo");
        let upper = MemoTerms { recipient: B256::left_padding_from(&[0xaa; 20]), ..terms() }.memo().replace('a', "A");
        assert!(MemoTerms::parse(upper.as_bytes()).is_err());
    }

    #[test]
    fn terms_that_cannot_be_paid_are_refused_by_name() {
        let refused = |terms: MemoTerms| MemoTerms::parse(terms.memo().as_bytes()).unwrap_err().field;
        assert_eq!(refused(MemoTerms { recipient: B256::ZERO, ..terms() }), "memo.recipient");
        assert_eq!(refused(MemoTerms { recipient: B256::repeat_byte(1), ..terms() }), "memo.recipient");
        let bridge = B256::repeat_byte(1);
        assert_eq!(refused(MemoTerms { destination_bridge: bridge, ..terms() }), "memo.destination_bridge");
    }
}
