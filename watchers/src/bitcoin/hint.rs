//! The messages that Bitcoin Core publishes over ZMQ, and whether any are missing.
//!
//! Source: Bitcoin Core `doc/zmq.md`. Three frames: topic, body, counter of the topic (4 bytes, little-endian).
//! Hashes are in display order. Nothing here is believed: a hint only says that looking may be worth it.

use std::collections::HashMap;

/// The topics a watcher subscribes to.
pub const TOPICS: [&str; 3] = ["hashblock", "rawblock", "sequence"];

/// Largest honest frame: a block (BIP 141).
const MAX_BODY: usize = 4_000_000;

/// What a message says happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happened {
    /// `hashblock`, `rawblock`: there is a new tip.
    Tip,
    /// `sequence` C: a block joined the best chain.
    Connected,
    /// `sequence` D: a block left the best chain.
    Disconnected,
    /// `sequence` A or R: the mempool changed.
    Mempool,
}

/// One message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hint {
    /// One of [`TOPICS`].
    pub topic: &'static str,
    /// What it says.
    pub happened: Happened,
    /// The topic's counter.
    pub counter: u32,
}

impl Hint {
    /// Reads a message's frames; None if they have not the shape that Core publishes.
    pub fn parse(frames: &[impl AsRef<[u8]>]) -> Option<Self> {
        let [topic, body, counter] = frames else { return None };
        let (body, counter) = (body.as_ref(), u32::from_le_bytes(counter.as_ref().try_into().ok()?));
        let topic = *TOPICS.iter().find(|known| known.as_bytes() == topic.as_ref())?;
        let happened = match (topic, body.len()) {
            ("hashblock", 32) | ("rawblock", 81..=MAX_BODY) => Happened::Tip,
            ("sequence", 33) => match body.get(32)? {
                b'C' => Happened::Connected,
                b'D' => Happened::Disconnected,
                _ => return None,
            },
            ("sequence", 41) if matches!(body.get(32)?, b'A' | b'R') => Happened::Mempool,
            _ => return None,
        };
        Some(Self { topic, happened, counter })
    }

    /// Whether the best chain may have moved.
    pub fn is_about_blocks(&self) -> bool {
        self.happened != Happened::Mempool
    }
}

/// What a counter says about the messages before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Continuity {
    /// The first of its topic, or the one that follows.
    Complete,
    /// So many were lost.
    Missed(u32),
    /// It went back: the publisher started anew, and what it said meanwhile is unknown.
    Restarted,
}

/// Checks that every topic's counter is contiguous.
#[derive(Debug, Default)]
pub struct Counters {
    next: HashMap<&'static str, u32>,
}

impl Counters {
    /// Takes the next message.
    pub fn take(&mut self, hint: &Hint) -> Continuity {
        let expected = self.next.insert(hint.topic, hint.counter.wrapping_add(1));
        match expected.map(|expected| hint.counter.wrapping_sub(expected)) {
            None | Some(0) => Continuity::Complete,
            Some(missed) if missed <= u32::MAX / 2 => Continuity::Missed(missed),
            Some(_) => Continuity::Restarted,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hint(topic: &'static str, counter: u32) -> Hint {
        Hint { topic, happened: Happened::Tip, counter }
    }

    #[test]
    fn only_the_shapes_that_core_publishes_are_read() {
        let parse = |topic: &str, body: &[u8], counter: &[u8]| {
            Hint::parse(&[topic.as_bytes(), body, counter]).map(|hint| (hint.happened, hint.counter))
        };
        let labelled = |label: u8, rest: usize| [&[0; 32][..], &[label], &vec![0; rest]].concat();
        let one = [1, 0, 0, 0];
        assert_eq!(parse("hashblock", &[0; 32], &one), Some((Happened::Tip, 1)));
        assert_eq!(parse("rawblock", &[0; 248], &one), Some((Happened::Tip, 1)));
        assert_eq!(parse("sequence", &labelled(b'C', 0), &one), Some((Happened::Connected, 1)));
        assert_eq!(parse("sequence", &labelled(b'D', 0), &one), Some((Happened::Disconnected, 1)));
        assert_eq!(parse("sequence", &labelled(b'A', 8), &one), Some((Happened::Mempool, 1)));
        assert_eq!(parse("sequence", &labelled(b'A', 0), &one), None);
        assert_eq!(parse("sequence", &labelled(b'C', 8), &one), None);
        assert_eq!(parse("hashtx", &[0; 32], &one), None);
        assert_eq!(parse("hashblock", &[0; 31], &one), None);
        assert_eq!(parse("rawblock", &[0; 80], &one), None);
        assert_eq!(parse("hashblock", &[0; 32], &[1, 0, 0]), None);
        assert_eq!(Hint::parse(&[b"hashblock".as_slice(), &[0; 32]]), None);
    }

    #[test]
    fn a_gap_is_counted_per_topic_and_a_restart_is_told_apart() {
        let mut counters = Counters::default();
        assert_eq!(counters.take(&hint("rawblock", 7)), Continuity::Complete);
        assert_eq!(counters.take(&hint("hashblock", 3)), Continuity::Complete);
        assert_eq!(counters.take(&hint("rawblock", 8)), Continuity::Complete);
        assert_eq!(counters.take(&hint("rawblock", 11)), Continuity::Missed(2));
        assert_eq!(counters.take(&hint("hashblock", 4)), Continuity::Complete);
        assert_eq!(counters.take(&hint("rawblock", 0)), Continuity::Restarted);
        assert_eq!(counters.take(&hint("rawblock", 1)), Continuity::Complete);
        counters.take(&hint("sequence", u32::MAX));
        assert_eq!(counters.take(&hint("sequence", 0)), Continuity::Complete, "the counter wraps");
    }
}
