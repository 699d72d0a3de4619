//! Beacon block headers, and the light-client headers that add the execution header with its branch.

use alloy_primitives::B256;
use serde::{Deserialize, Serialize};

use super::{ExecutionPayloadHeader, check_length, quoted};
use crate::VerifyError;
use crate::ethereum::fork::{ChainConfig, Fork};
use crate::ethereum::gindex::Gindex;
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

/// A beacon header and what its block says of the execution chain: a header from Capella to Fulu, a hash from Gloas on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Fields", into = "Fields")]
pub struct LightClientHeader {
    /// The beacon block's header.
    pub beacon: BeaconBlockHeader,
    /// The execution header of the same block, with the branch to the beacon block's body.
    pub execution: Option<ExecutionProof>,
    /// The hash of the execution block on which this one builds, with the branch to the beacon block's body.
    pub block_hash: Option<BlockHashProof>,
}

/// A light-client header in JSON.
#[derive(Serialize, Deserialize)]
struct Fields {
    beacon: BeaconBlockHeader,
    #[serde(skip_serializing_if = "Option::is_none")]
    execution: Option<ExecutionPayloadHeader>,
    #[serde(skip_serializing_if = "Option::is_none")]
    execution_block_hash: Option<B256>,
    #[serde(skip_serializing_if = "Option::is_none")]
    execution_branch: Option<Vec<B256>>,
}

/// The hash of an execution block proven under a beacon block's `body_root`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockHashProof {
    /// The hash.
    pub hash: B256,
    /// Eleven siblings, to `EXECUTION_BLOCK_HASH_GINDEX_GLOAS`; for a block before Gloas fewer, after zeros.
    pub branch: Vec<B256>,
}

/// An execution header proven under a beacon block's `body_root`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecutionProof {
    /// The header.
    pub header: ExecutionPayloadHeader,
    /// Four siblings, to `EXECUTION_PAYLOAD_GINDEX`.
    pub branch: Vec<B256>,
}

impl TryFrom<Fields> for LightClientHeader {
    type Error = VerifyError;
    fn try_from(fields: Fields) -> Result<Self, VerifyError> {
        let Fields { beacon, execution, execution_block_hash, execution_branch } = fields;
        let (execution, block_hash) = match (execution, execution_block_hash, execution_branch) {
            (None, None, None) => (None, None),
            (Some(header), None, Some(branch)) => (Some(ExecutionProof { header, branch }), None),
            (None, Some(hash), Some(branch)) => (None, Some(BlockHashProof { hash, branch })),
            _ => {
                let expected = "an execution header or a block hash, with its branch, or neither";
                return Err(VerifyError::malformed("execution_branch", expected, "something else"));
            }
        };
        Ok(Self { beacon, execution, block_hash })
    }
}

