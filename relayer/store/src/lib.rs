//! The ledger: append-only events, projections, cursors, outbox and transaction journal in SQL
