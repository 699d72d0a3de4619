//! What chains and their nodes do, good or bad.

use alloy::primitives::keccak256;
use spandrel_core::Status;
use spandrel_core::ledger::{Ledger, TransferFilter};
use spandrel_risk::WINDOW_SECONDS;

use super::{RETENTION, World, short};
use crate::simulation::check::Finding;
use crate::simulation::destination::SentTx;
use crate::simulation::keys;
use crate::simulation::node::forge_branch;
use crate::simulation::relayer::now;
use crate::simulation::source::DEPTH;

impl World {
    pub(super) fn mine_source(&mut self, place: usize) {
        let universe = &mut *self.universe.lock();
        let mut orders = Vec::new();
        let is_stormy = universe.is_stormy;
        let dice = &mut universe.dice;
        self.plan.orders[place].retain(|order| {
            let is_mined = !is_stormy || dice.percent(40);
            orders.extend(is_mined.then(|| order.clone()));
            !is_mined
        });
        if self.is_traced {
            let ids: Vec<String> = orders.iter().map(|order| short(order.id)).collect();
            println!("[{:>3}] {} mines {ids:?}", self.step, universe.sources[place].id);
        }
        universe.sources[place].mine(orders, universe.now);
    }

    pub(super) fn reorg_source(&mut self, place: usize) {
        self.count("source reorg");
        let universe = &mut *self.universe.lock();
        let depth = 1 + universe.dice.place(DEPTH as usize - 1);
        let dropped = universe.sources[place].drop_blocks(depth);
        let mut again = Vec::new();
        for order in dropped {
            let (is_gone, is_retaken) = (universe.dice.percent(40), universe.dice.percent(50));
            if is_gone && is_retaken {
                let other = self.plan.variant(&order);
                self.checker.real.insert(other.id, other.clone());
                self.plan.orders[place].push(other);
            } else if !is_gone && is_retaken {
                again.push(order);
            } else if !is_gone {
                self.plan.orders[place].push(order);
            }
        }
        if self.is_traced {
            println!("[{:>3}] {} replaces {depth} blocks", self.step, universe.sources[place].id);
        }
        for _ in 0..=depth {
            let count = universe.dice.place(again.len() + 1);
            let rest = again.split_off(count);
            universe.sources[place].mine(again, universe.now);
            again = rest;
        }
        self.plan.orders[place].extend(again);
    }

    /// Blocks that were final are replaced, once in a while: what stood in them is lost, whoever was paid for it.
    pub(super) fn break_finality(&mut self, place: usize) {
        self.count("finality broken");
        let universe = &mut *self.universe.lock();
        let chain = &mut universe.sources[place];
        let depth = (DEPTH as usize + universe.dice.place(3)).min(chain.best().len() - 1);
        let kept = (chain.best().len() - depth) as u64;
        let is_lost = |id, block: u64| block >= kept && chain.is_final(id);
        let lost: Vec<_> =
            chain.standing().iter().filter(|(id, block)| is_lost(*id, block.height)).map(|(id, _)| *id).collect();
        self.checker.lost.extend(lost);
        let dropped = chain.drop_blocks(depth);
        self.plan.orders[place].extend(dropped.into_iter().filter(|_| universe.dice.percent(50)));
        if self.is_traced {
            println!("[{:>3}] {} replaces {depth} blocks, final ones too", self.step, chain.id);
        }
        for _ in 0..=depth {
            chain.mine(Vec::new(), universe.now);
        }
    }

    /// The node shows a signed branch from below what is final: the chain's keepers sign two final blocks of one height.
    pub(super) fn equivocate(&mut self, place: usize) {
        self.count("equivocation");
        let universe = &mut *self.universe.lock();
        let below = 1 + universe.dice.place(2);
        let fork = (universe.sources[place].final_height() as usize).saturating_sub(below);
        let length = universe.sources[place].best().len() - fork + universe.dice.place(3);
        let fakes = self.plan.fakes[place].clone();
        if self.is_traced {
            println!("[{:>3}] {} equivocates from {fork} on", self.step, universe.sources[place].id);
        }
        forge_branch(universe, place, fork, fakes, length);
    }

