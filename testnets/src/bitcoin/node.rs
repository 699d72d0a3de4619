//! The embedded node: one state behind a lock, served over HTTP and published over ZMQ by tasks that end with it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use bitcoin::address::NetworkUnchecked;
use bitcoin::consensus::encode::{deserialize_hex, serialize_hex};
use bitcoin::{Address, Amount, Denomination, Network, Script, Transaction, TxOut, Txid};
use rand::Rng;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;

use super::chain::Chain;
use super::endpoint::{RpcEndpoint, unanswered};
use super::error::NodeError;
use super::notify::{Order, Publisher};
use super::regtest::{RegtestNode, parsed};
use super::rpc;
use super::wallet::Wallet;

/// How a [`BitcoinNode`] starts.
#[derive(Clone, Debug)]
pub struct NodeOptions {
    /// Seed of the wallet's keys: the same seed gives the same addresses, and two nodes of one seed may mine the
    /// very same block in the same second.
    pub wallet_seed: [u8; 32],
    /// Fee rate the wallet pays, in satoshis per virtual byte.
    pub payment_fee_rate: u64,
    /// What `estimatesmartfee` answers, in satoshis per 1,000 virtual bytes. None: "insufficient data", as a fresh
    /// regtest node says.
    pub estimated_fee_rate: Option<u64>,
    /// Coinbase outputs that are spendable from the start: this many and 100 more blocks are mined up front.
    pub spendable_coinbases: u32,
}

impl Default for NodeOptions {
    fn default() -> Self {
        Self { wallet_seed: [0x5b; 32], payment_fee_rate: 2, estimated_fee_rate: None, spendable_coinbases: 0 }
    }
}

/// The state that the methods of the JSON-RPC read and move.
pub(super) struct Core {
    pub chain: Chain,
    pub wallet: Wallet,
    pub mock_time: Option<u64>,
    pub payment_fee_rate: u64,
    pub estimated_fee_rate: Option<u64>,
    pub zmq_endpoint: String,
    orders: mpsc::UnboundedSender<Order>,
}

impl Core {
    /// The clock, Unix seconds: the system's unless `setmocktime` said otherwise.
    pub fn now(&self) -> u64 {
        let system = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs());
        self.mock_time.unwrap_or_else(system)
    }

    /// Hands what happened to the publisher, in order.
    pub fn publish(&mut self) {
        let notices = self.chain.take_notices();
        if !notices.is_empty() && self.orders.send(Order::Publish(notices)).is_err() {
            tracing::debug!("the publisher has ended");
        }
    }
}

/// An embedded Bitcoin regtest node: real blocks, real signatures, Core's JSON-RPC and ZMQ on loopback ports.
///
/// Its tasks end when it is dropped.
pub struct BitcoinNode {
    core: Arc<Mutex<Core>>,
    rpc: RpcEndpoint,
    zmq_endpoint: String,
    orders: mpsc::UnboundedSender<Order>,
    server: AbortHandle,
}

