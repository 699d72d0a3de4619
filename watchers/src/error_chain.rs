//! Errors with what they come of, in one line.

/// `error`, and after colons what caused it.
pub(crate) fn error_chain(error: &dyn std::error::Error) -> String {
    let sources = std::iter::successors(Some(error), |error| error.source());
    sources.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
