//! The bus over NATS. Nothing on it is believed: verdicts, attestations and requests for them are signed, evidence proves
//! itself. Who may publish and hear what is the server's to say, by subject: each member of a set has its own, and a lane
//! and a pace to it, so that one that says too much takes nobody's place.
//!
//! A server may say anything, and before TLS is agreed on whoever is on the way may. So other servers that it names are
//! not followed, nothing is said without TLS where that is configured, and a connection that is not served any more, or
//! that is not let hear what it asked for, does not count as one.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use alloy_primitives::Address;
use async_nats::connection::State;
use async_nats::{Client, ConnectOptions, Event};
use futures::StreamExt;
use spandrel_engine::{Bus, BusError, Message};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::pace::{AT_ONCE, Pace};
use crate::wire::{Topic, decode, encode};
use crate::{InProcess, Receiver};

/// Longest that a message waits for a server that is there and takes nothing.
const LONGEST_SEND: Duration = Duration::from_secs(1);

/// Between two words about a member that says too much.
const TELL_EVERY: Duration = Duration::from_secs(10);

/// What a role hears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hears {
    /// The relayer: answers.
    Answers,
    /// A verifier: evidence, of deposits and of blocks.
    Evidence,
    /// A signer: batches.
    Batches,
    /// A process with every role.
    All,
}

impl Hears {
    /// What is asked that it hears.
    fn asked(self) -> &'static [Topic] {
        match self {
            Self::Answers => &[],
            Self::Evidence => &[Topic::Evidence, Topic::Block],
            Self::Batches => &[Topic::Attest],
            Self::All => &[Topic::Evidence, Topic::Attest, Topic::Block],
        }
    }

    fn hears_answers(self) -> bool {
        matches!(self, Self::Answers | Self::All)
    }
}

/// How a server is reached.
#[derive(Clone, Default)]
pub struct NatsOptions {
    /// `nats://host:port` or `tls://host:port`.
    pub url: String,
    /// First part of every subject: one a deployment.
    pub name: String,
    /// An nkey's seed, or the text of a credentials file.
    pub credentials: Option<String>,
    /// PEM file of the authority that signed the server's certificate, beside the system's.
    pub ca: Option<std::path::PathBuf>,
    /// Verifiers and signers whose answers are heard, by whoever hears answers.
    pub members: BTreeSet<Address>,
}

/// A connection to a NATS server, which comes back by itself. Clones share it.
#[derive(Clone, Debug)]
pub struct Nats {
    client: Client,
    name: Arc<str>,
    /// What is asked, and what each member answers.
    lanes: Arc<[InProcess]>,
    speaker: Option<Address>,
    listeners: Arc<Listeners>,
    /// Whether the server has refused to let something be heard.
    refused: Arc<AtomicBool>,
}

/// Ends with the last clone of the bus.
#[derive(Debug, Default)]
struct Listeners {
    tasks: Vec<JoinHandle<()>>,
    /// Cancelled by the first of them that ends, however it does.
    ended: CancellationToken,
}

impl Listeners {
    fn add(&mut self, listening: impl Future<Output = ()> + Send + 'static) {
        let ends = self.ended.clone().drop_guard();
        self.tasks.push(tokio::spawn(async move {
            listening.await;
            drop(ends);
        }));
    }
}

impl Drop for Listeners {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl Nats {
    /// A bus over the server, whether or not that answers yet. Subscriptions may fall `capacity` messages behind.
    ///
    /// # Errors
    /// For credentials or a URL that do not read, and a server that refuses them.
    pub async fn connect(options: NatsOptions, hears: Hears, capacity: usize) -> Result<Self, BusError> {
        let NatsOptions { url, name, credentials, ca, members } = options;
        let refused = Arc::new(AtomicBool::new(false));
        let noted = refused.clone();
        let mut connect = ConnectOptions::new()
            .name("spandrel")
            .retry_on_initial_connect()
            .ignore_discovered_servers()
            .require_tls(url.starts_with("tls://"))
            .subscription_capacity(capacity)
            .event_callback(move |event| told(event, noted.clone()));
        connect = match credentials.as_deref().map(str::trim) {
            None => connect,
            Some(text) if text.starts_with("SU") => connect.nkey(text.to_owned()),
            Some(text) => connect.credentials(text).map_err(|error| BusError(format!("bus.credentials: {error}")))?,
        };
        if let Some(ca) = ca {
            connect = connect.add_root_certificates(ca);
        }
        let client = connect.connect(&url).await.map_err(|error| BusError(format!("bus {url}: {error}")))?;
        let hear = async |subject: String| {
            client.subscribe(subject).await.map_err(|error| BusError(format!("bus {url}: {error}")))
        };
        let (asked, mut listeners) = (InProcess::new(capacity), Listeners::default());
        for topic in hears.asked() {
            let messages = hear(topic.subject(&name, None)?).await?;
            listeners.add(listen(*topic, messages, asked.clone()));
        }
        let mut lanes = vec![asked];
        for member in members.into_iter().filter(|_| hears.hears_answers()) {
            let (messages, lane) =
                (hear(format!("{name}.answer.{member:#x}.*")).await?, InProcess::new(AT_ONCE as usize));
            listeners.add(listen_to(member, messages, lane.clone()));
            lanes.push(lane);
        }
        let (name, lanes, listeners) = (name.into(), lanes.into(), Arc::new(listeners));
        Ok(Self { client, name, lanes, speaker: None, listeners, refused })
    }

