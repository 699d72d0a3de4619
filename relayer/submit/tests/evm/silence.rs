//! A node that takes a transaction and does not say so, and one that never got it.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex};

use spandrel_core::journal::Journal;
use spandrel_core::submission::{Progress, Submitter};
use spandrel_submit::EvmConfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::world::*;

/// What the gateway does with a broadcast.
#[derive(Clone, Copy)]
enum Fault {
    None = 0,
    /// The node gets it, its answer is lost.
    AnswerLost = 1,
    /// The node never gets it.
    RequestLost = 2,
}

/// A flag that is set once a method is asked for.
type Alarm = Arc<Mutex<Option<(&'static str, Arc<AtomicBool>)>>>;

/// A gateway in front of a node that can lose broadcasts or their answers.
pub struct Gateway {
    pub url: String,
    fault: Arc<AtomicU8>,
    alarm: Alarm,
}

impl Gateway {
    pub async fn start(node: &str) -> Self {
        let node = node.strip_prefix("http://").unwrap().to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let fault: Arc<AtomicU8> = Arc::default();
        let alarm = Alarm::default();
        let (setting, bell) = (fault.clone(), alarm.clone());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(relay(client, node.clone(), setting.clone(), bell.clone()));
            }
        });
        Self { url, fault, alarm }
    }

    /// Sets `flag` from when `method` is asked for.
    pub fn sets(&self, method: &'static str, flag: Arc<AtomicBool>) {
        *self.alarm.lock().unwrap() = Some((method, flag));
    }

    fn set(&self, fault: Fault) {
        self.fault.store(fault as u8, Ordering::SeqCst);
    }
}

/// Relays messages one by one until either side closes, or a fault does.
async fn relay(mut client: TcpStream, node: String, fault: Arc<AtomicU8>, alarm: Alarm) {
    let Ok(mut node) = TcpStream::connect(node).await else { return };
    while let Some(request) = message(&mut client).await {
        let text = String::from_utf8_lossy(&request);
        if let Some((method, flag)) = &*alarm.lock().unwrap()
            && text.contains(method)
        {
            flag.store(true, Ordering::SeqCst);
        }
        let is_broadcast = text.contains("eth_sendRawTransaction");
        let fault = if is_broadcast { fault.load(Ordering::SeqCst) } else { Fault::None as u8 };
        if fault == Fault::RequestLost as u8 || node.write_all(&request).await.is_err() {
            return;
        }
        let Some(answer) = message(&mut node).await else { return };
        if fault == Fault::AnswerLost as u8 || client.write_all(&answer).await.is_err() {
            return;
        }
    }
}

/// One HTTP message with a `content-length`.
async fn message(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
            let length: usize =
                head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok())?;
            if bytes.len() >= end + 4 + length {
                return Some(bytes);
            }
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}

#[tokio::test]
async fn a_broadcast_whose_answer_is_lost_is_known_by_its_hash_and_not_repeated() {
    let Some(world) = World::start().await else { return };
    let gateway = Gateway::start(world.anvil.url()).await;
    let config = EvmConfig { rpc_url: gateway.url.parse().unwrap(), ..world.config() };
    let destination = world.destination_with(config, world.journal.clone()).await;
    let deposit = world.deposit(10);
    let due = world.fast(std::slice::from_ref(&deposit));
    gateway.set(Fault::AnswerLost);
    let answers = destination.submit(&due, &Open).await.unwrap();
    assert!(matches!(said(&answers, &due[0]), Some(Progress::Broadcast { .. })), "{answers:?}");
    follow_to_the_end(&world, &destination, &due).await;
    assert_eq!(world.received(&deposit).await, 10);
    assert_eq!(world.mined().await, 2);
}

#[tokio::test]
async fn a_broadcast_that_is_lost_on_its_way_goes_out_again_with_the_same_bytes() {
    let Some(world) = World::start().await else { return };
    let gateway = Gateway::start(world.anvil.url()).await;
    let config = EvmConfig { rpc_url: gateway.url.parse().unwrap(), ..world.config() };
    let destination = world.destination_with(config, world.journal.clone()).await;
    let deposit = world.deposit(10);
    let due = world.fast(std::slice::from_ref(&deposit));
    gateway.set(Fault::RequestLost);
    assert_eq!(said(&destination.submit(&due, &Open).await.unwrap(), &due[0]), None);
    assert!(destination.is_sent(due[0].id).await.unwrap(), "the journal owns it");
    assert!(destination.follow(&Open).await.unwrap().is_empty());
    assert_eq!(world.mined().await, 0);

    gateway.set(Fault::None);
    follow_to_the_end(&world, &destination, &due).await;
    let tx = world.journal.tx_of(due[0].id).await.unwrap().unwrap();
    assert_eq!(tx.attempts.len(), 1);
    assert_eq!(world.received(&deposit).await, 10);
    assert_eq!(world.mined().await, 2);
}
