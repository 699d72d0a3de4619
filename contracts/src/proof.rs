//! Evidence in the encodings that the lanes' verifiers read. All are canonical: the contracts refuse any other bytes.

use alloy::primitives::{B256, Bytes};
use alloy::sol_types::SolValue;
use alloy_rlp::{Decodable, Header};
use bitcoin::secp256k1::Parity;
use spandrel_verifiers::bitcoin::deposit_output_key;
use spandrel_verifiers::{Deposit, Evidence, VerifyError, bitcoin as btc, ethereum};

alloy::sol! {
    struct BitcoinProof {
        uint64 height;
        bytes header;
        bytes transaction;
        uint32 index;
        bytes32[] path;
        bytes coinbase;
        bytes32[] coinbasePath;
        uint32 output;
        uint16 refundDelay;
        bool outputKeyIsOdd;
    }
}

/// Why evidence could not be encoded for a contract.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// The block header is not an RLP list with a number in its ninth field.
    #[error("ethereum header: expected an RLP list with a block number, found {found}")]
    Header {
        /// What the decoder said.
        found: alloy_rlp::Error,
    },
    /// No lane reads this kind of evidence on an EVM chain.
    #[error("lane: expected ethereum or bitcoin evidence, found {found}")]
    Lane {
        /// The kind of evidence.
        found: &'static str,
    },
    /// The terms and the vault's key make no Taproot output.
    #[error(transparent)]
    Taproot(#[from] VerifyError),
}

/// The light-client proof of `deposit` from its evidence, for the lane [`crate::lane::of`] the evidence.
///
/// Nothing is verified here; evidence that does not prove `deposit` gives bytes that the contract refuses.
pub fn encode(evidence: &Evidence, deposit: &Deposit) -> Result<Bytes, EncodeError> {
    match evidence {
        Evidence::Ethereum(evidence) => ethereum(&evidence.inclusion),
        Evidence::Bitcoin(inclusion) => bitcoin(inclusion, deposit.source_bridge),
        Evidence::Cosmos(_) | Evidence::Solana(_) => Err(EncodeError::Lane { found: evidence.kind() }),
    }
}

/// The fast-lane proof: leaf `index` of the batch with this `root`, siblings from the leaf up.
pub fn fast(root: B256, index: u32, path: &[B256]) -> Bytes {
    (root, index, path.to_vec()).abi_encode_params().into()
}

/// `abi.encode(uint64 height, bytes header, bytes[] accountProof, bytes[] storageProof)`.
pub fn ethereum(inclusion: &ethereum::Inclusion) -> Result<Bytes, EncodeError> {
    storage(&inclusion.header, &inclusion.account_proof, &inclusion.storage_proof)
}

/// The same encoding for any slot: also what `Vault.refund` takes for a nullifier, once the checkpoint of `header` has stood
/// in the registry for the vault's `refundHold`.
///
/// `header` is the RLP block header; the proofs are trie nodes from the root down, as `eth_getProof` gives them.
pub fn storage(header: &Bytes, account_proof: &[Bytes], storage_proof: &[Bytes]) -> Result<Bytes, EncodeError> {
    let height = block_number(header).map_err(|found| EncodeError::Header { found })?;
    Ok((height, header.clone(), account_proof.to_vec(), storage_proof.to_vec()).abi_encode_params().into())
}

/// `abi.encode(BitcoinProof)`; `internal_key` is the vault's x-only key.
pub fn bitcoin(inclusion: &btc::Inclusion, internal_key: B256) -> Result<Bytes, EncodeError> {
    let proof = BitcoinProof {
        height: inclusion.height,
        header: inclusion.header.clone(),
        transaction: inclusion.transaction.clone(),
        index: inclusion.index,
        path: inclusion.path.clone(),
        coinbase: inclusion.coinbase.clone(),
        coinbasePath: inclusion.coinbase_path.clone(),
        output: inclusion.output,
        refundDelay: inclusion.terms.refund_delay,
        outputKeyIsOdd: deposit_output_key(internal_key, &inclusion.terms)?.parity == Parity::Odd,
    };
    Ok(proof.abi_encode().into())
}

/// Ninth field of the header list (Yellow Paper, 4.4.3).
fn block_number(header: &[u8]) -> Result<u64, alloy_rlp::Error> {
    let mut fields = Header::decode_bytes(&mut &*header, true)?;
    for _ in 0..8 {
        Header::decode_bytes(&mut fields, false)?;
    }
    u64::decode(&mut fields)
}
