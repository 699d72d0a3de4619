//! The bus between roles: within one process, or over NATS where verifiers and signers run elsewhere.
//!
//! A subscription that falls behind loses the oldest messages and says so in the log; nothing is lost for good,
//! because every request is repeated from the outbox until it is answered. For the same reason NATS is used without
//! JetStream: a request that is kept for a verifier that is away would be one of many repetitions when it returns.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

mod in_process;
mod nats;
mod pace;
mod receiver;
mod wire;

pub use in_process::InProcess;
pub use nats::{Hears, Nats, NatsOptions};
pub use receiver::Receiver;
pub use wire::{MAX_MESSAGE, Topic, decode, encode};

use alloy_primitives::Address;
use spandrel_engine::{Bus, BusError, Message};

/// Either bus, as configured. Clones share it.
#[derive(Clone, Debug)]
pub enum Link {
    /// Within this process.
    InProcess(InProcess),
    /// Over NATS.
    Nats(Box<Nats>),
}

impl Link {
    /// Whether other processes can be heard.
    pub fn is_connected(&self) -> bool {
        match self {
            Self::InProcess(_) => true,
            Self::Nats(bus) => bus.is_connected(),
        }
    }

    /// The same bus for a verifier or a signer, which answers under its own name.
    #[must_use]
    pub fn speaking_as(&self, member: Address) -> Self {
        match self {
            Self::InProcess(bus) => Self::InProcess(bus.clone()),
            Self::Nats(bus) => Self::Nats(Box::new(bus.speaking_as(member))),
        }
    }
}

impl Link {
    /// Returns when the bus will not work again by itself; never for one within this process.
    pub async fn ended(&self) {
        match self {
            Self::InProcess(_) => std::future::pending().await,
            Self::Nats(bus) => bus.ended().await,
        }
    }
}

impl Bus for Link {
    type Subscription = Receiver;

    async fn publish(&self, message: Message) -> Result<(), BusError> {
        match self {
            Self::InProcess(bus) => bus.publish(message).await,
            Self::Nats(bus) => bus.publish(message).await,
        }
    }

    fn subscribe(&self) -> Receiver {
        match self {
            Self::InProcess(bus) => bus.subscribe(),
            Self::Nats(bus) => bus.subscribe(),
        }
    }
}
