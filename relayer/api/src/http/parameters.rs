//! What parameters look like, as the document tells it: those that several operations take are told here once.

use utoipa::openapi::OpenApi;
use utoipa::openapi::RefOr;
use utoipa::openapi::path::Parameter;
use utoipa::openapi::schema::{Object, Schema, SchemaType, Type};

use super::headers::operations;

/// As [`crate::service`] takes it.
const IDEMPOTENCY_KEY: &str = "^[!-~]{1,128}$";
/// The id of an event, or its sequence alone.
const EVENT_ID: &str = "^(0|[1-9][0-9]{0,17})(-0x[0-9A-Fa-f]{64})?$";
/// An order's id, or a deposit's.
const TRANSFER_ID: &str = "^0x[0-9A-Fa-f]{64}$";

/// Tells what the parameters look like.
pub fn tell(document: &mut OpenApi) {
    for (path, item) in &mut document.paths.paths {
        let is_of_transfer = path.starts_with("/v1/transfers/{id}");
        let parameters = operations(item).filter_map(|operation| operation.parameters.as_mut()).flatten();
        for Parameter { name, schema, .. } in parameters {
            let Some(RefOr::T(Schema::Object(schema))) = schema else { continue };
            match name.as_str() {
                "Idempotency-Key" => schema.pattern = Some(IDEMPOTENCY_KEY.to_owned()),
                "Last-Event-ID" => schema.pattern = Some(EVENT_ID.to_owned()),
                "id" if is_of_transfer => schema.pattern = Some(TRANSFER_ID.to_owned()),
                _ => {}
            }
            never_null(schema);
        }
    }
}

/// What is not given is left out: no text of a parameter is `null`.
fn never_null(schema: &mut Object) {
    if let SchemaType::Array(types) = &mut schema.schema_type {
        types.retain(|kind| *kind != Type::Null);
        if let [only] = types.as_slice() {
            schema.schema_type = SchemaType::Type(only.clone());
        }
    }
}
