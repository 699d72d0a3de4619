//! The ledger in an SQLite file: write-ahead log, `synchronous=FULL`, one writer.
//!
//! Every write is one `BEGIN IMMEDIATE` transaction on the only write connection, so that writes are serialised
//! within the process, and by SQLite's lock against other processes. Reads use their own read-only connections and
//! see what was committed last.

mod api_keys;
mod audit;
mod commit;
mod control;
mod deliveries;
mod halts;
mod held;
mod intents;
mod journal;
mod log;
mod lookup;
mod open_effects;
mod open_orders;
mod orders;
mod outbox;
mod projections;
mod query;
mod quote_key;
mod row;
mod schema;
mod summary;
mod tail;
mod unpaid;
mod watches;
mod webhooks;

pub use lookup::PageFilter;
pub use open_effects::OpenEffect;
pub use schema::Schema;

use std::path::Path;
use std::time::Duration;

use spandrel_core::ledger::StoreError;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Sqlite as Db, Transaction};

use crate::refusal::corrupt;

static MIGRATOR: Migrator = sqlx::migrate!();

/// How long a connection waits for another process's lock.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

const READERS: u32 = 4;

/// The ledger in SQLite. Clones share the connections.
#[derive(Clone, Debug)]
pub struct Sqlite {
    writer: SqlitePool,
    reader: SqlitePool,
}

impl Sqlite {
    /// Opens the ledger in the file at `path`, creating the file (not its folder) and bringing its schema up to date.
    ///
    /// # Errors
    /// `Database` when the file cannot be opened or is no database; `Corrupt` when its schema was written by a newer
    /// program, or by migrations other than this program's.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        Self::open_telling(path, |_| {}).await
    }

    /// The same, and tells the version of the schema as it goes up.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub async fn open_telling(path: impl AsRef<Path>, reached: impl FnMut(u64) + Send) -> Result<Self, StoreError> {
        let options = options().filename(path).create_if_missing(true).journal_mode(SqliteJournalMode::Wal);
        let writer = one_connection().connect_with(options.clone()).await.map_err(database)?;
        migrate(&writer, reached).await?;
        let options = options.create_if_missing(false).read_only(true);
        let reader = unasked(SqlitePoolOptions::new().max_connections(READERS));
        let reader = reader.connect_with(options).await.map_err(database)?;
        Ok(Self { writer, reader })
    }

    /// A ledger that lives as long as its last clone.
    ///
    /// # Errors
    /// `Database` when SQLite refuses.
    pub async fn memory() -> Result<Self, StoreError> {
        let writer = one_connection().connect_with(options().in_memory(true)).await.map_err(database)?;
        migrate(&writer, |_| {}).await?;
        Ok(Self { reader: writer.clone(), writer })
    }

    /// Closes all connections, of all clones, after what is under way; the file is then complete by itself.
    pub async fn close(&self) {
        self.reader.close().await;
        self.writer.close().await;
    }

    /// A write transaction. Dropped without `commit`, it is rolled back.
    async fn write(&self) -> Result<Transaction<'static, Db>, StoreError> {
        self.writer.begin_with("BEGIN IMMEDIATE").await.map_err(database)
    }

    /// A snapshot to read from.
    async fn read(&self) -> Result<Transaction<'static, Db>, StoreError> {
        self.reader.begin().await.map_err(database)
    }
}

fn options() -> SqliteConnectOptions {
    SqliteConnectOptions::new().foreign_keys(true).synchronous(SqliteSynchronous::Full).busy_timeout(BUSY_TIMEOUT)
}

fn one_connection() -> SqlitePoolOptions {
    unasked(SqlitePoolOptions::new().max_connections(1).idle_timeout(None).max_lifetime(None))
}

/// A connection to a file does not go away by itself: it is not asked before every use whether it is there.
fn unasked(pool: SqlitePoolOptions) -> SqlitePoolOptions {
    pool.test_before_acquire(false)
}

