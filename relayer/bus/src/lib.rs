//! The bus between roles. Here: in one process, over a broadcast channel.
//!
//! A subscription that falls behind loses the oldest messages and says so in the log; nothing is lost for good,
//! because every request is repeated from the outbox until it is answered.

use spandrel_engine::{Bus, BusError, Message, Subscription};
use tokio::sync::broadcast;

/// A bus within one process. Clones share it.
#[derive(Clone, Debug)]
pub struct InProcess(broadcast::Sender<Message>);

impl InProcess {
    /// A bus whose subscriptions may fall `capacity` messages behind.
    pub fn new(capacity: usize) -> Self {
        Self(broadcast::Sender::new(capacity))
    }
}

impl Bus for InProcess {
    type Subscription = Receiver;

    async fn publish(&self, message: Message) -> Result<(), BusError> {
        match self.0.send(message) {
            Ok(_) => Ok(()),
            Err(_) => Err(BusError("nobody is subscribed".to_owned())),
        }
    }

    fn subscribe(&self) -> Receiver {
        Receiver(self.0.subscribe())
    }
}

/// A receiving end of [`InProcess`].
#[derive(Debug)]
pub struct Receiver(broadcast::Receiver<Message>);

impl Subscription for Receiver {
    async fn next(&mut self) -> Option<Message> {
        loop {
            match self.0.recv().await {
                Ok(message) => return Some(message),
                Err(broadcast::error::RecvError::Lagged(missed)) => {
                    tracing::warn!(missed, "bus subscription fell behind");
                }
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::B256;
    use spandrel_verifiers::DepositId;

    fn doubt(n: u8) -> Message {
        Message::Doubt { deposit: DepositId(B256::repeat_byte(n)), reason: String::new() }
    }

    #[tokio::test]
    async fn every_subscription_gets_every_message() {
        let bus = InProcess::new(8);
        let (mut a, mut b) = (bus.subscribe(), bus.subscribe());
        bus.publish(doubt(1)).await.unwrap();
        assert_eq!(a.next().await, Some(doubt(1)));
        assert_eq!(b.next().await, Some(doubt(1)));
    }

    #[tokio::test]
    async fn a_subscription_that_falls_behind_goes_on_with_the_newest() {
        let bus = InProcess::new(2);
        let mut slow = bus.subscribe();
        for n in 0..4 {
            bus.publish(doubt(n)).await.unwrap();
        }
        assert_eq!(slow.next().await, Some(doubt(2)));
        drop(bus);
        assert_eq!(slow.next().await, Some(doubt(3)));
        assert_eq!(slow.next().await, None);
    }

    #[tokio::test]
    async fn publishing_to_nobody_is_an_error() {
        assert!(InProcess::new(2).publish(doubt(0)).await.is_err());
    }
}
