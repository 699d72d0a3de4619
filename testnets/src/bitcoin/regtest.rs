//! What tests do to a regtest node, the same on the embedded one and on a real `bitcoind`: everything goes
//! through the JSON-RPC.

use std::future::Future;
use std::str::FromStr;

use bitcoin::{Address, Amount, BlockHash, Network, OutPoint, Script, Txid};
use serde_json::{Value, json};

use super::bitcoind::Bitcoind;
use super::endpoint::{RpcEndpoint, unanswered};
use super::error::NodeError;
use super::node::{BitcoinNode, NodeOptions};

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

    /// Mines `blocks` blocks to the wallet; hashes lowest first.
    fn mine(&self, blocks: u32) -> impl Future<Output = Result<Vec<BlockHash>, NodeError>> + Send {
        async move {
            let address = self.rpc().call("getnewaddress", json!([])).await?;
            let hashes = self.rpc().call("generatetoaddress", json!([blocks, address])).await?;
            list("generatetoaddress", &hashes)
        }
    }

    /// Mines `blocks` blocks with nothing but a coinbase; hashes lowest first.
    fn mine_empty(&self, blocks: u32) -> impl Future<Output = Result<Vec<BlockHash>, NodeError>> + Send {
        async move {
            let address = self.rpc().call("getnewaddress", json!([])).await?;
            let mut hashes = Vec::new();
            for _ in 0..blocks {
                let mined = self.rpc().call("generateblock", json!([address, []])).await?;
                hashes.push(parsed("generateblock", &mined["hash"])?);
            }
            Ok(hashes)
        }
    }

    /// Pays `value` satoshis from the wallet to `script`, which must have an address; the transaction waits in
    /// the mempool.
    fn pay(&self, script: &Script, value: u64) -> impl Future<Output = Result<OutPoint, NodeError>> + Send {
        async move {
            let address = Address::from_script(script, Network::Regtest)
                .map_err(|error| unanswered("sendtoaddress", error))?
                .to_string();
            let amount = Amount::from_sat(value).to_string_in(bitcoin::Denomination::Bitcoin);
            let txid = self.rpc().call("sendtoaddress", json!([address, amount])).await?;
            let shown = self.rpc().call("getrawtransaction", json!([txid, true])).await?;
            let wanted = script.to_hex_string();
            let outputs = shown["vout"].as_array().into_iter().flatten();
            let found = outputs.into_iter().find(|output| output["scriptPubKey"]["hex"] == wanted.as_str());
            let vout = found.and_then(|output| output["n"].as_u64()).and_then(|n| u32::try_from(n).ok());
            let vout = vout.ok_or_else(|| unanswered("getrawtransaction", "no output pays the script"))?;
            Ok(OutPoint::new(parsed("sendtoaddress", &txid)?, vout))
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

    /// Replaces a transaction that waits in the mempool by one that pays its inputs back to the wallet: it will
    /// never be mined again. Only for transactions whose inputs are confirmed and the wallet's.
    fn double_spend(&self, txid: Txid) -> impl Future<Output = Result<Txid, NodeError>> + Send {
        async move {
            let rpc = self.rpc();
            let shown = rpc.call("getrawtransaction", json!([txid, true])).await?;
            let mut inputs = Vec::new();
            let mut total = Amount::ZERO;
            for input in shown["vin"].as_array().into_iter().flatten() {
                let coin = rpc.call("gettxout", json!([input["txid"], input["vout"], false])).await?;
                let value =
                    coin["value"].as_f64().ok_or_else(|| unanswered("gettxout", "an input is not confirmed"))?;
                total += Amount::from_btc(value).map_err(|error| unanswered("gettxout", error))?;
                inputs.push(json!({ "txid": input["txid"], "vout": input["vout"] }));
            }
            let rest = total
                .checked_sub(Amount::from_sat(100_000))
                .ok_or_else(|| unanswered("createrawtransaction", "the inputs do not cover the higher fee"))?;
            let address = rpc.call("getnewaddress", json!([])).await?;
            let address = address.as_str().unwrap_or_default();
            let outputs = json!([{ address: rest.to_string_in(bitcoin::Denomination::Bitcoin) }]);
            let raw = rpc.call("createrawtransaction", json!([inputs, outputs])).await?;
            let signed = rpc.call("signrawtransactionwithwallet", json!([raw])).await?;
            let sent = rpc.call("sendrawtransaction", json!([signed["hex"]])).await?;
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
    Bitcoind(Bitcoind),
}

impl AnyNode {
    /// The embedded node, and a real one where `bitcoind` is found; says `skipped` where it is not.
    ///
    /// # Errors
    /// [`NodeError`] if one that is there does not start.
    pub async fn every() -> Result<Vec<Self>, NodeError> {
        let mut nodes = vec![Self::Embedded(BitcoinNode::start(NodeOptions::default()).await?)];
        match Bitcoind::find() {
            Some(path) => nodes.push(Self::Bitcoind(Bitcoind::start(&path).await?)),
            None => println!("skipped: bitcoind not found"),
        }
        Ok(nodes)
    }
}

impl RegtestNode for AnyNode {
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

fn parsed<T: FromStr>(method: &str, value: &Value) -> Result<T, NodeError> {
    let text = value.as_str().and_then(|text| text.parse().ok());
    text.ok_or_else(|| unanswered(method, format!("unexpected result {value}")))
}

fn list<T: FromStr>(method: &str, value: &Value) -> Result<Vec<T>, NodeError> {
    value.as_array().into_iter().flatten().map(|item| parsed(method, item)).collect()
}
