//! Evidence of deposits in real regtest blocks: what verifies, and every way it must not.

mod bitcoin_deposits;
mod bitcoin_miner;
#[path = "bitcoin_evidence/hostile.rs"]
mod hostile;

use alloy_primitives::{B256, Bytes, U256, keccak256};
use bitcoin_deposits::{Scene, VAULT, WireParent, terms};
use bitcoin_miner::{hash, header_bytes, mine, mine_run, regtest_chain};
use spandrel_verifiers::bitcoin::{
    BitcoinVerifier, ChainParams, ConfirmationPolicy, ConfirmationTier, DepositTerms, HeaderUpdate, Inclusion,
    MAX_UPDATE_HEADERS,
};
use spandrel_verifiers::{ChainId, Deposit, ErrorKind, Evidence, LanePreference, Verdict, Verifier, VerifyError};

fn field(result: Result<impl Sized, VerifyError>) -> String {
    result.err().expect("must be refused").field
}

#[test]
fn a_deposit_six_deep_verifies_and_binds_everything_that_is_paid() {
    let scene = Scene::new(6);
    let verified = scene.verify(&scene.evidence).unwrap();
    let (deposit, terms) = (verified.fact(), terms());
    let outpoint = [&spandrel_verifiers::bitcoin::sha256d(&scene.evidence.transaction)[..], &[1, 0, 0, 0]].concat();
    let expected = Deposit {
        version: 1,
        source_chain: ChainId::parse("bip122:0f9188f13cb7b2c71f2a335e3a4fc328").unwrap(),
        source_bridge: VAULT,
        source_key: keccak256(outpoint),
        asset: "bip122:0f9188f13cb7b2c71f2a335e3a4fc328/slip44:0".parse().unwrap(),
        amount: U256::from(250_000),
        destination_chain: terms.destination_chain,
        destination_bridge: terms.destination_bridge,
        recipient: terms.recipient,
        sender: terms.refund_key,
        lane: terms.lane,
        expiry: terms.expiry,
    };
    assert_eq!(*deposit, expected);
    let under = verified.under();
    assert_eq!((under.height, under.root), (scene.height, hash(&scene.block)));
    assert_eq!((under.time, &under.chain), (scene.block.header.time.into(), &expected.source_chain));
    assert_eq!(Verdict::on(&verified, 3).deposit_id, expected.id());
    assert_eq!(scene.verifier.verify_batch(&scene.chain, &vec![scene.evidence.clone(); 3], scene.now).len(), 3);
}

#[test]
fn evidence_travels_as_json_unchanged() {
    let scene = Scene::new(6);
    let sent = Evidence::Bitcoin(Box::new(scene.evidence.clone()));
    let text = serde_json::to_string(&sent).unwrap();
    assert_eq!(serde_json::from_str::<Evidence>(&text).unwrap(), sent);
}

#[test]
fn value_decides_how_deep_is_deep_enough() {
    let tier = |up_to, confirmations| ConfirmationTier { up_to, confirmations };
    for (amount, needed) in [(10_000, 1), (250_000, 3), (250_001, 6), (100_000_000_000, 6)] {
        let policy = ConfirmationPolicy::new(vec![tier(10_000, 1), tier(250_000, 3)], 6).unwrap();
        let verifier = BitcoinVerifier::new(ChainParams::regtest(), VAULT, policy).unwrap();
        for depth in 1..=7 {
            let scene = Scene::with(depth, amount, terms());
            let verdict = verifier.verify(&scene.chain, &scene.evidence, scene.now);
            assert_eq!(verdict.is_ok(), depth >= needed, "{amount} at {depth}");
            if let Ok(verified) = &verdict {
                assert_eq!(verified.under().up_to, amount, "others in the block may need more");
            }
            if let Err(error) = verdict {
                assert_eq!((error.field.as_str(), error.kind), ("confirmations", ErrorKind::NotYet));
            }
        }
    }
}

