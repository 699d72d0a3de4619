//! The bus: what is published waits here until the world delivers it, twice, late, or never.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use spandrel_engine::{Bus, BusError, Message, Subscription};

use super::keys::MEMBERS;
use super::universe::Shared;

/// To whom a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum To {
    /// The relayer.
    Relayer,
    /// A verifier.
    Verifier(usize),
    /// A signer.
    Signer(usize),
}

/// The bus of one seed.
#[derive(Clone, Debug)]
pub struct SimBus {
    waiting: Arc<Mutex<Vec<(To, Message)>>>,
    universe: Shared,
}

impl SimBus {
    /// An empty bus.
    pub fn new(universe: Shared) -> Self {
        Self { waiting: Arc::default(), universe }
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<(To, Message)>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes one message out to be delivered: any, on a bad day, and perhaps a copy of it.
    pub fn next(&self) -> Option<(To, Message)> {
        let mut universe = self.universe.lock();
        let mut waiting = self.waiting();
        if waiting.is_empty() {
            return None;
        }
        let place = if universe.is_stormy { universe.dice.place(waiting.len()) } else { 0 };
        if universe.fault(10) { Some(waiting[place].clone()) } else { Some(waiting.remove(place)) }
    }

    /// Loses every message to the relayer.
    pub fn lose_relayers_mail(&self) {
        self.waiting().retain(|(to, _)| *to != To::Relayer);
    }

    /// Sends as a member does: without any error.
    pub fn answer(&self, message: Message) {
        self.waiting().push((To::Relayer, message));
    }
}

impl Bus for SimBus {
    type Subscription = NoSubscription;

    async fn publish(&self, message: Message) -> Result<(), BusError> {
        if self.universe.lock().fault(5) {
            return Err(BusError("injected".to_owned()));
        }
        let all = |to: fn(usize) -> To| (0..MEMBERS).map(to).collect();
        let receivers: Vec<To> = match &message {
            Message::Evidence(_) => all(To::Verifier),
            Message::AttestRequest(_) => all(To::Signer),
            _ => vec![To::Relayer],
        };
        for to in receivers {
            if !self.universe.lock().fault(10) {
                self.waiting().push((to, message.clone()));
            }
        }
        Ok(())
    }

    fn subscribe(&self) -> NoSubscription {
        NoSubscription
    }
}

/// The world delivers by hand.
#[derive(Debug)]
pub struct NoSubscription;

impl Subscription for NoSubscription {
    async fn next(&mut self) -> Option<Message> {
        None
    }
}
