//! The headers of answers, as the document tells them: those that every answer has and those that belong to a status are
//! told here once, for all operations. A handler names by `headers(…)` what only its own answers have.
//!
//! Told of a 503 is `Retry-After` alone: one that is answered because there is no place for the connection has no others.

use serde_json::{Map, Value, json};
use utoipa::openapi::extensions::Extensions;
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::schema::{Object, Type};
use utoipa::openapi::{OpenApi, RefOr, Required, Response};

/// What is told of a header.
struct Header {
    /// By which the document's responses refer to it.
    id: &'static str,
    name: &'static str,
    is_required: bool,
    description: &'static str,
    schema: fn() -> Value,
}

const COUNT: fn() -> Value = || json!({ "type": "integer", "minimum": 0 });

const RETRY_AFTER: &str = "Seconds to wait before it is tried again";

#[rustfmt::skip]
static HEADERS: [Header; 9] = [
    Header { id: "X-Request-Id", name: "X-Request-Id", is_required: true,
        schema: || json!({ "type": "string", "pattern": "^[!-~]{1,64}$" }),
        description: "Names this request to the operator: what the caller sent under this name, \
            where that is 1 to 64 visible ASCII characters" },
    Header { id: "RateLimit-Limit", name: "RateLimit-Limit", is_required: true, schema: COUNT,
        description: "Requests that the caller's bucket holds" },
    Header { id: "RateLimit-Remaining", name: "RateLimit-Remaining", is_required: true, schema: COUNT,
        description: "Requests that are left in it" },
    Header { id: "RateLimit-Reset", name: "RateLimit-Reset", is_required: true, schema: COUNT,
        description: "Seconds until it is full again" },
    Header { id: "Retry-After", name: "Retry-After", is_required: true, schema: COUNT, description: RETRY_AFTER },
    Header { id: "Retry-After-Where-Retryable", name: "Retry-After", is_required: false, schema: COUNT,
        description: RETRY_AFTER },
    Header { id: "ETag", name: "ETag", is_required: true,
        schema: || json!({ "type": "string", "pattern": "^\"[0-9a-f]{16}\"$" }),
        description: "Names what the body says: sent as `If-None-Match`, it is answered by 304 until that changes" },
    Header { id: "Cache-Control", name: "Cache-Control", is_required: true, schema: || json!({ "type": "string" }),
        description: "Whether it may be kept" },
    Header { id: "Idempotency-Replayed", name: "Idempotency-Replayed", is_required: true,
        schema: || json!({ "type": "boolean" }),
        description: "Whether the same request was answered before, and this is its answer" },
];

/// Those of every answer, by their ids.
const EVERY: [&str; 4] = ["X-Request-Id", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"];

/// Tells of every answer which headers it has, and where `If-None-Match` is asked about.
pub fn tell(document: &mut OpenApi) {
    for operation in document.paths.paths.values_mut().flat_map(operations) {
        tell_of(operation);
    }
    let told = HEADERS.iter().map(|header| {
        let told = json!({
            "description": header.description, "required": header.is_required, "schema": (header.schema)(),
        });
        (header.id.to_owned(), told)
    });
    document.components.get_or_insert_default().extensions = Some(members(told.collect()));
}

pub(super) fn operations(path: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut path.get, &mut path.put, &mut path.post, &mut path.delete].into_iter().flatten()
}

fn tell_of(operation: &mut Operation) {
    let answers = &mut operation.responses.responses;
    let is_tagged = answers.contains_key("304");
    for (status, answer) in answers.iter_mut() {
        let RefOr::T(answer) = answer else { continue };
        let every: &[&str] = if status == "503" { &[] } else { &EVERY };
        let of_status: &[&str] = match status.as_str() {
            "200" | "304" if is_tagged => &["ETag", "Cache-Control"],
            "409" => &["Retry-After-Where-Retryable"],
            "429" | "503" => &["Retry-After"],
            _ => &[],
        };
        refer(answer, [every, of_status].concat());
    }
    if is_tagged {
        operation.parameters.get_or_insert_default().push(if_none_match());
    }
}

fn refer(answer: &mut Response, common: Vec<&str>) {
    let own = std::mem::take(&mut answer.headers);
    let ids = common.into_iter().map(str::to_owned).chain(own.into_keys());
    let told = ids.filter_map(|id| {
        let header = HEADERS.iter().find(|header| header.id == id)?;
        Some((header.name.to_owned(), json!({ "$ref": format!("#/components/headers/{id}") })))
    });
    answer.extensions = Some(members(told.collect()));
}

/// The member `headers`. The one that utoipa has cannot say `required`, nor refer to another.
fn members(headers: Map<String, Value>) -> Extensions {
    std::iter::once(("headers", Value::Object(headers))).collect()
}

fn if_none_match() -> Parameter {
    ParameterBuilder::new()
        .name("If-None-Match")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some("The `ETag` of an answer that the caller has: 304 while it holds"))
        .schema(Some(Object::with_type(Type::String)))
        .build()
}
