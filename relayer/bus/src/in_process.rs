//! The bus within one process, over a broadcast channel.

use spandrel_engine::{Bus, BusError, Message};
use tokio::sync::broadcast;

use crate::Receiver;

/// A bus within one process. Clones share it.
#[derive(Clone, Debug)]
pub struct InProcess(broadcast::Sender<Message>);

impl InProcess {
    /// A bus whose subscriptions may fall `capacity` messages behind.
    pub fn new(capacity: usize) -> Self {
        Self(broadcast::Sender::new(capacity))
    }

    pub(crate) fn listen(&self) -> broadcast::Receiver<Message> {
        self.0.subscribe()
    }

    /// Sends to whoever is subscribed, if anyone is.
    pub(crate) fn tell(&self, message: Message) {
        if self.0.send(message).is_err() {
            tracing::trace!("a message came, and nobody is subscribed");
        }
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
        Receiver::of(vec![self.listen()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::B256;
    use spandrel_engine::Subscription;
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
