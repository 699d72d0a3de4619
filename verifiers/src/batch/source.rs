//! One chain's verifier behind a common face.

use crate::{Deposit, Evidence, UnixSeconds, Verified, Verifier, VerifyError};

/// Verifies evidence of one source.
pub(super) trait Source: Sync {
    /// A result per evidence, in order.
    fn verify_all(&self, evidence: Vec<Evidence>, now: UnixSeconds) -> Vec<Result<Verified<Deposit>, VerifyError>>;
}

/// A verifier and what it trusts.
pub(super) struct Under<'a, V: Verifier> {
    pub(super) verifier: &'a V,
    pub(super) trusted: &'a V::Trusted,
}

impl<V> Source for Under<'_, V>
where
    V: Verifier,
    V::Evidence: TryFrom<Evidence, Error = VerifyError>,
{
    /// Evidence of another chain is refused and keeps its place; the rest is verified together.
    fn verify_all(&self, evidence: Vec<Evidence>, now: UnixSeconds) -> Vec<Result<Verified<Deposit>, VerifyError>> {
        let (mut own, mut kinds) = (Vec::with_capacity(evidence.len()), Vec::with_capacity(evidence.len()));
        for item in evidence {
            kinds.push(V::Evidence::try_from(item).map(|item| own.push(item)));
        }
        let mut verified = self.verifier.verify_batch(self.trusted, &own, now);
        // Results that cannot be matched with their items prove nothing.
        if verified.len() != own.len() {
            verified = own.iter().map(|item| self.verifier.verify(self.trusted, item, now)).collect();
        }
        let mut verified = verified.into_iter();
        let none = || Err(VerifyError::malformed("evidence", "a verdict", "none"));
        kinds.into_iter().map(|kind| kind.and_then(|()| verified.next().unwrap_or_else(none))).collect()
    }
}
