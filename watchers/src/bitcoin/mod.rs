//! Bitcoin.
