//! Finality updates that were proven, kept for a while: what contradicts one of them is shown by both.

use std::collections::{BTreeSet, VecDeque};

use alloy_primitives::{B256, Bytes};
use spandrel_verifiers::Contradiction;
use spandrel_verifiers::ethereum::containers::SyncCommittee;
use spandrel_verifiers::ethereum::{self, ChainConfig, SigningCommittee};
use spandrel_verifiers::follow::BlockRef;

/// How many are kept: of four hours, if each brings news.
const KEPT: usize = 40;

/// One update that two thirds of a committee signed.
#[derive(Clone, Debug)]
pub(super) struct Proof {
    /// The execution block that it holds final.
    pub(super) block: BlockRef,
    /// The slot of the beacon block that it holds final, and that block's root.
    pub(super) beacon: (u64, B256),
    /// The period of its signature.
    pub(super) period: u64,
    /// [`finality_bytes`](ethereum::finality_bytes) of it.
    pub(super) update: Bytes,
}

/// Those that were proven last, with the committees that signed them.
#[derive(Clone, Debug, Default)]
pub(super) struct Proofs {
    kept: VecDeque<Proof>,
    committees: Vec<SigningCommittee>,
    /// Pairs of beacon blocks that were told: once each.
    told: BTreeSet<[B256; 2]>,
}

impl Proofs {
    /// Keeps `proof`, signed by `committee`, unless its block is kept already.
    pub(super) fn keep(&mut self, proof: Proof, committee: &SyncCommittee) {
        if self.kept.iter().any(|kept| kept.beacon == proof.beacon) {
            return;
        }
        if self.committees.iter().all(|known| known.period != proof.period) {
            self.committees.push(SigningCommittee::new(proof.period, committee));
        }
        self.kept.push_back(proof);
        while self.kept.len() > KEPT {
            self.kept.pop_front();
        }
        let kept = &self.kept;
        self.committees.retain(|known| kept.iter().any(|proof| proof.period == known.period));
    }

    /// What is kept that `proof` contradicts by itself: another final block of its slot or height.
    pub(super) fn rival_of(&self, proof: &Proof) -> Option<&Proof> {
        self.kept.iter().find(|kept| {
            (kept.beacon.0 == proof.beacon.0 && kept.beacon.1 != proof.beacon.1)
                || (kept.block.height == proof.block.height && kept.block.hash != proof.block.hash)
        })
    }

    /// What shows that `proof`, signed by `committee`, has a rival; once for each pair of blocks.
    pub(super) fn contradicted_by(
        &mut self,
        network: &ChainConfig,
        proof: &Proof,
        committee: &SyncCommittee,
    ) -> Option<Contradiction> {
        let kept = self.rival_of(proof)?.clone();
        if !self.told.insert([kept.beacon.1, proof.beacon.1]) {
            return None;
        }
        let committees = self.committees_of(&kept, proof, committee);
        shown(network, committees, &kept, proof, Vec::new())
    }

    /// A block that was proven final at the height of one of `chain`, and is another.
    pub(super) fn stray_from(&self, chain: &[BlockRef]) -> Option<BlockRef> {
        let is_other =
            |block: &BlockRef| chain.iter().any(|linked| linked.height == block.height && linked.hash != block.hash);
        self.kept.iter().map(|kept| kept.block).find(is_other)
    }

    /// What shows that the final block `newest` does not descend from the final block `replaced`: `headers` lead from it down
    /// to that height; once for each pair of blocks. Nothing where they do not show it, or an update is not kept.
    pub(super) fn not_descending(
        &mut self,
        network: &ChainConfig,
        replaced: B256,
        newest: B256,
        headers: Vec<Bytes>,
    ) -> Option<Contradiction> {
        let of = |hash: B256| self.kept.iter().find(|kept| kept.block.hash == hash);
        let (replaced, newest) = (of(replaced)?, of(newest)?);
        let blocks = [replaced.beacon.1, newest.beacon.1];
        if self.told.contains(&blocks) {
            return None;
        }
        let periods = [replaced.period, newest.period];
        let committees = self.committees.iter().filter(|known| periods.contains(&known.period)).cloned().collect();
        let two = shown(network, committees, replaced, newest, headers)?;
        // The headers are a node's word: false ones show nothing, and true ones may follow.
        self.told.insert(blocks);
        Some(two)
    }

    fn committees_of(&self, kept: &Proof, proof: &Proof, committee: &SyncCommittee) -> Vec<SigningCommittee> {
        let known = self.committees.iter().filter(|known| known.period == kept.period).cloned();
        let own = (kept.period != proof.period).then(|| SigningCommittee::new(proof.period, committee));
        known.chain(own).collect()
    }
}

/// Both, if they show it to anyone.
fn shown(
    network: &ChainConfig,
    committees: Vec<SigningCommittee>,
    first: &Proof,
    second: &Proof,
    headers: Vec<Bytes>,
) -> Option<Contradiction> {
    let (network, first, second) = (network.clone(), first.update.clone(), second.update.clone());
    let two = ethereum::Contradiction { network, committees, first, second, headers };
    let two = Contradiction::Ethereum(Box::new(two));
    match two.verify() {
        Ok(_) => Some(two),
        Err(error) => {
            tracing::warn!(%error, "two finality updates do not show that they contradict each other");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proof((slot, root): (u64, u8), (height, hash): (u64, u8)) -> Proof {
        let block = BlockRef { height, hash: B256::repeat_byte(hash), time: 0 };
        Proof { block, beacon: (slot, B256::repeat_byte(root)), period: 0, update: Bytes::new() }
    }

    /// A slot may be told under another height, and a height under another slot.
    #[test]
    fn another_final_block_of_a_slot_or_of_a_height_is_a_rival() {
        let proofs = Proofs { kept: [proof((10, 1), (5, 1))].into(), ..Proofs::default() };
        let is_rival = |beacon, block| proofs.rival_of(&proof(beacon, block)).is_some();
        assert!(is_rival((10, 2), (6, 2)) && is_rival((11, 2), (5, 2)));
        assert!(!is_rival((10, 1), (5, 1)) && !is_rival((11, 2), (6, 2)));
    }
}
