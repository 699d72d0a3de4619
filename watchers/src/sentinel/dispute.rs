//! The rule that the nodes of a source agree.

use spandrel_verifiers::{ChainId, UnixSeconds};

use super::{Concern, Finding, Rule};
use crate::pool::Standing;

/// Judges how the nodes of `source` stand: one that has shown other blocks than the rest for two minutes pauses the chain,
/// since what was read before may be what is wrong. `began` is when that was first found; a new dispute is other evidence.
pub fn judge_dispute(source: &ChainId, nodes: &[Standing], began: UnixSeconds) -> Option<Finding> {
    let node = nodes.iter().find(|node| node.is_alarming())?;
    Some(Finding {
        rule: Rule::NodesDisagree,
        subject: format!("{source} {began}"),
        concern: Concern::Chain(source.clone()),
        is_pausing: true,
        what: format!("{} has shown other blocks of {source} than the other nodes for over two minutes", node.name),
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::pool::{Counts, TOLERATED_DISSENT};

    fn dissenting(dissents_for: Option<Duration>) -> Standing {
        Standing { name: "2 node".to_owned(), is_open: false, dissents_for, counts: Counts::default() }
    }

    #[test]
    fn nodes_that_disagree_for_two_minutes_pause_their_chain() {
        let source = ChainId::eip155(1);
        let late = TOLERATED_DISSENT + Duration::from_secs(1);
        let judged = |nodes: &[Standing]| judge_dispute(&source, nodes, 5);
        assert_eq!(judged(&[dissenting(None), dissenting(Some(TOLERATED_DISSENT))]), None);
        let finding = judged(&[dissenting(None), dissenting(Some(late))]).unwrap();
        assert_eq!((finding.concern, finding.is_pausing), (Concern::Chain(source.clone()), true));
    }
}