/// All missing migrations in one transaction: a process that dies meanwhile leaves the old schema, and two processes
/// that open a ledger take turns.
async fn migrate(pool: &SqlitePool, mut reached: impl FnMut(u64) + Send) -> Result<(), StoreError> {
    let known = MIGRATOR.iter().map(|migration| migration.version).max().unwrap_or(0);
    let mut tx = pool.begin_with("BEGIN IMMEDIATE").await.map_err(database)?;
    for migration in MIGRATOR.iter() {
        MIGRATOR.run_to(migration.version, &mut *tx).await.map_err(|error| refused(error, known))?;
        reached(migration.version.unsigned_abs());
    }
    tx.commit().await.map_err(database)?;
    tracing::debug!(version = known, "the ledger's schema is up to date");
    Ok(())
}

fn refused(error: MigrateError, known: i64) -> StoreError {
    match error {
        MigrateError::VersionMissing(version) if version > known => {
            corrupt("schema", format!("version {version} is newer than this program's {known}"))
        }
        MigrateError::VersionMissing(_) | MigrateError::VersionMismatch(_) | MigrateError::Dirty(_) => {
            corrupt("schema", error)
        }
        other => StoreError::Database(other.to_string()),
    }
}

/// A failure of the database; a value of the wrong type is a corrupt row.
fn database(error: sqlx::Error) -> StoreError {
    match error {
        sqlx::Error::ColumnDecode { index, source } => corrupt(format!("column {index}"), source),
        other => StoreError::Database(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use sqlx::AssertSqlSafe;

    use super::*;

    async fn pragma(pool: &SqlitePool, name: &str) -> i64 {
        sqlx::query_scalar(AssertSqlSafe(format!("PRAGMA {name}"))).fetch_one(pool).await.unwrap()
    }

    #[tokio::test]
    async fn writes_are_synced_and_readers_cannot_write() {
        let folder = tempfile::tempdir().unwrap();
        let store = Sqlite::open(folder.path().join("ledger.db")).await.unwrap();
        let full = 2;
        assert_eq!(pragma(&store.writer, "synchronous").await, full);
        for pool in [&store.writer, &store.reader] {
            assert_eq!(pragma(pool, "foreign_keys").await, 1);
            assert_eq!(pragma(pool, "busy_timeout").await, 10_000);
            let mode: String = sqlx::query_scalar("PRAGMA journal_mode").fetch_one(pool).await.unwrap();
            assert_eq!(mode, "wal");
        }
        assert_eq!(store.writer.options().get_max_connections(), 1);
        let written =
            sqlx::query("INSERT INTO halts (chain, body, at) VALUES ('', '', 0)").execute(&store.reader).await;
        assert!(written.unwrap_err().to_string().contains("readonly"));
    }

    #[tokio::test]
    async fn hot_queries_read_only_the_rows_they_answer_with() {
        let store = Sqlite::memory().await.unwrap();
        for (query, index) in [
            (outbox::DUE, "outbox_due (executor=? AND due_at<?)"),
            (query::OPEN, "transfers_open"),
            (query::OPEN_FROM, "transfers_open_by_source (source_chain=?)"),
            (query::ALL_FROM, "transfers_by_source (source_chain=?)"),
            (journal::OPEN_OF_ACCOUNT, "txs_open (chain=? AND signer=?)"),
            (orders::OF_KEY, "orders_by_key (api_key=? AND rowid<?)"),
            (lookup::OF_ORDER, "transfers_by_order (source_chain=? AND <expr>=? AND <expr>=?)"),
        ] {
            let explain = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {query}"));
            let rows: Vec<(i64, i64, i64, String)> = sqlx::query_as(explain).fetch_all(&store.reader).await.unwrap();
            let plan: Vec<&str> = rows.iter().map(|row| row.3.as_str()).collect();
            assert_eq!(plan.len(), 1, "{query}: {plan:?}");
            assert!(plan[0].ends_with(&format!("USING INDEX {index}")), "{query}: {plan:?}");
        }
    }
}
