//! 80 bytes are a header and nothing else is; what passes for work here does in rust-bitcoin too.

use bitcoin::Target;
use bitcoin::consensus::encode::deserialize;
use bitcoin::hashes::Hash;
use bitcoin::pow::CompactTarget;
use spandrel_verifiers::bitcoin::{ChainParams, HEADER_LENGTH, Header, bits_of, target_of};

fuzz_target!(|bytes: &[u8]| {
    let Ok(header) = Header::parse(bytes) else {
        assert_ne!(bytes.len(), HEADER_LENGTH);
        return;
    };
    assert_eq!(header.encode(), bytes);
    let peer: bitcoin::block::Header = deserialize(bytes).expect("80 bytes");
    assert_eq!(header.hash.0, peer.block_hash().to_byte_array());
    if let Ok(target) = target_of(header.bits) {
        let found = Target::from_compact(CompactTarget::from_consensus(header.bits));
        assert_eq!(target.to_le_bytes::<32>(), found.to_le_bytes());
        assert_eq!(target_of(bits_of(target)), Ok(target));
    }
    for params in [ChainParams::mainnet(), ChainParams::signet(), ChainParams::regtest()] {
        let is_worked = header.check_work(&params).is_ok();
        assert!(!is_worked || peer.validate_pow(peer.target()).is_ok());
    }
});
