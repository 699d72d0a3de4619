//! Two branches from one block: one that was taken for final, and one of more work that has replaced it.
//!
//! Both are checked, and which has more work; not that the first was final. How many headers make a block final is what a
//! route asks for, by value, and stands in no header: that the replaced branch is long enough is for the reader to say,
//! who is told how long it is. A branch of one header is an ordinary reorg.

use alloy_primitives::{B256, Bytes};
use serde::{Deserialize, Serialize};

use super::{Anchor, ChainParams, HeaderChain, sha256d};
use crate::contradiction::Contradicted;
use crate::file::Step;
use crate::{ChainId, UnixSeconds, VerifyError};

/// Both branches, from the last block that they share.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contradiction {
    /// CAIP-2 id.
    pub chain: ChainId,
    /// The last shared block. The reader must know it.
    pub anchor: Anchor,
    /// The headers after it that were taken for final, lowest first, 80 bytes each.
    pub replaced: Vec<Bytes>,
    /// Those that have replaced them.
    pub replacing: Vec<Bytes>,
}

impl Contradiction {
    /// Checks that both branches hold the network's rules from the anchor on, and that the second has more work.
    ///
    /// # Errors
    /// Names the field.
    pub fn verify(&self) -> Result<Contradicted, VerifyError> {
        let Some(params) = ChainParams::of_chain(&self.chain) else {
            return Err(VerifyError::invalid("chain", "a known Bitcoin network", &self.chain));
        };
        let mut chain = HeaderChain::new(params, self.anchor.clone())?;
        let height = self.anchor.height.saturating_add(1);
        let mut branch = |name: &str, headers: &[Bytes]| -> Result<B256, VerifyError> {
            // The two-hour rule was obeyed when they came; it is about that moment, not about now.
            chain.extend(headers, UnixSeconds::MAX).map_err(|error| error.within(name))?;
            let (last, tip) = (headers.last().map(|header| sha256d(header)), chain.best().hash);
            if last != Some(tip) {
                let found = last.map_or("no header".to_owned(), |last| last.to_string());
                return Err(VerifyError::invalid(name, format!("to end with the block of most work, {tip}"), found));
            }
            Ok(chain.at_height(height).map(|block| block.hash).unwrap_or_default())
        };
        let first = branch("replaced", &self.replaced)?;
        let second = branch("replacing", &self.replacing)?;
        if first == second {
            return Err(VerifyError::invalid("replacing", "another block after the anchor", second));
        }
        let by = format!(
            "{} headers of proof of work, replaced by {} of more, hold",
            self.replaced.len(),
            self.replacing.len()
        );
        Ok(Contradicted { chain: self.chain.clone(), by, place: "block", number: height, first, second })
    }

    pub(crate) fn said(&self) -> Vec<String> {
        let depth =
            format!("{} headers were enough for a block to be final: nothing here proves it", self.replaced.len());
        std::iter::once(format!("network {}", self.chain)).chain(self.anchor.said()).chain([depth]).collect()
    }

    pub(crate) fn steps(&self) -> Vec<Step> {
        let rules = format!("proof of work and difficulty rules of {}", self.chain);
        vec![
            Step::new(
                format!("the shared block {} agrees with itself", self.anchor.height),
                rules.clone(),
                &["chain", "anchor"],
            ),
            Step::new(format!("{} headers extend it", self.replaced.len()), rules.clone(), &["replaced"]),
            Step::new(format!("{} headers extend it too, with more work", self.replacing.len()), rules, &["replacing"]),
        ]
    }
}
