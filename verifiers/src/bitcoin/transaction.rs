//! Transactions in the one encoding evidence may use: without witness, exactly as hashed into the txid.

use alloy_primitives::{B256, keccak256};
use bitcoin::Transaction;
use bitcoin::consensus::encode::{deserialize, serialize};

use super::hashing::sha256d;
use super::params::ChainParams;
use crate::VerifyError;

/// Longest transaction taken, in bytes without witness: four times the standard limit.
pub const MAX_TRANSACTION_LENGTH: usize = 400_000;

/// Length of an inner node's preimage, which no transaction may have (CVE-2017-12842, BIP 54).
const NODE_PREIMAGE_LENGTH: usize = 64;

/// A transaction decoded from its one allowed encoding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodedTransaction {
    transaction: Transaction,
    txid: B256,
}

impl DecodedTransaction {
    /// The transaction.
    pub fn transaction(&self) -> &Transaction {
        &self.transaction
    }

    /// Its txid in wire order: `sha256d` of the bytes.
    pub fn txid(&self) -> B256 {
        self.txid
    }
}

/// Decodes `bytes` in full. Refused under the name `field`: 64 bytes, too many bytes, trailing bytes, witness data,
/// any encoding but the canonical one.
pub fn decode_transaction(field: &str, bytes: &[u8]) -> Result<DecodedTransaction, VerifyError> {
    let mut decoded = decode_hashed(field, bytes, B256::ZERO)?;
    decoded.txid = sha256d(bytes);
    Ok(decoded)
}

/// [`decode_transaction`] of bytes whose `sha256d` is known to be `txid`.
pub(super) fn decode_hashed(field: &str, bytes: &[u8], txid: B256) -> Result<DecodedTransaction, VerifyError> {
    if bytes.len() == NODE_PREIMAGE_LENGTH {
        let expected = "a length other than 64 bytes, that of an inner Merkle node";
        return Err(VerifyError::invalid(field, expected, "64 bytes"));
    }
    if bytes.len() > MAX_TRANSACTION_LENGTH {
        let expected = format!("at most {MAX_TRANSACTION_LENGTH} bytes");
        return Err(VerifyError::malformed(field, expected, bytes.len()));
    }
    let transaction: Transaction =
        deserialize(bytes).map_err(|error| VerifyError::malformed(field, "an encoded transaction", error))?;
    if transaction.input.is_empty() || transaction.input.iter().any(|input| !input.witness.is_empty()) {
        return Err(VerifyError::malformed(field, "inputs, all without witness", "none, or witness data"));
    }
    Ok(DecodedTransaction { transaction, txid })
}

/// The bytes of `transaction` without its witness data: the ones that hash to its txid.
pub fn without_witness(transaction: &Transaction) -> Vec<u8> {
    let mut stripped = transaction.clone();
    for input in &mut stripped.input {
        input.witness.clear();
    }
    serialize(&stripped)
}

/// The source key of a deposit: `keccak256(txid ‖ output index)`, 32 bytes in wire order and four little-endian.
pub fn source_key(txid: B256, output: u32) -> B256 {
    keccak256([txid.as_slice(), &output.to_le_bytes()].concat())
}

/// Checks that `coinbase` may be the first transaction of the block at `height`: one null input, a script of 2 to 100
/// bytes, which from BIP 34 on starts with the height, and from BIP 54 on the lock time that it asks for. Errors name
/// `coinbase`.
pub fn check_coinbase(params: &ChainParams, coinbase: &Transaction, height: u64) -> Result<(), VerifyError> {
    let input = match coinbase.input.as_slice() {
        [input] if coinbase.is_coinbase() => input,
        _ => return Err(VerifyError::invalid("coinbase", "a coinbase transaction", coinbase.compute_txid())),
    };
    let script = input.script_sig.as_bytes();
    if !(2..=100).contains(&script.len()) {
        return Err(VerifyError::invalid("coinbase", "an input script of 2 to 100 bytes", script.len()));
    }
    if height >= params.bip34_height() && !script.starts_with(&height_push(height)) {
        return Err(VerifyError::invalid(
            "coinbase",
            format!("a script that starts with height {height}"),
            hex::encode(script),
        ));
    }
    let (lock_time, before) = (coinbase.lock_time.to_consensus_u32(), height.saturating_sub(1));
    if params.is_cleaned_up(height) && (u64::from(lock_time) != before || input.sequence.0 == u32::MAX) {
        let expected = format!("lock time {before}, and a sequence that puts it in force");
        return Err(VerifyError::invalid("coinbase", expected, format!("{lock_time}, {:#x}", input.sequence.0)));
    }
    Ok(())
}

