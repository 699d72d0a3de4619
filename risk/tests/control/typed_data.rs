//! The digests are those of EIP-712, as an independent implementation computes them.

use alloy::sol;
use alloy::sol_types::{Eip712Domain, SolStruct};
use alloy_primitives::{Address, B256, U256};
use spandrel_risk::control::{Act, SignerRole, Statement, Typed, deployment};
use spandrel_risk::{AssetLimit, Direction, Limit, Scope, WideLimit};
use spandrel_verifiers::ChainId;

use crate::world::{asset_window, corridor, limits, set, transfer};

sol! {
    struct Pause { string scope; uint64 seconds; string reason; address guardian; uint64 nonce; uint64 expiry; }
    struct Resume { string scope; string reason; address guardian; uint64 nonce; uint64 expiry; }
    struct RaiseLimits {
        string source; string destination; string asset; string lane; string limits;
        string reason; address guardian; uint64 nonce; uint64 expiry;
    }
    struct LowerWideLimit {
        string limit; string value; string reason; address guardian; uint64 nonce; uint64 expiry;
    }
    struct RaiseWideLimit {
        string limit; string value; string reason; address guardian; uint64 nonce; uint64 expiry;
    }
    struct ExtendHold { bytes32 transfer; uint64 until; string reason; address guardian; uint64 nonce; uint64 expiry; }
    struct ChangeSigners {
        string role; uint64 epoch; uint64 threshold; address[] members; string reason; address guardian; uint64 nonce; uint64 expiry;
    }
    struct AcknowledgeHalt { string chain; string halt; string reason; address guardian; uint64 nonce; uint64 expiry; }
    struct Reobserve {
        string chain; uint64 from; uint64 to; string reason; address guardian; uint64 nonce; uint64 expiry;
    }
    struct AcceptLoss { bytes32 transfer; string reason; address guardian; uint64 nonce; uint64 expiry; }
    struct ChangePolicy {
        bytes32 policy; string changes; string reason; address guardian; uint64 nonce; uint64 expiry;
    }
    struct Approve { bytes32 proposal; string what; string reason; address guardian; uint64 nonce; uint64 expiry; }
}

const DEPLOYMENT: B256 = B256::repeat_byte(0xdd);
const GUARDIAN: Address = Address::repeat_byte(0xaa);

fn domain() -> Eip712Domain {
    let (name, version) = (Some("Spandrel Control".into()), Some("1".into()));
    Eip712Domain { name, version, chain_id: None, verifying_contract: None, salt: Some(DEPLOYMENT) }
}

fn digest(act: Act) -> B256 {
    Statement { act, reason: reason(), guardian: GUARDIAN, nonce: 3, expiry: 77 }.digest(DEPLOYMENT)
}

fn reason() -> String {
    "wh\u{fc}".to_owned()
}