#[test]
fn a_deposit_reorganised_away_is_no_longer_proven_and_comes_back_with_its_branch() {
    let mut scene = Scene::new(6);
    let fork = mine_run(scene.block.header.prev_blockhash_wire(), scene.height, 7, 77);
    let update = HeaderUpdate { headers: fork.iter().map(header_bytes).collect() };
    scene.verifier.advance(&mut scene.chain, &update, scene.now).unwrap();
    let gone = scene.verify(&scene.evidence).unwrap_err();
    assert_eq!((gone.field.as_str(), gone.kind), ("header", ErrorKind::NotYet));
    let back = mine_run(scene.tip, scene.height + 6, 2, 78);
    let update = HeaderUpdate { headers: back.iter().map(header_bytes).collect() };
    scene.verifier.advance(&mut scene.chain, &update, scene.now).unwrap();
    scene.verify(&scene.evidence).unwrap();
}

#[test]
fn the_fast_lane_sees_it_sooner_under_another_type() {
    let scene = Scene::new(1);
    assert_eq!(field(scene.verify(&scene.evidence)), "confirmations");
    let sighted = scene.verifier.verify_at_depth(&scene.chain, &scene.evidence, scene.now, 1).unwrap();
    assert_eq!((sighted.confirmations(), sighted.under().root), (1, hash(&scene.block)));
    assert_eq!(sighted.under().up_to, 0, "the depth of the fast lane is enough for nothing else");
    assert_eq!(sighted.fact().amount, U256::from(250_000));
    assert_eq!(field(scene.verifier.verify_at_depth(&scene.chain, &scene.evidence, scene.now, 2)), "confirmations");
    let mut tampered = scene.evidence.clone();
    tampered.terms.expiry += 1;
    assert_eq!(field(scene.verifier.verify_at_depth(&scene.chain, &tampered, scene.now, 1)), "terms");
}

#[test]
fn nothing_is_proven_when_the_depositor_may_soon_take_it_back() {
    let delay = DepositTerms { refund_delay: 1008, ..terms() };
    Scene::with(864, 250_000, delay.clone()).verify_own().unwrap();
    assert_eq!(field(Scene::with(865, 250_000, delay.clone()).verify_own()), "refund");
    assert_eq!(field(Scene::with(1100, 250_000, delay).verify_own()), "refund");
}

#[test]
fn dust_is_refused() {
    assert_eq!(field(Scene::with(6, 0, terms()).verify_own()), "amount");
    assert_eq!(field(Scene::with(6, 329, terms()).verify_own()), "amount");
    Scene::with(6, 330, terms()).verify_own().unwrap();
    assert_eq!(field(Scene::with(6, 2_100_000_000_000_001, terms()).verify_own()), "amount");
}

#[test]
fn a_chain_that_stopped_growing_proves_nothing() {
    let scene = Scene::new(6);
    let params = ChainParams { max_tip_age: Some(3600), ..ChainParams::regtest() };
    let verifier = BitcoinVerifier::new(params.clone(), VAULT, ConfirmationPolicy::flat(6)).unwrap();
    let mut chain = spandrel_verifiers::bitcoin::HeaderChain::new(params, scene.chain.anchor().clone()).unwrap();
    chain.extend(&scene.headers, scene.now).unwrap();
    let tip = chain.best().time;
    verifier.verify(&chain, &scene.evidence, tip + 3600).unwrap();
    let stale = verifier.verify(&chain, &scene.evidence, tip + 3601).unwrap_err();
    assert_eq!((stale.field.as_str(), stale.kind), ("trusted.best", ErrorKind::NotYet));
    assert_eq!(field(verifier.verify(&scene.chain, &scene.evidence, tip)), "trusted.params");
    let nothing = HeaderUpdate { headers: Vec::new() };
    assert_eq!(field(verifier.advance(&mut scene.chain.clone(), &nothing, tip)), "trusted.params");
    verifier.advance(&mut chain, &nothing, tip).unwrap();
}

#[test]
fn another_vault_or_an_output_of_other_terms_pays_nothing() {
    let scene = Scene::new(6);
    let other = BitcoinVerifier::new(ChainParams::regtest(), terms().refund_key, ConfirmationPolicy::flat(1)).unwrap();
    assert_eq!(field(other.verify(&scene.chain, &scene.evidence, scene.now)), "terms");
    let no_key = BitcoinVerifier::new(ChainParams::regtest(), B256::with_last_byte(5), ConfirmationPolicy::flat(1));
    assert_eq!(field(no_key), "vault");
}

