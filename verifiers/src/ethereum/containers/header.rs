//! Beacon block headers, and the light-client headers that add the execution header with its branch.

use alloy_primitives::B256;
use serde::{Deserialize, Serialize};

use super::{ExecutionPayloadHeader, check_length, quoted};
use crate::VerifyError;
use crate::ethereum::fork::{ChainConfig, Fork};
use crate::ethereum::ssz::{HashTreeRoot, Reader, Writer, merkleize, uint64_chunk, verify_branch};

/// `BeaconBlockHeader` of phase 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the fields are the specification's, by its names")]
pub struct BeaconBlockHeader {
    #[serde(with = "quoted")]
    pub slot: u64,
    #[serde(with = "quoted")]
    pub proposer_index: u64,
    pub parent_root: B256,
    pub state_root: B256,
    pub body_root: B256,
}

/// A beacon header and, from Capella on, the execution header of the same block.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LightClientHeader {
    /// The beacon block's header.
    pub beacon: BeaconBlockHeader,
    /// Its execution header, with the branch to the beacon block's body.
    #[serde(flatten)]
    pub execution: Option<ExecutionProof>,
}

/// An execution header proven under a beacon block's `body_root`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecutionProof {
    /// The header.
    #[serde(rename = "execution")]
    pub header: ExecutionPayloadHeader,
    /// Four siblings, to `EXECUTION_PAYLOAD_GINDEX`.
    #[serde(rename = "execution_branch")]
    pub branch: Vec<B256>,
}

impl BeaconBlockHeader {
    /// Size in SSZ.
    pub const LENGTH: usize = 112;

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, VerifyError> {
        Ok(Self {
            slot: reader.uint64("slot")?,
            proposer_index: reader.uint64("proposer_index")?,
            parent_root: reader.fixed("parent_root")?,
            state_root: reader.fixed("state_root")?,
            body_root: reader.fixed("body_root")?,
        })
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        writer.uint64(self.slot).uint64(self.proposer_index);
        writer.bytes(self.parent_root).bytes(self.state_root).bytes(self.body_root);
    }

    /// Decodes SSZ of exactly 112 bytes.
    pub fn decode_ssz(bytes: &[u8]) -> Result<Self, VerifyError> {
        let mut reader = Reader::new(bytes);
        let header = Self::read(&mut reader)?;
        reader.finish("beacon")?;
        Ok(header)
    }

    /// Encodes as SSZ.
    pub fn encode_ssz(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        self.write(&mut writer);
        writer.finish()
    }
}

impl HashTreeRoot for BeaconBlockHeader {
    fn hash_tree_root(&self) -> B256 {
        let numbers = [uint64_chunk(self.slot), uint64_chunk(self.proposer_index)];
        merkleize(&[numbers[0], numbers[1], self.parent_root, self.state_root, self.body_root], 3)
    }
}

impl LightClientHeader {
    /// The empty header of `fork`: what an update without a finalized header carries.
    pub fn empty(fork: Fork) -> Self {
        let branch = vec![B256::ZERO; Fork::EXECUTION_PAYLOAD_GINDEX.depth()];
        let execution =
            fork.has_execution().then(|| ExecutionProof { header: ExecutionPayloadHeader::empty(fork), branch });
        Self { beacon: BeaconBlockHeader::default(), execution }
    }

    /// Whether this is the empty header of some fork.
    pub fn is_empty(&self) -> bool {
        [Fork::Altair, Fork::Capella, Fork::Deneb].into_iter().any(|fork| *self == Self::empty(fork))
    }

    pub(super) fn conform(&self, fork: Fork) -> Result<(), VerifyError> {
        match (&self.execution, fork.has_execution()) {
            (None, false) => Ok(()),
            (Some(execution), true) => {
                execution.header.conform(fork).map_err(|error| error.within("execution"))?;
                let depth = Fork::EXECUTION_PAYLOAD_GINDEX.depth();
                check_length("execution_branch", depth, execution.branch.len())
            }
            (None, true) => Err(VerifyError::malformed("execution", format!("a header in {fork:?}"), "none")),
            (Some(_), false) => Err(VerifyError::malformed("execution", format!("none in {fork:?}"), "a header")),
        }
    }

    /// Decodes SSZ laid out as `fork` says.
    pub fn decode_ssz(bytes: &[u8], fork: Fork) -> Result<Self, VerifyError> {
        let mut reader = Reader::new(bytes);
        let beacon = BeaconBlockHeader::read(&mut reader).map_err(|error| error.within("beacon"))?;
        if !fork.has_execution() {
            reader.finish("header")?;
            return Ok(Self { beacon, execution: None });
        }
        let offset = reader.offset("execution")?;
        let branch = reader.branch("execution_branch", Fork::EXECUTION_PAYLOAD_GINDEX.depth())?;
        let [execution] = reader.variable([("execution", offset)])?;
        let header = ExecutionPayloadHeader::decode_ssz(execution, fork).map_err(|error| error.within("execution"))?;
        Ok(Self { beacon, execution: Some(ExecutionProof { header, branch }) })
    }

    /// Encodes as SSZ.
    pub fn encode_ssz(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        self.beacon.write(&mut writer);
        if let Some(execution) = &self.execution {
            writer.variable(execution.header.encode_ssz()).branch(&execution.branch);
        }
        writer.finish()
    }

    /// `is_valid_light_client_header`: the execution header, in the form of the fork at its own slot, stands in the
    /// beacon block's body. Before Capella there is none; before Deneb it has no blob gas.
    pub fn verify(&self, config: &ChainConfig) -> Result<(), VerifyError> {
        let fork = config.fork_at(self.beacon.slot).map_err(|error| error.within("beacon"))?.name;
        let Some(proof) = &self.execution else {
            return self.conform(fork);
        };
        if !fork.has_execution() {
            let empty = [Fork::Capella, Fork::Deneb].map(ExecutionPayloadHeader::empty).contains(&proof.header);
            if empty && proof.branch.iter().all(B256::is_zero) {
                return Ok(());
            }
            return Err(VerifyError::invalid("execution", format!("an empty header in {fork:?}"), "another"));
        }
        let mut header = proof.header.clone();
        if !fork.has_blob_gas() {
            // A container of a later fork carries an earlier header with blob gas of zero.
            if header.blob_gas.is_some_and(|blob| blob != Default::default()) {
                return Err(VerifyError::invalid("execution.blob_gas_used", format!("zero in {fork:?}"), "not zero"));
            }
            header.blob_gas = None;
        }
        header.conform(fork).map_err(|error| error.within("execution"))?;
        let (leaf, index) = (header.hash_tree_root(), Fork::EXECUTION_PAYLOAD_GINDEX);
        verify_branch("execution_branch", leaf, &proof.branch, index, self.beacon.body_root)
    }

    /// The fixed part's size, and offsets included, in a fork with execution headers; the whole before.
    pub(super) fn fixed_length(fork: Fork) -> usize {
        let branch = Fork::EXECUTION_PAYLOAD_GINDEX.depth().saturating_mul(32);
        if fork.has_execution() {
            BeaconBlockHeader::LENGTH.saturating_add(4).saturating_add(branch)
        } else {
            BeaconBlockHeader::LENGTH
        }
    }
}
