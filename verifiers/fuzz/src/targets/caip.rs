//! Chain and asset ids: what parses is the text itself, within its bounds, and an asset's chain is one too. And addresses
//! as Solana shows them: one text for 32 bytes.

use crate::patch::{Patch, patched};
use spandrel_verifiers::solana::{from_base58, to_base58};
use spandrel_verifiers::{AssetId, ChainId};

const CHAIN: usize = 8 + 1 + 32;
const ASSET: usize = CHAIN + 1 + 8 + 1 + 128;

const STARTS: [&str; 3] = [
    "eip155:1/erc20:0x6b175474e89094c44da98b954eedeac495271d0f",
    "bip122:000000000019d6689c085ae165831e93",
    "TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA",
];

fuzz_target!(|input: (u8, Vec<Patch>)| {
    let start = STARTS[usize::from(input.0) % STARTS.len()];
    let bytes = patched(start.as_bytes().to_vec(), &input.1);
    let Ok(text) = std::str::from_utf8(&bytes) else { return };
    if let Ok(address) = from_base58("address", text) {
        assert_eq!(to_base58(address), text);
        assert!(ChainId::parse(text).is_err() && AssetId::parse(text).is_err());
    }
    let json = serde_json::to_string(text).expect("text prints");
    let chain = ChainId::parse(text);
    if let Ok(chain) = &chain {
        assert!(chain.as_str() == text && text.is_ascii() && text.len() <= CHAIN);
        assert_eq!(serde_json::from_str::<ChainId>(&json).as_ref().ok(), Some(chain));
        let number = chain.eip155_number();
        assert!(number.is_none() || text.starts_with("eip155:"));
    }
    let Ok(asset) = AssetId::parse(text) else { return };
    assert!(asset.as_str() == text && text.is_ascii() && text.len() <= ASSET);
    assert!(chain.is_err(), "no text names both");
    assert_eq!(serde_json::from_str::<AssetId>(&json).ok(), Some(asset));
    let (of, _) = text.split_once('/').expect("an asset stands on a chain");
    ChainId::parse(of).expect("a chain");
});
