//! Spans of the program that are about a deposit, as spans of its transfer's trace; and those of requests, each as a trace.

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

use super::requests::REQUEST;
use super::{Told, Traces};

/// The field that says which deposit a span is about.
const DEPOSIT: &str = "deposit";
/// The field that says what went wrong.
const ERROR: &str = "error";

/// Takes every span with a field `deposit`, and every request.
pub struct TransferSpans(pub Arc<Traces>);

/// The field that says how a request was answered.
const STATUS: &str = "http.response.status_code";

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
    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() != STATUS {
            return self.record_debug(field, &value);
        }
        self.is_failed |= value >= 500;
        self.attributes.push(KeyValue::new(STATUS, value.cast_signed()));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let text = format!("{value:?}");
        match field.name() {
            DEPOSIT => self.deposit = text.parse().ok().map(DepositId),
            // Named by OpenTelemetry.
            name if name.starts_with("http.") => self.attributes.push(KeyValue::new(name, text)),
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
        if seen.deposit.is_some() || span.name() == REQUEST {
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
        let Seen { deposit, attributes, is_failed } = seen;
        let told = Told { name: span.name().to_owned(), from, to: SystemTime::now(), attributes, is_failed };
        match deposit {
            Some(deposit) => self.0.tell(deposit, told),
            None => self.0.tell_request(told),
        }
    }
}
