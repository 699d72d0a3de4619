//! Lattice hashes beside Agave's `solana-lattice-hash`.

use proptest::prelude::*;
use solana_lattice_hash::lt_hash::LtHash;
use spandrel_verifiers::solana::Lattice;

fn peer(message: &[u8]) -> LtHash {
    LtHash::with(blake3::Hasher::new().update(message))
}

fn bytes(hash: &LtHash) -> Vec<u8> {
    hash.0.iter().flat_map(|sum| sum.to_le_bytes()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn sums_are_the_peers(steps in prop::collection::vec((any::<bool>(), prop::collection::vec(any::<u8>(), 0..300)), 0..12)) {
        let (mut ours, mut theirs) = (Lattice::ZERO, LtHash::identity());
        for (adds, message) in steps {
            let (more, other) = (Lattice::of(&message), peer(&message));
            if adds {
                ours.add(&more);
                theirs.mix_in(&other);
            } else {
                ours.subtract(&more);
                theirs.mix_out(&other);
            }
            prop_assert_eq!(&ours.to_bytes()[..], bytes(&theirs));
            prop_assert_eq!(&Lattice::from_bytes(&ours.to_bytes()), &ours);
        }
    }
}
