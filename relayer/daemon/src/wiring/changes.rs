//! What other processes store, for a process that shares the ledger with them.

use std::sync::Arc;
use std::time::Duration;

use spandrel_api::Live;
use spandrel_engine::{Book, Clock, EngineError, repeat};
use spandrel_store::Sqlite;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use crate::clock::SystemClock;

/// Between two looks.
const EVERY: Duration = Duration::from_millis(250);

/// Takes in what was decided elsewhere, and wakes who waits for a transfer that changed there.
pub async fn follow_changes(
    book: Arc<Book<Sqlite, SystemClock>>,
    live: Live,
    stop: CancellationToken,
) -> Result<(), EngineError> {
    let seen = Mutex::new(book.ledger().newest_place().await?);
    let step = || async {
        book.refresh().await?;
        let (ledger, mut seen) = (book.ledger(), seen.lock().await);
        let newest = ledger.newest_place().await?;
        if newest > *seen {
            for transfer in ledger.changed_between(*seen, newest).await? {
                live.changed(&transfer.deposit);
            }
            *seen = newest;
        }
        Ok(false)
    };
    repeat("changes", SystemClock, stop, step, || book.clock().sleep(EVERY)).await
}
