//! What the bridge's roles sign: verdicts, batches, and how signatures are laid out for the contracts.

use alloy_primitives::{B256, Bytes, Signature};
use spandrel_verifiers::{SignedVerdict, Verdict, VerdictDomain};

use crate::{DigestSigner, SignerError};

/// Signs a verdict and its checkpoint with one verifier's key. Make the verdict with [`Verdict::on`]: it takes a fact
/// that was verified.
pub async fn sign_verdict(
    key: &impl DigestSigner,
    verdict: Verdict,
    domain: &VerdictDomain,
) -> Result<SignedVerdict, SignerError> {
    let signature = key.sign(verdict.digest(domain)).await?;
    let checkpoint = verdict.checkpoint.digest(domain.chain_number, domain.registry, verdict.epoch);
    let checkpoint_signature = key.sign(checkpoint).await?;
    Ok(SignedVerdict { verdict, signature, checkpoint_signature })
}

/// Signs a checkpoint by itself, given its EIP-712 digest (`Checkpoint::digest`).
pub async fn sign_checkpoint(key: &impl DigestSigner, checkpoint_digest: B256) -> Result<Signature, SignerError> {
    key.sign(checkpoint_digest).await
}

/// Signs a fast-lane batch, given its EIP-712 digest (`BatchTerms::digest` of `spandrel-core`).
pub async fn sign_batch(key: &impl DigestSigner, batch_digest: B256) -> Result<Signature, SignerError> {
    key.sign(batch_digest).await
}

/// The contracts' layout of a quorum: `r ‖ s ‖ v` with v 27 or 28, 65 bytes each, in the order given. Give them as a
/// `Collector` does: sorted by signer, distinct, exactly as many as the threshold.
pub fn signatures_blob(signatures: &[Signature]) -> Bytes {
    signatures.iter().flat_map(Signature::as_bytes).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use alloy_primitives::{Address, U256, keccak256};
    use spandrel_verifiers::attestation::{Collector, SignerSet};
    use spandrel_verifiers::{ChainId, Checkpoint, DepositId, VerdictQuorum};

    use super::*;
    use crate::LocalKey;

    fn keys(count: usize) -> Vec<LocalKey> {
        (0..count).map(|_| LocalKey::generate().unwrap()).collect()
    }

    fn set_of(keys: &[LocalKey], threshold: usize) -> SignerSet {
        SignerSet::new(1, threshold, keys.iter().map(LocalKey::address).collect::<BTreeSet<_>>()).unwrap()
    }

    fn verdict() -> Verdict {
        let checkpoint = Checkpoint {
            chain: ChainId::eip155(1),
            height: 7,
            root: B256::repeat_byte(1),
            time: 1_700_000_000,
            up_to: Checkpoint::ANY_AMOUNT,
        };
        Verdict { deposit_id: DepositId(B256::repeat_byte(9)), checkpoint, epoch: 1 }
    }

    fn domain() -> VerdictDomain {
        VerdictDomain { chain_number: 31337, inbox: Address::repeat_byte(2), registry: Address::repeat_byte(3) }
    }

    /// The other of the two signatures that the curve accepts for the same digest and key.
    fn with_high_s(signature: Signature) -> Signature {
        let order =
            U256::from_str_radix("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141", 16).unwrap();
        Signature::new(signature.r(), order - signature.s(), !signature.v())
    }

    #[tokio::test]
    async fn two_of_three_verifiers_make_a_quorum_and_one_twice_does_not() {
        let keys = keys(3);
        let mut quorum = VerdictQuorum::new(verdict().deposit_id, domain(), set_of(&keys, 2));
        let first = sign_verdict(&keys[0], verdict(), &domain()).await.unwrap();
        assert!(quorum.add(&first).unwrap().is_none());
        assert!(quorum.add(&first).unwrap().is_none());
        let second = sign_verdict(&keys[1], verdict(), &domain()).await.unwrap();
        let signed = quorum.add(&second).unwrap().unwrap();
        assert_eq!(signed.signatures.len(), 2);
        assert_eq!(signatures_blob(&signed.signatures).len(), 130);
    }

    #[tokio::test]
    async fn a_verdict_for_another_destination_is_refused() {
        let keys = keys(3);
        let mut quorum = VerdictQuorum::new(verdict().deposit_id, domain(), set_of(&keys, 2));
        let elsewhere = VerdictDomain { chain_number: 1, ..domain() };
        let signed = sign_verdict(&keys[0], verdict(), &elsewhere).await.unwrap();
        assert!(quorum.add(&signed).is_err());
    }

    #[tokio::test]
    async fn duplicate_foreign_and_high_s_signatures_do_not_count() {
        let keys = keys(3);
        let digest = keccak256("batch");
        let mut collector = Collector::new(digest, set_of(&keys, 2));
        let first = sign_batch(&keys[0], digest).await.unwrap();
        collector.add(first).unwrap();
        collector.add(first).unwrap();
        assert_eq!(collector.count(), 1);
        assert_eq!(collector.add(with_high_s(first)).unwrap_err().field, "signature.s");
        let stranger = LocalKey::generate().unwrap();
        assert!(collector.add(sign_batch(&stranger, digest).await.unwrap()).is_err());
        assert!(collector.quorum().is_none());
        collector.add(sign_batch(&keys[2], digest).await.unwrap()).unwrap();
        assert!(collector.quorum().is_some());
    }

    #[tokio::test]
    async fn the_blob_is_r_s_v_sorted_by_signer() {
        let keys = keys(3);
        let digest = keccak256("batch");
        let mut collector = Collector::new(digest, set_of(&keys, 3));
        for key in &keys {
            collector.add(sign_batch(key, digest).await.unwrap()).unwrap();
        }
        let sorted = collector.quorum().unwrap();
        assert!(sorted.windows(2).all(|pair| pair[0].0 < pair[1].0));
        let signatures: Vec<Signature> = sorted.iter().map(|(_, signature)| *signature).collect();
        let blob = signatures_blob(&signatures);
        for (bytes, (signer, signature)) in blob.chunks(65).zip(&sorted) {
            assert_eq!(&bytes[..32], signature.r().to_be_bytes::<32>());
            assert_eq!(&bytes[32..64], signature.s().to_be_bytes::<32>());
            assert!(matches!(bytes[64], 27 | 28));
            let parsed = Signature::from_raw(bytes).unwrap();
            assert_eq!(parsed.recover_address_from_prehash(&digest).unwrap(), *signer);
        }
    }
}
