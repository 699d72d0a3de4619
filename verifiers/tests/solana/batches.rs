//! Many deposits at once: each verdict is that of the single check, and a bad one harms no other.

use spandrel_verifiers::Verifier;
use spandrel_verifiers::solana::{BlockPath, DepositEvidence};

use super::maker::NOW;
use super::scene::Scene;

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
