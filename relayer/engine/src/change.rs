//! What a book is asked to change.

use spandrel_core::ledger::{CursorMove, EffectEnd, NewEffect};
use spandrel_core::{EffectId, Input};
use spandrel_verifiers::{ChainId, DepositId};

/// To whom an input goes.
#[derive(Clone, Debug)]
pub enum Step {
    /// One transfer.
    One(DepositId, Input),
    /// Every open transfer from a chain.
    AllFrom(ChainId, Input),
    /// Every open transfer.
    All(Input),
}

/// Inputs, and what moves with them.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// In order.
    pub steps: Vec<Step>,
    /// The cursor's move.
    pub cursor: Option<CursorMove>,
    /// What became of leased effects.
    pub ended: Vec<(EffectId, EffectEnd)>,
    /// Effects of no transfer.
    pub effects: Vec<NewEffect>,
    /// A halt to be lifted: by whom, and why it is safe.
    pub acknowledged: Option<(ChainId, String)>,
}

impl Change {
    /// One input for one transfer.
    pub fn one(id: DepositId, input: Input) -> Self {
        Self { steps: vec![Step::One(id, input)], ..Self::default() }
    }

    /// Ends an effect in the same transaction.
    #[must_use]
    pub fn ending(mut self, effect: EffectId, end: EffectEnd) -> Self {
        self.ended.push((effect, end));
        self
    }
}