    /// The same connection for a verifier or a signer, which answers under its own name.
    #[must_use]
    pub fn speaking_as(&self, member: Address) -> Self {
        Self { speaker: Some(member), ..self.clone() }
    }

    /// Whether the server is there, and what it says is heard.
    pub fn is_connected(&self) -> bool {
        let is_served = !self.listeners.ended.is_cancelled() && !self.refused.load(Ordering::Relaxed);
        is_served && self.client.connection_state() == State::Connected
    }

    /// Returns when the connection will not come back by itself: the client is gone.
    pub async fn ended(&self) {
        self.listeners.ended.cancelled().await;
    }
}

async fn listen(topic: Topic, mut messages: async_nats::Subscriber, heard: InProcess) {
    while let Some(message) = messages.next().await {
        match decode(topic, &message.payload) {
            Ok(message) => heard.tell(message),
            Err(error) => tracing::warn!(%error, "a message on the bus does not read"),
        }
    }
}

/// Takes what a member answers into its lane, as fast as it may speak; what is more is not read.
async fn listen_to(member: Address, mut messages: async_nats::Subscriber, lane: InProcess) {
    let (mut pace, mut dropped, mut told) = (Pace::from(Instant::now()), 0_u64, None::<Instant>);
    while let Some(message) = messages.next().await {
        if !pace.lets_through(Instant::now()) {
            dropped += 1;
            if told.is_none_or(|at| at.elapsed() >= TELL_EVERY) {
                tracing::warn!(%member, dropped, "a member says more than it may");
                (dropped, told) = (0, Some(Instant::now()));
            }
            continue;
        }
        let topic = message.subject.rsplit('.').next().and_then(Topic::answered);
        let read = topic.ok_or_else(|| BusError(format!("{}: not an answer", message.subject)));
        match read.and_then(|topic| decode(topic, &message.payload)) {
            Ok(message) => lane.tell(message),
            Err(error) => tracing::warn!(%member, %error, "a message on the bus does not read"),
        }
    }
}

async fn told(event: Event, refused: Arc<AtomicBool>) {
    match event {
        Event::Connected => {
            refused.store(false, Ordering::Relaxed);
            tracing::info!("bus connected");
        }
        Event::ServerError(error) => {
            let said = error.to_string();
            if said.contains("for Subscription") {
                refused.store(true, Ordering::Relaxed);
            }
            tracing::error!(error = said, "bus");
        }
        // One for each message that a subscription had no place for.
        Event::SlowConsumer(_) => tracing::debug!("bus: more comes than is read"),
        // One for each try to connect again.
        Event::ClientError(error) => tracing::debug!(%error, "bus"),
        event => tracing::warn!(%event, "bus"),
    }
}

impl Bus for Nats {
    type Subscription = Receiver;

    /// Nothing waits for a server that is away: what is asked is asked again.
    async fn publish(&self, message: Message) -> Result<(), BusError> {
        if !self.is_connected() {
            return Err(BusError("its server is away".to_owned()));
        }
        let (topic, bytes) = encode(&message)?;
        let subject = topic.subject(&self.name, self.speaker)?;
        let sent = tokio::time::timeout(LONGEST_SEND, self.client.publish(subject, bytes.into())).await;
        let sent = sent.map_err(|_| BusError("its server takes nothing".to_owned()))?;
        sent.map_err(|error| BusError(error.to_string()))
    }

    fn subscribe(&self) -> Receiver {
        Receiver::of(self.lanes.iter().map(InProcess::listen).collect())
    }
}
