//! The tables in SQLite.
//!
//! The SQL is what PostgreSQL takes too: `TEXT` and `BIGINT` columns, `$1` parameters, `ON CONFLICT … DO UPDATE`. Not
//! portable are the connection's options alone (journal, synchronous, locking).

use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteLockingMode, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Row as _, SqliteConnection};

use super::StoreError;
use super::record::{Row, Table};

/// The schema that this version reads and writes.
const SCHEMA: i64 = 1;

/// An open database.
#[derive(Debug)]
pub(super) struct Database {
    connection: SqliteConnection,
}

impl Database {
    /// Opens the file, made 0600 where there is none: it holds the organization's private keys. No other process can
    /// have it open.
    pub(super) async fn open(path: &Path) -> Result<Self, StoreError> {
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(StoreError::File(error)),
        }
        let options = SqliteConnectOptions::new()
            .filename(path)
            .locking_mode(SqliteLockingMode::Exclusive)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full);
        let connection = options.connect().await.map_err(StoreError::Database)?;
        let mut database = Self { connection };
        database.prepare().await?;
        Ok(database)
    }

    /// Makes the tables of a new database, and refuses one of a later version.
    async fn prepare(&mut self) -> Result<(), StoreError> {
        let mut transaction = self.connection.begin().await.map_err(StoreError::Database)?;
        let mut statements =
            vec!["CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL)".to_owned()];
        statements.extend(Table::ALL.map(|table| {
            format!("CREATE TABLE IF NOT EXISTS {} (id TEXT PRIMARY KEY, body TEXT NOT NULL)", table.name())
        }));
        for statement in statements {
            // The names come from the table above.
            sqlx::query(AssertSqlSafe(statement))
                .execute(&mut *transaction)
                .await
                .map_err(StoreError::Database)?;
        }
        let found = sqlx::query("SELECT version FROM schema_version")
            .fetch_optional(&mut *transaction)
            .await
            .map_err(StoreError::Database)?;
        match found {
            None => {
                sqlx::query("INSERT INTO schema_version (version) VALUES ($1)")
                    .bind(SCHEMA)
                    .execute(&mut *transaction)
                    .await
                    .map_err(StoreError::Database)?;
            }
            Some(row) => {
                let found: i64 = row.try_get(0).map_err(StoreError::Database)?;
                if found != SCHEMA {
                    return Err(StoreError::Schema { found, known: SCHEMA });
                }
            }
        }
        transaction.commit().await.map_err(StoreError::Database)
    }

    /// All rows, table by table, the organization's first.
    pub(super) async fn load(&mut self) -> Result<Vec<Row>, StoreError> {
        let mut rows = Vec::new();
        for table in Table::ALL {
            let query = format!("SELECT id, body FROM {} ORDER BY id", table.name());
            let found = sqlx::query(AssertSqlSafe(query))
                .fetch_all(&mut self.connection)
                .await
                .map_err(StoreError::Database)?;
            for row in found {
                let id = row.try_get(0).map_err(StoreError::Database)?;
                let body = row.try_get(1).map_err(StoreError::Database)?;
                rows.push(Row { table, id, body: Some(body) });
            }
        }
        Ok(rows)
    }

    /// Writes rows in one transaction: all or none.
    pub(super) async fn commit<'a>(
        &mut self,
        rows: impl IntoIterator<Item = &'a Row>,
    ) -> Result<(), sqlx::Error> {
        let mut transaction = self.connection.begin().await?;
        for row in rows {
            let table = row.table.name();
            let statement = match row.body {
                None => format!("DELETE FROM {table} WHERE id = $1"),
                Some(_) => format!(
                    "INSERT INTO {table} (id, body) VALUES ($1, $2) \
                     ON CONFLICT (id) DO UPDATE SET body = excluded.body"
                ),
            };
            let mut query = sqlx::query(AssertSqlSafe(statement)).bind(row.id.as_str());
            if let Some(body) = &row.body {
                query = query.bind(body.as_str());
            }
            query.execute(&mut *transaction).await?;
        }
        transaction.commit().await
    }

    /// Closes the file.
    pub(super) async fn close(self) -> Result<(), sqlx::Error> {
        self.connection.close().await
    }
}
