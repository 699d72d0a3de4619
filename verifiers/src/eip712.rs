//! EIP-712 digests of flat structs of 32-byte words, as `EIP712` of OpenZeppelin computes them (version "1").

use alloy_primitives::{Address, B256, U256, keccak256};

/// Domain separator of `name`, version `"1"`, for one contract on one chain.
pub fn domain(name: &str, chain_number: u64, contract: Address) -> B256 {
    let words: [B256; 5] = [
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
        keccak256(name),
        keccak256("1"),
        U256::from(chain_number).into(),
        contract.into_word(),
    ];
    keccak256(words.concat())
}

/// `keccak256(0x1901 ‖ domain ‖ keccak256(words))`; the first word is the type hash.
pub fn digest(domain: B256, words: &[B256]) -> B256 {
    let structure = keccak256(words.concat());
    keccak256([&[0x19, 0x01][..], domain.as_slice(), structure.as_slice()].concat())
}
