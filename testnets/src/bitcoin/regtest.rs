//! What tests do to a regtest node, the same on the embedded one and on a real `bitcoind`: everything goes
//! through the JSON-RPC.

use std::future::Future;
use std::str::FromStr;

use bitcoin::consensus::encode::{deserialize_hex, serialize_hex};
use bitcoin::{Address, Amount, BlockHash, OutPoint, Script, ScriptBuf, Transaction, TxOut, Txid};
use serde_json::{Value, json};

use super::bitcoind::Bitcoind;
use super::endpoint::{RpcEndpoint, unanswered};
use super::error::NodeError;
use super::node::{BitcoinNode, NodeOptions};

/// What a double spend pays for replacing the transaction that spends its inputs.
const HIGHER_FEE: Amount = Amount::from_sat(100_000);

/// What becomes of the transactions that a reorg takes out of the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dropped {
    /// The new branch mines them again, in its first block.
    Mined,
    /// The new branch leaves them in the mempool.
    LeftOut,
}

/// A regtest node under test.
pub trait RegtestNode: Send + Sync {
    /// Its JSON-RPC.
    fn rpc(&self) -> &RpcEndpoint;

    /// Its ZMQ endpoint, for all topics.
    fn zmq_endpoint(&self) -> &str;

    /// A new address of the node's own funds.
    fn new_address(&self) -> impl Future<Output = Result<Address, NodeError>> + Send;

    /// Pays `value` satoshis of the node's funds to `script`, which must have an address.
    fn send(&self, script: &Script, value: u64) -> impl Future<Output = Result<Txid, NodeError>> + Send;

    /// Signs `tx`, which spends `prevouts` of the node's funds.
    fn sign(&self, tx: Transaction, prevouts: &[TxOut]) -> impl Future<Output = Result<Transaction, NodeError>> + Send;

    /// Mines `blocks` blocks to the node's funds; hashes lowest first.
    fn mine(&self, blocks: u32) -> impl Future<Output = Result<Vec<BlockHash>, NodeError>> + Send {
        async move {
            let address = self.new_address().await?;
            let hashes = self.rpc().call("generatetoaddress", json!([blocks, address])).await?;
            list("generatetoaddress", &hashes)
        }
    }

    /// Mines `blocks` blocks with nothing but a coinbase; hashes lowest first.
    fn mine_empty(&self, blocks: u32) -> impl Future<Output = Result<Vec<BlockHash>, NodeError>> + Send {
        async move {
            let address = self.new_address().await?;
            let mut hashes = Vec::new();
            for _ in 0..blocks {
                let mined = self.rpc().call("generateblock", json!([address, []])).await?;
                hashes.push(parsed("generateblock", &mined["hash"])?);
            }
            Ok(hashes)
        }
    }

    /// Pays `value` satoshis to `script`, which must have an address; the transaction waits in the mempool.
    fn pay(&self, script: &Script, value: u64) -> impl Future<Output = Result<OutPoint, NodeError>> + Send {
        async move {
            let txid = self.send(script, value).await?;
            let tx = waiting(self.rpc(), txid).await?;
            let vout = (0u32..).zip(&tx.output).find(|(_, output)| output.script_pubkey == *script);
            let (vout, _) = vout.ok_or_else(|| unanswered("getrawtransaction", "no output pays the script"))?;
            Ok(OutPoint::new(txid, vout))
        }
    }

    /// Replaces the last `depth` blocks by `blocks` new ones; the hashes of both, lowest first.
    ///
    /// With `depth` 0 it only mines.
    fn reorg(
        &self,
        depth: u32,
        blocks: u32,
        dropped: Dropped,
    ) -> impl Future<Output = Result<(Vec<BlockHash>, Vec<BlockHash>), NodeError>> + Send {
        async move {
            let tip = self.tip_height().await?;
            let mut old = Vec::new();
            for height in (tip + 1).saturating_sub(depth)..=tip {
                old.push(self.block_hash(height).await?);
            }
            if let Some(lowest) = old.first() {
                self.rpc().call("invalidateblock", json!([lowest])).await?;
            }
            let new = match dropped {
                Dropped::Mined => self.mine(blocks).await?,
                Dropped::LeftOut => self.mine_empty(blocks).await?,
            };
            Ok((old, new))
        }
    }

    /// Replaces a transaction that waits in the mempool by one that pays its inputs back to the node's funds: it will
    /// never be mined again. Only for transactions whose inputs are confirmed and the node's own.
    fn double_spend(&self, txid: Txid) -> impl Future<Output = Result<Txid, NodeError>> + Send {
        async move {
            let mut tx = waiting(self.rpc(), txid).await?;
            let mut prevouts = Vec::new();
            for input in &mut tx.input {
                prevouts.push(confirmed(self.rpc(), &input.previous_output).await?);
                input.witness.clear();
            }
            let total: Amount = prevouts.iter().map(|coin| coin.value).sum();
            let value = total
                .checked_sub(HIGHER_FEE)
                .ok_or_else(|| unanswered("double_spend", "the inputs do not cover the higher fee"))?;
            let script_pubkey = self.new_address().await?.script_pubkey();
            tx.output = vec![TxOut { value, script_pubkey }];
            let signed = self.sign(tx, &prevouts).await?;
            let sent = self.rpc().call("sendrawtransaction", json!([serialize_hex(&signed)])).await?;
            parsed("sendrawtransaction", &sent)
        }
    }

