//! What exists outside the relayer, behind one lock: chains, nodes, chance, and how bad the day is.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use alloy::primitives::B256;
use spandrel_core::EffectId;

use super::destination::SimChain;
use super::dice::Dice;
use super::keys::{self, Pens};
use super::source::SourceChain;

/// A rule taken out from outside, to show that the checks notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Breakage {
    /// The destination pays a deposit as often as it is asked.
    NoNullifier,
    /// The destination and the relayer's policy bound no exposure.
    NoExposureCap,
    /// All verifiers and signers believe whatever they are shown.
    Gullible,
    /// The watcher moves the cursor past deposits that it does not report.
    SkippingWatcher,
    /// The submitter asks nobody before it sends.
    Unheeding,
    /// The ledger loses the pause that comes with a halt.
    HaltWithoutPause,
    /// A process that is started again begins without the halts.
    ForgottenHalt,
    /// An operator lifts halts in the ledger itself.
    UnsignedAcknowledgement,
    /// One guardian resumes what a halt paused.
    LoneResumption,
}

/// Everything outside.
#[derive(Debug)]
pub struct Universe {
    /// Chance.
    pub dice: Dice,
    /// The source chains as they are.
    pub sources: [SourceChain; 2],
    /// The best chain by the word of the relayer's node, per source chain: hashes by height.
    pub nodes: [Vec<B256>; 2],
    /// The destination.
    pub destination: SimChain,
    /// Signatures made so far.
    pub pens: Pens,
    /// Whether things go wrong by chance.
    pub is_stormy: bool,
    /// The simulated time, as of the last step.
    pub now: u64,
    /// What was taken out.
    pub breakage: Option<Breakage>,
    /// Effects of transactions that the relayer gave to a node, since somebody looked.
    pub broadcast: Vec<Vec<EffectId>>,
}

impl Universe {
    /// The world of `seed` before anything happened. In every other the destination itself bounds no day.
    pub fn new(seed: u64, breakage: Option<Breakage>) -> Self {
        let sources = keys::sources().map(SourceChain::new);
        let nodes = [sources[0].best().to_vec(), sources[1].best().to_vec()];
        Self {
            dice: Dice::new(seed),
            sources,
            nodes,
            destination: SimChain::new(breakage, seed.is_multiple_of(2)),
            pens: Pens::default(),
            is_stormy: true,
            now: super::clock::START,
            breakage,
            broadcast: Vec::new(),
        }
    }

    /// Whether something fails now that fails in `percent` of 100 cases on a bad day.
    pub fn fault(&mut self, percent: u64) -> bool {
        self.is_stormy && self.dice.percent(percent)
    }

    /// Whether the submitter was told to ask nobody.
    pub fn is_unheeding(&self) -> bool {
        self.breakage == Some(Breakage::Unheeding)
    }

    /// Whether the watchers were told to skip deposits.
    pub fn is_skipping(&self) -> bool {
        self.breakage == Some(Breakage::SkippingWatcher)
    }
}

/// The universe, shared by all who live in it. Never locked across an await.
#[derive(Clone, Debug)]
pub struct Shared(Arc<Mutex<Universe>>);

impl Shared {
    /// Shares `universe`.
    pub fn new(universe: Universe) -> Self {
        Self(Arc::new(Mutex::new(universe)))
    }

    /// Looks at it, or changes it.
    pub fn lock(&self) -> MutexGuard<'_, Universe> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
