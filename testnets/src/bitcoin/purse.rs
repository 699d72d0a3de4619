//! Coins on a node that has no wallet: Bitcoin Core need not be built with one. The keys are here; the coins are found
//! by `scantxoutset`, and payments are signed here and sent as raw transactions.

use std::collections::BTreeSet;

use bitcoin::consensus::encode::serialize_hex;
use bitcoin::{Address, Amount, OutPoint, Script, ScriptBuf, Transaction, TxOut, Txid};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::endpoint::{RpcEndpoint, unanswered};
use super::error::{Fault, NodeError};
use super::regtest::parsed;
use super::rules::COINBASE_MATURITY;
use super::wallet::{AddressKind, Wallet};

/// Satoshis per virtual byte.
const FEE_RATE: u64 = 2;

/// Keys, and the node on which their coins are.
pub struct Purse {
    rpc: RpcEndpoint,
    /// Held for a whole payment: two at once would choose the same coin, and Core scans for one caller at a time.
    held: Mutex<Held>,
}

struct Held {
    wallet: Wallet,
    addresses: BTreeSet<Address>,
}

/// An answer of `scantxoutset`.
#[derive(Deserialize)]
struct Scan {
    height: u32,
    unspents: Vec<Unspent>,
}

#[derive(Deserialize)]
struct Unspent {
    txid: Txid,
    vout: u32,
    #[serde(rename = "scriptPubKey")]
    script: ScriptBuf,
    #[serde(with = "bitcoin::amount::serde::as_btc")]
    amount: Amount,
    coinbase: bool,
    height: u32,
}

impl Unspent {
    /// Whether the block at `height` may spend it.
    fn is_mature(&self, height: u32) -> bool {
        !self.coinbase || height >= self.height + COINBASE_MATURITY
    }
}

impl Purse {
    /// A purse whose keys follow from `seed`.
    pub fn new(rpc: RpcEndpoint, seed: &[u8]) -> Result<Self, NodeError> {
        let wallet = Wallet::new(seed).map_err(|error| unanswered("purse", error))?;
        Ok(Self { rpc, held: Mutex::new(Held { wallet, addresses: BTreeSet::new() }) })
    }

    /// A new address. Blocks mined to different addresses differ, even at the same height in the same second.
    pub async fn new_address(&self) -> Result<Address, NodeError> {
        self.held.lock().await.new_address()
    }

    /// Sends `value` satoshis to `script`.
    pub async fn pay(&self, script: &Script, value: u64) -> Result<Txid, NodeError> {
        let mut held = self.held.lock().await;
        let output = TxOut { value: Amount::from_sat(value), script_pubkey: script.to_owned() };
        let mut coins = Vec::new();
        let scan = self.scan(&held.addresses).await?;
        let change = held.new_address()?.script_pubkey();
        for coin in scan.unspents.into_iter().filter(|coin| coin.is_mature(scan.height + 1)) {
            if !self.is_unspent(&coin).await? {
                continue;
            }
            let outpoint = OutPoint::new(coin.txid, coin.vout);
            coins.push((outpoint, TxOut { value: coin.amount, script_pubkey: coin.script }));
            if let Ok(tx) = held.wallet.pay(coins.clone(), std::slice::from_ref(&output), &change, FEE_RATE) {
                let sent = self.rpc.call("sendrawtransaction", json!([serialize_hex(&tx)])).await?;
                return parsed("sendrawtransaction", &sent);
            }
        }
        let fault = Fault::new(Fault::WALLET_INSUFFICIENT_FUNDS, "Insufficient funds");
        Err(NodeError::Refused { method: "pay".to_owned(), fault })
    }

    /// Signs every input, whose coins are `prevouts`.
    pub async fn sign(&self, mut tx: Transaction, prevouts: &[TxOut]) -> Result<Transaction, NodeError> {
        let is_complete = self.held.lock().await.wallet.sign(&mut tx, prevouts);
        is_complete.then_some(tx).ok_or_else(|| unanswered("sign", "an input is another's"))
    }

    /// Confirmed coins, oldest first.
    async fn scan(&self, addresses: &BTreeSet<Address>) -> Result<Scan, NodeError> {
        let descriptors: Vec<String> = addresses.iter().map(|address| format!("addr({address})")).collect();
        let found = self.rpc.call("scantxoutset", json!(["start", descriptors])).await?;
        let mut scan: Scan = serde_json::from_value(found).map_err(|error| unanswered("scantxoutset", error))?;
        scan.unspents.sort_by_key(|coin| (coin.height, coin.txid, coin.vout));
        Ok(scan)
    }

    /// Whether no waiting transaction spends it.
    async fn is_unspent(&self, coin: &Unspent) -> Result<bool, NodeError> {
        let found = self.rpc.call("gettxout", json!([coin.txid, coin.vout, true])).await?;
        Ok(found != Value::Null)
    }
}

impl Held {
    fn new_address(&mut self) -> Result<Address, NodeError> {
        let refused = |fault| NodeError::Refused { method: "purse".to_owned(), fault };
        let address = self.wallet.new_address(AddressKind::Bech32).map_err(refused)?;
        self.addresses.insert(address.clone());
        Ok(address)
    }
}
