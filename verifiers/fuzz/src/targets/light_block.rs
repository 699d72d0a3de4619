//! Light blocks as nodes serve them: what decodes encodes to what decodes to the same, and what checks agrees with itself.
//! Signatures are no part of that check.

use std::sync::LazyLock;

use crate::cosmos::chain::set;
use crate::cosmos::store::field;
use crate::evidence::COSMOS;
use crate::patch::{Patch, patched};
use spandrel_verifiers::cosmos::{LightBlock, SignedHeader};

fn encode(block: &LightBlock) -> Vec<u8> {
    [field(1, &block.signed_header.encode()), field(2, &block.validators.encode())].concat()
}

static HONEST: LazyLock<Vec<u8>> = LazyLock::new(|| encode(&COSMOS.anchor));

fuzz_target!(|patches: Vec<Patch>| {
    let bytes = patched(HONEST.clone(), &patches);
    let next = set(&COSMOS.members);
    let Ok(block) = LightBlock::decode(&bytes, next.clone()) else { return };
    assert_eq!(LightBlock::decode(&encode(&block), next.clone()).as_ref(), Ok(&block));
    assert_eq!(SignedHeader::decode(&block.signed_header.encode()).as_ref(), Ok(&block.signed_header));
    if let Ok(found) = block.check() {
        let header = &block.signed_header.header;
        assert_eq!(Some(header.hash()), block.signed_header.commit.block_id.hash);
        assert_eq!((block.validators.hash(), next.hash()), (header.validators_hash, header.next_validators_hash));
        assert_eq!((found.height, found.hash), (header.height, header.hash()));
    }
});
