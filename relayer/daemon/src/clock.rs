//! The system's time.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use humantime::Rfc3339Timestamp;
use spandrel_engine::Clock;
use spandrel_verifiers::UnixSeconds;

/// The operating system's clock and tokio's timer.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock;

/// Seconds since the Unix epoch, now.
pub fn unix_now() -> UnixSeconds {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// A length of time for people, as `1h 30m`.
pub fn span(seconds: u64) -> String {
    humantime::format_duration(Duration::from_secs(seconds)).to_string()
}

/// A moment for people: RFC 3339, UTC, at the latest the last second of the year 9999.
pub fn moment(at: UnixSeconds) -> Rfc3339Timestamp {
    humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs(at.min(253_402_300_799)))
}

impl Clock for SystemClock {
    fn now(&self) -> UnixSeconds {
        unix_now()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}
