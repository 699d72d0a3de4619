//! Statements that were good once, for somebody else or for something else. None changes anything.

use alloy::primitives::{Address, B256, Bytes, U256};
use reqwest::StatusCode;
use serde_json::{Value, json};
use spandrel_risk::control::{Act, SignedStatement, deployment};
use spandrel_verifiers::ChainId;

use crate::untouched::{read_paths, require_no_effect};
use crate::world::{World, destination, guardians, key, pause, resume};

/// Asserts that `signed` is refused for `code` and that nothing was stored.
async fn refused(world: &World, signed: &SignedStatement, status: StatusCode, code: &str) -> Value {
    let before = world.book.control().await;
    let (found, problem) = world.post(signed, None).await;
    assert_eq!((found, &problem["code"]), (status, &json!(code)), "{problem}");
    assert_eq!(world.book.control().await, before);
    problem
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_counts_once_also_after_a_restart_and_after_its_time() {
    let world = World::new().await;
    let first = world.signed(0, pause(60)).await;
    assert_eq!(world.post(&first, None).await.0, StatusCode::OK);
    refused(&world, &first, StatusCode::CONFLICT, "ALREADY_TAKEN").await;
    let reopened = world.reopened().await;
    assert!(reopened.order(&first, None).await.unwrap_err().to_string().contains("taken before"));
    // A second key of the same guardian does not carry the first one's words.
    let other = SignedStatement {
        statement: spandrel_risk::control::Statement { guardian: key(1).address(), ..first.statement.clone() },
        ..first.clone()
    };
    refused(&world, &other, StatusCode::FORBIDDEN, "WRONG_SIGNER").await;
    world.clock.pass(600);
    refused(&world, &first, StatusCode::UNPROCESSABLE_ENTITY, "STATEMENT_EXPIRED").await;
    assert_eq!(world.get("pauses").await, json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_is_void_at_its_expiry_and_may_not_be_good_for_long() {
    let world = World::new().await;
    let home = guardians().deployment;
    let now = world.now();
    for (expiry, code) in [
        (now, "STATEMENT_EXPIRED"),
        (0, "STATEMENT_EXPIRED"),
        (now + 90_000, "EXPIRY_TOO_FAR"),
        (u64::MAX, "EXPIRY_TOO_FAR"),
    ] {
        let signed = world.signed_for(home, 0, pause(60), |statement| statement.expiry = expiry).await;
        refused(&world, &signed, StatusCode::UNPROCESSABLE_ENTITY, code).await;
    }
    for reason in ["", "  ", "two\nlines", &"x".repeat(501)] {
        let signed = world.signed_for(home, 0, pause(60), |statement| statement.reason = reason.to_owned()).await;
        refused(&world, &signed, StatusCode::UNPROCESSABLE_ENTITY, "REASON_MISSING").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_for_another_deployment_or_chain_is_nobodys_here() {
    let world = World::new().await;
    let inbox = Address::repeat_byte(7).into_word();
    let elsewhere = [
        deployment([(&ChainId::eip155(10), inbox)]),
        deployment([(&destination(), Address::repeat_byte(9).into_word())]),
        deployment([(&destination(), inbox), (&ChainId::eip155(10), inbox)]),
        B256::ZERO,
    ];
    for deployment in elsewhere {
        let signed = world.signed_for(deployment, 0, pause(60), |_| {}).await;
        refused(&world, &signed, StatusCode::FORBIDDEN, "WRONG_SIGNER").await;
    }
    assert_eq!(world.get("pauses").await, json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nonce_that_is_behind_or_ahead_and_a_signature_in_another_form_are_refused() {
    let world = World::new().await;
    let home = guardians().deployment;
    assert_eq!(world.say(0, pause(60)).await.0, StatusCode::OK);
    for nonce in [0, 2, u64::MAX] {
        let signed = world.signed_for(home, 0, pause(61), |statement| statement.nonce = nonce).await;
        refused(&world, &signed, StatusCode::CONFLICT, "WRONG_NONCE").await;
    }
    let good = world.signed(0, pause(60)).await;
    let mut forms: Vec<Vec<u8>> = vec![Vec::new(), good.signature[..64].to_vec(), [&good.signature[..], &[0]].concat()];
    // n - s with the other parity signs the same words (EIP-2 refuses it), and v counts from 27.
    let order = U256::from_str_radix("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141", 16).unwrap();
    let other = order - U256::from_be_slice(&good.signature[32..64]);
    forms.push([&good.signature[..32], &other.to_be_bytes::<32>(), &[55 - good.signature[64]]].concat());
    forms.push([&good.signature[..64], &[good.signature[64] - 27]].concat());
    for signature in forms {
        let odd = SignedStatement { signature: Bytes::from(signature), ..good.clone() };
        refused(&world, &odd, StatusCode::FORBIDDEN, "BAD_SIGNATURE").await;
    }
    assert_eq!(world.post(&good, None).await.0, StatusCode::OK, "the good one still is");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_is_of_the_words_that_were_read_once_and_by_another_person() {
    let world = World::new().await;
    world.say(0, pause(86_400)).await;
    let (_, proposed) = world.say(0, resume()).await;
    let id: B256 = proposed["statement"].as_str().unwrap().parse().unwrap();
    let other = Act::Approve { proposal: id, what: "pause global for 60 s".to_owned() };
    refused(&world, &world.signed(2, other).await, StatusCode::UNPROCESSABLE_ENTITY, "OTHER_PROPOSAL").await;
    let nothing = Act::Approve { proposal: B256::repeat_byte(7), what: "resume global".to_owned() };
    refused(&world, &world.signed(2, nothing).await, StatusCode::NOT_FOUND, "NO_SUCH_PROPOSAL").await;
    let words = |what: fn(B256) -> Act| what(id);
    let approve = words(|proposal| Act::Approve { proposal, what: "resume global".to_owned() });
    for own in [0, 1] {
        refused(&world, &world.signed(own, approve.clone()).await, StatusCode::CONFLICT, "SELF_APPROVAL").await;
    }
    assert_eq!(world.say(2, approve.clone()).await.0, StatusCode::OK);
    refused(&world, &world.signed(2, approve.clone()).await, StatusCode::CONFLICT, "ALREADY_APPROVED").await;
    let cancel = words(|proposal| Act::Cancel { proposal, what: "resume global".to_owned() });
    assert_eq!(world.say(1, cancel).await.0, StatusCode::OK, "anyone may cancel");
    refused(&world, &world.signed(2, approve).await, StatusCode::NOT_FOUND, "NO_SUCH_PROPOSAL").await;
    world.clock.pass(1_000);
    assert_eq!(world.book.carry_out(None).await.unwrap(), 0);
    assert_eq!(world.get("pauses").await.as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_if_match_that_is_none_of_this_services_is_refused() {
    let world = World::new().await;
    let id = world.transfer(1, true).await;
    let drop = world.signed(0, Act::DropHeld { transfer: id }).await;
    for text in ["*", "v0", "\"x5\"", "\"t\"", "\"t1\", \"t2\"", "W/\"t2\"", "\"t-2\"", "\"t 2\""] {
        let (status, problem) = world.post(&drop, Some(text)).await;
        assert_eq!((status, &problem["code"]), (StatusCode::BAD_REQUEST, &json!("INVALID_PARAMETER")), "{text}");
    }
    assert_eq!(world.status(id).await, "held");
}

#[tokio::test]
async fn nothing_that_is_only_read_changes_the_ledger() {
    let world = World::new().await;
    let (held, broken) = (world.large(1).await, world.broken(2, false).await);
    let (status, _) = world.say(0, pause(60)).await;
    assert_eq!(status, StatusCode::OK);
    let mut paths = read_paths(include_str!("../../src/http/control/mod.rs"));
    paths.extend(read_paths(include_str!("../../src/console/guardian/mod.rs")));
    assert!(paths.len() >= 18, "{paths:?}");
    let ids = [held.to_string(), broken.to_string(), "console.css".to_owned(), "none".to_owned()];
    let (asked, found) = require_no_effect(&world.app, &world.ledger(), &paths, &ids, &[]).await;
    println!("{} paths, {asked} requests: nothing changed", paths.len());
    assert!(found > paths.len(), "{found} of {asked} were answered");
}
