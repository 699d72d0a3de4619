//! Conversions from the types of `tendermint`, `tendermint-light-client` and `ibc-relayer-types`: what relayers and
//! light clients hold becomes what is verified here. Nothing is verified by a conversion. Decoding outside bytes into
//! those types is theirs to do, and can overflow in debug builds there: [`ClientHeader::decode`] reads the same bytes safely.

use alloy_primitives::{B256, Bytes, FixedBytes};
use ibc_relayer_types::clients::ics07_tendermint::header::Header as IbcHeader;
use ibc_relayer_types::clients::ics07_tendermint::misbehaviour::Misbehaviour as IbcMisbehaviour;
use tendermint::block::{self, CommitSig as TmCommitSig};
use tendermint::{Hash, Time, account, validator};
use tendermint_light_client::verifier::types::LightBlock as TmLightBlock;

use super::commit::{Commit, CommitSig, Vote};
use super::header::{BlockId, Header, ValidatorAddress};
use super::light_block::{ClientHeader, LightBlock, Misbehaviour, SignedHeader};
use super::timestamp::Timestamp;
use super::validators::{PublicKey, Validator, ValidatorSet};
use crate::VerifyError;

impl TryFrom<&TmLightBlock> for LightBlock {
    type Error = VerifyError;
    fn try_from(block: &TmLightBlock) -> Result<Self, VerifyError> {
        Ok(Self {
            signed_header: (&block.signed_header).try_into()?,
            validators: (&block.validators).try_into()?,
            next_validators: (&block.next_validators).try_into()?,
        })
    }
}

impl TryFrom<&IbcHeader> for ClientHeader {
    type Error = VerifyError;
    fn try_from(header: &IbcHeader) -> Result<Self, VerifyError> {
        Ok(Self {
            signed_header: (&header.signed_header).try_into()?,
            validators: (&header.validator_set).try_into()?,
            revision: header.trusted_height.revision_number(),
            trusted_height: header.trusted_height.revision_height(),
            trusted_validators: (&header.trusted_validator_set).try_into()?,
        })
    }
}

impl TryFrom<&IbcMisbehaviour> for Misbehaviour {
    type Error = VerifyError;
    fn try_from(misbehaviour: &IbcMisbehaviour) -> Result<Self, VerifyError> {
        Ok(Self { header_1: (&misbehaviour.header1).try_into()?, header_2: (&misbehaviour.header2).try_into()? })
    }
}

impl TryFrom<&block::signed_header::SignedHeader> for SignedHeader {
    type Error = VerifyError;
    fn try_from(signed: &block::signed_header::SignedHeader) -> Result<Self, VerifyError> {
        Ok(Self { header: signed.header().try_into()?, commit: signed.commit().try_into()? })
    }
}

impl TryFrom<&block::Header> for Header {
    type Error = VerifyError;
    fn try_from(header: &block::Header) -> Result<Self, VerifyError> {
        Ok(Self {
            block_version: header.version.block,
            app_version: header.version.app,
            chain_id: header.chain_id.as_str().to_owned(),
            height: header.height.value(),
            time: timestamp(header.time)?,
            last_block_id: header.last_block_id.as_ref().map(block_id).unwrap_or_default(),
            last_commit_hash: header.last_commit_hash.and_then(hash),
            data_hash: header.data_hash.and_then(hash),
            validators_hash: set_hash("header.validators_hash", header.validators_hash)?,
            next_validators_hash: set_hash("header.next_validators_hash", header.next_validators_hash)?,
            consensus_hash: hash(header.consensus_hash),
            app_hash: Bytes::copy_from_slice(header.app_hash.as_bytes()),
            last_results_hash: header.last_results_hash.and_then(hash),
            evidence_hash: header.evidence_hash.and_then(hash),
            proposer_address: address(&header.proposer_address)?,
        })
    }
}

