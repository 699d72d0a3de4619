//! Where trust in a header chain starts: a block of known height and work, with what its children's rules need.

use alloy_primitives::{Bytes, U256};
use serde::{Deserialize, Serialize};

use super::hashing::displayed;
use super::header::Header;
use super::params::{ChainParams, RETARGET_INTERVAL};
use super::target::work_of;
use crate::VerifyError;

/// Blocks whose median time a new block must exceed (BIP 113 names it; the rule is older).
pub const MEDIAN_TIME_SPAN: usize = 11;

/// A checkpoint of a header chain, from a source the operator trusts. Nothing before it can be reorganised.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Anchor {
    /// Height of the block.
    pub height: u64,
    /// Its 80-byte header.
    pub header: Bytes,
    /// Work of the whole chain up to and including it (`chainwork` of Bitcoin Core).
    pub chain_work: U256,
    /// Time of the first block of its difficulty period: the one at the last multiple of 2,016.
    pub period_start_time: u32,
    /// Compact target of that block. On mainnet the same as the anchor's own.
    pub period_start_bits: u32,
    /// Times of the blocks before it, lowest first: ten of them, or all if there are fewer.
    pub previous_times: Vec<u32>,
}

impl Anchor {
    /// All of it, for who must compare it with what they know.
    pub(crate) fn said(&self) -> [String; 2] {
        let Self { height, header, chain_work, period_start_time, period_start_bits, previous_times } = self;
        let times = previous_times.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        [
            format!("anchor block {height} {} with work {chain_work}", displayed(header)),
            format!(
                "its difficulty period began at {period_start_time} with bits {period_start_bits:08x}; the blocks before it \
                 are of times {times}"
            ),
        ]
    }

    /// The genesis block of the network.
    pub fn genesis(params: &ChainParams) -> Result<Self, VerifyError> {
        Self::from_headers(params, 0, None, &params.genesis_header(), &[params.genesis_header().into()])
    }

    /// An anchor from the headers a node gives.
    ///
    /// `recent`: up to eleven headers ending with the anchor at `height`, lowest first, linked (fewer only if the
    /// chain has no more). `period_start`: the header at the last multiple of 2,016 up to `height`. `chain_work`:
    /// the node's figure for the anchor; None only for the genesis block. Errors name `anchor.…`.
    pub fn from_headers(
        params: &ChainParams,
        height: u64,
        chain_work: Option<U256>,
        period_start: &[u8],
        recent: &[Bytes],
    ) -> Result<Self, VerifyError> {
        let parse = |bytes: &[u8]| Header::parse(bytes).map_err(|error| error.within("anchor"));
        let headers = recent.iter().map(|bytes| parse(bytes)).collect::<Result<Vec<_>, _>>()?;
        for (parent, child) in headers.iter().zip(headers.iter().skip(1)) {
            if child.parent != parent.hash {
                return Err(VerifyError::invalid("anchor.previous_times", parent.hash, child.parent));
            }
        }
        let Some((anchor, previous)) = headers.split_last() else {
            return Err(VerifyError::malformed("anchor.header", "at least one header", 0));
        };
        let period = parse(period_start)?;
        let chain_work = match chain_work {
            Some(work) => work,
            None if height == 0 => work_of(anchor.check_work(params).map_err(|error| error.within("anchor.header"))?),
            None => return Err(VerifyError::malformed("anchor.chain_work", "the work up to the anchor", "none")),
        };
        let made = Self {
            height,
            header: anchor.encode().into(),
            chain_work,
            period_start_time: period.time,
            period_start_bits: period.bits,
            previous_times: previous.iter().map(|header| header.time).collect(),
        };
        made.check(params).map(|_| made)
    }

