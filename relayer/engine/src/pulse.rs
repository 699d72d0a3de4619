//! A loop's sign of life, for whoever asks whether it is stuck.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use spandrel_verifiers::UnixSeconds;

tokio::task_local! {
    static PULSE: Pulse;
}

/// When the step under way began, Unix seconds; zero while its loop waits.
#[derive(Clone, Debug, Default)]
pub struct Pulse(Arc<AtomicU64>);

impl Pulse {
    /// Runs a task whose loop's steps are felt here.
    pub async fn of<F: Future>(self, task: F) -> F::Output {
        PULSE.scope(self, task).await
    }

    /// Seconds that the step under way has taken at `now`; `None` while the loop waits.
    pub fn busy_for(&self, now: UnixSeconds) -> Option<u64> {
        match self.0.load(Ordering::Relaxed) {
            0 => None,
            since => Some(now.saturating_sub(since)),
        }
    }
}

/// A step under way, until it is dropped.
pub(crate) struct Beat(Option<Pulse>);

impl Beat {
    /// Felt by the pulse of the task, if it has one.
    pub(crate) fn at(now: UnixSeconds) -> Self {
        let pulse = PULSE.try_with(Clone::clone).ok();
        if let Some(pulse) = &pulse {
            pulse.0.store(now, Ordering::Relaxed);
        }
        Self(pulse)
    }
}

impl Drop for Beat {
    fn drop(&mut self) {
        if let Some(pulse) = &self.0 {
            pulse.0.store(0, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_step_is_felt_while_it_goes_on_and_only_by_its_own_task() {
        let pulse = Pulse::default();
        let felt = pulse.clone();
        pulse
            .clone()
            .of(async move {
                assert_eq!(felt.busy_for(100), None);
                let step = Beat::at(100);
                assert_eq!(felt.busy_for(160), Some(60));
                drop(step);
                assert_eq!(felt.busy_for(160), None);
            })
            .await;
        let _alone = Beat::at(100);
        assert_eq!(pulse.busy_for(160), None);
    }
}