    /// Takes the blocks of `other`'s best chain that this node lacks, as if they were peers; how many there were.
    ///
    /// This node then follows whichever chain has more work, whatever was invalidated on the other.
    fn sync_from(&self, other: &impl RegtestNode) -> impl Future<Output = Result<usize, NodeError>> + Send {
        async move {
            let mut missing = Vec::new();
            let mut hash = other.rpc().call("getbestblockhash", json!([])).await?;
            while let Err(NodeError::Refused { .. }) = self.rpc().call("getblockheader", json!([hash])).await {
                missing.push(other.rpc().call("getblock", json!([hash, 0])).await?);
                hash = other.rpc().call("getblockheader", json!([hash])).await?["previousblockhash"].take();
            }
            let count = missing.len();
            for block in missing.into_iter().rev() {
                let outcome = self.rpc().call("submitblock", json!([block])).await?;
                if !(outcome.is_null() || outcome == "duplicate" || outcome == "inconclusive") {
                    return Err(unanswered("submitblock", outcome));
                }
            }
            Ok(count)
        }
    }

    /// Height of the active tip.
    fn tip_height(&self) -> impl Future<Output = Result<u32, NodeError>> + Send {
        async move {
            let height = self.rpc().call("getblockcount", json!([])).await?;
            let height = height.as_u64().and_then(|height| u32::try_from(height).ok());
            height.ok_or_else(|| unanswered("getblockcount", "not a height"))
        }
    }

    /// Hash of the active chain's block at `height`.
    fn block_hash(&self, height: u32) -> impl Future<Output = Result<BlockHash, NodeError>> + Send {
        async move { parsed("getblockhash", &self.rpc().call("getblockhash", json!([height])).await?) }
    }
}

/// Either of the two nodes.
pub enum AnyNode {
    /// The one in this process.
    Embedded(BitcoinNode),
    /// A real Bitcoin Core.
    Bitcoind(Box<Bitcoind>),
}

impl AnyNode {
    /// The embedded node, and a real one where `bitcoind` is found; says `skipped` where it is not.
    ///
    /// # Errors
    /// [`NodeError`] if one that is there does not start.
    pub async fn every() -> Result<Vec<Self>, NodeError> {
        let mut nodes = vec![Self::Embedded(BitcoinNode::start(NodeOptions::default()).await?)];
        match Bitcoind::find() {
            Some(path) => nodes.push(Self::Bitcoind(Box::new(Bitcoind::start(&path).await?))),
            None => println!("skipped: bitcoind not found"),
        }
        Ok(nodes)
    }
}

impl RegtestNode for AnyNode {
    async fn new_address(&self) -> Result<Address, NodeError> {
        match self {
            Self::Embedded(node) => node.new_address().await,
            Self::Bitcoind(node) => node.new_address().await,
        }
    }

    async fn send(&self, script: &Script, value: u64) -> Result<Txid, NodeError> {
        match self {
            Self::Embedded(node) => node.send(script, value).await,
            Self::Bitcoind(node) => node.send(script, value).await,
        }
    }

    async fn sign(&self, tx: Transaction, prevouts: &[TxOut]) -> Result<Transaction, NodeError> {
        match self {
            Self::Embedded(node) => node.sign(tx, prevouts).await,
            Self::Bitcoind(node) => node.sign(tx, prevouts).await,
        }
    }

    fn rpc(&self) -> &RpcEndpoint {
        match self {
            Self::Embedded(node) => node.rpc(),
            Self::Bitcoind(node) => node.rpc(),
        }
    }

    fn zmq_endpoint(&self) -> &str {
        match self {
            Self::Embedded(node) => node.zmq_endpoint(),
            Self::Bitcoind(node) => node.zmq_endpoint(),
        }
    }
}

/// A transaction that waits in the mempool.
async fn waiting(rpc: &RpcEndpoint, txid: Txid) -> Result<Transaction, NodeError> {
    const METHOD: &str = "getrawtransaction";
    let raw = rpc.call(METHOD, json!([txid])).await?;
    deserialize_hex(raw.as_str().unwrap_or_default()).map_err(|error| unanswered(METHOD, error))
}

/// A confirmed output that no block spends.
async fn confirmed(rpc: &RpcEndpoint, outpoint: &OutPoint) -> Result<TxOut, NodeError> {
    const METHOD: &str = "gettxout";
    let coin = rpc.call(METHOD, json!([outpoint.txid, outpoint.vout, false])).await?;
    let value = coin["value"].as_f64().ok_or_else(|| unanswered(METHOD, "an input is not confirmed"))?;
    Ok(TxOut {
        value: Amount::from_btc(value).map_err(|error| unanswered(METHOD, error))?,
        script_pubkey: ScriptBuf::from_hex(coin["scriptPubKey"]["hex"].as_str().unwrap_or_default())
            .map_err(|error| unanswered(METHOD, error))?,
    })
}

pub(super) fn parsed<T: FromStr>(method: &str, value: &Value) -> Result<T, NodeError> {
    let text = value.as_str().and_then(|text| text.parse().ok());
    text.ok_or_else(|| unanswered(method, format!("unexpected result {value}")))
}

fn list<T: FromStr>(method: &str, value: &Value) -> Result<Vec<T>, NodeError> {
    value.as_array().into_iter().flatten().map(|item| parsed(method, item)).collect()
}
