//! Many deposits at once: each verdict is that of the single check, and a bad one harms no other.

use std::sync::LazyLock;

use proptest::prelude::*;
use proptest::sample::Index;
use spandrel_verifiers::Verifier;
use spandrel_verifiers::solana::{BlockPath, DepositEvidence};

use super::maker::NOW;
use super::scene::Scene;
use super::scene::crowd::Crowd;

/// What is done to one item's evidence.
#[derive(Clone, Copy, Debug)]
enum Change {
    None,
    /// A bit of a shred of the batch, of the one before it, or of the tail.
    Bit(Index, Index),
    /// A shred of the batch becomes one that another item brings, for the same block or not.
    Foreign(Index, Index, Index),
    /// A shred is left out, or stands twice.
    Dropped(Index),
    Twice(Index),
    /// The path to the id becomes that of another item.
    Path(Index),
    /// A later set or a root of the list is changed.
    Later(Index, Index),
    /// A bit of the shred that names the parent.
    Parent(Index),
    Place(u32, u32),
    Slot(u64),
    Id(Index),
    Word(Index),
}

fn changes() -> impl Strategy<Value = Change> {
    use Change::*;
    let index = any::<Index>;
    prop_oneof![
        6 => Just(None),
        6 => (index(), index()).prop_map(|(which, bit)| Bit(which, bit)),
        2 => (index(), index(), index()).prop_map(|(place, item, from)| Foreign(place, item, from)),
        1 => index().prop_map(Dropped),
        1 => index().prop_map(Twice),
        1 => index().prop_map(Path),
        2 => (index(), index()).prop_map(|(which, bit)| Later(which, bit)),
        1 => index().prop_map(Parent),
        1 => (0_u32..3, 0_u32..3).prop_map(|(entry, transaction)| Place(entry, transaction)),
        1 => (0_u64..2).prop_map(Slot),
        1 => index().prop_map(Id),
        1 => index().prop_map(Word),
    ]
}

fn flip(bytes: &[u8], bit: Index) -> Vec<u8> {
    let (mut bytes, bit) = (bytes.to_vec(), bit.index(bytes.len() * 8));
    bytes[bit / 8] ^= 1 << (bit % 8);
    bytes
}

fn change(item: &mut DepositEvidence, change: Change, all: &[DepositEvidence]) {
    let shreds = &mut item.inclusion.shreds;
    match change {
        Change::None => {}
        Change::Bit(which, bit) => {
            let mut own: Vec<_> = shreds.before.iter_mut().chain(&mut shreds.batch).collect();
            let shred = which.get_mut(&mut own);
            **shred = flip(shred, bit).into();
        }
        Change::Foreign(place, item, from) => {
            let foreign = from.get(&item.get(all).inclusion.shreds.batch).clone();
            *place.get_mut(&mut shreds.batch) = foreign;
        }
        Change::Dropped(place) => drop(shreds.batch.remove(place.index(shreds.batch.len()))),
        Change::Twice(place) => shreds.batch.push(place.get(&shreds.batch).clone()),
        Change::Path(item) => shreds.block = item.get(all).inclusion.shreds.block.clone(),
        Change::Later(which, bit) => match &mut shreds.block {
            BlockPath::Chained { tail } if tail.is_empty() => {}
            BlockPath::Chained { tail } => {
                let shred = which.get_mut(tail);
                *shred = flip(shred, bit).into();
            }
            BlockPath::DoubleMerkle { fec_set_roots, .. } => {
                let root = which.get_mut(fec_set_roots);
                root.0[bit.index(32)] ^= 1;
            }
        },
        Change::Parent(bit) => {
            if let Some(shred) = item.inclusion.parent.first_mut() {
                *shred = flip(shred, bit).into();
            }
        }
        Change::Place(entry, transaction) => (item.inclusion.entry, item.inclusion.transaction) = (entry, transaction),
        Change::Slot(back) => item.inclusion.slot -= back,
        Change::Id(bit) => item.inclusion.block_id.0[bit.index(32)] ^= 1,
        Change::Word(other) => item.execution = other.get(all).execution.clone(),
    }
}

static CROWDS: LazyLock<[Crowd; 2]> = LazyLock::new(|| [Crowd::of_tower(), Crowd::of_alpenglow()]);

proptest! {
    /// Deposits of one block in whatever mixture of good and forged: what they share is hashed once, and no verdict is
    /// another than alone, neither its deposit nor its refusal.
    #[test]
    fn deposits_of_one_block_are_judged_as_each_alone_whatever_is_forged_beside_them(
        is_double: bool, items in prop::collection::vec((any::<Index>(), changes()), 1..40),
    ) {
        let Crowd { verifier, trusted, evidence, .. } = &CROWDS[usize::from(is_double)];
        let mixed = items.iter().map(|(which, what)| {
            let mut item = which.get(evidence).clone();
            change(&mut item, *what, evidence);
            item
        });
        let mixed: Vec<DepositEvidence> = mixed.collect();
        let verdicts = verifier.verify_batch(trusted, &mixed, NOW);
        prop_assert_eq!(verdicts.len(), mixed.len());
        for ((item, verdict), (_, what)) in mixed.iter().zip(&verdicts).zip(&items) {
            prop_assert_eq!(verdict, &verifier.verify(trusted, item, NOW), "{:?}", what);
            prop_assert!(verdict.is_ok() || !matches!(what, Change::None));
        }
    }
}

#[test]
fn a_batch_says_of_each_what_the_single_check_says() {
    let scene = Scene::shared();
    let good = &scene.evidence;
    let mut batch: Vec<DepositEvidence> = vec![good.clone(); 8];
    batch[1].inclusion.slot += 1;
    batch[2].inclusion.shreds.batch.truncate(1);
    batch[3].execution.signatures.clear();
    batch[5].inclusion.block_id.0[0] ^= 1;
    batch[6].inclusion.shreds.block = BlockPath::Chained { tail: Vec::new() };
    let many = scene.verifier.verify_batch(&scene.trusted, &batch, NOW);
    for (evidence, verdict) in batch.iter().zip(&many) {
        assert_eq!(*verdict, scene.verify(evidence));
    }
    let fields: Vec<Option<&str>> =
        many.iter().map(|result| result.as_ref().err().map(|error| error.field.as_str())).collect();
    assert_eq!(
        fields,
        [
            None,
            Some("inclusion.slot"),
            Some("inclusion.shreds.batch[0].flags"),
            Some("execution.signatures"),
            None,
            Some("inclusion.block_id"),
            Some("inclusion.block_id"),
            None
        ]
    );
    assert!(scene.verifier.verify_batch(&scene.trusted, &[], NOW).is_empty());
}
