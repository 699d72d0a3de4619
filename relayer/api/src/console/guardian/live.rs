//! Tells guardians' pages that what stands has changed.

use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use futures::stream;
use spandrel_risk::Scope;

use super::super::live::{answer, changed};
use crate::Problem;
use crate::control::Standing;
use crate::http::Control;

/// What stands is compared this often: guardians are few, and so are these streams.
const LOOK: Duration = Duration::from_secs(1);
/// The held queue and ages move too: a page is told at least once in so many looks.
const AT_LEAST: u32 = 5;

/// Told of orders, of what is carried out, and of pauses that end.
pub async fn live(State(control): State<Control>) -> Result<Response, Problem> {
    let permit = control.streams.clone().try_acquire_owned().map_err(|_| {
        let all = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "TOO_MANY_STREAMS", "all streams are taken");
        all.retry_in(10)
    })?;
    let seen = version(&control.desk.standing().await);
    let told = stream::unfold((control, seen, permit), |(control, mut seen, permit)| async move {
        let mut looks = tokio::time::interval_at(tokio::time::Instant::now() + LOOK, LOOK);
        for _ in 0..AT_LEAST {
            looks.tick().await;
            let now = version(&control.desk.standing().await);
            if now != seen {
                seen = now;
                break;
            }
        }
        Some((changed(), (control, seen, permit)))
    });
    Ok(answer(told))
}

/// What a page shows of the control state and the pauses.
fn version(standing: &Standing) -> (u64, Vec<(Scope, u64)>) {
    let pauses = standing.risk.pauses_at(standing.now).map(|(scope, pause)| (scope.clone(), pause.until));
    (standing.control.version(), pauses.collect())
}
