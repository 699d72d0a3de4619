//! A pause as the contracts know it: which of their scopes it is on one chain.

use alloy::sol_types::{SolCall, SolValue};
use alloy_primitives::{Address, B256, U256, keccak256};
use spandrel_contracts::{PauseController, lane};
use spandrel_risk::{Direction, Lane, Scope};
use spandrel_verifiers::ChainId;

use super::build::{Action, Call, Prerequisite, Unless};
use super::refusal::Refusal;

/// `PauseScope.INBOUND`: payouts on a chain.
const INBOUND: u8 = 1;
/// `PauseScope.OUTBOUND`: deposits on a chain.
const OUTBOUND: u8 = 2;

/// All scopes but the last are prerequisites, so that the effect is done when its own transaction is.
pub(super) fn pause(
    scope: &Scope,
    ttl: u64,
    here: &ChainId,
    pauses: Address,
) -> Result<(Vec<Prerequisite>, Action), Refusal> {
    let mut scopes = scopes(scope, here);
    let last = scopes.pop().ok_or_else(|| Refusal::for_ever(format!("{scope} is no scope of {here}")))?;
    let first = scopes.into_iter().map(|scope| Prerequisite {
        call: Call { to: pauses, input: PauseController::pauseCall { scope, ttl }.abi_encode().into() },
        unless: Unless::Never,
    });
    Ok((first.collect(), Action::Pause { scope: last, ttl }))
}

/// The contracts' scopes of `scope` on the chain `here`, as `StatedScope` reads them: exactly where they have one, else the
/// smallest that contain it (they pause whole lanes, no lane of one chain only). None for a route that neither begins nor
/// ends here.
fn scopes(scope: &Scope, here: &ChainId) -> Vec<B256> {
    let of = |kind: &str, chain: &ChainId| keccak256((kind, chain.hash()).abi_encode_params());
    let numbered = |kind: &str, number: u8| keccak256((kind, U256::from(number)).abi_encode_params());
    let (lane_of, direction_of) = (|number| numbered("lane", number), |number| numbered("direction", number));
    match scope {
        Scope::Global => vec![keccak256("global")],
        Scope::Chain { chain } => vec![of("chain", chain)],
        Scope::Asset { asset } => vec![keccak256(("asset", asset.hash()).abi_encode_params())],
        Scope::Route { source, destination } if destination == here => vec![of("payouts from", source)],
        Scope::Route { source, destination } if source == here => vec![of("deposits to", destination)],
        Scope::Route { .. } => Vec::new(),
        Scope::Direction { chain, direction } => vec![match direction {
            Direction::Deposits if chain == here => direction_of(OUTBOUND),
            Direction::Deposits => of("payouts from", chain),
            Direction::Payouts if chain == here => direction_of(INBOUND),
            Direction::Payouts => of("deposits to", chain),
        }],
        Scope::Lane { lane: Lane::Fast, .. } => vec![lane_of(lane::FAST)],
        Scope::Lane { lane: Lane::LightClient, source } => match source.as_ref().map(ChainId::as_str) {
            Some(id) if id.starts_with("bip122:") => vec![lane_of(lane::BITCOIN)],
            Some(id) if id.starts_with("eip155:") => vec![lane_of(lane::ETHEREUM)],
            _ => vec![lane_of(lane::ETHEREUM), lane_of(lane::BITCOIN)],
        },
    }
}
