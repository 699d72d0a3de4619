//! Guardians' statements: Rust signs what Solidity recomputes, word for word, and the chain takes from a stranger what a
//! guardian signed for the control API.

use alloy::primitives::{Address, B256, Bytes, U256, keccak256};
use alloy::signers::SignerSync;
use spandrel_contracts::{PauseController, ProofReader, lane};
use spandrel_risk::control::{Act, SignedStatement, Statement, deployment};
use spandrel_risk::{Direction, Lane, Scope};
use spandrel_verifiers::{AssetId, ChainId};

use crate::anvil::{Chain, key};
use crate::bridge::{Side, error_name};
use crate::handover::handed_over;

/// Numbers that look random and are the same in every run.
struct Dice(B256);

impl Dice {
    fn word(&mut self) -> U256 {
        self.0 = keccak256(self.0);
        self.0.into()
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.word() % U256::from(bound)).to()
    }

    fn number(&mut self) -> u64 {
        self.word().as_limbs()[0] >> self.below(64)
    }

    fn text(&mut self) -> String {
        let letters = ['a', 'Z', '0', ' ', '"', '\\', 'ü', '橋', '🌉', '>'];
        (0..self.below(70)).map(|_| letters[self.below(letters.len())]).collect()
    }

    fn chain(&mut self) -> ChainId {
        match self.below(4) {
            0 => ChainId::parse("bip122:000000000019d6689c085ae165831e93").unwrap(),
            1 => ChainId::parse("cosmos:cosmoshub-4").unwrap(),
            _ => ChainId::eip155(1 + self.number()),
        }
    }

    /// Some chain, or `here`.
    fn chain_or(&mut self, here: &ChainId) -> ChainId {
        if self.below(3) == 0 { here.clone() } else { self.chain() }
    }

    fn scope(&mut self, here: &ChainId) -> Scope {
        let lanes = [Lane::Fast, Lane::LightClient];
        match self.below(7) {
            0 => Scope::Global,
            1 => Scope::Chain { chain: self.chain_or(here) },
            2 => Scope::Asset { asset: AssetId::parse(&format!("{}/slip44:60", self.chain())).unwrap() },
            3 => Scope::Route { source: self.chain_or(here), destination: self.chain_or(here) },
            4 => Scope::Lane { lane: lanes[self.below(2)], source: Some(self.chain()) },
            5 => Scope::Direction { chain: self.chain_or(here), direction: Direction::ALL[self.below(2)] },
            _ => Scope::Lane { lane: lanes[self.below(2)], source: None },
        }
    }
}

/// A statement as the contract takes it.
fn said(statement: &Statement, scope: &Scope) -> PauseController::Statement {
    PauseController::Statement {
        scope: scope.to_string(),
        reason: statement.reason.clone(),
        guardian: statement.guardian,
        nonce: statement.nonce,
        expiry: statement.expiry,
    }
}

/// The deployment of these bridges as the contract takes it.
fn bridges(of: &[(ChainId, B256)]) -> Vec<PauseController::DeployedBridge> {
    let bridge =
        |(chain, inbox): &(ChainId, B256)| PauseController::DeployedBridge { chain: chain.hash(), inbox: *inbox };
    let mut bridges: Vec<_> = of.iter().map(bridge).collect();
    bridges.sort_unstable_by_key(|bridge| bridge.chain);
    bridges
}

/// The scopes that the relayer pauses for `scope` on `here` by transactions of its own, as text says them to the contract.
fn expected_scopes(scope: &Scope, here: &ChainId) -> Option<Vec<B256>> {
    use alloy::sol_types::SolValue;
    let of = |kind: &str, chain: &ChainId| keccak256((kind, chain.hash()).abi_encode_params());
    let lane_of = |number: u8| keccak256(("lane", U256::from(number)).abi_encode_params());
    let direction_of = |number: u8| keccak256(("direction", U256::from(number)).abi_encode_params());
    Some(match scope {
        Scope::Global => vec![keccak256("global")],
        Scope::Chain { chain: id } => vec![of("chain", id)],
        Scope::Asset { asset } => vec![keccak256(("asset", asset.hash()).abi_encode_params())],
        Scope::Route { source, destination } if destination == here => vec![of("payouts from", source)],
        Scope::Route { source, destination } if source == here => vec![of("deposits to", destination)],
        Scope::Route { .. } => return None,
        Scope::Direction { chain, direction: Direction::Deposits } if chain == here => vec![direction_of(2)],
        Scope::Direction { chain, direction: Direction::Payouts } if chain == here => vec![direction_of(1)],
        Scope::Direction { chain, direction: Direction::Deposits } => vec![of("payouts from", chain)],
        Scope::Direction { chain, direction: Direction::Payouts } => vec![of("deposits to", chain)],
        Scope::Lane { lane: Lane::Fast, .. } => vec![lane_of(lane::FAST)],
        Scope::Lane { source: Some(id), .. } if id.as_str().starts_with("bip122:") => vec![lane_of(lane::BITCOIN)],
        Scope::Lane { source: Some(id), .. } if id.as_str().starts_with("eip155:") => vec![lane_of(lane::ETHEREUM)],
        Scope::Lane { .. } => vec![lane_of(lane::ETHEREUM), lane_of(lane::BITCOIN)],
    })
}

