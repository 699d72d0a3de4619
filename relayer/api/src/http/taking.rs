//! What peers take of what they asked for. An answer goes out in pieces, each of which is to be taken in time: a peer that
//! keeps its windows shut (RFC 9113, 5.2) or takes nothing more loses the answer. What is ours to go on with, as an answer
//! that is being made or a stream over which nothing happens, waits for as long as it lasts.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use hyper::body::{Bytes, Frame, SizeHint};
use hyper::rt::Executor;
use tokio::time::Instant;

/// So many bytes at once. Whoever takes them in time, again and again, is served however slowly.
const PIECE: usize = 4 * 1024;

/// Instead of a time: what was offered was not taken.
const GIVEN_UP: u64 = u64::MAX;

tokio::task_local! {
    /// Of the answer that this task makes and sends.
    static OFFER: Arc<Offer>;
}

/// All answers of one connection.
pub(super) struct Taking {
    begun: Instant,
    /// Those that were not taken whole.
    open: AtomicUsize,
    /// When a piece or a whole answer was taken last, milliseconds from the beginning.
    last: AtomicU64,
}

impl Taking {
    pub(super) fn begin() -> Arc<Self> {
        Arc::new(Self { begun: Instant::now(), open: AtomicUsize::new(0), last: AtomicU64::new(0) })
    }

    /// Since when no answer is under way, and none was taken.
    pub(super) fn idle(&self) -> Duration {
        match self.open.load(Ordering::Acquire) {
            0 => Duration::from_millis(self.now().saturating_sub(self.last.load(Ordering::Acquire))),
            _ => Duration::ZERO,
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(GIVEN_UP - 2)
    }

    fn taken(&self) {
        self.last.store(self.now(), Ordering::Release);
    }
}

/// When the piece was offered that waits to be taken, milliseconds from the connection's beginning and one; 0 when none does.
#[derive(Default)]
struct Offer(AtomicU64);

impl Offer {
    /// Returns when a piece has waited for so long; nothing is taken after that.
    async fn given_up(&self, taking: &Taking, longest: Duration) {
        loop {
            let offered = self.0.load(Ordering::Acquire);
            let since = match offered {
                0 => Instant::now(),
                offered => taking.begun + Duration::from_millis(offered - 1),
            };
            if since.elapsed() < longest {
                tokio::time::sleep_until(since + longest).await;
            } else if self.0.compare_exchange(offered, GIVEN_UP, Ordering::AcqRel, Ordering::Acquire).is_ok() {
                return;
            }
        }
    }
}

/// Runs the answers of an HTTP/2 connection, each of them until a piece was not taken for so long.
#[derive(Clone)]
pub(super) struct Attended {
    pub(super) taking: Arc<Taking>,
    pub(super) longest: Duration,
}

impl<F> Executor<F> for Attended
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, answering: F) {
        let Self { taking, longest } = self.clone();
        tokio::spawn(async move {
            let offer = Arc::<Offer>::default();
            tokio::select! {
                () = OFFER.scope(offer.clone(), answering) => {}
                () = offer.given_up(&taking, longest) => tracing::debug!("an answer that its peer does not take"),
            }
        });
    }
}

/// An answer that is under way.
pub(super) struct Answer {
    taking: Arc<Taking>,
    offer: Arc<Offer>,
    /// Whether it is given up when it is not taken: over HTTP/1.1 the connection breaks instead.
    is_attended: bool,
}

impl Answer {
    /// Called by the task that makes it.
    pub(super) fn begin(taking: Arc<Taking>) -> Self {
        taking.open.fetch_add(1, Ordering::AcqRel);
        let attended = OFFER.try_with(Arc::clone);
        Self { taking, is_attended: attended.is_ok(), offer: attended.unwrap_or_default() }
    }

    /// Its body, which tells when it is taken.
    pub(super) fn with(self, body: Body) -> Taken {
        Taken { body, rest: Bytes::new(), answer: self }
    }

    /// Who asks for more has taken what was offered.
    fn asked_for_more(&self) {
        if self.offer.0.swap(0, Ordering::AcqRel) != 0 {
            self.taking.taken();
        }
    }

    fn offer(&self) {
        self.offer.0.store(self.taking.now().saturating_add(1), Ordering::Release);
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        if self.offer.0.load(Ordering::Acquire) != GIVEN_UP {
            self.taking.taken();
        }
        self.taking.open.fetch_sub(1, Ordering::AcqRel);
    }
}

