//! Supervision: tasks run side by side; when one ends by itself, all are told to stop, and every reason is reported.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Result, anyhow};
use futures::FutureExt;
use futures::future::BoxFuture;
use spandrel_engine::Pulse;
use spandrel_verifiers::UnixSeconds;
use tokio::task::{Id, JoinSet};
use tokio_util::sync::CancellationToken;

const GRACE: Duration = Duration::from_secs(10);
/// A step that takes longer, seconds, is stuck: every call that it makes is bounded by seconds.
const STUCK: u64 = 300;

/// The pulses of all tasks, by name. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Pulses(Arc<Mutex<Vec<(String, Pulse)>>>);

impl Pulses {
    /// For how many seconds each task is at its present step; zero while it waits for work.
    pub fn busy(&self, now: UnixSeconds) -> Vec<(String, u64)> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().map(|(name, pulse)| (name.clone(), pulse.busy_for(now).unwrap_or(0))).collect()
    }

    /// Tasks that are stuck.
    pub fn stuck(&self, now: UnixSeconds) -> Vec<(String, u64)> {
        self.busy(now).into_iter().filter(|(_, seconds)| *seconds > STUCK).collect()
    }

    /// Feels another task.
    pub fn feel(&self, name: String, pulse: Pulse) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((name, pulse));
    }
}

/// Named tasks under one stop signal. None begins before all of them are there: a start that fails half-way has done nothing.
pub struct Tasks {
    stop: CancellationToken,
    waiting: Vec<(String, BoxFuture<'static, Result<()>>)>,
    pulses: Pulses,
}

impl Tasks {
    /// No tasks yet; `stop` tells all of them to end.
    pub fn new(stop: CancellationToken) -> Self {
        Self { stop, waiting: Vec::new(), pulses: Pulses::default() }
    }

    /// Adds a task, which begins with [`run`](Self::run). It must end soon after `stop` is cancelled.
    pub fn add<F, E>(&mut self, name: impl Into<String>, task: F)
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<anyhow::Error>,
    {
        let (name, pulse) = (name.into(), Pulse::default());
        self.pulses.feel(name.clone(), pulse.clone());
        self.waiting.push((name, pulse.of(async move { task.await.map_err(Into::into) }).boxed()));
    }

    /// The signs of life of all tasks, those that are yet to be added included.
    pub fn pulses(&self) -> Pulses {
        self.pulses.clone()
    }

    /// Begins all, waits until `stop` is cancelled or a task ends, stops the rest, and reports every failure.
    pub async fn run(self) -> Result<()> {
        let mut set = JoinSet::new();
        let begin = |(name, task)| (set.spawn(task).id(), name);
        let names: Vec<(Id, String)> = self.waiting.into_iter().map(begin).collect();
        let mut failures = Vec::new();
        let mut deadline = None;
        while !set.is_empty() {
            let joined = match deadline {
                None => tokio::select! {
                    joined = set.join_next_with_id() => joined,
                    () = self.stop.cancelled() => {
                        deadline = Some(tokio::time::Instant::now() + GRACE);
                        continue;
                    }
                },
                Some(at) => match tokio::time::timeout_at(at, set.join_next_with_id()).await {
                    Ok(joined) => joined,
                    Err(_) => {
                        failures.push(format!("{} tasks did not stop within {GRACE:?}", set.len()));
                        set.abort_all();
                        break;
                    }
                },
            };
            let (id, outcome) = match joined {
                Some(Ok((id, outcome))) => (id, outcome),
                Some(Err(error)) => (error.id(), Err(anyhow!("panicked: {error}"))),
                None => break,
            };
            let name = names.iter().find(|(known, _)| *known == id).map_or("task", |(_, name)| name.as_str());
            match outcome {
                Ok(()) if self.stop.is_cancelled() => {}
                Ok(()) => failures.push(format!("{name}: ended by itself")),
                Err(error) => failures.push(format!("{name}: {error:#}")),
            }
            self.stop.cancel();
        }
        if failures.is_empty() { Ok(()) } else { Err(anyhow!(failures.join("; "))) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn when_one_task_fails_the_others_stop_and_its_reason_is_told() {
        let stop = CancellationToken::new();
        let mut tasks = Tasks::new(stop.clone());
        let waiting = stop.clone();
        tasks.add("patient", async move {
            waiting.cancelled().await;
            anyhow::Ok(())
        });
        tasks.add("broken", async { Err(anyhow!("no luck")) });
        let error = tasks.run().await.unwrap_err().to_string();
        assert_eq!(error, "broken: no luck");
        assert!(stop.is_cancelled());
    }

    #[tokio::test]
    async fn a_panic_is_a_reason_too() {
        let mut tasks = Tasks::new(CancellationToken::new());
        tasks.add("fragile", async {
            if true {
                panic!("ouch");
            }
            anyhow::Ok(())
        });
        assert!(tasks.run().await.unwrap_err().to_string().starts_with("fragile: panicked"));
    }

    #[tokio::test]
    async fn a_stop_from_outside_is_not_a_failure() {
        let stop = CancellationToken::new();
        let mut tasks = Tasks::new(stop.clone());
        let waiting = stop.clone();
        tasks.add("patient", async move {
            waiting.cancelled().await;
            anyhow::Ok(())
        });
        stop.cancel();
        tasks.run().await.unwrap();
    }
}
