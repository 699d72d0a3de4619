//! Secrets on the command line: by reference alone. A plain one is refused and not repeated, as clap's own refusals would.

use std::ffi::OsStr;

use clap::builder::TypedValueParser;
use clap::error::ErrorKind;
use clap::{Arg, Command, Error};
use spandrel_signer::SecretRef;

/// Parses `file:<path>` and `env:<NAME>`.
#[derive(Clone, Copy, Debug)]
pub struct Reference;

impl TypedValueParser for Reference {
    type Value = SecretRef;

    fn parse_ref(&self, command: &Command, argument: Option<&Arg>, value: &OsStr) -> Result<SecretRef, Error> {
        value.to_str().unwrap_or_default().parse().map_err(|error| {
            let argument = argument.map(|argument| format!("{argument}: ")).unwrap_or_default();
            Error::raw(ErrorKind::ValueValidation, format!("{argument}{error}\n")).with_cmd(command)
        })
    }
}
