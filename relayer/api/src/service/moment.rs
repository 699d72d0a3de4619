//! What is read over the whole ledger is read once for all who ask within a moment, however many they are.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

/// How long it is told without being read again. A page that is told of a change reads itself 700 ms later: by then what
/// was read before the change is forgotten.
const LONGEST: Duration = Duration::from_millis(500);

/// The last reading. Who asks while it is read waits for it.
pub(super) struct Moment<T>(Mutex<Option<(Arc<T>, Instant)>>);

impl<T> Default for Moment<T> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl<T> Moment<T> {
    /// What was read within this moment, or what is read now. What failed is read again by whoever asks next.
    pub(super) async fn or_read<E>(&self, read: impl Future<Output = Result<T, E>>) -> Result<Arc<T>, E> {
        let asked = Instant::now();
        let mut last = self.0.lock().await;
        // Who waited for a slow reading takes what was read meanwhile.
        if let Some((value, _)) = last.as_ref().filter(|(_, begun)| *begun + LONGEST > asked) {
            return Ok(value.clone());
        }
        let begun = Instant::now();
        let value = Arc::new(read.await?);
        *last = Some((value.clone(), begun));
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test]
    async fn many_who_ask_at_once_cause_one_reading_and_a_failed_one_is_not_kept() {
        let (moment, readings) = (Moment::default(), AtomicU32::new(0));
        let ask = |fails: bool| {
            let readings = &readings;
            moment.or_read(async move {
                tokio::time::sleep(Duration::from_millis(20)).await;
                let nth = readings.fetch_add(1, Ordering::SeqCst);
                if fails { Err(nth) } else { Ok(nth) }
            })
        };
        assert_eq!(ask(true).await, Err(0));
        let begun = Instant::now();
        let told = futures::future::join_all((0..50).map(|_| ask(false))).await;
        let moments = 1 + begun.elapsed().as_millis() / LONGEST.as_millis();
        let last = **told.iter().flatten().max().unwrap();
        assert!(told.iter().all(Result::is_ok) && u128::from(last) <= moments, "{told:?} in {moments} moments");
        tokio::time::sleep(LONGEST).await;
        assert_eq!(ask(false).await, Ok(Arc::new(last + 1)));
    }

    /// A ledger that is slow is not asked by everyone in turn.
    #[tokio::test]
    async fn who_waits_for_a_slow_reading_takes_it() {
        let (moment, readings) = (Moment::default(), AtomicU32::new(0));
        let ask = || {
            let readings = &readings;
            moment.or_read(async move {
                tokio::time::sleep(LONGEST * 3).await;
                Ok::<_, ()>(readings.fetch_add(1, Ordering::SeqCst))
            })
        };
        let told = futures::future::join_all((0..50).map(|_| ask())).await;
        assert!(told.iter().all(|told| *told == Ok(Arc::new(0))), "{told:?}");
    }
}