#[tokio::test]
async fn random_statements_have_one_digest_and_one_scope_in_rust_and_solidity() {
    let Some(chain) = Chain::start(31337).await else { return };
    let deployed = ProofReader::deploy(&chain.provider).await.unwrap();
    let reader = ProofReader::new(*deployed.address(), chain.provider.clone());
    let mut dice = Dice(keccak256("statements"));
    let (mut here, mut elsewhere) = (0, 0);
    for _ in 0..300 {
        let at = if dice.below(2) == 0 { chain.id() } else { dice.chain() };
        let scope = dice.scope(&at);
        let mut deployed = vec![(chain.id(), Address::from_word(dice.word().into()).into_word())];
        deployed
            .extend((0..dice.below(4)).map(|_| (ChainId::eip155(1_000_000 + dice.number() / 2), dice.word().into())));
        deployed.sort();
        deployed.dedup_by(|one, other| one.0 == other.0);
        let statement = |act: Act, dice: &mut Dice| Statement {
            act,
            reason: dice.text(),
            guardian: Address::from_word(dice.word().into()),
            nonce: dice.number(),
            expiry: dice.number(),
        };
        let ours = deployment(deployed.iter().map(|(chain, inbox)| (chain, *inbox)));
        let theirs: Vec<_> = bridges(&deployed)
            .into_iter()
            .map(|PauseController::DeployedBridge { chain, inbox }| ProofReader::DeployedBridge { chain, inbox })
            .collect();
        let asked = |statement: &Statement| {
            let PauseController::Statement { scope, reason, guardian, nonce, expiry } = said(statement, &scope);
            ProofReader::Statement { scope, reason, guardian, nonce, expiry }
        };
        let seconds = dice.number();
        let paused = statement(Act::Pause { scope: scope.clone(), seconds }, &mut dice);
        let found = reader.pauseDigest(asked(&paused), seconds, theirs.clone()).call().await.unwrap();
        assert_eq!(found, paused.digest(ours), "{paused:?}");
        let frozen = statement(Act::Freeze { scope: scope.clone() }, &mut dice);
        let found = reader.freezeDigest(asked(&frozen), theirs).call().await.unwrap();
        assert_eq!(found, frozen.digest(ours), "{frozen:?}");
        let read = reader.scopes(scope.to_string(), at.hash()).call().await.ok();
        assert_eq!(read, expected_scopes(&scope, &at), "{scope}");
        if read.is_some() { here += 1 } else { elsewhere += 1 }
    }
    println!("600 digests are equal; scopes: {here} read alike, {elsewhere} refused alike");
    assert!(here > 0 && elsewhere > 0);
}

/// What `name` signs for the deployment of `side` alone, and its digest.
async fn signed(side: &Side, name: &str, nonce: u64, act: Act) -> (SignedStatement, B256) {
    let guardian = key(name);
    let expiry = side.chain.now().await + 600;
    let statement = Statement { act, reason: "odd payouts".into(), guardian: guardian.address(), nonce, expiry };
    let of = deployment([(&side.chain.id(), side.at.inbox.into_word())]);
    let digest = statement.digest(of);
    let signature = guardian.sign_hash_sync(&digest).unwrap();
    (SignedStatement::new(statement, &signature), digest)
}

#[tokio::test]
async fn a_stranger_brings_what_a_guardian_signed_and_nobody_brings_it_twice() {
    let Some(side) = handed_over().await else { return };
    let stranger = side.acting_as("stranger");
    let pauses = PauseController::new(side.at.pauses, &stranger);
    let here = bridges(&[(side.chain.id(), side.at.inbox.into_word())]);
    let act = Act::Pause { scope: Scope::Global, seconds: 3600 };
    let bring = |signed: &SignedStatement, signature: Bytes| {
        pauses.pauseSigned(said(&signed.statement, &Scope::Global), 3600, here.clone(), signature)
    };
    let (paused, digest) = signed(&side, "guardian", 0, act.clone()).await;
    let receipt = bring(&paused, paused.signature.clone()).send().await.unwrap().get_receipt().await.unwrap();
    assert!(receipt.status());
    println!("pauseSigned: {} gas", receipt.gas_used);
    assert!(pauses.isPaused(pauses.globalScope().call().await.unwrap()).call().await.unwrap());
    assert!(pauses.isTaken(digest).call().await.unwrap());
    assert_eq!(error_name(bring(&paused, paused.signature.clone()).call().await), "StatementWasTaken");
    let (forged, _) = signed(&side, "stranger", 0, act.clone()).await;
    assert_eq!(error_name(bring(&forged, forged.signature.clone()).call().await), "NotAGuardian");

    let scope = pauses.globalScope().call().await.unwrap();
    for (name, until) in [("guardian", None), ("second guardian", Some(u64::MAX))] {
        let (frozen, _) = signed(&side, name, 1, Act::Freeze { scope: Scope::Global }).await;
        let call = pauses.freezeSigned(said(&frozen.statement, &Scope::Global), here.clone(), frozen.signature.clone());
        assert!(call.send().await.unwrap().get_receipt().await.unwrap().status());
        let found = pauses.pausedUntil(scope).call().await.unwrap();
        assert_eq!((found == u64::MAX).then_some(found), until, "{name}");
    }
    let (resumed, _) = signed(&side, "second guardian", 2, Act::Resume { scope: Scope::Global }).await;
    let call = pauses.freezeSigned(said(&resumed.statement, &Scope::Global), here.clone(), resumed.signature.clone());
    assert_eq!(error_name(call.call().await), "WrongGuardian");
}
