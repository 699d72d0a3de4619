//! The event stream's messages (Beacon API `eventstream`), as Lodestar words them.

use alloy_primitives::B256;
use serde_json::{Value, json};

use super::chain::{BeaconBlock, BeaconChain};

/// One server-sent event.
#[derive(Clone, Debug)]
pub(super) struct BeaconEvent {
    pub(super) topic: &'static str,
    pub(super) data: String,
}

fn event(topic: &'static str, data: &Value) -> BeaconEvent {
    BeaconEvent { topic, data: data.to_string() }
}

/// Events of a block just imported on top of `parent`.
pub(super) fn imported(chain: &BeaconChain, block: &BeaconBlock, parent: Option<&BeaconBlock>) -> Vec<BeaconEvent> {
    let preset = chain.config().preset;
    let epoch = preset.epoch_at(block.header.slot);
    let new_epoch = parent.is_none_or(|parent| preset.epoch_at(parent.header.slot) != epoch);
    let mut events = vec![event(
        "head",
        &json!({
            "slot": block.header.slot.to_string(),
            "block": block.root,
            "state": block.header.state_root,
            "epoch_transition": new_epoch,
            "previous_duty_dependent_root": B256::ZERO,
            "current_duty_dependent_root": B256::ZERO,
            "execution_optimistic": false,
        }),
    )];
    let newly_final = chain.by_root(block.finalized.root);
    let was_final = parent.map(|parent| parent.finalized.root);
    if let Some(last_final) = newly_final.filter(|last_final| Some(last_final.root) != was_final) {
        events.push(event(
            "finalized_checkpoint",
            &json!({
                "block": last_final.root,
                "state": last_final.header.state_root,
                "epoch": block.finalized.epoch.to_string(),
                "execution_optimistic": false,
            }),
        ));
    }
    events
}

/// The event of a light-client update, whose JSON is at hand.
pub(super) fn light_client(topic: &'static str, json: Vec<u8>) -> BeaconEvent {
    BeaconEvent { topic, data: String::from_utf8(json).unwrap_or_default() }
}

/// The event of a reorg: `dropped` is replaced by `new_head`.
pub(super) fn reorg(chain: &BeaconChain, dropped: &[BeaconBlock], new_head: &BeaconBlock) -> Option<BeaconEvent> {
    let old_head = dropped.last()?;
    Some(event(
        "chain_reorg",
        &json!({
            "slot": new_head.header.slot.to_string(),
            "depth": dropped.len().to_string(),
            "old_head_block": old_head.root,
            "new_head_block": new_head.root,
            "old_head_state": old_head.header.state_root,
            "new_head_state": new_head.header.state_root,
            "epoch": chain.config().preset.epoch_at(new_head.header.slot).to_string(),
            "execution_optimistic": false,
        }),
    ))
}