    pub(super) fn sync_node(&mut self, place: usize) {
        let universe = &mut *self.universe.lock();
        let best = universe.sources[place].best();
        let lag = if universe.is_stormy { universe.dice.place(3) } else { 0 };
        universe.nodes[place] = best[..best.len() - lag].to_vec();
    }

    /// The node shows blocks that nobody mined; now and then so many that they look final.
    pub(super) fn lie(&mut self, place: usize) {
        self.count("lie");
        let universe = &mut *self.universe.lock();
        let lowest = universe.sources[place].final_height() as usize;
        let tip = universe.sources[place].best().len() - 1;
        let fork = lowest + universe.dice.place(tip - lowest + 1);
        let length = if universe.dice.percent(20) { DEPTH as usize + 1 } else { 1 + universe.dice.place(3) };
        let fakes = self.plan.fakes[place].clone();
        if self.is_traced {
            println!("[{:>3}] the node of {} lies from {fork} for {length}", self.step, universe.sources[place].id);
        }
        forge_branch(universe, place, fork, fakes, length);
    }

    pub(super) fn mine_destination(&mut self) {
        let universe = &mut *self.universe.lock();
        let is_stormy = universe.is_stormy;
        universe.destination.mine(universe.now, &universe.sources, &mut universe.dice, is_stormy);
    }

    pub(super) fn reorg_destination(&mut self) {
        self.count("destination reorg");
        let universe = &mut *self.universe.lock();
        let count = 1 + universe.dice.place(2);
        universe.destination.reorg(count, universe.now, &universe.sources, &mut universe.dice);
    }

    /// Just when something is cleared and not paid, nothing is heard of anybody for a day or two; then as much as a day may
    /// move is deposited beside it. Once in a storm.
    pub(super) fn outage(&mut self) -> Finding {
        let filter = TransferFilter { source: None, open_only: true };
        let open = now(self.relayer.ledger.transfers(&filter)).map_err(|error| error.to_string())?;
        let is_unpaid = |status: &Status| matches!(status, Status::Cleared { .. } | Status::Submitted { .. });
        let unpaid = open.iter().filter(|transfer| is_unpaid(&transfer.status));
        let Some(most) = unpaid.max_by_key(|transfer| transfer.deposit.amount) else { return Ok(()) };
        if self.tally.contains_key("outage") {
            return Ok(());
        }
        self.count("outage");
        self.note(|| "outage".to_owned());
        let place = usize::from(most.deposit.source_chain == keys::sources()[1]);
        self.pass(self.chance(|dice| WINDOW_SECONDS + dice.below(WINDOW_SECONDS)));
        for _ in 0..2 {
            let order = self.plan.large(place, &mut self.universe.lock().dice);
            self.checker.real.insert(order.id, order.clone());
            self.plan.orders[place].push(order);
        }
        Ok(())
    }

    pub(super) fn forget_transaction(&mut self) {
        let universe = &mut *self.universe.lock();
        universe.destination.forget(&mut universe.dice);
    }

    /// Governance rotates the verifier set, and the relayer is started again with it.
    pub(super) fn rotate_verifiers(&mut self) -> Finding {
        self.count("rotation");
        self.note(|| "rotation".to_owned());
        let epoch = {
            let universe = &mut *self.universe.lock();
            universe.destination.rotate_verifiers(universe.now + RETENTION);
            universe.destination.verifier_epoch()
        };
        self.policy.verifiers = keys::Set::Verifiers.members(epoch);
        self.restart()
    }

    /// Anyone may send what the relayer sent, or some of it.
    pub(super) fn stranger_claims(&mut self) {
        let universe = &mut *self.universe.lock();
        let inputs = universe.destination.inputs();
        if inputs.is_empty() {
            return;
        }
        let mut input = universe.dice.pick(&inputs);
        let calls = universe.destination.decode(input).to_vec();
        if !calls.is_empty() && universe.dice.percent(50) {
            let call = universe.dice.pick(&calls);
            input = keccak256([input.as_slice(), call.step().as_bytes(), &self.step.to_be_bytes()].concat());
            universe.destination.encode(input, vec![call]);
        }
        let hash = keccak256([input.as_slice(), &self.step.to_be_bytes()].concat());
        universe.destination.send(SentTx { hash, nonce: None, input });
    }
}
