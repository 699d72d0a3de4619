//! RLP of execution headers: what decodes is canonical to its last byte.

use alloy_primitives::keccak256;
use spandrel_verifiers::ethereum::ExecutionHeader;
use crate::patch::{Patch, patched};
use crate::rlp;

/// Lengths of a header's fields; the shortest that integers and the extra data may have.
const LENGTHS: [usize; 23] = [32, 32, 20, 32, 32, 32, 256, 0, 0, 0, 0, 0, 0, 32, 8, 0, 32, 0, 0, 32, 32, 32, 0];

fuzz_target!(|input: (u8, Vec<(u8, Patch)>, Vec<Patch>)| {
    let (count, field_patches, patches) = input;
    let mut fields: Vec<_> = LENGTHS.iter().take(15 + usize::from(count) % 9).map(|length| vec![0; *length]).collect();
    for (index, patch) in &field_patches {
        let index = usize::from(*index) % fields.len();
        patch.apply(&mut fields[index]);
    }
    let items: Vec<_> = fields.iter().map(|field| rlp::string(field)).collect();
    let bytes = patched(rlp::list(&items), &patches);
    let Ok(header) = ExecutionHeader::decode(&bytes) else {
        let is_untouched = field_patches.is_empty() && patches.is_empty();
        assert!(!is_untouched || ![15, 16, 17, 20, 21, 23].contains(&fields.len()), "an honest header of a known fork");
        return;
    };
    assert_eq!(rlp::again(&bytes), bytes);
    assert_eq!(header.hash, keccak256(&bytes));
});
