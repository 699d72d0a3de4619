//! Two headers that contradict each other: what decodes encodes to what decodes to the same, and no bytes prove another
//! attack than the one that was made.

use std::sync::LazyLock;

use crate::cosmos::chain::{block_of, header};
use crate::cosmos::scene::NOW;
use crate::evidence::COSMOS;
use crate::patch::{Patch, patched};
use spandrel_verifiers::cosmos::{Attack, ClientHeader, KeyTables, Misbehaviour};

static TABLES: LazyLock<KeyTables> = LazyLock::new(KeyTables::new);
static HONEST: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let members = &COSMOS.members;
    let block = |is_other: bool| -> ClientHeader {
        let mut head = header(10, members, members);
        if is_other {
            head.data_hash = None;
        }
        block_of(head, members, members).verified_from(&COSMOS.anchor)
    };
    let honest = Misbehaviour { header_1: block(false), header_2: block(true) };
    let proven = honest.verify(COSMOS.verifier.params(), &COSMOS.trusted, NOW, &TABLES).expect("an equivocation");
    assert_eq!(proven.suspects.len(), members.len());
    honest.encode().to_vec()
});

fuzz_target!(|patches: Vec<Patch>| {
    let bytes = patched(HONEST.clone(), &patches);
    let Ok(misbehaviour) = Misbehaviour::decode(&bytes) else { return };
    assert_eq!(Misbehaviour::decode(&misbehaviour.encode()).as_ref(), Ok(&misbehaviour));
    if let Ok(proven) = misbehaviour.verify(COSMOS.verifier.params(), &COSMOS.trusted, NOW, &TABLES) {
        assert_eq!((proven.attack, proven.height), (Attack::Equivocation, 10));
        let is_member = |suspect| COSMOS.members.iter().any(|member| member.validator().address() == suspect);
        assert!(proven.suspects.iter().all(is_member), "none but who signed is suspected");
    }
});
