//! Which field of a body or a query does not read.

use std::error::Error;
use std::iter::successors;

use serde_path_to_error::Error as Placed;

/// Longest name that is told back, characters: it may be the caller's own.
const LONGEST: usize = 100;

/// Its place, as `route` or `act.scope`; nothing where it is the whole that does not read.
pub(super) fn field_at_fault(rejection: &(dyn Error + 'static)) -> Option<String> {
    let mut causes = successors(Some(rejection), |&error| error.source());
    let (place, told) = causes.find_map(|error| {
        let in_query = || placed::<serde::de::value::Error>(error);
        placed::<serde_json::Error>(error).or_else(in_query)
    })?;
    let name = ["missing field `", "unknown field `"].iter().find_map(|words| told.strip_prefix(words));
    let name = name.and_then(|rest| rest.split_once('`')).map(|(name, _)| name);
    // serde places a field that is missing at what should have it.
    let field = match name {
        Some(name) if place.is_empty() => name.to_owned(),
        Some(name) if place != name && !place.ends_with(&format!(".{name}")) => format!("{place}.{name}"),
        _ => place,
    };
    (!field.is_empty()).then(|| field.chars().take(LONGEST).collect())
}

/// Where reading ended, empty for the whole, and what the reader says of it.
fn placed<E: Error + 'static>(error: &(dyn Error + 'static)) -> Option<(String, String)> {
    let error = error.downcast_ref::<Placed<E>>()?;
    let path = error.path();
    let place = if path.iter().next().is_some() { path.to_string() } else { String::new() };
    Some((place, error.inner().to_string()))
}