/// A body in pieces.
pub(super) struct Taken {
    body: Body,
    /// What goes out in the next pieces.
    rest: Bytes,
    answer: Answer,
}

impl hyper::body::Body for Taken {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let Self { body, rest, answer } = &mut *self;
        answer.asked_for_more();
        if rest.is_empty() {
            match ready!(Pin::new(body).poll_frame(context)).map(|frame| frame.map(Frame::into_data)) {
                Some(Ok(Ok(data))) => *rest = data,
                Some(Ok(Err(trailers))) => return Poll::Ready(Some(Ok(trailers))),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
        // HTTP/2 keeps a piece of which a window takes one byte, and asks for more when it takes one byte more than all of it:
        // what comes last goes alone, so that nothing waits unseen.
        let most = if answer.is_attended { rest.len().saturating_sub(1).max(1) } else { rest.len() };
        let piece = rest.split_to(most.min(PIECE).min(rest.len()));
        answer.offer();
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (body, rest) = (self.body.size_hint(), self.rest.len() as u64);
        let mut hint = SizeHint::new();
        hint.set_lower(body.lower().saturating_add(rest));
        if let Some(upper) = body.upper() {
            hint.set_upper(upper.saturating_add(rest));
        }
        hint
    }
}

#[cfg(test)]
mod tests {
    use futures::{StreamExt, stream};
    use hyper::body::Body as _;

    use super::*;

    const LONGEST: Duration = Duration::from_millis(100);

    /// The next piece, when it is there.
    fn next(taken: &mut Taken) -> Poll<Option<usize>> {
        let polled = Pin::new(taken).poll_frame(&mut Context::from_waker(std::task::Waker::noop()));
        polled.map(|frame| frame.map(|frame| frame.unwrap().into_data().unwrap().len()))
    }

    #[tokio::test]
    async fn a_body_goes_out_in_pieces_that_come_to_all_of_it() {
        let taking = Taking::begin();
        let mut taken = Answer::begin(taking.clone()).with(Body::from(vec![7; 2 * PIECE + 1]));
        let mut left = 2 * PIECE + 1;
        for expected in [PIECE, PIECE, 1] {
            assert_eq!((taken.size_hint().exact(), taken.is_end_stream()), (Some(left as u64), false));
            assert_eq!(next(&mut taken), Poll::Ready(Some(expected)));
            left -= expected;
        }
        assert!(taken.is_end_stream() && taken.size_hint().exact() == Some(0));
    }

    /// Every piece has its time; between them, when nothing is to be taken, there is no bound.
    #[tokio::test]
    async fn an_answer_is_given_up_when_a_piece_waits_and_not_when_there_is_none() {
        let taking = Taking::begin();
        let offer = Arc::<Offer>::default();
        let body = stream::iter([Ok::<_, axum::Error>("said")]).chain(stream::pending());
        let mut taken = OFFER.sync_scope(offer.clone(), || Answer::begin(taking.clone()).with(Body::from_stream(body)));
        let given_up =
            async |within: Duration| tokio::time::timeout(within, offer.given_up(&taking, LONGEST)).await.is_ok();
        assert!(!given_up(3 * LONGEST).await, "it is being made");
        assert_eq!([next(&mut taken), next(&mut taken)], [Poll::Ready(Some(3)), Poll::Ready(Some(1))]);
        assert!(!given_up(LONGEST / 2).await);
        assert_eq!(next(&mut taken), Poll::Pending, "taken, and nothing more is there");
        assert!(!given_up(3 * LONGEST).await);
        assert_eq!(taking.idle(), Duration::ZERO, "a stream over which nothing happens");
        drop(taken);
        assert!(taking.idle() < LONGEST);
        tokio::time::sleep(LONGEST).await;
        assert!(taking.idle() >= LONGEST);
    }

    #[tokio::test]
    async fn what_was_given_up_does_not_count_as_taken() {
        let taking = Taking::begin();
        let offer = Arc::<Offer>::default();
        let mut taken = OFFER.sync_scope(offer.clone(), || Answer::begin(taking.clone()).with(Body::from("said")));
        assert_eq!(next(&mut taken), Poll::Ready(Some(3)));
        offer.given_up(&taking, LONGEST).await;
        drop(taken);
        assert!(taking.idle() >= LONGEST, "since the connection began");
    }
}
