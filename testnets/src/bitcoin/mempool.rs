//! Transactions that wait for a block, in the order in which they came.

use std::collections::{BTreeMap, HashMap, HashSet};

use bitcoin::{Amount, OutPoint, Transaction, Txid};

/// A waiting transaction.
#[derive(Clone, Debug)]
pub struct Waiting {
    /// The transaction.
    pub tx: Transaction,
    /// Its fee.
    pub fee: Amount,
}

/// The mempool. Its sequence number grows with every arrival and removal, as Core's does.
pub struct Mempool {
    by_arrival: BTreeMap<u64, Waiting>,
    arrivals: HashMap<Txid, u64>,
    spenders: HashMap<OutPoint, Txid>,
    sequence: u64,
}

impl Default for Mempool {
    fn default() -> Self {
        Self { by_arrival: BTreeMap::new(), arrivals: HashMap::new(), spenders: HashMap::new(), sequence: 1 }
    }
}

impl Mempool {
    /// A waiting transaction.
    pub fn get(&self, txid: &Txid) -> Option<&Waiting> {
        self.arrivals.get(txid).and_then(|arrival| self.by_arrival.get(arrival))
    }

    /// All of them, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Waiting> {
        self.by_arrival.values()
    }

    /// Whether a waiting transaction spends this output.
    pub fn is_spent(&self, outpoint: &OutPoint) -> bool {
        self.spenders.contains_key(outpoint)
    }

    /// The waiting transactions that spend what `tx` spends, with all their descendants.
    pub fn conflicts(&self, tx: &Transaction) -> Vec<Txid> {
        let direct = tx.input.iter().filter_map(|input| self.spenders.get(&input.previous_output));
        let own = tx.compute_txid();
        self.with_descendants(direct.copied().filter(|txid| *txid != own))
    }

    /// These transactions and all that spend from them.
    pub fn with_descendants(&self, roots: impl Iterator<Item = Txid>) -> Vec<Txid> {
        let mut found: Vec<Txid> = Vec::new();
        let mut pending: Vec<Txid> = roots.collect();
        while let Some(txid) = pending.pop() {
            if found.contains(&txid) {
                continue;
            }
            if let Some(waiting) = self.get(&txid) {
                found.push(txid);
                let outputs = (0..waiting.tx.output.len() as u32).map(|vout| OutPoint::new(txid, vout));
                pending.extend(outputs.filter_map(|outpoint| self.spenders.get(&outpoint)).copied());
            }
        }
        found
    }

    /// Adds a transaction and returns the mempool sequence of its arrival.
    pub fn add(&mut self, waiting: Waiting) -> u64 {
        let txid = waiting.tx.compute_txid();
        let sequence = self.next_sequence();
        self.spenders.extend(waiting.tx.input.iter().map(|input| (input.previous_output, txid)));
        self.arrivals.insert(txid, sequence);
        self.by_arrival.insert(sequence, waiting);
        sequence
    }

    /// Removes a transaction and returns the mempool sequence of its removal.
    pub fn remove(&mut self, txid: &Txid) -> Option<u64> {
        let arrival = self.arrivals.remove(txid)?;
        let waiting = self.by_arrival.remove(&arrival)?;
        for input in &waiting.tx.input {
            self.spenders.remove(&input.previous_output);
        }
        Some(self.next_sequence())
    }

    /// Transactions for a block, parents before children, up to `weight` weight units.
    pub fn select(&self, weight: u64) -> Vec<Waiting> {
        let mut chosen: Vec<Waiting> = Vec::new();
        let mut placed: HashSet<Txid> = HashSet::new();
        let mut left = weight;
        loop {
            let before = chosen.len();
            for (txid, waiting) in self.arrivals_in_order() {
                let ready = waiting.tx.input.iter().all(|input| {
                    let parent = input.previous_output.txid;
                    !self.arrivals.contains_key(&parent) || placed.contains(&parent)
                });
                let size = waiting.tx.weight().to_wu();
                if ready && size <= left && placed.insert(txid) {
                    left -= size;
                    chosen.push(waiting.clone());
                }
            }
            if chosen.len() == before {
                return chosen;
            }
        }
    }

    fn arrivals_in_order(&self) -> impl Iterator<Item = (Txid, &Waiting)> {
        self.by_arrival.values().map(|waiting| (waiting.tx.compute_txid(), waiting))
    }

    fn next_sequence(&mut self) -> u64 {
        let sequence = self.sequence;
        self.sequence += 1;
        sequence
    }
}