    /// Checks that the anchor agrees with itself and with the network's rules; returns its header.
    pub fn check(&self, params: &ChainParams) -> Result<Header, VerifyError> {
        let header = Header::parse(&self.header).map_err(|error| error.within("anchor"))?;
        let target = header.check_work(params).map_err(|error| error.within("anchor.header"))?;
        if self.height == 0 && header.hash != params.genesis_hash() {
            return Err(VerifyError::invalid("anchor.header", params.genesis_hash(), header.hash));
        }
        let history = MEDIAN_TIME_SPAN.saturating_sub(1).min(usize::try_from(self.height).unwrap_or(usize::MAX));
        if self.previous_times.len() != history {
            let expected = format!("{history} times");
            return Err(VerifyError::invalid("anchor.previous_times", expected, self.previous_times.len()));
        }
        let opens_period = self.height.is_multiple_of(RETARGET_INTERVAL);
        if opens_period && self.period_start_time != header.time {
            return Err(VerifyError::invalid("anchor.period_start_time", header.time, self.period_start_time));
        }
        if (opens_period || !params.has_min_difficulty_blocks) && self.period_start_bits != header.bits {
            let (expected, found) = (format!("{:#010x}", header.bits), format!("{:#010x}", self.period_start_bits));
            return Err(VerifyError::invalid("anchor.period_start_bits", expected, found));
        }
        let own_work = work_of(target);
        if self.chain_work < own_work || (self.height == 0 && self.chain_work != own_work) {
            return Err(VerifyError::invalid("anchor.chain_work", format!("at least {own_work}"), self.chain_work));
        }
        Ok(header)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mainnet() -> ChainParams {
        ChainParams::mainnet()
    }

    fn refused(change: impl FnOnce(&mut Anchor)) -> String {
        let mut anchor = Anchor::genesis(&mainnet()).unwrap();
        anchor.check(&mainnet()).unwrap();
        change(&mut anchor);
        anchor.check(&mainnet()).unwrap_err().field
    }

    #[test]
    fn an_anchor_that_contradicts_itself_or_the_rules_is_refused() {
        assert_eq!(refused(|anchor| anchor.header = Bytes::from(vec![0; 79])), "anchor.header");
        assert_eq!(refused(|anchor| anchor.header = Bytes::from(vec![0; 80])), "anchor.header.bits");
        assert_eq!(refused(|anchor| anchor.previous_times = vec![1]), "anchor.previous_times");
        assert_eq!(refused(|anchor| anchor.height = 4032), "anchor.previous_times");
        assert_eq!(refused(|anchor| anchor.period_start_time -= 1), "anchor.period_start_time");
        assert_eq!(refused(|anchor| anchor.period_start_bits -= 1), "anchor.period_start_bits");
        assert_eq!(refused(|anchor| anchor.chain_work -= U256::ONE), "anchor.chain_work");
        assert_eq!(refused(|anchor| anchor.chain_work += U256::ONE), "anchor.chain_work");
        let elsewhere = |anchor: &mut Anchor| {
            (anchor.height, anchor.previous_times) = (2016, vec![1; 10]);
            anchor.chain_work = U256::ONE;
        };
        assert_eq!(refused(elsewhere), "anchor.chain_work");
        let within_period = |anchor: &mut Anchor| {
            (anchor.height, anchor.previous_times) = (2017, vec![1; 10]);
            anchor.period_start_bits = 0x1b00_ffff;
        };
        assert_eq!(refused(within_period), "anchor.period_start_bits");
    }

    #[test]
    fn only_the_genesis_block_is_the_anchor_of_height_zero() {
        let other = ChainParams { network: bitcoin::Network::Testnet, ..mainnet() };
        let anchor = Anchor::genesis(&mainnet()).unwrap();
        assert_eq!(anchor.check(&other).unwrap_err().field, "anchor.header");
        Anchor::genesis(&other).unwrap();
    }

    #[test]
    fn an_anchor_is_made_only_of_linked_headers_and_a_stated_work() {
        let genesis: Bytes = mainnet().genesis_header().into();
        let made = |work, recent: &[Bytes]| Anchor::from_headers(&mainnet(), 1, work, &genesis, recent);
        let unlinked = made(Some(U256::MAX), &[genesis.clone(), genesis.clone()]).unwrap_err();
        assert_eq!(unlinked.field, "anchor.previous_times");
        assert_eq!(made(None, std::slice::from_ref(&genesis)).unwrap_err().field, "anchor.chain_work");
        assert_eq!(made(None, &[]).unwrap_err().field, "anchor.header");
    }
}
