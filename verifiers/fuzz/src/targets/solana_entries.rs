//! Entries and footers: what decodes holds transactions of the bytes, and one byte more means the same.

use std::sync::LazyLock;

use alloy_primitives::B256;
use spandrel_verifiers::solana::{Footer, decode_entries};
use crate::patch::{Patch, patched};
use crate::solana::{NOW, entries, footer, key, terms, transfer};

static ENTRIES: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let transaction = transfer(&key("depositor"), 5, &terms().memo());
    entries(&[vec![], vec![transaction.clone(), transaction.clone()], vec![transaction]])
});

fuzz_target!(|patches: Vec<Patch>| {
    let bytes = patched(ENTRIES.clone(), &patches);
    if let Ok(entries) = decode_entries(&bytes) {
        let transactions = entries.iter().flat_map(|entry| &entry.transactions);
        let length: usize =
            transactions.map(|one| 1 + one.signatures.as_flattened().len() + one.message.bytes.len()).sum();
        assert!(8 + entries.len() * 48 + length <= bytes.len());
        assert_eq!(decode_entries(&[&bytes[..], &[0]].concat()).as_ref(), Ok(&entries));
    }
    let bytes = patched(footer(B256::repeat_byte(1), NOW), &patches);
    if let Ok(footer) = Footer::decode(&bytes) {
        assert_eq!(Footer::decode(&[&bytes[..], &[0]].concat()), Ok(footer));
        assert!(decode_entries(&bytes).is_err());
    }
});
