//! A receiving end with a lane for each sender: whoever sends too much loses what is its own, and nobody waits behind it.

use futures::future::select_all;
use spandrel_engine::{Message, Subscription};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};

/// A receiving end of either bus. Lanes take turns.
#[derive(Debug)]
pub struct Receiver {
    lanes: Vec<broadcast::Receiver<Message>>,
    turn: usize,
}

impl Receiver {
    pub(crate) fn of(lanes: Vec<broadcast::Receiver<Message>>) -> Self {
        Self { lanes, turn: 0 }
    }

    /// A message that is there already, from the lane whose turn it is or the next one that has any.
    fn there(&mut self) -> Option<Message> {
        for _ in 0..self.lanes.len() {
            let place = self.turn % self.lanes.len();
            self.turn = place + 1;
            let lane = self.lanes.get_mut(place)?;
            loop {
                match lane.try_recv() {
                    Ok(message) => return Some(message),
                    Err(TryRecvError::Lagged(missed)) => fell_behind(missed),
                    Err(TryRecvError::Empty | TryRecvError::Closed) => break,
                }
            }
        }
        None
    }
}

impl Subscription for Receiver {
    async fn next(&mut self) -> Option<Message> {
        loop {
            if let Some(message) = self.there() {
                return Some(message);
            }
            if self.lanes.is_empty() {
                return None;
            }
            let (heard, place, _) = select_all(self.lanes.iter_mut().map(|lane| Box::pin(lane.recv()))).await;
            match heard {
                Ok(message) => {
                    self.turn = place + 1;
                    return Some(message);
                }
                Err(RecvError::Lagged(missed)) => fell_behind(missed),
                Err(RecvError::Closed) => drop(self.lanes.remove(place)),
            }
        }
    }
}

fn fell_behind(missed: u64) {
    tracing::warn!(missed, "bus subscription fell behind");
}

#[cfg(test)]
mod tests {
    use alloy_primitives::B256;
    use spandrel_verifiers::DepositId;

    use super::*;

    fn doubt(n: u8) -> Message {
        Message::Doubt { deposit: DepositId(B256::repeat_byte(n)), reason: String::new() }
    }

    #[tokio::test]
    async fn lanes_take_turns_and_one_that_is_full_loses_its_own_oldest() {
        let (loud, quiet) = (broadcast::Sender::new(4), broadcast::Sender::new(4));
        let mut receiver = Receiver::of(vec![loud.subscribe(), quiet.subscribe()]);
        for n in 0..100 {
            loud.send(doubt(n)).unwrap();
        }
        for n in [201, 202] {
            quiet.send(doubt(n)).unwrap();
        }
        for n in [96, 201, 97, 202, 98, 99] {
            assert_eq!(receiver.next().await, Some(doubt(n)));
        }
        quiet.send(doubt(203)).unwrap();
        assert_eq!(receiver.next().await, Some(doubt(203)));
        drop(quiet);
        loud.send(doubt(1)).unwrap();
        assert_eq!(receiver.next().await, Some(doubt(1)), "a lane that ended ends no other");
        drop(loud);
        assert_eq!(receiver.next().await, None);
    }
}
