//! What shows that a chain contradicted itself: kept with the chain's halt, and checked by anyone offline. Chains are
//! registered here.
//!
//! It proves itself: no node's word is in it. What it is worth depends on what it trusts, which [`Contradiction::said`]
//! lists: whose keys signed, or which block both branches grow from.

use std::fmt;

use alloy_primitives::B256;
use serde::{Deserialize, Serialize};

use crate::file::Step;
use crate::protobuf::Message;
use crate::{ChainId, VerifyError, bitcoin, ethereum};

/// Longest contradiction, bytes of its protobuf: two committees of 512 keys, two updates and some hundred headers fit.
pub const MAX_CONTRADICTION: usize = 512 << 10;

/// Two things that one chain cannot both have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Contradiction {
    /// Two finality updates.
    Ethereum(Box<ethereum::Contradiction>),
    /// Two branches from one block, of which one has replaced the other.
    Bitcoin(Box<bitcoin::Contradiction>),
}

/// What a contradiction that was checked shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Contradicted {
    /// Of which chain.
    pub chain: ChainId,
    /// What stands behind both.
    pub by: String,
    /// Where the two are: what kind of place, and its number.
    pub place: &'static str,
    /// The number.
    pub number: u64,
    /// What stands there by the first.
    pub first: B256,
    /// What stands there by the second.
    pub second: B256,
}

impl Contradiction {
    /// The kind of chain it is of, as it is spelled in JSON.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Ethereum(_) => "ethereum",
            Self::Bitcoin(_) => "bitcoin",
        }
    }

    /// The canonical protobuf.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.write()
    }

    /// From its canonical protobuf, of at most [`MAX_CONTRADICTION`] bytes.
    ///
    /// # Errors
    /// `Malformed`, with the field's name.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, VerifyError> {
        if bytes.len() > MAX_CONTRADICTION {
            let expected = format!("at most {MAX_CONTRADICTION} bytes");
            return Err(VerifyError::malformed("contradiction", expected, bytes.len()));
        }
        Self::read(bytes)
    }

    /// Checks both sides, each by itself, and that one chain cannot have both.
    ///
    /// # Errors
    /// Names the field.
    pub fn verify(&self) -> Result<Contradicted, VerifyError> {
        match self {
            Self::Ethereum(two) => two.verify(),
            Self::Bitcoin(two) => two.verify(),
        }
    }

    /// Everything that the reader must compare with what they know: none of it is proven.
    pub fn said(&self) -> Vec<String> {
        match self {
            Self::Ethereum(two) => two.said(),
            Self::Bitcoin(two) => two.said(),
        }
    }

    /// What [`Self::verify`] checks, in its order.
    pub(crate) fn steps(&self) -> Vec<Step> {
        match self {
            Self::Ethereum(two) => two.steps(),
            Self::Bitcoin(two) => two.steps(),
        }
    }
}

impl fmt::Display for Contradicted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { chain, by, place, number, first, second } = self;
        write!(f, "{by} {first} and {second}, both {place} {number} of {chain}: they contradict each other")
    }
}
