//! Mixed evidence of many deposits on many chains, verified in one call.
//!
//! Items are grouped by source and by the block under which they prove: all items of one root go to one
//! [`Verifier::verify_batch`], however many they are, so that the consensus evidence of a root is checked once. Roots
//! of fewer items share a group of at most [`MAX_GROUP`]. Groups are spread over the cores, and each chain spreads its
//! group over them too. Results come in the caller's order, and each equals what [`Verifier::verify`] says of that item
//! alone.
//!
//! What items of different roots have in common is shared where they stand in one group: Cosmos headers with which the
//! ways to several heights begin may be checked once for each group.
//!
//! **What a bad item may cost.** An item takes part in one group and in no other, so evidence of one source never adds
//! work to another source, nor to more than the items of its root or, when these are fewer, the [`MAX_GROUP`] items it was
//! grouped with; a group is handed to its verifier once. Within a group, the chain's `verify_batch` states its own bound,
//! which does not grow with the number of items: where signatures share an equation, it is about a bounded number of
//! them. The default one checks each item once, whatever the others are.

mod source;

use std::collections::BTreeMap;

use rayon::prelude::*;

use self::source::{Source, Under};
use crate::wire::MAX_EVIDENCE;
use crate::{ChainId, Deposit, Evidence, UnixSeconds, Verified, Verifier, VerifyError};

/// Most items of one call.
pub const MAX_ITEMS: usize = 4096;
/// Most bytes of one call's evidence, counted as its wire form.
pub const MAX_BYTES: usize = 256 << 20;
/// Most items of different roots that are verified together.
pub const MAX_GROUP: usize = 256;

/// One deposit's evidence, and the chain on which it is said to have been made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Whose verifier and trusted state it is checked with.
    pub source: ChainId,
    /// The evidence.
    pub evidence: Evidence,
}

/// The verifiers of all source chains, each with its trusted state.
#[derive(Default)]
pub struct Sources<'a> {
    sources: BTreeMap<ChainId, Box<dyn Source + 'a>>,
}

/// Places in the caller's order, with the evidence that stands there.
type Group<'s, 'a> = (&'s (dyn Source + 'a), Vec<(usize, Evidence)>);

impl<'a> Sources<'a> {
    /// No sources: every item is refused.
    pub fn new() -> Self {
        Self::default()
    }

    /// With `verifier` and what it trusts for evidence of `chain`; replaces an earlier one.
    #[must_use]
    pub fn with<V>(mut self, chain: ChainId, verifier: &'a V, trusted: &'a V::Trusted) -> Self
    where
        V: Verifier,
        V::Evidence: TryFrom<Evidence, Error = VerifyError>,
    {
        self.sources.insert(chain, Box::new(Under { verifier, trusted }));
        self
    }

    /// Verifies `items`; a result per item, in their order.
    ///
    /// # Errors
    /// Only when there are more than [`MAX_ITEMS`] items or [`MAX_BYTES`] bytes: then nothing was verified. A refused
    /// item is a result among the others.
    pub fn verify(
        &self,
        items: Vec<Item>,
        now: UnixSeconds,
    ) -> Result<Vec<Result<Verified<Deposit>, VerifyError>>, VerifyError> {
        let lengths = bounded(&items)?;
        let mut results =
            vec![Err(VerifyError::malformed("evidence", "evidence that was verified", "none")); items.len()];
        let mut of_source: BTreeMap<ChainId, Vec<(usize, Evidence)>> = BTreeMap::new();
        for ((place, item), length) in items.into_iter().enumerate().zip(lengths) {
            match self.refusal(&item.source, length) {
                Some(error) => put(&mut results, place, Err(error)),
                None => of_source.entry(item.source).or_default().push((place, item.evidence)),
            }
        }
        let verified: Vec<_> =
            self.groups(of_source).into_par_iter().flat_map_iter(|group| verify_group(group, now)).collect();
        for (place, result) in verified {
            put(&mut results, place, result);
        }
        Ok(results)
    }

    /// Why an item is not looked at.
    fn refusal(&self, source: &ChainId, length: usize) -> Option<VerifyError> {
        if length > MAX_EVIDENCE {
            return Some(VerifyError::malformed("evidence", format!("at most {MAX_EVIDENCE} bytes"), length));
        }
        let is_known = self.sources.contains_key(source);
        (!is_known).then(|| VerifyError::invalid("source", "a chain with a verifier", source))
    }

    /// Groups of one source each, ordered by root; none larger than [`MAX_GROUP`] but those of one root.
    fn groups(&self, of_source: BTreeMap<ChainId, Vec<(usize, Evidence)>>) -> Vec<Group<'_, 'a>> {
        let mut groups = Vec::new();
        for (chain, items) in of_source {
            let Some(source) = self.sources.get(&chain) else { continue };
            let mut items: Vec<_> = items.into_iter().map(|item| (item.1.root(), item)).collect();
            items.sort_by_key(|(root, _)| *root);
            let sizes = group_sizes(items.chunk_by(|(one, _), (next, _)| one == next).map(<[_]>::len));
            let mut items = items.into_iter().map(|(_, item)| item);
            groups.extend(sizes.into_iter().map(|size| (source.as_ref(), items.by_ref().take(size).collect())));
        }
        groups
    }
}

/// How many items to take for each group, out of runs of one root each: whole runs. One of more than [`MAX_GROUP`] is a
/// group by itself.
fn group_sizes(runs: impl Iterator<Item = usize>) -> Vec<usize> {
    let (mut sizes, mut open) = (Vec::new(), 0_usize);
    for run in runs {
        if open.saturating_add(run) > MAX_GROUP {
            sizes.push(open);
            open = 0;
        }
        open = open.saturating_add(run);
    }
    sizes.push(open);
    sizes.retain(|size| *size > 0);
    sizes
}

fn verify_group(
    (source, items): Group<'_, '_>,
    now: UnixSeconds,
) -> Vec<(usize, Result<Verified<Deposit>, VerifyError>)> {
    let (places, evidence): (Vec<_>, Vec<_>) = items.into_iter().unzip();
    places.into_iter().zip(source.verify_all(evidence, now)).collect()
}

/// The items' lengths, if they are within the limits of one call.
fn bounded(items: &[Item]) -> Result<Vec<usize>, VerifyError> {
    if items.len() > MAX_ITEMS {
        return Err(VerifyError::malformed("items", format!("at most {MAX_ITEMS}"), items.len()));
    }
    let lengths: Vec<_> = items.par_iter().map(|item| item.evidence.to_bytes().len()).collect();
    let total = lengths.iter().fold(0_usize, |sum, length| sum.saturating_add(*length));
    if total > MAX_BYTES {
        return Err(VerifyError::malformed("items", format!("at most {MAX_BYTES} bytes"), total));
    }
    Ok(lengths)
}

fn put<T>(results: &mut [T], place: usize, result: T) {
    if let Some(slot) = results.get_mut(place) {
        *slot = result;
    }
}

#[cfg(test)]
mod tests;
