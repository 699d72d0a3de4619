//! Two finality updates that one chain cannot both have.
//!
//! An honest committee signs the finality of one chain alone. Two updates that name different final blocks for one beacon
//! slot, or for one height of the execution chain, show that two thirds of a committee did not; so does one whose block
//! does not descend from the other's. Who checks them need not know which of them is the chain's.

use alloy_primitives::Bytes;
use serde::{Deserialize, Serialize};

use super::bls::Committee;
use super::containers::{FinalityUpdate, LightClientHeader, SyncCommittee};
use super::evidence::read_finality;
use super::ssz::HashTreeRoot;
use super::sync::{NamedBlock, prove_final_by};
use super::{ChainConfig, ExecutionHeader};
use crate::contradiction::Contradicted;
use crate::file::Step;
use crate::follow::BlockRef;
use crate::{ChainId, VerifyError};

/// Two updates, and whose keys signed them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contradiction {
    /// The network.
    pub network: ChainConfig,
    /// The committees of the periods of both signatures: one or two. The reader must know them.
    pub committees: Vec<SigningCommittee>,
    /// [`finality_bytes`](super::finality_bytes) of one update.
    pub first: Bytes,
    /// The same of the other; its block is not lower.
    pub second: Bytes,
    /// RLP of the execution headers from the second's final block down to the height of the first's, when they are of
    /// different heights and slots.
    pub headers: Vec<Bytes>,
}

/// The sync committee of a period.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SigningCommittee {
    /// Which period.
    pub period: u64,
    /// SSZ of the `SyncCommittee`.
    pub committee: Bytes,
}

/// One update that its committee signed.
struct Signed {
    update: FinalityUpdate,
    block: NamedBlock,
    period: u64,
}

impl SigningCommittee {
    /// Of a committee that is known.
    pub fn new(period: u64, committee: &SyncCommittee) -> Self {
        Self { period, committee: committee.encode_ssz().into() }
    }
}

impl Contradiction {
    /// Checks that each update is signed by two thirds of the committee of its period, and that they contradict each
    /// other.
    ///
    /// # Errors
    /// Names the field; under `first` or `second` what makes an update none.
    pub fn verify(&self) -> Result<Contradicted, VerifyError> {
        self.network.validate().map_err(|error| error.within("network"))?;
        let committees = self.open_committees()?;
        let first = self.signed(&committees, &self.first).map_err(|error| error.within("first"))?;
        let second = self.signed(&committees, &self.second).map_err(|error| error.within("second"))?;
        if let Some(shown) = self.of_one_slot(&first, &second) {
            return self.without_headers(shown);
        }
        if let (Some(one), Some(other)) = (first.block.stated(), second.block.stated())
            && one.height == other.height
        {
            if one.hash == other.hash {
                return Err(VerifyError::invalid("second", "another final block", other.hash));
            }
            return self.without_headers(self.of_one_height(&first, &second, one, other));
        }
        self.of_two_heights(&first, &second)
    }

    fn open_committees(&self) -> Result<Vec<(u64, Committee)>, VerifyError> {
        let open = |(index, of): (usize, &SigningCommittee)| {
            let committee = SyncCommittee::decode_ssz(&of.committee, self.network.preset)
                .and_then(|committee| Committee::new(&committee))
                .map_err(|error| error.within(&format!("committees[{index}]")))?;
            Ok((of.period, committee))
        };
        self.committees.iter().enumerate().map(open).collect()
    }

    fn signed(&self, committees: &[(u64, Committee)], bytes: &[u8]) -> Result<Signed, VerifyError> {
        let update = read_finality(&self.network, bytes)?;
        let period = self.network.preset.period_at(update.signature_slot);
        let Some((_, committee)) = committees.iter().find(|(of, _)| *of == period) else {
            let found = format!("slot {} (period {period})", update.signature_slot);
            return Err(VerifyError::invalid("signature_slot", "a slot of a period whose committee is there", found));
        };
        let block = prove_final_by(&self.network, committee, &update)?;
        Ok(Signed { update, block, period })
    }

