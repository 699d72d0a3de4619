//! The system's clock, where watchers and light clients are asked without a time.

use std::time::{SystemTime, UNIX_EPOCH};

use spandrel_verifiers::UnixSeconds;

pub(crate) fn unix_now() -> UnixSeconds {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs())
}
