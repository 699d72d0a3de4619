//! What two guardians agreed on and is not carried out yet, and why: shown as it is, and logged when it is for another cause.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

use alloy_primitives::B256;
use spandrel_risk::control::Wait;

use crate::Book;

/// By proposal; of those alone whose time has come.
pub(crate) type Waits = BTreeMap<B256, Wait>;

impl<L, C> Book<L, C> {
    /// Keeps what was found at the last look, in place of the look before.
    pub(crate) fn keep_waits(&self, waits: Waits) {
        let waits = Arc::new(waits);
        let mut shown = self.shown.write().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::replace(&mut shown.waits, waits.clone());
        drop(shown);
        for (proposal, wait) in waits.iter() {
            if before.get(proposal).map(cause) != Some(cause(wait)) {
                tracing::warn!(%proposal, %wait, "agreed on, and not carried out yet");
            }
        }
    }
}

/// Without the numbers that follow it: an age grows with every look.
fn cause(wait: &Wait) -> String {
    match wait {
        Wait::Health(wrong) => wrong.split_once(": ").map_or(wrong.as_str(), |(cause, _)| cause).to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_that_grows_is_no_other_cause_and_another_chain_is() {
        let late = |chain: &str, age: u64| Wait::Health(format!("{chain} is late: its last block is {age} s old"));
        assert_eq!(cause(&late("eip155:1", 901)), cause(&late("eip155:1", 902)));
        assert_ne!(cause(&late("eip155:1", 901)), cause(&late("eip155:10", 901)));
        assert_ne!(cause(&late("eip155:1", 901)), cause(&Wait::Start));
    }
}
