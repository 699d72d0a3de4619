//! The relayer's node of a source chain: it lags, fails, and may show a chain that does not exist. The watcher on it
//! follows the rules of the real ones: linked blocks, reorgs down to what was final, a halt below that.

use alloy::primitives::B256;
use spandrel_verifiers::follow::{
    BlockRef, ChainEvent, Cursor, EvidenceSource, FollowError, ReadBatch, SeenDeposit, Watcher,
};
use spandrel_verifiers::{ChainId, Evidence};

use super::source::DEPTH;
use super::universe::{Shared, Universe};

const MAX_BLOCKS: usize = 3;
const KEPT: usize = 6 * DEPTH as usize;

/// A watcher and an evidence source on the relayer's node of one source chain.
#[derive(Clone, Debug)]
pub struct SimNode {
    chain: ChainId,
    place: usize,
    universe: Shared,
}

impl SimNode {
    /// On the node of source chain number `place`.
    pub fn new(place: usize, universe: Shared) -> Self {
        let chain = universe.lock().sources[place].id.clone();
        Self { chain, place, universe }
    }

    fn fault(&self) -> FollowError {
        FollowError::Transient { endpoint: format!("node of {}", self.chain), reason: "injected".to_owned() }
    }
}

impl Watcher for SimNode {
    fn chain(&self) -> &ChainId {
        &self.chain
    }

    async fn genesis(&self) -> Result<Cursor, FollowError> {
        let mut universe = self.universe.lock();
        if universe.fault(10) {
            return Err(self.fault());
        }
        let genesis = universe.nodes[self.place].first().copied().unwrap_or_default();
        universe.sources[self.place].block(genesis).map(|block| Cursor::at(block.at)).ok_or_else(|| self.fault())
    }

    async fn cursor_at(&self, height: u64) -> Result<Cursor, FollowError> {
        let mut universe = self.universe.lock();
        if universe.fault(10) {
            return Err(self.fault());
        }
        let block = usize::try_from(height).ok().and_then(|height| universe.nodes[self.place].get(height)).copied();
        let block = block.and_then(|hash| universe.sources[self.place].block(hash));
        block.map(|block| Cursor::at(block.at)).ok_or_else(|| self.fault())
    }

    async fn read(&self, cursor: &Cursor) -> Result<ReadBatch, FollowError> {
        let mut universe = self.universe.lock();
        if universe.fault(10) {
            return Err(self.fault());
        }
        Ok(read(&universe, self.place, cursor))
    }

    async fn wait(&self) {}
}

impl EvidenceSource for SimNode {
    async fn evidence(&self, seen: &SeenDeposit, at: &BlockRef) -> Result<Evidence, FollowError> {
        let mut universe = self.universe.lock();
        if universe.fault(15) {
            return Err(self.fault());
        }
        let view = &universe.nodes[self.place];
        let stands = |block: &BlockRef| view.get(block.height as usize) == Some(&block.hash);
        let last_final = view.len().checked_sub(DEPTH as usize).and_then(|height| view.get(height)).copied();
        let under = if stands(at) { Some(at.hash) } else { last_final };
        let unavailable = || FollowError::ProofUnavailable(format!("{} is not known to be final", seen.block.hash));
        let under = under.filter(|_| stands(&seen.block) && seen.block.height + DEPTH <= view.len() as u64);
        let under = under.ok_or_else(unavailable)?;
        let chain = &universe.sources[self.place];
        chain.evidence(seen, under).ok_or_else(unavailable)
    }
}

fn read(universe: &Universe, place: usize, cursor: &Cursor) -> ReadBatch {
    let (chain, view) = (&universe.sources[place], universe.nodes[place].as_slice());
    let halted =
        |reason| ReadBatch { events: vec![ChainEvent::Halted { reason, evidence: None }], next: cursor.clone() };
    let nothing = || ReadBatch { events: Vec::new(), next: cursor.clone() };
    let stands = |block: &BlockRef| view.get(block.height as usize) == Some(&block.hash);
    let Some(index) = cursor.recent.iter().rposition(stands) else {
        return halted("none of the cursor's blocks is on the best chain".to_owned());
    };
    let (kept, dropped) = cursor.recent.split_at(index + 1);
    let mut next = Cursor { recent: kept.to_vec(), finalized: cursor.finalized };
    let ancestor = kept[index];
    let mut events = Vec::new();
    if !dropped.is_empty() {
        if view.len() as u64 == ancestor.height + 1 {
            return nothing();
        }
        if let Some(last) = cursor.finalized.filter(|last| ancestor.height < last.height) {
            return halted(format!("final block {} was replaced", last.height));
        }
        events.push(ChainEvent::Reorged { common_ancestor: ancestor, dropped: dropped.to_vec() });
        if !chain.is_bitcoin() {
            return ReadBatch { events, next };
        }
    }
    for hash in view.iter().skip(ancestor.height as usize + 1).take(MAX_BLOCKS) {
        let Some(block) = chain.block(*hash) else { continue };
        next.recent.push(block.at);
        if !universe.is_skipping() {
            events.extend(chain.sightings(*hash).into_iter().map(ChainEvent::Deposit));
        }
    }
    events.extend(next.tip().copied().filter(|tip| Some(tip) != cursor.tip()).map(ChainEvent::Head));
    let final_height = (view.len() as u64).saturating_sub(DEPTH);
    let newly_final = next.recent.iter().rfind(|block| block.height <= final_height).copied();
    if let Some(block) = newly_final.filter(|block| cursor.finalized.is_none_or(|last| last.height < block.height)) {
        next.finalized = Some(block);
        events.push(ChainEvent::Final(block));
    }
    next.recent.drain(..next.recent.len().saturating_sub(KEPT));
    ReadBatch { events, next }
}

/// A chain on top of `view` down to `fork`, with `orders` in its first block and `length` blocks.
pub fn forge_branch(
    universe: &mut Universe,
    place: usize,
    fork: usize,
    orders: Vec<super::source::Order>,
    length: usize,
) {
    let mut view: Vec<B256> = universe.sources[place].best()[..=fork].to_vec();
    let time = universe.now;
    let mut orders = Some(orders);
    for _ in 0..length {
        let parent = view[view.len() - 1];
        let hash = universe.sources[place].forge(parent, orders.take().unwrap_or_default(), time);
        view.push(hash);
    }
    universe.nodes[place] = view;
}