impl From<LightClientHeader> for Fields {
    fn from(header: LightClientHeader) -> Self {
        let LightClientHeader { beacon, execution, block_hash } = header;
        let (execution, of_header) = execution.map(|proof| (proof.header, proof.branch)).unzip();
        let (execution_block_hash, of_hash) = block_hash.map(|proof| (proof.hash, proof.branch)).unzip();
        Self { beacon, execution, execution_block_hash, execution_branch: of_header.or(of_hash) }
    }
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
    ///
    /// Source: consensus-specs `specs/phase0/beacon-chain.md`, `BeaconBlockHeader`.
    ///
    /// # Errors
    /// `Malformed`, with the field, for any other length.
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
        let zeros = |index: Gindex| vec![B256::ZERO; index.depth()];
        let execution = fork.has_execution().then(|| ExecutionProof {
            header: ExecutionPayloadHeader::empty(fork),
            branch: zeros(Fork::EXECUTION_PAYLOAD_GINDEX),
        });
        let block_hash = fork.block_hash_gindex().filter(|_| fork.has_block_hash());
        let block_hash = block_hash.map(|index| BlockHashProof { hash: B256::ZERO, branch: zeros(index) });
        Self { beacon: BeaconBlockHeader::default(), execution, block_hash }
    }

    /// Whether this is the empty header of some fork.
    pub fn is_empty(&self) -> bool {
        [Fork::Altair, Fork::Capella, Fork::Deneb, Fork::Gloas].into_iter().any(|fork| *self == Self::empty(fork))
    }

    pub(super) fn conform(&self, fork: Fork) -> Result<(), VerifyError> {
        require(&self.execution, fork.has_execution(), "execution", fork)?;
        require(&self.block_hash, fork.has_block_hash(), "execution_block_hash", fork)?;
        if let Some(execution) = &self.execution {
            execution.header.conform(fork).map_err(|error| error.within("execution"))?;
            check_length("execution_branch", Fork::EXECUTION_PAYLOAD_GINDEX.depth(), execution.branch.len())?;
        }
        if let (Some(proof), Some(index)) = (&self.block_hash, fork.block_hash_gindex()) {
            check_length("execution_branch", index.depth(), proof.branch.len())?;
        }
        Ok(())
    }

    /// Decodes SSZ laid out as `fork` says.
    ///
    /// Source: consensus-specs `specs/{altair,capella,gloas}/light-client/sync-protocol.md`, `LightClientHeader`.
    ///
    /// # Errors
    /// `Malformed`, with the field, when it is not that to its last byte.
    pub fn decode_ssz(bytes: &[u8], fork: Fork) -> Result<Self, VerifyError> {
        let mut reader = Reader::new(bytes);
        let beacon = BeaconBlockHeader::read(&mut reader).map_err(|error| error.within("beacon"))?;
        if fork.has_execution() {
            let offset = reader.offset("execution")?;
            let branch = reader.branch("execution_branch", Fork::EXECUTION_PAYLOAD_GINDEX.depth())?;
            let [execution] = reader.variable([("execution", offset)])?;
            let header =
                ExecutionPayloadHeader::decode_ssz(execution, fork).map_err(|error| error.within("execution"))?;
            return Ok(Self { beacon, execution: Some(ExecutionProof { header, branch }), block_hash: None });
        }
        let mut block_hash = None;
        if let Some(index) = fork.block_hash_gindex() {
            let hash = reader.fixed("execution_block_hash")?;
            block_hash = Some(BlockHashProof { hash, branch: reader.branch("execution_branch", index.depth())? });
        }
        reader.finish("header")?;
        Ok(Self { beacon, execution: None, block_hash })
    }

    /// Encodes as SSZ.
    pub fn encode_ssz(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        self.beacon.write(&mut writer);
        if let Some(execution) = &self.execution {
            writer.variable(execution.header.encode_ssz()).branch(&execution.branch);
        }
        if let Some(proof) = &self.block_hash {
            writer.bytes(proof.hash).branch(&proof.branch);
        }
        writer.finish()
    }

    /// `is_valid_light_client_header`: the execution header, in the form of the fork at its own slot, stands in the
    /// beacon block's body. Before Capella there is none; before Deneb it has no blob gas.
    ///
    /// Source: consensus-specs `specs/{capella,deneb,gloas}/light-client/sync-protocol.md`.
    ///
    /// # Errors
    /// `Invalid` for what does not stand in the body (`execution_branch`), or says more than its fork has (`execution`,
    /// `execution.blob_gas_used`, `execution_block_hash`); `Malformed` for a part that the fork has not.
    pub fn verify(&self, config: &ChainConfig) -> Result<(), VerifyError> {
        let fork = config.fork_at(self.beacon.slot).map_err(|error| error.within("beacon"))?.name;
        let proof = match (&self.execution, &self.block_hash) {
            (Some(proof), None) => proof,
            (None, Some(proof)) => return proof.verify(fork, self.beacon.body_root),
            _ => return self.conform(fork),
        };
        if !fork.has_execution() {
            let empty = [Fork::Capella, Fork::Deneb].map(ExecutionPayloadHeader::empty).contains(&proof.header);
            if empty && proof.branch.iter().all(B256::is_zero) {
                return Ok(());
            }
            let found = format!("block {} and a branch of {:?}", proof.header.block_hash, proof.branch);
            return Err(VerifyError::invalid("execution", format!("an empty header in {fork:?}"), found));
        }
        let mut header = proof.header.clone();
        if !fork.has_blob_gas() {
            // A container of a later fork carries an earlier header with blob gas of zero.
            if let Some(found) = header.blob_gas.filter(|blob| *blob != Default::default()) {
                let expected = format!("zero in {fork:?}");
                return Err(VerifyError::invalid("execution.blob_gas_used", expected, format!("{found:?}")));
            }
            header.blob_gas = None;
        }
        header.conform(fork).map_err(|error| error.within("execution"))?;
        let (leaf, index) = (header.hash_tree_root(), Fork::EXECUTION_PAYLOAD_GINDEX);
        verify_branch("execution_branch", leaf, &proof.branch, index, self.beacon.body_root)
    }

    /// The fixed part's size, and offsets included, in a fork with execution headers; the whole in others.
    pub(super) fn fixed_length(fork: Fork) -> usize {
        let nodes = |index: Gindex| index.depth().saturating_mul(32);
        let more = match fork.block_hash_gindex() {
            _ if fork.has_execution() => nodes(Fork::EXECUTION_PAYLOAD_GINDEX).saturating_add(4),
            Some(index) => nodes(index).saturating_add(32),
            None => 0,
        };
        BeaconBlockHeader::LENGTH.saturating_add(more)
    }
}

impl BlockHashProof {
    /// The hash stands in the body at the place of the fork of the block's own slot. A shorter branch of an earlier
    /// fork fills the container from the back, after zeros (`is_valid_normalized_merkle_branch`).
    fn verify(&self, fork: Fork, body_root: B256) -> Result<(), VerifyError> {
        let Some(index) = fork.block_hash_gindex() else {
            if self.hash.is_zero() && self.branch.iter().all(B256::is_zero) {
                return Ok(());
            }
            return Err(VerifyError::invalid("execution_block_hash", format!("zero in {fork:?}"), self.hash));
        };
        let spare = self.branch.len().saturating_sub(index.depth());
        let (zeros, branch) = self.branch.split_at_checked(spare).unwrap_or_default();
        if let Some(found) = zeros.iter().find(|node| !node.is_zero()) {
            let expected = format!("{spare} zeros before a branch of {fork:?}");
            return Err(VerifyError::invalid("execution_branch", expected, found));
        }
        verify_branch("execution_branch", self.hash, branch, index, body_root)
    }
}

fn require<T>(part: &Option<T>, is_due: bool, field: &str, fork: Fork) -> Result<(), VerifyError> {
    let said = |there| if there { "a value" } else { "none" };
    if part.is_some() == is_due {
        return Ok(());
    }
    Err(VerifyError::malformed(field, format!("{} in {fork:?}", said(is_due)), said(part.is_some())))
}
