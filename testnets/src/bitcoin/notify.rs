//! ZMQ publishing as Bitcoin Core does it (`zmq/zmqpublishnotifier.cpp`): three frames a message: topic, body, and the topic's
//! own counter, 4 bytes little-endian, which also counts what nobody received.
//!
//! Bodies: `hashblock` 32 bytes and `sequence` 32 bytes + label (+ 8 bytes mempool sequence, little-endian), hashes
//! in display order; `rawblock` the block with witnesses.

use bitcoin::consensus::serialize;
use bitcoin::hashes::Hash;
use tokio::sync::{mpsc, oneshot};
use zeromq::{PubSocket, Socket, SocketSend, ZmqMessage};

use super::chain::Notice;
use super::error::NodeError;

/// The topics published, in the order in which Core lists them.
pub const TOPICS: [&str; 3] = ["hashblock", "rawblock", "sequence"];

/// What the publisher's task is told.
pub enum Order {
    /// Publish these.
    Publish(Vec<Notice>),
    /// Lose the next messages: count them, send nothing.
    Lose(u64),
    /// Close the socket and all its connections; answers when it is closed.
    Close(oneshot::Sender<()>),
    /// Bind again where it was bound before; answers with the outcome.
    Open(oneshot::Sender<Result<(), NodeError>>),
}

/// The publishing end of a node.
pub struct Publisher {
    endpoint: String,
    socket: Option<PubSocket>,
    counters: [u32; 3],
    to_lose: u64,
}

impl Publisher {
    /// Binds to a free port of the loopback interface.
    pub async fn bind() -> Result<Self, NodeError> {
        let mut publisher =
            Self { endpoint: "tcp://127.0.0.1:0".to_owned(), socket: None, counters: [0; 3], to_lose: 0 };
        publisher.open().await?;
        Ok(publisher)
    }

    /// Where subscribers connect.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Carries out orders until there are no senders left.
    pub async fn run(mut self, mut orders: mpsc::UnboundedReceiver<Order>) {
        while let Some(order) = orders.recv().await {
            match order {
                Order::Publish(notices) => {
                    for (topic, body) in notices.iter().flat_map(messages) {
                        self.publish(topic, body).await;
                    }
                }
                Order::Lose(messages) => self.to_lose += messages,
                Order::Close(done) => {
                    self.close().await;
                    if done.send(()).is_err() {
                        tracing::debug!("nobody waits for the publisher to close");
                    }
                }
                Order::Open(done) => {
                    let outcome = self.open().await;
                    if done.send(outcome).is_err() {
                        tracing::debug!("nobody waits for the publisher to open");
                    }
                }
            }
        }
        self.close().await;
    }

    async fn open(&mut self) -> Result<(), NodeError> {
        let mut socket = PubSocket::new();
        let failed =
            |error: zeromq::ZmqError| NodeError::Zmq { endpoint: self.endpoint.clone(), reason: error.to_string() };
        self.endpoint = socket.bind(&self.endpoint).await.map_err(failed)?.to_string();
        self.socket = Some(socket);
        Ok(())
    }

    async fn close(&mut self) {
        if let Some(socket) = self.socket.take() {
            for error in socket.close().await {
                tracing::debug!(%error, "closing the publisher");
            }
        }
    }

    async fn publish(&mut self, topic: usize, body: Vec<u8>) {
        let counter = self.counters[topic];
        self.counters[topic] = counter.wrapping_add(1);
        if self.to_lose > 0 {
            self.to_lose -= 1;
            return;
        }
        let Some(socket) = &mut self.socket else { return };
        let mut message = ZmqMessage::from(TOPICS[topic]);
        message.push_back(body.into());
        message.push_back(counter.to_le_bytes().to_vec().into());
        if let Err(error) = socket.send(message).await {
            tracing::warn!(%error, topic = TOPICS[topic], "notification not sent");
        }
    }
}

/// The messages of a notice: index into [`TOPICS`] and body.
fn messages(notice: &Notice) -> Vec<(usize, Vec<u8>)> {
    const HASHBLOCK: usize = 0;
    const RAWBLOCK: usize = 1;
    const SEQUENCE: usize = 2;
    let labelled = |hash: [u8; 32], label: u8| [displayed(hash).as_slice(), &[label]].concat();
    let numbered = |hash, label, sequence: u64| [labelled(hash, label).as_slice(), &sequence.to_le_bytes()].concat();
    match notice {
        Notice::Connected(hash) => vec![(SEQUENCE, labelled(hash.to_byte_array(), b'C'))],
        Notice::Disconnected(hash) => vec![(SEQUENCE, labelled(hash.to_byte_array(), b'D'))],
        Notice::Added(txid, sequence) => vec![(SEQUENCE, numbered(txid.to_byte_array(), b'A', *sequence))],
        Notice::Removed(txid, sequence) => vec![(SEQUENCE, numbered(txid.to_byte_array(), b'R', *sequence))],
        Notice::Tip(block) => vec![
            (HASHBLOCK, displayed(block.block_hash().to_byte_array()).to_vec()),
            (RAWBLOCK, serialize(block.as_ref())),
        ],
    }
}

fn displayed(mut hash: [u8; 32]) -> [u8; 32] {
    hash.reverse();
    hash
}
