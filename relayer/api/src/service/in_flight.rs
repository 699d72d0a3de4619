//! Requests under an idempotency key that are being worked on: a second one neither waits nor runs beside the first.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

/// API key and idempotency key of what this process works on now.
#[derive(Debug, Default)]
pub struct InFlight(Mutex<HashSet<(String, String)>>);

/// A place among them, given back when dropped.
#[derive(Debug)]
pub struct Flight<'a> {
    among: &'a InFlight,
    keys: (String, String),
}

impl InFlight {
    /// A place for this request; `None` while another of the same keys has it.
    pub fn enter(&self, api_key: &str, key: &str) -> Option<Flight<'_>> {
        let keys = (api_key.to_owned(), key.to_owned());
        let is_first = self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(keys.clone());
        is_first.then(|| Flight { among: self, keys })
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        self.among.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.keys);
    }
}
