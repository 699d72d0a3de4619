//! Following a source chain into the book: what was read and the cursor go into one commit.

use std::sync::Arc;

use spandrel_core::Input;
use spandrel_core::ledger::{CursorMove, Ledger};
use spandrel_verifiers::follow::{ChainEvent, ReadBatch, Watcher};

use crate::halt::Seen;
use crate::{Book, Change, Clock, EngineError, Step};

/// Follows one chain with one watcher.
pub struct ChainFollower<W, L, C> {
    pub(crate) watcher: W,
    pub(crate) book: Arc<Book<L, C>>,
    pub(crate) seen: Seen,
}

impl<W: Watcher, L: Ledger, C: Clock> ChainFollower<W, L, C> {
    /// A follower of `watcher`'s chain.
    pub fn new(watcher: W, book: Arc<Book<L, C>>) -> Self {
        Self { watcher, book, seen: Seen::default() }
    }

    /// The watcher.
    pub fn watcher(&self) -> &W {
        &self.watcher
    }

    /// Reads and stores one batch. Answers whether anything was new.
    pub async fn read_once(&self) -> Result<bool, EngineError> {
        let chain = self.watcher.chain().clone();
        if self.write_halt().await? {
            return Ok(true);
        }
        if let Some(reason) = self.book.ledger().halted(&chain).await? {
            return Err(EngineError::Halted { chain: chain.to_string(), reason });
        }
        let stored = self.book.ledger().cursor(&chain).await?;
        let Some(cursor) = stored else {
            let next = self.watcher.genesis().await?;
            let cursor = Some(CursorMove { chain, expected: None, next });
            self.book.record(Change { cursor, ..Change::default() }).await?;
            return Ok(true);
        };
        let was_ordered = self.observe_again(&cursor).await?;
        let ReadBatch { events, next } = self.watcher.read(&cursor).await?;
        if next == cursor && events.is_empty() {
            return Ok(was_ordered);
        }
        // Before anything else: nothing that came with it is believed, and the cursor stays where it is.
        if self.seen.note(&chain, &events) {
            return self.write_halt().await;
        }
        let mut change = Change {
            cursor: Some(CursorMove { chain: chain.clone(), expected: Some(cursor), next }),
            ..Change::default()
        };
        for event in events {
            match event {
                ChainEvent::Head(_) | ChainEvent::Halted { .. } => {}
                ChainEvent::Deposit(seen) => {
                    change.steps.push(Step::One(seen.deposit.id(), Input::Seen(seen)));
                }
                ChainEvent::Final(block) => {
                    change.steps.push(Step::AllFrom(chain.clone(), Input::SourceFinal(block)));
                }
                ChainEvent::Reorged { common_ancestor, dropped } => {
                    let dropped = dropped.iter().map(|block| block.hash).collect();
                    let input = Input::SourceReorged { ancestor: common_ancestor, dropped };
                    change.steps.push(Step::AllFrom(chain.clone(), input));
                }
            }
        }
        self.book.record(change).await?;
        Ok(true)
    }
}