#[test]
fn digests_are_those_of_eip_712() {
    let theirs =
        Pause { scope: "global".into(), seconds: 60, reason: reason(), guardian: GUARDIAN, nonce: 3, expiry: 77 };
    let ours = digest(Act::Pause { scope: Scope::Global, seconds: 60 });
    assert_eq!(ours, theirs.eip712_signing_hash(&domain()));

    let scope = Scope::Route { source: ChainId::eip155(1), destination: ChainId::eip155(9) };
    let theirs = Resume {
        scope: "route eip155:1 -> eip155:9".into(),
        reason: reason(),
        guardian: GUARDIAN,
        nonce: 3,
        expiry: 77,
    };
    assert_eq!(digest(Act::Resume { scope }), theirs.eip712_signing_hash(&domain()));

    let scope = Scope::Direction { chain: ChainId::eip155(9), direction: Direction::Payouts };
    let theirs = Pause {
        scope: "payouts on eip155:9".into(),
        seconds: 60,
        reason: reason(),
        guardian: GUARDIAN,
        nonce: 3,
        expiry: 77,
    };
    assert_eq!(digest(Act::Pause { scope, seconds: 60 }), theirs.eip712_signing_hash(&domain()));

    let theirs = RaiseLimits {
        source: "eip155:1".into(),
        destination: "eip155:9".into(),
        asset: "eip155:1/slip44:60".into(),
        lane: "fast".into(),
        limits: serde_json::to_string(&limits(7)).unwrap(),
        reason: reason(),
        guardian: GUARDIAN,
        nonce: 3,
        expiry: 77,
    };
    let ours = digest(Act::RaiseLimits { corridor: corridor(), limits: limits(7) });
    assert_eq!(ours, theirs.eip712_signing_hash(&domain()));

    let share = WideLimit::Asset { asset: corridor().asset, limit: AssetLimit::ExposureShare };
    let theirs = LowerWideLimit {
        limit: "wide.asset eip155:1/slip44:60.exposure.share".into(),
        value: "50".into(),
        reason: reason(),
        guardian: GUARDIAN,
        nonce: 3,
        expiry: 77,
    };
    let ours = digest(Act::LowerWideLimit { limit: share, value: Limit::Amount(U256::from(50)) });
    assert_eq!(ours, theirs.eip712_signing_hash(&domain()));

    let theirs = RaiseWideLimit {
        limit: "wide.asset eip155:1/slip44:60.window".into(),
        value: "unlimited".into(),
        reason: reason(),
        guardian: GUARDIAN,
        nonce: 3,
        expiry: 77,
    };
    let ours = digest(Act::RaiseWideLimit { limit: asset_window(), value: Limit::Unlimited });
    assert_eq!(ours, theirs.eip712_signing_hash(&domain()));

    let theirs =
        ExtendHold { transfer: transfer().0, until: 99, reason: reason(), guardian: GUARDIAN, nonce: 3, expiry: 77 };
    let ours = digest(Act::ExtendHold { transfer: transfer(), until: 99 });
    assert_eq!(ours, theirs.eip712_signing_hash(&domain()));

    let members: Vec<Address> = set(2).members.into_iter().collect();
    let theirs = ChangeSigners {
        role: "verifiers".into(),
        epoch: 2,
        threshold: 2,
        members,
        reason: reason(),
        guardian: GUARDIAN,
        nonce: 3,
        expiry: 77,
    };
    let ours = digest(Act::ChangeSigners { role: SignerRole::Verifiers, set: set(2) });
    assert_eq!(ours, theirs.eip712_signing_hash(&domain()));

    let theirs = AcknowledgeHalt {
        chain: "eip155:1".into(),
        halt: "finality moved back".into(),
        reason: reason(),
        guardian: GUARDIAN,
        nonce: 3,
        expiry: 77,
    };
    let ours = digest(Act::AcknowledgeHalt { chain: ChainId::eip155(1), halt: "finality moved back".into() });
    assert_eq!(ours, theirs.eip712_signing_hash(&domain()));

    let theirs = Reobserve {
        chain: "eip155:1".into(),
        from: 5,
        to: 8,
        reason: reason(),
        guardian: GUARDIAN,
        nonce: 3,
        expiry: 77,
    };
    let ours = digest(Act::Reobserve { chain: ChainId::eip155(1), from: 5, to: 8 });
    assert_eq!(ours, theirs.eip712_signing_hash(&domain()));

    let theirs = AcceptLoss { transfer: transfer().0, reason: reason(), guardian: GUARDIAN, nonce: 3, expiry: 77 };
    assert_eq!(digest(Act::AcceptLoss { transfer: transfer() }), theirs.eip712_signing_hash(&domain()));

    let policy = crate::files::file();
    let theirs = ChangePolicy {
        policy: policy.digest(),
        changes: "a.b: agreed 1, found 2".into(),
        reason: reason(),
        guardian: GUARDIAN,
        nonce: 3,
        expiry: 77,
    };
    let ours = digest(Act::ChangePolicy { policy: Box::new(policy), changes: "a.b: agreed 1, found 2".to_owned() });
    assert_eq!(ours, theirs.eip712_signing_hash(&domain()));

    let proposal = B256::repeat_byte(9);
    let theirs =
        Approve { proposal, what: "resume global".into(), reason: reason(), guardian: GUARDIAN, nonce: 3, expiry: 77 };
    let ours = digest(Act::Approve { proposal, what: "resume global".to_owned() });
    assert_eq!(ours, theirs.eip712_signing_hash(&domain()));
}

#[test]
fn the_type_names_every_field() {
    let act = Act::ExtendHold { transfer: transfer(), until: 1 };
    let typed = Typed::of(&Statement { act, reason: reason(), guardian: GUARDIAN, nonce: 0, expiry: 1 });
    let expected =
        "ExtendHold(bytes32 transfer,uint64 until,string reason,address guardian,uint64 nonce,uint64 expiry)";
    assert_eq!(typed.type_text(), expected);
}

#[test]
fn every_destination_bridge_is_part_of_the_deployments_name() {
    let [one, two] = [ChainId::eip155(1), ChainId::eip155(2)];
    let (here, there) = (B256::repeat_byte(1), B256::repeat_byte(2));
    let name = deployment([(&one, here), (&two, there)]);
    assert_eq!(name, deployment([(&two, there), (&one, here)]), "in any order");
    for other in [vec![(&one, here)], vec![(&one, there), (&two, here)], vec![(&one, here), (&two, here)], vec![]] {
        assert_ne!(name, deployment(other));
    }
}
