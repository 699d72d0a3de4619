//! What a policy that was agreed on changed of the one before it, part by part.

use spandrel_risk::control::ControlState;
use spandrel_risk::{Agreement, Loosening, looser};

/// One part of a policy: its name, what it was and what it is.
pub type Part = (String, String, String);

/// The parts in which `after` differs from `before`: those that allow more first, then those that allow less. The first row
/// names both files; of the first of all there is nothing to compare.
pub fn between(before: &ControlState, after: &ControlState) -> Vec<Part> {
    let name =
        |state: &ControlState| state.filed().map_or_else(|| "none".to_owned(), |filed| filed.digest().to_string());
    let mut parts = vec![("policy".to_owned(), name(before), name(after))];
    if let (Some(before), Some(after)) = (before.agreed(), after.agreed()) {
        parts.extend(differences(&before, &after));
    }
    parts
}

fn differences(before: &Agreement, after: &Agreement) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    let wider = looser(after, before).into_iter().map(|Loosening { field, agreed, found, .. }| (field, agreed, found));
    let narrower =
        looser(before, after).into_iter().map(|Loosening { field, agreed, found, .. }| (field, found, agreed));
    // What is no matter of more or less is told by both.
    for part in wider.chain(narrower) {
        if !parts.contains(&part) {
            parts.push(part);
        }
    }
    parts
}