impl TryFrom<&block::Commit> for Commit {
    type Error = VerifyError;
    fn try_from(commit: &block::Commit) -> Result<Self, VerifyError> {
        Ok(Self {
            height: commit.height.value(),
            round: commit.round.value(),
            block_id: block_id(&commit.block_id),
            signatures: commit.signatures.iter().map(CommitSig::try_from).collect::<Result<_, _>>()?,
        })
    }
}

impl TryFrom<&TmCommitSig> for CommitSig {
    type Error = VerifyError;
    fn try_from(signature: &TmCommitSig) -> Result<Self, VerifyError> {
        match signature {
            TmCommitSig::BlockIdFlagAbsent => Ok(Self::Absent),
            TmCommitSig::BlockIdFlagCommit { validator_address, timestamp, signature } => {
                vote(validator_address, *timestamp, signature.as_ref()).map(Self::ForBlock)
            }
            TmCommitSig::BlockIdFlagNil { validator_address, timestamp, signature } => {
                vote(validator_address, *timestamp, signature.as_ref()).map(Self::ForNil)
            }
        }
    }
}

impl TryFrom<&validator::Set> for ValidatorSet {
    type Error = VerifyError;
    fn try_from(set: &validator::Set) -> Result<Self, VerifyError> {
        let validators = set.validators().iter().map(Validator::try_from).collect::<Result<_, _>>()?;
        Self::new(validators)
    }
}

impl TryFrom<&validator::Info> for Validator {
    type Error = VerifyError;
    fn try_from(info: &validator::Info) -> Result<Self, VerifyError> {
        let bytes = info.pub_key.to_bytes();
        let ed25519 = info.pub_key.ed25519().and_then(|_| bytes.as_slice().try_into().ok().map(PublicKey::Ed25519));
        let secp256k1 = || bytes.as_slice().try_into().ok().map(|key| PublicKey::Secp256k1(FixedBytes(key)));
        let key = ed25519.or_else(secp256k1).ok_or_else(|| {
            VerifyError::malformed("validator.pub_key", "ed25519 or secp256k1", info.pub_key.to_hex())
        })?;
        let power = i64::try_from(info.power())
            .map_err(|_| VerifyError::malformed("validator.voting_power", "63 bits", info.power()))?;
        Self::claimed(address(&info.address)?, key, power)
    }
}

fn vote(validator: &account::Id, time: Time, signature: Option<&tendermint::Signature>) -> Result<Vote, VerifyError> {
    let bytes = signature.map(tendermint::Signature::as_bytes).unwrap_or_default();
    let signature = bytes
        .try_into()
        .map(FixedBytes)
        .map_err(|_| VerifyError::malformed("commit.signature.signature", "64 bytes", bytes.len()))?;
    Ok(Vote { validator: address(validator)?, timestamp: timestamp(time)?, signature })
}

fn block_id(id: &block::Id) -> BlockId {
    BlockId { hash: hash(id.hash), parts_total: id.part_set_header.total, parts_hash: hash(id.part_set_header.hash) }
}

fn timestamp(time: Time) -> Result<Timestamp, VerifyError> {
    let nanos = time.unix_timestamp_nanos();
    let seconds = i64::try_from(nanos.div_euclid(1_000_000_000)).unwrap_or(i64::MAX);
    Timestamp::new(seconds, u32::try_from(nanos.rem_euclid(1_000_000_000)).unwrap_or_default())
}

fn hash(hash: Hash) -> Option<B256> {
    match hash {
        Hash::Sha256(bytes) => Some(B256::from(bytes)),
        Hash::None => None,
    }
}

fn set_hash(field: &str, found: Hash) -> Result<B256, VerifyError> {
    hash(found).ok_or_else(|| VerifyError::malformed(field, "32 bytes", "none"))
}

fn address(id: &account::Id) -> Result<ValidatorAddress, VerifyError> {
    let bytes = id.as_bytes();
    bytes.try_into().map(FixedBytes).map_err(|_| VerifyError::malformed("validator.address", "20 bytes", bytes.len()))
}
