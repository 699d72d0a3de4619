//! What signers sign for the contracts, besides `spandrel_verifiers::Checkpoint`: EIP-712 digests of batches and
//! rotations of `FastLane`, and how signatures are joined.

use alloy::primitives::{Address, B256, Bytes, Signature, U256, keccak256};
use spandrel_verifiers::eip712;

/// EIP-712 type of a fast-lane batch.
pub const BATCH_TYPE: &str = "Batch(bytes32 root,uint32 count,uint64 epoch,uint64 expiry)";
/// EIP-712 type of a rotation of the fast-lane signers.
pub const ROTATION_TYPE: &str = "Rotation(bytes32 members,uint16 threshold,uint64 epoch,uint64 validFrom)";
const FAST_LANE_NAME: &str = "Spandrel FastLane";

/// Digest that fast-lane signers sign for a batch: `root` of `spandrel_verifiers::merkle::BatchTree` over `count`
/// deposit ids, payable until `expiry` (Unix seconds), for the `FastLane` at `contract` on EVM chain `chain_number`.
pub fn batch_digest(chain_number: u64, contract: Address, root: B256, count: u32, epoch: u64, expiry: u64) -> B256 {
    let words =
        [keccak256(BATCH_TYPE), root, U256::from(count).into(), U256::from(epoch).into(), U256::from(expiry).into()];
    eip712::digest(eip712::domain(FAST_LANE_NAME, chain_number, contract), &words)
}

/// Digest that a quorum of the newest fast-lane set signs for its successor: `members` ascending, `epoch` one more than
/// `FastLane.issuedEpochs`, valid from `valid_from` (Unix seconds).
pub fn rotation_digest(
    chain_number: u64,
    contract: Address,
    members: &[Address],
    threshold: u16,
    epoch: u64,
    valid_from: u64,
) -> B256 {
    let packed: Vec<u8> = members.iter().flat_map(|member| member.into_word().0).collect();
    let words = [
        keccak256(ROTATION_TYPE),
        keccak256(packed),
        U256::from(threshold).into(),
        U256::from(epoch).into(),
        U256::from(valid_from).into(),
    ];
    eip712::digest(eip712::domain(FAST_LANE_NAME, chain_number, contract), &words)
}

/// `r ‖ s ‖ v` (v 27 or 28) of every signature, sorted by ascending signer, as the contracts read them.
///
/// The contracts want exactly as many as the threshold; taking that many is the caller's part.
pub fn join_signatures(signatures: &[(Address, Signature)]) -> Bytes {
    let mut sorted: Vec<_> = signatures.to_vec();
    sorted.sort_by_key(|(signer, _)| *signer);
    sorted.iter().flat_map(|(_, signature)| signature.as_bytes()).collect::<Vec<u8>>().into()
}