    fn of_one_slot(&self, first: &Signed, second: &Signed) -> Option<Contradicted> {
        let root = |header: &LightClientHeader| header.beacon.hash_tree_root();
        let (one, other) = (&first.update.finalized_header, &second.update.finalized_header);
        let is_one = one.beacon.slot == other.beacon.slot && root(one) != root(other);
        is_one.then(|| Contradicted {
            chain: self.chain(),
            by: by(first, second),
            place: "the final block of slot",
            number: one.beacon.slot,
            first: root(one),
            second: root(other),
        })
    }

    fn of_one_height(&self, first: &Signed, second: &Signed, one: &BlockRef, other: &BlockRef) -> Contradicted {
        Contradicted {
            chain: self.chain(),
            by: by(first, second),
            place: "final block",
            number: one.height,
            first: one.hash,
            second: other.hash,
        }
    }

    /// By the headers from the second's block down: what it descends from at the first's height.
    fn of_two_heights(&self, first: &Signed, second: &Signed) -> Result<Contradicted, VerifyError> {
        let Some(lower) = first.block.stated() else {
            let expected = "a block that states its number (before Gloas)";
            return Err(VerifyError::invalid("first.finalized_header", expected, first.block.hash()));
        };
        let Some((newest, older)) = self.headers.split_first() else {
            let expected =
                format!("another final block of its slot or at height {}, or headers down to it", lower.height);
            return Err(VerifyError::invalid("headers", expected, "none"));
        };
        let newest = ExecutionHeader::open(second.block.hash(), newest).map_err(|error| error.within("headers[0]"))?;
        let older = newest.ancestors(older).map_err(|error| error.within("headers"))?;
        let ancestor = older.last().unwrap_or(&newest).block();
        if ancestor.height != lower.height {
            return Err(VerifyError::invalid("headers", format!("down to height {}", lower.height), ancestor.height));
        }
        if ancestor.hash == lower.hash {
            return Err(VerifyError::invalid("headers", "another block at that height", ancestor.hash));
        }
        Ok(self.of_one_height(first, second, lower, &ancestor))
    }

    /// One contradiction has one form.
    fn without_headers(&self, shown: Contradicted) -> Result<Contradicted, VerifyError> {
        match self.headers.len() {
            0 => Ok(shown),
            found => {
                Err(VerifyError::malformed("headers", "none: the updates contradict each other by themselves", found))
            }
        }
    }

    fn chain(&self) -> ChainId {
        self.network.chain.clone()
    }

    pub(crate) fn said(&self) -> Vec<String> {
        let network = &self.network;
        let of_committee = |of: &SigningCommittee| {
            let root = SyncCommittee::decode_ssz(&of.committee, network.preset)
                .map_or("none".to_owned(), |committee| committee.hash_tree_root().to_string());
            format!("sync committee of period {} has root {root}", of.period)
        };
        network.said().into_iter().chain(self.committees.iter().map(of_committee)).collect()
    }

    pub(crate) fn steps(&self) -> Vec<Step> {
        let signed = |which: &str, field: &'static [&'static str]| {
            Step::new(
                format!("the {which} update holds a block final, and two thirds of its committee signed it"),
                "the keys of the committee of its period, and the branch to the signed state".to_owned(),
                field,
            )
        };
        vec![
            Step::new(
                "the network's schedule and the committees' keys are whole".to_owned(),
                "every key is a point, and they add up to the aggregate".to_owned(),
                &["network", "committees"],
            ),
            signed("first", &["first"]),
            signed("second", &["second"]),
            Step::new(
                "no chain has both final blocks".to_owned(),
                match self.headers.len() {
                    0 => "their slot, or their height".to_owned(),
                    count => format!("{count} headers from the second down, each named by the one before it"),
                },
                &["headers"],
            ),
        ]
    }
}

fn by(first: &Signed, second: &Signed) -> String {
    match first.period == second.period {
        true => format!("two thirds of the sync committee of period {} signed", first.period),
        false => format!("two thirds of the sync committees of periods {} and {} signed", first.period, second.period),
    }
}
