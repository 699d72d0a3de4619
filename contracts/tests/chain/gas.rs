//! What each operation costs as a whole transaction: intrinsic gas, calldata and its floor (EIP-7623) included, as the
//! receipt of a real node says. The table is committed as `gas.txt`; `SPANDREL_BLESS=1` rewrites it.

use std::fmt::Write;
use std::path::Path;

use alloy::network::{ReceiptResponse, TransactionResponse};
use alloy::primitives::{Address, U256, keccak256};
use alloy::providers::Provider;
use alloy::rpc::types::TransactionReceipt;
use spandrel_contracts::{Inbox, PauseController, deposit_slot, lane, proof, solidity_deposit};

use crate::bitcoin_block;
use crate::bridge::{Side, pair};

/// Signatures and block hashes differ from run to run by a few zero bytes, and account proofs by a node.
const TOLERANCE_PERCENT: u64 = 2;
const ITEMS: usize = 10;

struct Row {
    operation: String,
    gas: u64,
    calldata: usize,
}

async fn row(side: &Side, operation: &str, receipt: &TransactionReceipt) -> Row {
    assert!(receipt.status(), "{operation} failed");
    let hash = receipt.transaction_hash();
    let transaction = side.provider().get_transaction_by_hash(hash).await.unwrap().unwrap();
    let input = alloy::consensus::Transaction::input(transaction.inner.inner());
    assert_eq!(transaction.tx_hash(), hash);
    let zeros = input.iter().filter(|byte| **byte == 0).count() as u64;
    let tokens = zeros + 4 * (input.len() as u64 - zeros);
    assert!(receipt.gas_used >= 21_000 + 10 * tokens, "{operation} is below the calldata floor");
    Row { operation: operation.to_owned(), gas: receipt.gas_used, calldata: input.len() }
}

fn recipient(index: usize) -> Address {
    Address::from_word(keccak256([b"recipient".as_slice(), &[index as u8]].concat()))
}

async fn measure(home: &Side, away: &Side) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut deposits = Vec::new();
    home.lock(Address::ZERO, 1_000_000, away, recipient(99), 0).await;
    for index in 0..ITEMS + 4 {
        let to = recipient(index);
        let (deposit, receipt) = home.lock_with_receipt(Address::ZERO, 1_000_000, away, to, 0).await;
        if index == 0 {
            rows.push(row(home, "deposit native (lock + outbox)", &receipt).await);
        }
        deposits.push(deposit);
    }
    let inbox = away.inbox();
    let item = |tree: &spandrel_verifiers::merkle::BatchTree, index: usize| Inbox::ClaimItem {
        lane: lane::FAST,
        deposit: solidity_deposit(&deposits[index]),
        proof: proof::fast(tree.root(), index as u32, &tree.path(index)),
    };
    // The first payout of a route writes its counters for the first time; what follows is the usual case.
    let all: Vec<_> = deposits.iter().take(ITEMS + 2).collect();
    let (tree, receipt) = away.attest(&all).await;
    rows.push(row(away, "attestBatch, 3 of 5 signers", &receipt).await);
    for (index, name) in [(0, "fast claim, first ever of a route"), (1, "fast claim")] {
        let Inbox::ClaimItem { lane, deposit, proof } = item(&tree, index);
        let receipt = inbox.claim(lane, deposit, proof).send().await.unwrap().get_receipt().await.unwrap();
        rows.push(row(away, name, &receipt).await);
    }
    let items = (2..ITEMS + 2).map(|index| item(&tree, index)).collect();
    let receipt = inbox.claimBatch(items).send().await.unwrap().get_receipt().await.unwrap();
    let batch = row(away, "", &receipt).await;
    rows.push(Row {
        operation: format!("fast claimBatch, per item of {ITEMS}"),
        gas: batch.gas / ITEMS as u64,
        ..batch
    });

    let slot = |index: usize| deposit_slot(U256::from_be_bytes(deposits[index].source_key.0));
    let settled = home.chain.prove(home.at.outbox, slot(0)).await;
    rows.push(row(away, "checkpoint submit, 2 of 3 verifiers", &away.submit(&settled.checkpoint).await).await);
    let encoded = proof::storage(&settled.header, &settled.account_proof, &settled.storage_proof).unwrap();
    let settle = inbox.settle(solidity_deposit(&deposits[0]), lane::ETHEREUM, encoded);
    let receipt = settle.send().await.unwrap().get_receipt().await.unwrap();
    rows.push(row(away, "settle by storage proof", &receipt).await);
    for (index, name) in [(ITEMS + 2, "ethereum claim, first ever of a route"), (ITEMS + 3, "ethereum claim")] {
        let proven = home.chain.prove(home.at.outbox, slot(index)).await;
        away.submit(&proven.checkpoint).await;
        let encoded = proof::storage(&proven.header, &proven.account_proof, &proven.storage_proof).unwrap();
        let claim = inbox.claim(lane::ETHEREUM, solidity_deposit(&deposits[index]), encoded);
        rows.push(row(away, name, &claim.send().await.unwrap().get_receipt().await.unwrap()).await);
    }
    rows.extend(measure_bitcoin(away).await);
    let pauses = PauseController::new(away.at.pauses, away.provider());
    let scope = pauses.globalScope().call().await.unwrap();
    let receipt = pauses.pause(scope, 3600).send().await.unwrap().get_receipt().await.unwrap();
    rows.push(row(away, "pause", &receipt).await);
    rows
}

async fn measure_bitcoin(away: &Side) -> Vec<Row> {
    let time = away.chain.now().await;
    let made = bitcoin_block::deposit(time, 50_000, &away.chain.id(), away.at.inbox, recipient(0));
    away.submit(&made.checkpoint).await;
    let encoded = proof::bitcoin(&made.inclusion, made.deposit.source_bridge).unwrap();
    let inbox = away.inbox();
    let claim = inbox.claim(lane::BITCOIN, solidity_deposit(&made.deposit), encoded);
    let receipt = claim.send().await.unwrap().get_receipt().await.unwrap();
    vec![row(away, "bitcoin claim, first ever of a route", &receipt).await]
}

fn table(rows: &[Row]) -> String {
    let mut text = String::from(
        "Whole-transaction gas by receipt (anvil, prague): intrinsic cost and calldata floor (EIP-7623) included.\n\n",
    );
    writeln!(text, "{:<40} {:>9} {:>15}", "operation", "gas", "calldata bytes").unwrap();
    for Row { operation, gas, calldata } in rows {
        writeln!(text, "{operation:<40} {gas:>9} {calldata:>15}").unwrap();
    }
    text
}

#[tokio::test]
async fn operations_cost_what_the_table_says() {
    let Some((home, away)) = pair().await else { return };
    let rows = measure(&home, &away).await;
    let text = table(&rows);
    println!("{text}");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("gas.txt");
    if std::env::var_os("SPANDREL_BLESS").is_some() {
        return std::fs::write(path, text).unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap();
    for Row { operation, gas, .. } in &rows {
        let line = committed.lines().find(|line| line.get(..40).is_some_and(|name| name.trim_end() == operation));
        let line = line.unwrap_or_else(|| panic!("{operation}: not in gas.txt; run with SPANDREL_BLESS=1"));
        let expected: u64 = line.split_whitespace().rev().nth(1).unwrap().parse().unwrap();
        let change = expected.abs_diff(*gas) * 100;
        assert!(change <= expected * TOLERANCE_PERCENT, "{operation}: expected {expected} gas, found {gas}");
    }
}