/// The minimal push of `height` as a script number (BIP 34).
fn height_push(height: u64) -> Vec<u8> {
    let number = i64::try_from(height).unwrap_or(i64::MAX);
    bitcoin::script::Builder::new().push_int(number).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use bitcoin::Network;
    use bitcoin::hashes::Hash;
    use proptest::prelude::*;

    fn genesis_coinbase() -> Transaction {
        bitcoin::constants::genesis_block(Network::Bitcoin).txdata.remove(0)
    }

    #[test]
    fn only_the_canonical_encoding_without_witness_is_taken() {
        let mut transaction = genesis_coinbase();
        let bytes = serialize(&transaction);
        let decoded = decode_transaction("transaction", &bytes).unwrap();
        assert_eq!(decoded.txid.0, transaction.compute_txid().to_byte_array());
        let refused = |bytes: &[u8]| decode_transaction("transaction", bytes).err().map(|error| error.field);
        assert_eq!(refused(&[&bytes[..], &[0]].concat()).as_deref(), Some("transaction"), "trailing byte");
        assert!(refused(&bytes[..bytes.len() - 1]).is_some(), "cut off");
        transaction.input[0].witness.push([0u8; 32]);
        assert!(refused(&serialize(&transaction)).is_some(), "witness");
        assert_eq!(without_witness(&transaction), bytes);
        transaction.input[0].witness.clear();
        transaction.input.clear();
        assert!(refused(&serialize(&transaction)).is_some(), "no input");
        let mut long_count = bytes.clone();
        long_count.splice(4..5, [0xfd, 1, 0]);
        assert!(refused(&long_count).is_some(), "a count that is not minimal");
    }

    #[test]
    fn a_transaction_of_64_bytes_is_refused() {
        let mut transaction = genesis_coinbase();
        transaction.input[0].script_sig = vec![0; 4].into();
        transaction.output[0].script_pubkey = Default::default();
        let bytes = serialize(&transaction);
        assert_eq!(bytes.len(), 64);
        assert!(decode_transaction("transaction", &bytes).unwrap_err().expected.contains("64"));
        transaction.output[0].script_pubkey = vec![0].into();
        assert!(decode_transaction("transaction", &serialize(&transaction)).is_ok());
    }

    #[test]
    fn a_transaction_beyond_the_size_limit_is_refused_unread() {
        let mut transaction = genesis_coinbase();
        let overhead = serialize(&transaction).len() - transaction.input[0].script_sig.len() + 4;
        transaction.input[0].script_sig = vec![0; MAX_TRANSACTION_LENGTH - overhead].into();
        assert_eq!(serialize(&transaction).len(), MAX_TRANSACTION_LENGTH);
        decode_transaction("transaction", &serialize(&transaction)).unwrap();
        transaction.input[0].script_sig = vec![0; MAX_TRANSACTION_LENGTH - overhead + 1].into();
        let error = decode_transaction("transaction", &serialize(&transaction)).unwrap_err();
        assert!(error.expected.contains("at most"), "{error}");
    }

    #[test]
    fn a_coinbase_says_its_height() {
        let mut coinbase = genesis_coinbase();
        let check = |coinbase: &Transaction, height| check_coinbase(&ChainParams::regtest(), coinbase, height);
        check(&coinbase, 1).unwrap_err();
        check_coinbase(&ChainParams::mainnet(), &coinbase, 227_930).unwrap();
        for (height, script) in [
            (1, &[0x51, 0][..]),
            (16, &[0x60, 0]),
            (17, &[1, 17]),
            (128, &[2, 128, 0]),
            (840_000, &[3, 0x40, 0xd1, 0x0c]),
        ] {
            coinbase.input[0].script_sig = script.to_vec().into();
            check(&coinbase, height).unwrap();
            assert_eq!(check(&coinbase, height + 1).unwrap_err().field, "coinbase");
        }
        coinbase.input[0].script_sig = vec![0x51].into();
        check(&coinbase, 1).unwrap_err();
        coinbase.input[0].script_sig = vec![0x51; 101].into();
        check(&coinbase, 1).unwrap_err();
        coinbase.input[0].script_sig = vec![0x51; 2].into();
        coinbase.input[0].previous_output.vout = 0;
        check(&coinbase, 1).unwrap_err();
    }

    #[test]
    fn the_cleanup_binds_a_coinbase_to_its_height_by_its_lock_time() {
        let params = ChainParams { cleanup_height: Some(17), ..ChainParams::regtest() };
        let with = |height: u8, lock_time, sequence| {
            let mut coinbase = genesis_coinbase();
            coinbase.input[0].script_sig = vec![1, height].into();
            coinbase.input[0].sequence = bitcoin::Sequence(sequence);
            coinbase.lock_time = bitcoin::absolute::LockTime::from_consensus(lock_time);
            check_coinbase(&params, &coinbase, height.into()).is_ok()
        };
        assert!(with(18, 17, 0) && with(18, 17, u32::MAX - 1) && with(17, 16, 0));
        assert!(!with(18, 17, u32::MAX) && !with(18, 18, 0) && !with(18, 16, 0));
        assert!(with(17, 16, 5) && !with(17, 0, u32::MAX));
        let earlier = ChainParams { cleanup_height: Some(19), ..params.clone() };
        let mut coinbase = genesis_coinbase();
        coinbase.input[0].script_sig = vec![1, 18].into();
        check_coinbase(&earlier, &coinbase, 18).unwrap();
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_decode_to_themselves_or_not_at_all(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            if let Ok(decoded) = decode_transaction("transaction", &bytes) {
                prop_assert_eq!(serialize(&decoded.transaction), bytes);
            }
        }
    }
}
