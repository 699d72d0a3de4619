//! Spans of the program that are about a deposit, as spans of its transfer's trace.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use opentelemetry::KeyValue;
use spandrel_verifiers::DepositId;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::{Told, Traces};

/// The field that says which deposit a span is about.
const DEPOSIT: &str = "deposit";
/// The field that says what went wrong.
const ERROR: &str = "error";

/// Takes every span with a field `deposit`.
pub struct TransferSpans(pub Arc<Traces>);

/// What is known of an open span.
struct Open {
    from: SystemTime,
    seen: Seen,
}

#[derive(Default)]
struct Seen {
    deposit: Option<DepositId>,
    attributes: Vec<KeyValue>,
    is_failed: bool,
}

impl Visit for Seen {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let text = format!("{value:?}");
        match field.name() {
            DEPOSIT => self.deposit = text.parse().ok().map(DepositId),
            name => {
                self.is_failed |= name == ERROR;
                self.attributes.push(KeyValue::new(format!("spandrel.{name}"), text));
            }
        }
    }
}

impl<S: tracing::Subscriber + for<'a> LookupSpan<'a>> Layer<S> for TransferSpans {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut seen = Seen::default();
        attributes.record(&mut seen);
        if seen.deposit.is_some() {
            span.extensions_mut().insert(Open { from: SystemTime::now(), seen });
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(open) = span.extensions_mut().get_mut::<Open>() {
            values.record(&mut open.seen);
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let Some(span) = context.span(&id) else { return };
        let Some(Open { from, seen }) = span.extensions_mut().remove::<Open>() else { return };
        let Some(deposit) = seen.deposit else { return };
        let Seen { attributes, is_failed, .. } = seen;
        let name = span.name().to_owned();
        self.0.tell(deposit, Told { name, from, to: SystemTime::now(), attributes, is_failed });
    }
}
