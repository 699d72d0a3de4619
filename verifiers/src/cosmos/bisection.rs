//! Skipping verification over any distance: which heights are needed, and the headers that carry trust to the target.
//!
//! Nothing is fetched here. The caller gives the light block of each height that is asked for, and gets either the
//! next height or the chain of headers, each verified from the one before (CometBFT spec, light client, bisection).

use std::collections::BTreeMap;

use super::light_block::{ClientHeader, LightBlock};
use super::params::ClientParams;
use super::signature::KeyTables;
use super::verify::{Outcome, verify_header};
use crate::{UnixSeconds, VerifyError};

/// What is needed next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The light block of this height.
    Fetch(u64),
    /// Nothing: these headers lead to the target, lowest first.
    Reached(Vec<ClientHeader>),
}

/// Verification of a target height from a trusted light block.
#[derive(Clone, Debug)]
pub struct Bisection {
    params: ClientParams,
    trusted: LightBlock,
    target: u64,
    asked: u64,
    given: BTreeMap<u64, LightBlock>,
    path: Vec<ClientHeader>,
}

impl Bisection {
    /// From `trusted`, which the caller trusts, to the height `target`.
    ///
    /// # Errors
    /// When `target` is not above `trusted`, `trusted` is inconsistent in itself, or the parameters make no sense.
    pub fn new(params: ClientParams, trusted: LightBlock, target: u64) -> Result<Self, VerifyError> {
        params.validate()?;
        trusted.check()?;
        if target <= trusted.height() {
            return Err(VerifyError::invalid("target", format!("above {}", trusted.height()), target));
        }
        Ok(Self { params, trusted, target, asked: target, given: BTreeMap::new(), path: Vec::new() })
    }

    /// Takes the light block that was asked for: that of the target at first.
    ///
    /// # Errors
    /// When it is of another height, or inconsistent in itself.
    pub fn give(&mut self, block: LightBlock) -> Result<(), VerifyError> {
        if block.height() != self.asked {
            return Err(VerifyError::invalid(
                "header.height",
                format!("{}, which was asked for", self.asked),
                block.height(),
            ));
        }
        block.check()?;
        self.given.insert(block.height(), block);
        Ok(())
    }

    /// Goes as far as what was given allows.
    ///
    /// # Errors
    /// As [`verify_header`]: a header that is wrong, or trust that ran out.
    pub fn step(&mut self, now: UnixSeconds, tables: &KeyTables) -> Result<Step, VerifyError> {
        while self.trusted.height() < self.target {
            let above = self.given.split_off(&self.trusted.height().saturating_add(1));
            self.given = above;
            let Some(lowest) = self.given.keys().next().copied() else { return Ok(self.ask(self.target)) };
            if !self.given.contains_key(&self.target) {
                return Ok(self.ask(self.target));
            }
            // The farthest block that the trusted validators vouch for, looking down from the target.
            match self.vouched(now, tables)? {
                Some(height) => self.accept(height),
                None => match midpoint(self.trusted.height(), lowest) {
                    Some(height) => return Ok(self.ask(height)),
                    None => {
                        let expected = format!("a header that follows {}", self.trusted.height());
                        return Err(VerifyError::invalid("commit.trusted_power", expected, lowest));
                    }
                },
            }
        }
        Ok(Step::Reached(std::mem::take(&mut self.path)))
    }

    fn ask(&mut self, height: u64) -> Step {
        self.asked = height;
        Step::Fetch(height)
    }

    /// The greatest given height that verifies from the trusted block.
    fn vouched(&self, now: UnixSeconds, tables: &KeyTables) -> Result<Option<u64>, VerifyError> {
        let trusted = self.trusted.check()?;
        for (height, block) in self.given.iter().rev() {
            let header = block.verified_from(&self.trusted);
            match verify_header(&self.params, &trusted, &header, now, tables)? {
                Outcome::Verified(_) => return Ok(Some(*height)),
                Outcome::NotEnoughTrust { .. } => {}
            }
        }
        Ok(None)
    }

    fn accept(&mut self, height: u64) {
        if let Some(block) = self.given.remove(&height) {
            self.path.push(block.verified_from(&self.trusted));
            self.trusted = block;
        }
    }
}

/// A height between the two, if there is one.
fn midpoint(low: u64, high: u64) -> Option<u64> {
    let half = high.checked_sub(low)? / 2;
    low.checked_add(half).filter(|middle| *middle > low)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn midpoints_lie_between() {
        assert_eq!(midpoint(1, 11), Some(6));
        assert_eq!(midpoint(1, 3), Some(2));
        assert_eq!(midpoint(1, 2), None);
        assert_eq!(midpoint(3, 1), None);
    }
}
