//! Webhooks: where a user of the transfer API is told of transfers, and what is to be told.

use spandrel_verifiers::{DepositId, UnixSeconds};

/// A webhook as it is stored. Its secret is not: it is derived from `id` and `generation`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// Its id.
    pub id: String,
    /// Whose it is: it is told of this key's orders alone.
    pub api_key: String,
    /// Where it is sent.
    pub url: String,
    /// Which secret it has: one more after each rotation.
    pub generation: u32,
    /// When the secret was rotated last.
    pub rotated_at: Option<UnixSeconds>,
    /// Unix seconds.
    pub created_at: UnixSeconds,
}

/// What came of asking for a new secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rotation {
    /// It has one.
    New(Webhook),
    /// This very request gave it the one it has.
    Replayed(Webhook),
    /// The key was used for another webhook, or for a secret before this one.
    KeyReused,
    /// There is no such webhook.
    Unknown,
}

/// How many deliveries of a webhook wait, and how many were given up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Not delivered yet.
    pub waiting: u64,
    /// Given up.
    pub dead: u64,
}

/// What all webhooks together still have to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AllWaiting {
    /// How many deliveries.
    pub backlog: Backlog,
    /// For how many seconds the oldest that is not delivered has waited.
    pub oldest_age: Option<u64>,
}

/// An event of the log with its place in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedEvent {
    /// Its place: rises by one with each event of any transfer.
    pub place: u64,
    /// Of which transfer.
    pub deposit: DepositId,
    /// Which of the transfer's events.
    pub sequence: u64,
    /// Its name.
    pub event: String,
    /// When it was stored, Unix seconds.
    pub at: UnixSeconds,
}

/// Events that were not made into deliveries yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Untold {
    /// How far the log was told: hand it back with what is queued.
    pub cursor: u64,
    /// The events, oldest first.
    pub events: Vec<LoggedEvent>,
}

/// Something to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewDelivery {
    /// The same for every attempt, so that receivers can tell repetitions.
    pub id: String,
    /// To which webhook.
    pub webhook: String,
    /// Of what.
    pub event: String,
    /// The exact body.
    pub body: String,
}

/// A delivery as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// What is sent.
    pub what: NewDelivery,
    /// How it stands.
    pub status: DeliveryStatus,
    /// How often it was tried.
    pub attempt: u32,
    /// When it is tried next, if it waits.
    pub due_at: UnixSeconds,
    /// Why the last attempt failed.
    pub last_error: Option<String>,
    /// Unix seconds.
    pub created_at: UnixSeconds,
}

/// How a delivery stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryStatus {
    /// It is tried when it is due.
    Waiting,
    /// The receiver took it.
    Delivered,
    /// Given up.
    Dead,
}

impl DeliveryStatus {
    /// Its name in the store and in the API.
    pub fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Delivered => "delivered",
            Self::Dead => "dead",
        }
    }
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttemptEnd {
    /// The receiver took it.
    Delivered,
    /// It did not; tried again at this time.
    Retry {
        /// Unix seconds.
        at: UnixSeconds,
        /// Why.
        error: String,
    },
    /// It did not, and is not tried again.
    Dead {
        /// Why.
        error: String,
    },
}