#[test]
fn terms_on_their_own_are_checked_by_name() {
    let scene = Scene::new(6);
    let refused = |change: &dyn Fn(&mut DepositTerms)| {
        let mut evidence = scene.evidence.clone();
        change(&mut evidence.terms);
        field(scene.verify(&evidence))
    };
    assert_eq!(refused(&|terms| terms.recipient = B256::ZERO), "terms.recipient");
    assert_eq!(refused(&|terms| terms.destination_bridge = B256::repeat_byte(1)), "terms.destination_bridge");
    assert_eq!(refused(&|terms| terms.refund_key = B256::with_last_byte(5)), "terms.refund_key");
    assert_eq!(refused(&|terms| terms.refund_delay = 1007), "terms.refund_delay");
    assert_eq!(refused(&|terms| terms.lane = LanePreference::Any), "terms");
}

#[test]
fn a_coinbase_is_no_deposit() {
    let scene = Scene::new(6);
    let evidence = Inclusion {
        transaction: scene.evidence.coinbase.clone(),
        index: 0,
        path: scene.evidence.coinbase_path.clone(),
        ..scene.evidence.clone()
    };
    assert_eq!(field(scene.verify(&evidence)), "transaction");
    assert_eq!(field(scene.verify(&Inclusion { index: 0, ..scene.evidence.clone() })), "index");
    assert_eq!(field(Inclusion::of_block(&scene.block, scene.height, 0, 0, terms())), "index");
    assert_eq!(field(Inclusion::of_block(&scene.block, scene.height, 99, 0, terms())), "index");
    assert_eq!(field(Inclusion::of_block(&scene.block, scene.height, 3, 9, terms())), "output");
}

#[test]
fn the_coinbase_must_be_one_and_say_the_blocks_height() {
    let scene = Scene::new(1);
    let mut chain = regtest_chain();
    chain.extend(&scene.headers[..4], scene.now).unwrap();
    let parent = scene.block.header.prev_blockhash_wire();
    let transactions = scene.block.txdata[1..].to_vec();
    let elsewhere = mine(parent, 6, scene.block.header.time, 1, transactions.clone());
    let mut headless = scene.block.clone();
    headless.txdata.remove(0);
    headless.header.merkle_root = headless.compute_merkle_root().unwrap();
    while headless.header.validate_pow(headless.header.target()).is_err() {
        headless.header.nonce += 1;
    }
    for (block, index) in [(elsewhere, 5), (headless, 4)] {
        chain.extend(&[header_bytes(&block)], scene.now).unwrap();
        let evidence = Inclusion::of_block(&block, 5, index, 1, terms()).unwrap();
        assert_eq!(field(scene.verifier.verify(&chain, &evidence, scene.now)), "coinbase");
    }
}

#[test]
fn an_inner_node_is_no_transaction() {
    // CVE-2017-12842: 64 bytes that hash to an inner node, one level up. Refused for their length, and were they
    // longer, for standing higher than the coinbase.
    let scene = Scene::new(6);
    let (evidence, leaf) = (&scene.evidence, spandrel_verifiers::bitcoin::sha256d(&scene.evidence.transaction));
    let inner = [evidence.path[0].as_slice(), leaf.as_slice()].concat();
    let forged = Inclusion {
        transaction: inner.into(),
        index: evidence.index / 2,
        path: evidence.path[1..].to_vec(),
        ..evidence.clone()
    };
    assert_eq!(evidence.index % 2, 1);
    assert_eq!(field(scene.verify(&forged)), "transaction");
    let higher = Inclusion { index: evidence.index / 2, path: evidence.path[1..].to_vec(), ..evidence.clone() };
    assert_eq!(field(scene.verify(&higher)), "path");
    let shorter = Inclusion { coinbase_path: evidence.coinbase_path[1..].to_vec(), ..evidence.clone() };
    assert_eq!(field(scene.verify(&shorter)), "coinbase_path");
    let beyond = Inclusion { index: evidence.index + (1 << evidence.path.len()), ..evidence.clone() };
    assert_eq!(field(scene.verify(&beyond)), "index");
}

#[test]
fn an_update_of_too_many_headers_is_refused_unread() {
    let mut chain = regtest_chain();
    let headers = vec![Bytes::new(); MAX_UPDATE_HEADERS + 1];
    let error = Scene::new(1).verifier.advance(&mut chain, &HeaderUpdate { headers }, 0).unwrap_err();
    assert_eq!((error.field.as_str(), error.kind), ("headers", ErrorKind::Malformed));
    assert!(serde_json::from_str::<HeaderUpdate>(r#"{"headers":[],"more":1}"#).is_err());
}
