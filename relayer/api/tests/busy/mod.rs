//! A ledger that somebody else writes to.

use std::path::Path;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, SqliteConnection};

/// A transaction of another process that goes on: whoever else would write waits.
pub struct Busy(SqliteConnection);

impl Busy {
    pub async fn with(ledger: &Path) -> Self {
        let mut connection = SqliteConnectOptions::new().filename(ledger).connect().await.unwrap();
        sqlx::query("BEGIN IMMEDIATE").execute(&mut connection).await.unwrap();
        Self(connection)
    }

    pub async fn end(mut self) {
        sqlx::query("ROLLBACK").execute(&mut self.0).await.unwrap();
        self.0.close().await.unwrap();
    }
}
