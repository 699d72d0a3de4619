//! Which migrations a ledger's file has seen, without running any; and a ledger that is only looked at.

use std::path::Path;

use spandrel_core::ledger::StoreError;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions};

use super::{MIGRATOR, READERS, Sqlite, database, options};
use crate::json::from_integer;

/// How far a ledger's schema is.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Schema {
    /// The newest migration that was run; 0 when none was.
    pub version: u64,
    /// The newest that this program knows.
    pub known: u64,
    /// What is missing, in the order in which it will be run.
    pub missing: Vec<String>,
}

impl Schema {
    /// Whether nothing is missing and nothing is newer.
    pub fn is_current(&self) -> bool {
        self.version == self.known && self.missing.is_empty()
    }
}

impl Sqlite {
    /// Which migrations the ledger at `path` has seen. Nothing is written.
    ///
    /// # Errors
    /// `Database` when there is no such file, or no database in it.
    pub async fn schema(path: impl AsRef<Path>) -> Result<Schema, StoreError> {
        let pool = only_read(options().filename(path)).await?;
        let schema = read(&pool).await;
        pool.close().await;
        schema
    }

    /// Opens the ledger in the file at `path` to be looked at: nothing is written, no migration is run.
    ///
    /// # Errors
    /// `Database` when there is no such file, or no database in it.
    pub async fn look_at(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let reader = only_read(options().filename(path)).await?;
        Ok(Self { writer: reader.clone(), reader })
    }

    /// What SQLite finds wrong with the file: nothing, or one line for each.
    ///
    /// # Errors
    /// `Database` when it cannot be asked.
    pub async fn damage(&self) -> Result<Vec<String>, StoreError> {
        let found: Vec<String> =
            sqlx::query_scalar("PRAGMA quick_check(10)").fetch_all(&self.reader).await.map_err(database)?;
        Ok(found.into_iter().filter(|line| line != "ok").collect())
    }
}

async fn only_read(options: SqliteConnectOptions) -> Result<SqlitePool, StoreError> {
    let options = options.create_if_missing(false).read_only(true);
    SqlitePoolOptions::new().max_connections(READERS).connect_with(options).await.map_err(database)
}

async fn read(pool: &SqlitePool) -> Result<Schema, StoreError> {
    let is_ledger: bool =
        sqlx::query_scalar("SELECT count(*) > 0 FROM sqlite_master WHERE type = 'table' AND name = '_sqlx_migrations'")
            .fetch_one(pool)
            .await
            .map_err(database)?;
    let run: Vec<i64> = match is_ledger {
        true => sqlx::query_scalar("SELECT version FROM _sqlx_migrations WHERE success ORDER BY version")
            .fetch_all(pool)
            .await
            .map_err(database)?,
        false => Vec::new(),
    };
    let missing = MIGRATOR.iter().filter(|migration| !run.contains(&migration.version));
    let number = |version: i64| from_integer(|| "schema".to_owned(), version);
    Ok(Schema {
        version: number(run.last().copied().unwrap_or(0))?,
        known: number(MIGRATOR.iter().map(|migration| migration.version).max().unwrap_or(0))?,
        missing: missing.map(|migration| format!("{:04} {}", migration.version, migration.description)).collect(),
    })
}
