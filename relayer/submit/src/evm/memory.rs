//! What was said already, so that following answers only what changed.
//!
//! In memory only. Losing it makes the engine say things again, never less: a transaction stays open in the journal
//! until the call *after* the one that answered its end, so that a crash between the answer and its being stored by
//! the caller cannot lose it.

use std::collections::HashMap;

use spandrel_core::EffectId;
use spandrel_core::journal::TxState;
use spandrel_core::submission::Progress;
use spandrel_verifiers::UnixSeconds;

/// What was said, and what can be closed once the caller comes back.
#[derive(Debug, Default)]
pub(super) struct Memory {
    said: HashMap<EffectId, Progress>,
    ended: Vec<Ended>,
    /// What was called back because nodes refused it: when, and with how many effects together.
    refused: HashMap<EffectId, (UnixSeconds, usize)>,
}

/// A transaction whose end was answered.
#[derive(Clone, Debug)]
pub(super) struct Ended {
    pub number: i64,
    pub state: TxState,
    pub effects: Vec<EffectId>,
}

impl Memory {
    /// Remembers `progress`; answers it when it is news.
    pub(super) fn news(&mut self, effect: EffectId, progress: Progress) -> Option<(EffectId, Progress)> {
        if self.said.get(&effect) == Some(&progress) {
            return None;
        }
        self.said.insert(effect, progress.clone());
        Some((effect, progress))
    }

    /// The last thing said of an effect.
    pub(super) fn last(&self, effect: EffectId) -> Option<&Progress> {
        self.said.get(&effect)
    }

    /// Notes that a transaction with these effects was called back at `now` because nodes refuse it.
    pub(super) fn refuse(&mut self, effects: &[EffectId], now: UnixSeconds) {
        self.refused.extend(effects.iter().map(|effect| (*effect, (now, effects.len()))));
    }

    /// When nodes refused the effect's last transaction, and with how many effects.
    pub(super) fn refused(&self, effect: EffectId) -> Option<(UnixSeconds, usize)> {
        self.refused.get(&effect).copied()
    }

    /// Notes that a transaction's end is being answered now.
    pub(super) fn end(&mut self, ended: Ended) {
        self.ended.push(ended);
    }

    /// The transactions whose end was answered in an earlier call.
    pub(super) fn ended(&self) -> &[Ended] {
        &self.ended
    }

    /// Forgets the first of [`Self::ended`], which the journal now holds final.
    pub(super) fn forget_first_ended(&mut self) {
        let Ended { state, effects, .. } = self.ended.remove(0);
        let is_done = matches!(state, TxState::Final { success: true, .. });
        for effect in effects {
            self.said.remove(&effect);
            if is_done {
                self.refused.remove(&effect);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::B256;

    use super::*;

    #[test]
    fn only_news_is_answered_and_an_end_frees_the_memory() {
        let mut memory = Memory::default();
        let effect = EffectId(B256::ZERO);
        assert!(memory.news(effect, Progress::Reorged).is_some());
        assert!(memory.news(effect, Progress::Reorged).is_none());
        let state = TxState::Final { hash: B256::ZERO, success: true };
        memory.end(Ended { number: 1, state, effects: vec![effect] });
        memory.refuse(&[effect], 5);
        assert_eq!(memory.refused(effect), Some((5, 1)));
        memory.forget_first_ended();
        assert_eq!(memory.refused(effect), None);
        assert!(memory.ended().is_empty() && memory.last(effect).is_none());
    }
}
