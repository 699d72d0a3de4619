//! What a page is asked for in its address; what does not read is a page that says so.

use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use super::layout::{Door, Trouble};
use crate::Problem;

/// Parameters of a users' page.
pub struct UserForm<T>(pub T);

/// Parameters of a guardians' page.
pub struct GuardianForm<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for UserForm<T> {
    type Rejection = Trouble;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Trouble> {
        read(parts, Door::Users).map(Self)
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for GuardianForm<T> {
    type Rejection = Trouble;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Trouble> {
        read(parts, Door::Guardians).map(Self)
    }
}

fn read<T: DeserializeOwned>(parts: &Parts, door: Door) -> Result<T, Trouble> {
    let refused = |text: String| Trouble::new(door, Problem::invalid("query", "what this page asks for", text));
    Query::try_from_uri(&parts.uri).map(|Query(form)| form).map_err(|rejection| refused(rejection.body_text()))
}

/// A field that was sent empty was not sent.
pub fn given(text: &Option<String>) -> Option<&str> {
    text.as_deref().map(str::trim).filter(|text| !text.is_empty())
}
