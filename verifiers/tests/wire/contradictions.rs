//! One contradiction, one encoding: what is read is written again byte for byte, and no bytes stop the reader.

use std::sync::LazyLock;

use alloy_primitives::Bytes;
use proptest::prelude::*;
use proptest::sample::Index;
use spandrel_verifiers::file::{ContradictionFile, ProofFile};
use spandrel_verifiers::{Contradiction, ErrorKind, bitcoin};

use crate::bitcoin_miner::{header_bytes, mine_run, regtest_chain};
use crate::ethereum::pairs;

/// Honest ones: of one slot, of two heights, and of two branches.
pub static CONTRADICTIONS: LazyLock<[Contradiction; 3]> = LazyLock::new(|| {
    let ethereum = |two| Contradiction::Ethereum(Box::new(two));
    [ethereum(pairs::of_one_slot()), ethereum(pairs::of_two_heights()), of_bitcoin()]
});

fn of_bitcoin() -> Contradiction {
    let chain = regtest_chain();
    let branch =
        |count, tag| -> Vec<Bytes> { mine_run(chain.best().hash, 1, count, tag).iter().map(header_bytes).collect() };
    Contradiction::Bitcoin(Box::new(bitcoin::Contradiction {
        chain: chain.params().chain(),
        anchor: chain.anchor().clone(),
        replaced: branch(2, 1),
        replacing: branch(3, 2),
    }))
}

/// Whatever is read is written again, checked and explained.
fn read_as_itself(bytes: &[u8]) -> Result<(), TestCaseError> {
    let read = Contradiction::from_bytes(bytes);
    let is_file = matches!(ProofFile::read(bytes), Ok(ProofFile::Contradiction(_)));
    prop_assert_eq!(is_file, read.is_ok());
    match read {
        Ok(two) => {
            prop_assert_eq!(two.to_bytes(), bytes);
            let (verdict, said) = (two.verify(), two.said());
            let explained = ContradictionFile::new(two).explain();
            prop_assert_eq!((&explained.verdict, &explained.trusted), (&verdict, &said));
        }
        Err(error) => prop_assert_eq!(error.kind, ErrorKind::Malformed),
    }
    Ok(())
}

#[test]
fn honest_contradictions_are_shown() {
    for two in &*CONTRADICTIONS {
        two.verify().unwrap();
        assert_eq!(Contradiction::from_bytes(&two.to_bytes()).as_ref(), Ok(two));
    }
}

proptest! {
    #[test]
    fn a_mutated_contradiction_is_read_as_itself_or_not_at_all(
        which: Index,
        place: Index,
        with in prop::collection::vec(any::<u8>(), 0..4),
        taken in 0_usize..4,
    ) {
        let mut bytes = which.get(&*CONTRADICTIONS).to_bytes();
        let start = place.index(bytes.len());
        let end = bytes.len().min(start + taken);
        bytes.splice(start..end, with);
        read_as_itself(&bytes)?;
    }

    #[test]
    fn a_flipped_bit_of_a_contradiction_is_refused_or_means_something_else(which: Index, place: Index, bit in 0_u8..8) {
        let honest = which.get(&*CONTRADICTIONS);
        let mut bytes = honest.to_bytes();
        let place = place.index(bytes.len());
        bytes[place] ^= 1 << bit;
        read_as_itself(&bytes)?;
        prop_assert_ne!(Contradiction::from_bytes(&bytes), Ok(honest.clone()));
    }

    #[test]
    fn arbitrary_bytes_are_a_contradiction_as_they_stand_or_none(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        read_as_itself(&bytes)?;
        // Behind what begins a contradiction of either chain, too.
        for field in [0x32, 0x3a] {
            let length = u8::try_from(bytes.len()).unwrap();
            let prefix = if length < 0x80 { vec![8, 1, field, length] } else { vec![8, 1, field, length, 1] };
            read_as_itself(&[prefix, bytes.clone()].concat())?;
        }
    }
}