impl BitcoinNode {
    /// Starts a node on free loopback ports.
    ///
    /// # Errors
    /// [`NodeError`] if a port cannot be bound.
    pub async fn start(options: NodeOptions) -> Result<Self, NodeError> {
        let publisher = Publisher::bind().await?;
        let zmq_endpoint = publisher.endpoint().to_owned();
        let (orders, received) = mpsc::unbounded_channel();
        tokio::spawn(publisher.run(received));

        let wallet = Wallet::new(&options.wallet_seed)
            .map_err(|error| NodeError::Unanswered { method: "wallet".to_owned(), reason: error.to_string() })?;
        let mut core = Core {
            chain: Chain::new(),
            wallet,
            mock_time: None,
            payment_fee_rate: options.payment_fee_rate,
            estimated_fee_rate: options.estimated_fee_rate,
            zmq_endpoint: zmq_endpoint.clone(),
            orders: orders.clone(),
        };
        core.publish();
        let core = Arc::new(Mutex::new(core));

        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(NodeError::io("bind the JSON-RPC port"))?;
        let address = listener.local_addr().map_err(NodeError::io("read the JSON-RPC port"))?;
        let password = hex::encode(rand::rng().random::<[u8; 16]>());
        let rpc = RpcEndpoint::new(&format!("http://{address}"), "spandrel", &password)?;
        let served = rpc::Served { core: core.clone(), authorization: rpc.authorization()? };
        let server = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, rpc::router(served)).await {
                tracing::error!(%error, "the JSON-RPC server ended");
            }
        });
        let node = Self { core, rpc, zmq_endpoint, orders, server: server.abort_handle() };
        tracing::info!(rpc = %address, zmq = %node.zmq_endpoint, "embedded bitcoin node started");
        if options.spendable_coinbases > 0 {
            node.mine(options.spendable_coinbases + super::rules::COINBASE_MATURITY).await?;
        }
        Ok(node)
    }

    /// Loses the next `messages` ZMQ messages: their counters move on, nothing is sent.
    pub fn lose_notifications(&self, messages: u64) {
        self.order(Order::Lose(messages));
    }

    /// Closes the ZMQ socket and all its connections; counters go on.
    pub async fn close_notifications(&self) {
        let (done, closed) = oneshot::channel();
        self.order(Order::Close(done));
        if closed.await.is_err() {
            tracing::warn!("the publisher ended before it closed");
        }
    }

    /// Binds the ZMQ socket again, at the same endpoint.
    ///
    /// # Errors
    /// [`NodeError::Zmq`] if the port was taken meanwhile.
    pub async fn open_notifications(&self) -> Result<(), NodeError> {
        let (done, opened) = oneshot::channel();
        self.order(Order::Open(done));
        opened.await.unwrap_or_else(|_| {
            Err(NodeError::Zmq { endpoint: self.zmq_endpoint.clone(), reason: "the publisher has ended".to_owned() })
        })
    }

    /// Height of the active tip.
    pub fn height(&self) -> u32 {
        self.core.lock().unwrap_or_else(PoisonError::into_inner).chain.tree.tip_height()
    }

    fn order(&self, order: Order) {
        if self.orders.send(order).is_err() {
            tracing::warn!("the publisher has ended");
        }
    }
}

impl RegtestNode for BitcoinNode {
    fn rpc(&self) -> &RpcEndpoint {
        &self.rpc
    }

    fn zmq_endpoint(&self) -> &str {
        &self.zmq_endpoint
    }

    async fn new_address(&self) -> Result<Address, NodeError> {
        let address = self.rpc.call("getnewaddress", json!([])).await?;
        let address: Address<NetworkUnchecked> = parsed("getnewaddress", &address)?;
        Ok(address.assume_checked())
    }

    async fn send(&self, script: &Script, value: u64) -> Result<Txid, NodeError> {
        let address =
            Address::from_script(script, Network::Regtest).map_err(|error| unanswered("sendtoaddress", error))?;
        let amount = Amount::from_sat(value).to_string_in(Denomination::Bitcoin);
        parsed("sendtoaddress", &self.rpc.call("sendtoaddress", json!([address, amount])).await?)
    }

    async fn sign(&self, tx: Transaction, _prevouts: &[TxOut]) -> Result<Transaction, NodeError> {
        const METHOD: &str = "signrawtransactionwithwallet";
        let signed = self.rpc.call(METHOD, json!([serialize_hex(&tx)])).await?;
        if signed["complete"] != true {
            return Err(unanswered(METHOD, "an input is another's"));
        }
        deserialize_hex(signed["hex"].as_str().unwrap_or_default()).map_err(|error| unanswered(METHOD, error))
    }
}

impl Drop for BitcoinNode {
    fn drop(&mut self) {
        self.server.abort();
    }
}
